"""The manifests family: what `lockproof lint` says of the revision's own manifests."""

from lockproof.adapters.tree import SnapshotTree
from lockproof.model.check import Check
from lockproof.model.verdict import Verdict, worst
from lockproof.steps.lint import DEFAULT_FOLDER, Linted, lint_tree

from .interface import Outcome, Scene

_MANIFESTS = (".yaml", ".yml", ".json")


def check(scene: Scene) -> Outcome:
    """Lint the manifests of the revision by the trusted policy.

    Raises:
        UsageError: the policy's `[lint]` is not usable.
        UnavailableError: a schema location does not answer.
    """
    tree = SnapshotTree(scene.head)
    paths = scene.policy.lint.paths or (DEFAULT_FOLDER,)
    if not scene.policy.lint.paths and not tree.is_folder(DEFAULT_FOLDER):
        why = f"no [lint] paths, and no folder {DEFAULT_FOLDER}"
        nothing = Check(
            name="manifests", verdict=Verdict.INCONCLUSIVE, unit="manifest", summary=why
        )
        return Outcome(nothing, asked=False)
    tree.load(path for top in paths for path in tree.walk(top) if path.endswith(_MANIFESTS))
    linted = lint_tree(tree, scene.policy, paths)
    return Outcome(_check(linted), linted.findings)


def _check(linted: Linted) -> Check:
    checks = linted.checks
    manifests = next((c.checked for c in checks if c.name == "schema"), 0)
    others = [f"{c.name}: {c.checked}" for c in checks if c.name != "schema" and c.checked]
    left = [f"{c.name}: {line}" for c in checks for line in c.not_checked]
    left += [f"{name}: {why}" for name, why in linted.left_out.items()]
    return Check(
        name="manifests",
        verdict=worst(c.verdict for c in checks),
        checked=manifests,
        unit="manifest",
        summary=", ".join(others),
        not_checked=tuple(left),
    )
