"""Unit tests of Prometheus rules, run by promtool where it is there."""

import os
import posixpath
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lockproof.adapters.git.tree import Tree
from lockproof.parse.yaml_document import ParseError, YamlDocument, read_yaml
from lockproof.rules.catalog import finding

from .families import Family
from .found import Found

_SECONDS = 600
_NO_PROMTOOL = (
    "promtool, which runs them, is not on PATH: it comes with Prometheus"
    " (https://prometheus.io/download, or Debian's package prometheus); for a verdict that waits"
    ' for it, set [lint] require = ["rule-tests"]'
)


def rule_test_family(tree: Tree, found: Found) -> Family | None:
    """Run every rule test; None where there is none.

    A test names rule files. One that is a manifest with a PrometheusRule stands for the rules in
    it; one that is not there stands for the PrometheusRules of the kustomization around the test,
    so that the rules need not be kept twice.
    """
    family = Family("rule-tests", "test file")
    tests = dict(_tests(found))
    if not tests:
        return None
    promtool = shutil.which("promtool")
    if promtool is None:
        # Of the test files the report names each: none was run.
        family.lacks = "promtool"
        family.not_checked.append(_NO_PROMTOOL)
        family.not_checked += [f"{path}: not run" for path in tests]
        return family
    for path, value in tests.items():
        _run(promtool, tree, found, path, value, family)
    return family


def _tests(found: Found) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, documents in found.documents.items():
        for document in documents:
            value = document.value
            if isinstance(value, dict) and "rule_files" in value and "tests" in value:
                yield path, value


def _run(
    promtool: str,
    tree: Tree,
    found: Found,
    path: str,
    value: Mapping[str, Any],
    family: Family,
) -> None:
    import subprocess

    from lockproof.adapters.scratch import temporary_folder

    content = tree.read(path)
    entries = [str(entry) for entry in value["rule_files"] or ()]
    with temporary_folder() as folder:
        # As deep as the paths of the rule files climb; the test's own text stays as it is.
        deepest = max((entry.split("/").count("..") for entry in entries), default=0)
        here = Path(folder, *["d"] * deepest)
        for entry in entries:
            rules = None if entry.startswith("/") else _rules(tree, found, path, entry)
            if rules is None:
                family.findings.append(
                    finding("LP642", path, f"{path}: there are no rules {entry}", path=path, line=1)
                )
                return
            target = Path(os.path.normpath(here / entry))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(rules)
        here.mkdir(parents=True, exist_ok=True)
        test = here / "rules.lockproof-test.yaml"
        test.write_bytes(content or b"")
        try:
            done = subprocess.run(
                [promtool, "test", "rules", test.name],
                cwd=here,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder)},
                check=False,
            )
        except subprocess.TimeoutExpired:
            family.not_checked.append(f"{path}: promtool took longer than {_SECONDS} s")
            return
        except OSError as error:
            family.not_checked.append(f"{path}: promtool cannot be run: {error.strerror}")
            return
    family.checked += 1
    if done.returncode:
        text = " ".join(f"{done.stdout}\n{done.stderr}".split())
        text = re.sub(r"^.*?FAILED:?\s*", "", text)[:600]
        family.findings.append(
            finding("LP642", path, f"{path}: the rule test fails: {text}", path=path, line=1)
        )


def _rules(tree: Tree, found: Found, test: str, entry: str) -> bytes | None:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(test), entry))
    content = tree.read(path)
    if content is not None:
        try:
            documents = read_yaml(content, path, many=True)
        except ParseError:
            return content
        groups = list(_groups(documents))
        return _written(groups) if groups else content
    folder = posixpath.dirname(test)
    while folder and not any(posixpath.dirname(owner) == folder for owner in found.owned):
        folder = posixpath.dirname(folder)
    groups = [
        group
        for name, documents in found.documents.items()
        if name.startswith(f"{folder}/" if folder else "")
        for group in _groups(documents)
    ]
    return _written(groups) if groups else None


def _groups(documents: list[YamlDocument]) -> Iterator[Any]:
    for document in documents:
        value = document.value
        if isinstance(value, dict) and value.get("kind") == "PrometheusRule":
            spec = value.get("spec")
            groups = spec.get("groups") if isinstance(spec, dict) else None
            yield from groups if isinstance(groups, list) else ()


def _written(groups: list[Any]) -> bytes:
    import yaml  # What is common in manifests is read without it.

    return yaml.safe_dump({"groups": groups}).encode()
