"""Write docs/lint-beside-others.md: each mistake, and who catches it.

    PYTHONPATH=tests .venv/bin/python -m tests.bench.lint_beside docs/lint-beside-others.md

Needs kubeconform, kubectl-argo-rollouts and promtool, on PATH or in ~/.cache/lab/bin.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import yaml

from lockproof import __version__
from lockproof.adapters.files import write_whole
from lockproof.adapters.git.tree import FolderTree
from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from lockproof.config import parse_policy
from lockproof.steps.lint import lint_tree
from manifests.mutations import MUTATIONS, PLATFORM, POLICY, Mutation, mutate, platform

from .lint_peers import program, write_schemas

NEEDED = ("kubeconform", "kubectl-argo-rollouts", "promtool")
NO_MANIFESTS = ("canary-checks.yaml", "kustomization.yaml", "models.test.yaml")
PAGE = """\
# Lint beside others

<!-- Made by tests/bench/lint_beside.py: do not edit. -->

{mutations} single mistakes in a small platform
([tests/manifests/platform](../tests/manifests/platform)), made one at a time, {date}.
Unchanged, the platform passes with all three:

- `lockproof lint` {lockproof}, Kubernetes 1.34;
- `kubeconform -strict` {kubeconform}, on the files, with the bundled field tables written out
  as its JSON schemas: the same fields, types, values, patterns and bounds;
- `kubectl argo rollouts lint` {rollouts}, on `canary.yaml`, the file with the Rollout.

They are made for other things: kubeconform validates fields, of any file and with any schema,
and builds no kustomization; it is not given lockproof's own `canary-checks.yaml`.
`rollouts lint` asks whether the controller would take the Rollout.

| | caught | of |
| --- | ---: | ---: |
| `lockproof lint` | {ours} | {mutations} |
| `kubeconform -strict` | {theirs} | {mutations} |
| `kubectl argo rollouts lint` | {argo} | {argo_of} in its file |

| mistake | file | lockproof lint | kubeconform | rollouts lint |
| --- | --- | --- | --- | --- |
{rows}
"""


class Row(NamedTuple):
    """What came of one mistake."""

    mutation: Mutation
    rules: tuple[str, ...]
    kubeconform: bool
    rollouts: bool | None
    """None: the mistake is in none of its files."""


def main(argv: list[str]) -> int:
    """Write the page."""
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    missing = [name for name in NEEDED if program(name) is None]
    if missing:
        print(f"not here: {', '.join(missing)}", file=sys.stderr)
        return 4
    with tempfile.TemporaryDirectory() as folder:
        schemas = Path(folder, "schemas")
        schemas.mkdir()
        write_schemas(schemas, BundledSchemas("1.34"), _documents())
        # No table is bundled of this kind, which is no mistake: anything passes.
        (schemas / "virtualservice-networking-v1.json").write_text("{}")
        clean = platform(Path(folder, "clean"))
        assert not _rules(clean, keep_test=True)
        assert not _kubeconform(clean, schemas)
        assert not _rollouts(clean)
        rows = [
            _row(mutation, platform(Path(folder, str(number))), schemas)
            for number, mutation in enumerate(MUTATIONS)
        ]
    write_whole(Path(argv[0]), _page(rows))
    return 0


def _documents() -> Iterator[dict[str, str]]:
    for path in sorted(PLATFORM.glob("*.yaml")):
        if path.name not in NO_MANIFESTS:
            yield from yaml.safe_load_all(path.read_text("utf-8"))
    # The versions and kinds that mistakes change to, as far as there are any.
    yield {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler"}
    yield {"apiVersion": "storage.k8s.io/v1beta1", "kind": "VolumeAttributesClass"}


def _row(mutation: Mutation, root: Path, schemas: Path) -> Row:
    mutate(root, mutation)
    return Row(
        mutation,
        _rules(root, keep_test=mutation.rule == "LP642"),
        _kubeconform(root, schemas),
        _rollouts(root) if mutation.file == "canary.yaml" else None,
    )


def _rules(root: Path, *, keep_test: bool) -> tuple[str, ...]:
    if not keep_test:
        (root / "control-plane" / "models.test.yaml").unlink()
    linted = lint_tree(FolderTree(root), parse_policy(POLICY), ["control-plane"])
    return tuple(sorted({found.rule for found in linted.findings}))


def _kubeconform(root: Path, schemas: Path) -> bool:
    """Whether it finds something."""
    files = [
        str(path)
        for path in sorted((root / "control-plane").glob("*.yaml"))
        if path.name not in NO_MANIFESTS
    ]
    location = str(schemas / "{{ .ResourceKind }}{{ .KindSuffix }}.json")
    words = [str(program("kubeconform")), "-strict", "-schema-location", location, *files]
    return subprocess.run(words, capture_output=True, check=False).returncode != 0


def _rollouts(root: Path) -> bool:
    """Whether it finds something."""
    words = [str(program("kubectl-argo-rollouts")), "lint", "-f"]
    words.append(str(root / "control-plane" / "canary.yaml"))
    return subprocess.run(words, capture_output=True, check=False).returncode != 0


def _version(name: str) -> str:
    """The version of a Go module that a program was built from."""
    words = ["go", "version", "-m", str(program(name))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    match = re.search(r"^\tmod\t\S+\t(v\S+)", done.stdout, re.MULTILINE)
    return match[1] if match else "of an unknown version"


def _page(rows: list[Row]) -> str:
    judged = [row for row in rows if row.rollouts is not None]
    return (
        PAGE.format(
            mutations=len(rows),
            date=f"{datetime.now(UTC):%d %B %Y}".lstrip("0"),
            lockproof=__version__,
            kubeconform=_version("kubeconform"),
            rollouts=_version("kubectl-argo-rollouts"),
            ours=sum(row.rules == (row.mutation.rule,) for row in rows),
            theirs=sum(row.kubeconform for row in rows),
            argo=sum(row.rollouts is True for row in judged),
            argo_of=len(judged),
            rows="\n".join(_line(row) for row in rows),
        ).rstrip()
        + "\n"
    )


def _line(row: Row) -> str:
    rules = ", ".join(f"[{rule}](rules/{rule}.md)" for rule in row.rules) or "passes"
    argo = "" if row.rollouts is None else _word(row.rollouts)
    cells = (row.mutation.name, row.mutation.file, rules, _word(row.kubeconform), argo)
    return f"| {' | '.join(cells)} |"


def _word(caught: bool) -> str:
    return "caught" if caught else "passes"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
