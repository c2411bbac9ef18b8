"""Write docs/lint-beside-others.md: each mistake, and who catches it.

    PYTHONPATH=tests .venv/bin/python -m tests.bench.lint_beside docs/lint-beside-others.md

Needs kubeconform, kubectl-argo-rollouts and promtool, on PATH or in ~/.cache/lab/bin; for an API
server $KUBEBUILDER_ASSETS, and the real CustomResourceDefinitions in $LOCKPROOF_CRDS.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from cluster.lab import Lab, crd_folder, read_crds, running
from cluster.test_lint_cluster import manifests, refusal
from lockproof import __version__
from lockproof.adapters.files import write_whole
from lockproof.adapters.git.tree import FolderTree
from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from lockproof.config import parse_policy
from lockproof.steps.lint import lint_tree
from manifests.mutations import MUTATIONS, PLATFORM, POLICY, Mutation, mutate, platform
from manifests.served import as_manifest, chosen, every_change, told

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
| API server {server}, dry run | {refused} | {asked} that it was asked about |

The API server has the last word on what can be applied, and none on what comes after: it takes what
controllers refuse, what waits for ever and what is always healthy. It was asked about each object
that a mistake changes, of kinds that it serves. Nothing that it refuses passes here.

Of {changes:,} changes made by rule to objects of Kubernetes' own kinds
([tests/manifests/served.py](../tests/manifests/served.py)) the API server refuses {beyond:,}, and
`lockproof lint` says so of {said}. It refuses {more} more, for reasons that stand in the
same file: to a server an empty text counts as left out, and a dry run is not all that can refuse.

| mistake | file | lockproof lint | kubeconform | rollouts lint | API server |
| --- | --- | --- | --- | --- | --- |
{rows}
"""


class Row(NamedTuple):
    """What came of one mistake."""

    mutation: Mutation
    rules: tuple[str, ...]
    kubeconform: bool
    rollouts: bool | None
    """None: the mistake is in none of its files."""
    server: bool | None
    """Whether the API server refuses it; None where there is nothing to ask it about."""


def main(argv: list[str]) -> int:
    """Write the page."""
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    missing = [name for name in NEEDED if program(name) is None]
    if missing:
        print(f"not here: {', '.join(missing)}", file=sys.stderr)
        return 4
    crds = crd_folder()
    if crds is None or "KUBEBUILDER_ASSETS" not in os.environ:
        print(__doc__, file=sys.stderr)
        return 4
    with tempfile.TemporaryDirectory() as folder:
        schemas, laboratory = Path(folder, "schemas"), Path(folder, "lab")
        schemas.mkdir()
        laboratory.mkdir()
        write_schemas(schemas, BundledSchemas("1.34"), _documents())
        # No table is bundled of this kind, which is no mistake: anything passes.
        (schemas / "virtualservice-networking-v1.json").write_text("{}")
        clean = platform(Path(folder, "clean"))
        assert not _rules(clean, keep_test=True)
        assert not _kubeconform(clean, schemas)
        assert not _rollouts(clean)
        with running(laboratory, controllers=False) as lab:
            lab.install(read_crds(crds))
            for name in ("models", "argocd", "flux-system", "x"):
                value = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                lab.api.create("/api/v1/namespaces", value)
            before = [manifest.value for manifest in manifests(clean)]
            rows = [
                _row(mutation, platform(Path(folder, str(number))), schemas, lab, before)
                for number, mutation in enumerate(MUTATIONS)
            ]
            counts = _counts(lab)
    write_whole(Path(argv[0]), _page(rows, counts))
    return 0


def _documents() -> Iterator[dict[str, str]]:
    for path in sorted(PLATFORM.glob("*.yaml")):
        if path.name not in NO_MANIFESTS:
            yield from yaml.safe_load_all(path.read_text("utf-8"))
    # The versions and kinds that mistakes change to, as far as there are any.
    yield {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler"}
    yield {"apiVersion": "storage.k8s.io/v1beta1", "kind": "VolumeAttributesClass"}


def _row(
    mutation: Mutation, root: Path, schemas: Path, lab: Lab, before: list[Mapping[str, Any]]
) -> Row:
    mutate(root, mutation)
    server = _server(mutation, root, lab, before)
    return Row(
        mutation,
        _rules(root, keep_test=mutation.rule == "LP642"),
        _kubeconform(root, schemas),
        _rollouts(root) if mutation.file == "canary.yaml" else None,
        server,
    )


def _server(
    mutation: Mutation, root: Path, lab: Lab, before: list[Mapping[str, Any]]
) -> bool | None:
    """Whether it refuses an object that the mistake changes."""
    said = [refusal(lab, one) for one in manifests(root) if one.value not in before]
    # What it does not serve is a mistake only where the kind is; elsewhere it is not installed.
    known = [one for one in said if one != "not served" or mutation.rule == "LP608"]
    return any(known) if known else None


def _counts(lab: Lab) -> dict[str, Any]:
    """Who refuses how many of a thousand generated changes."""
    schemas = BundledSchemas("1.34")
    every = every_change()
    changes = [every[number] for number in chosen(1000)]
    pairs = []
    for change in changes:
        manifest = as_manifest(change.value)
        pairs.append((refusal(lab, manifest) is not None, bool(told(manifest, schemas))))
    return {
        "server": lab.api.get("/version")["gitVersion"],
        "changes": len(pairs),
        "beyond": sum(theirs for theirs, _ in pairs),
        "unsaid": sum(theirs and not ours for theirs, ours in pairs),
        "more": sum(ours and not theirs for theirs, ours in pairs),
    }


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


def _page(rows: list[Row], counts: dict[str, Any]) -> str:
    judged = [row for row in rows if row.rollouts is not None]
    asked = [row for row in rows if row.server is not None]
    unsaid = [row.mutation.name for row in asked if row.server and not row.rules]
    assert not unsaid, unsaid
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
            refused=sum(row.server is True for row in asked),
            asked=len(asked),
            said=f"all but {counts['unsaid']}" if counts["unsaid"] else "each",
            **counts,
            rows="\n".join(_line(row) for row in rows),
        ).rstrip()
        + "\n"
    )


def _line(row: Row) -> str:
    rules = ", ".join(f"[{rule}](rules/{rule}.md)" for rule in row.rules) or "passes"
    argo = "" if row.rollouts is None else _word(row.rollouts)
    server = "" if row.server is None else "refuses" if row.server else "takes it"
    cells = (row.mutation.name, row.mutation.file, rules, _word(row.kubeconform), argo, server)
    return f"| {' | '.join(cells)} |"


def _word(caught: bool) -> str:
    return "caught" if caught else "passes"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
