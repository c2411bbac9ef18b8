"""The manifests family: what `lockproof lint` says of the revision's own manifests."""

import os
from collections.abc import Iterator, Sequence

from lockproof.adapters.git.tree import SnapshotTree
from lockproof.config import FILE_NAME
from lockproof.errors import ConfigError
from lockproof.model.check import Check
from lockproof.model.pipeline import inside
from lockproof.model.verdict import Verdict, worst
from lockproof.steps.lint import DEFAULT_FOLDER, Linted, Request, lint_tree
from lockproof.steps.lint.schema_locations import located

from .interface import Outcome, Scene

_MANIFESTS = (".yaml", ".yml", ".json")


def check(scene: Scene) -> Outcome:
    """Lint the manifests of the revision by the trusted policy.

    Raises:
        UsageError: the policy's `[lint]` is not usable.
        ConfigError: it takes schemas from where a pull request can change them.
        UnavailableError: a schema location does not answer.
    """
    tree = SnapshotTree(scene.head)
    paths = scene.policy.lint.paths or (DEFAULT_FOLDER,)
    if not scene.policy.lint.paths and not tree.is_folder(DEFAULT_FOLDER):
        return _nothing(f"no [lint] paths in {FILE_NAME}")
    if scene.request.offline:
        if not _touched(scene, paths):
            return _nothing("no manifest is staged")
        if any("://" in location for location in scene.policy.lint.schema_locations):
            return _nothing("left to 'lockproof gate': lint.schema-locations name a URL")
    tree.load(path for top in paths for path in tree.walk(top) if path.endswith(_MANIFESTS))
    request = Request(directory=scene.root, schema_locations=tuple(_locations(scene)))
    linted = lint_tree(tree, scene.policy, paths, request, scene.progress.say)
    return Outcome(_check(linted), linted.findings)


def _nothing(why: str) -> Outcome:
    return Outcome(
        Check(
            name="manifests",
            verdict=Verdict.INCONCLUSIVE,
            unit="manifest",
            summary=why,
            demanded=False,
        )
    )


def _touched(scene: Scene, paths: Sequence[str]) -> bool:
    """Whether what is staged changes manifests, or what is asked of them."""
    if scene.before is None:
        return True
    now, before = scene.head.entries, scene.before.entries
    tops = (*paths, scene.git_path(FILE_NAME))
    return any(
        now.get(path) != before.get(path)
        for path in now.keys() | before.keys()
        if any(inside(path, top) for top in tops)
    )


def _locations(scene: Scene) -> Iterator[str]:
    """Where schemas are looked up; of folders those of the user's clone."""
    for stated in scene.policy.lint.schema_locations:
        location = located(stated, scene.root)
        real = os.path.realpath(location.partition("{{")[0])
        top = os.path.realpath(scene.head.git.root)
        if (
            scene.request.pull_request
            and "://" not in location
            and f"{real}/".startswith(f"{top}/")
        ):
            raise ConfigError(
                f"{FILE_NAME}: lint.schema-locations: {stated} lies in the work tree, where a pull"
                " request can change it: name a URL, or a folder elsewhere"
            )
        yield location


def _check(linted: Linted) -> Check:
    checks = linted.checks
    manifests = next((c.checked for c in checks if c.name == "schema"), 0)
    others = [f"{c.name}: {c.checked}" for c in checks if c.name != "schema" and c.checked]
    left = [f"{c.name}: {line}" for c in checks for line in c.not_checked]
    left += [f"{name}: {why}" for name, why in linted.left_out.items()]
    return Check(
        name="manifests",
        verdict=worst(c.verdict for c in checks if c.demanded),
        checked=manifests,
        unit="manifest",
        summary=", ".join(others),
        not_checked=tuple(left),
    )
