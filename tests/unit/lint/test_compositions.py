"""Compositions: what their paths lead to, and what of them is honest."""

# ruff: noqa: E501

from pathlib import Path

import pytest

from lockproof.adapters.git.tree import FolderTree
from lockproof.config import parse_policy
from lockproof.steps.lint import lint_tree
from manifests.mutations import PLATFORM

SAMPLE = (PLATFORM / "composition.yaml").read_text("utf-8")
PATCHES = SAMPLE[SAMPLE.index("            patches:\n              - type: PatchSet") :]
PATCHES = PATCHES[: PATCHES.index("            readinessChecks")]
OPEN = "                region:\n                  type: string\n"


def told(folder: Path, text: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Rule and message of the findings on compositions, and what of references is not checked."""
    (folder / "a.yaml").write_text(text)
    linted = lint_tree(FolderTree(folder), parse_policy('[lint]\nexternal = ["*"]'), ["a.yaml"])
    family = next(family for family in linted.families if family.name == "references")
    found = [(f.rule, f.message) for f in linted.findings if f.rule in ("LP666", "LP667")]
    return found, family.not_checked


def patched(*patches: str) -> str:
    lines = "".join(f"              - {patch}\n" for patch in patches)
    return SAMPLE.replace(PATCHES, f"            patches:\n{lines}")


@pytest.mark.parametrize(
    "patch",
    [
        "{fromFieldPath: spec.region, toFieldPath: spec.forProvider.region}",
        "{fromFieldPath: metadata.name, toFieldPath: 'metadata.annotations[crossplane.io/external-name]'}",
        "{fromFieldPath: 'metadata.labels[\"a.b/c\"]'}",
        "{fromFieldPath: metadata.uid, toFieldPath: 'spec.forProvider.tags[uid]'}",
        "{fromFieldPath: spec.claimRef.namespace, toFieldPath: spec.forProvider.tags.claim}",
        "{fromFieldPath: spec.crossplane.compositionRef.name, toFieldPath: spec.forProvider.tags.by}",
        "{fromFieldPath: spec.writeConnectionSecretToRef.name, toFieldPath: spec.forProvider.tags.s}",
        "{type: ToCompositeFieldPath, fromFieldPath: 'status.conditions[0].reason', toFieldPath: status.arn}",
        "{type: ToCompositeFieldPath, fromFieldPath: 'status.conditions[*].reason', toFieldPath: status.arn}",
        "{type: ToCompositeFieldPath, fromFieldPath: status.atProvider.arn, toFieldPath: status.conditions}",
        "{type: FromEnvironmentFieldPath, fromFieldPath: anything.at.all, toFieldPath: spec.forProvider.region}",
        "{type: ToEnvironmentFieldPath, fromFieldPath: status.atProvider.arn, toFieldPath: anything}",
        "{type: CombineFromComposite, combine: {strategy: string, variables: [{fromFieldPath: spec.region},"
        " {fromFieldPath: metadata.name}]}, toFieldPath: 'metadata.labels[both]'}",
        "{type: KindOfTomorrow, fromFieldPath: spec.nowhere}",
    ],
)  # fmt: skip
def test_a_path_that_leads_somewhere_is_taken(patch: str, tmp_path: Path) -> None:
    assert told(tmp_path, patched(patch)) == ([], [])


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ("{fromFieldPath: spec.regoin, toFieldPath: metadata.labels.a}", "reads spec.regoin of"),
        ("{fromFieldPath: spec.region.name, toFieldPath: metadata.labels.a}", "has no field 'name'"),
        ("{fromFieldPath: spec.region}", "writes spec.region of s3.aws.m.upbound.io/v1beta1 Bucket"),
        ("{fromFieldPath: spec.region, toFieldPath: metadata.label.a}", "did you mean 'labels'"),
        (
            "{type: ToCompositeFieldPath, fromFieldPath: status.atProvider.arm, toFieldPath: status.arn}",
            "reads status.atProvider.arm",
        ),
        (
            "{type: CombineFromComposite, combine: {strategy: string, variables: [{fromFieldPath:"
            " spec.reg}]}, toFieldPath: spec.forProvider.region}",
            "reads spec.reg of",
        ),
        (
            "{type: FromEnvironmentFieldPath, fromFieldPath: a, toFieldPath: spec.forProvider.regoin}",
            "writes spec.forProvider.regoin",
        ),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_told(patch: str, words: str, tmp_path: Path) -> None:
    ((rule, message),), _ = told(tmp_path, patched(patch))
    assert rule == "LP666"
    assert words in message


def test_patches_without_functions_are_followed_too(tmp_path: Path) -> None:
    text = (
        "apiVersion: apiextensions.crossplane.io/v1\nkind: Composition\nmetadata: {name: old}\n"
        "spec:\n  compositeTypeRef: {apiVersion: s3.aws.m.upbound.io/v1beta1, kind: Bucket}\n"
        "  resources:\n    - name: b\n"
        "      base: {apiVersion: s3.aws.m.upbound.io/v1beta1, kind: Bucket}\n"
        "      patches: [{fromFieldPath: spec.regoin, toFieldPath: spec.forProvider.region}]\n"
    )
    ((rule, message),), _ = told(tmp_path, text)
    assert (rule, "reads spec.regoin" in message) == ("LP666", True)


def test_patches_of_crossplane_1_itself_are_looked_at(tmp_path: Path) -> None:
    """Mode Resources, in which no function is there; it is what Crossplane 1 takes where none is."""
    for mode in ("  mode: Resources\n", ""):
        one = (
            "apiVersion: apiextensions.crossplane.io/v1\nkind: Composition\nmetadata: {name: old}\n"
            f"spec:\n{mode}  compositeTypeRef: {{apiVersion: example.org/v1, kind: Store}}\n"
            "  resources:\n    - name: a\n      base: {apiVersion: s3.aws.m.upbound.io/v1beta1, kind: Bucket}\n"
            "      patches:\n"
            "        - {fromFieldPath: spec.regoin, toFieldPath: spec.forProvider.region}\n"
            "        - {fromFieldPath: spec.region, toFieldPath: spec.forProvider.region}\n"
        )
        ((rule, message),), left = told(tmp_path, f"{SAMPLE}---\n{one}")
        assert (rule, left) == ("LP666", [])
        assert "reads spec.regoin of" in message


def test_what_a_definition_leaves_open_is_taken(tmp_path: Path) -> None:
    text = SAMPLE.replace(OPEN, f"{OPEN}              x-kubernetes-preserve-unknown-fields: true\n")
    text = text.replace("fromFieldPath: spec.region", "fromFieldPath: spec.anything")
    assert told(tmp_path, text) == ([], [])


def test_what_has_no_schema_is_not_checked(tmp_path: Path) -> None:
    text = SAMPLE.replace("    apiVersion: example.org/v1\n", "    apiVersion: example.org/v2\n")
    text = text.replace("kind: Bucket\n", "kind: Bocket\n").replace("spec.region", "spec.regoin")
    found, left = told(tmp_path, text)
    assert not found
    assert left == [
        "Composition/stores: paths of example.org/v2 Store, whose schema is not known",
        "Composition/stores: paths of s3.aws.m.upbound.io/v1beta1 Bocket, whose schema is not known",
    ]


@pytest.mark.parametrize(
    ("group", "left"),
    [
        ("gotemplating.fn.crossplane.io", ["Composition/stores: what the GoTemplate of its step x says"]),
        ("sequencer.fn.crossplane.io", []),
    ],
)  # fmt: skip
def test_the_input_of_another_function_is_not_checked(
    group: str, left: list[str], tmp_path: Path
) -> None:
    step = (
        f"  pipeline:\n    - step: x\n      functionRef: {{name: x}}\n      input:\n"
        f"        apiVersion: {group}/v1beta1\n        kind: GoTemplate\n"
    )
    assert told(tmp_path, SAMPLE.replace("  pipeline:\n", step)) == ([], left)


@pytest.mark.parametrize(
    ("check", "rules"),
    [
        ("{type: MatchString, fieldPath: status.atProvider.arn, matchString: ''}", ["LP667"]),
        ("{type: MatchString, fieldPath: status.atProvider.arn, matchString: ACTIVE}", []),
        ("{type: MatchCondition, matchCondition: {type: Ready, status: Unknown}}", ["LP667"]),
        ("{type: MatchCondition, matchCondition: {type: Ready, status: 'False'}}", []),
        ("{type: NonEmpty, fieldPath: status.atProvider.arn}", []),
        ("{type: None}", ["LP667"]),
        ("{type: None}, {type: NonEmpty, fieldPath: status.atProvider.arn}", []),
    ],
)
def test_readiness_that_sees_nothing(check: str, rules: list[str], tmp_path: Path) -> None:
    text = looking_up(f"readinessChecks: [{check}]")
    assert [rule for rule, _ in told(tmp_path, text)[0]] == rules


def looking_up(field: str) -> str:
    """The sample with other readiness checks, or with something beside its patches."""
    start = SAMPLE.index("            readinessChecks:")
    end = SAMPLE.index("---\napiVersion: pkg.")
    return f"{SAMPLE[:start]}            {field}\n{SAMPLE[end:]}"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (
            "readinessChecks: [{type: NonEmpty, fieldPath: status.atProvider.arm}]",
            "reads status.atProvider.arm of s3.aws.m.upbound.io/v1beta1 Bucket, where"
            " status.atProvider has no field 'arm': it is never ready",
        ),
        (
            "readinessChecks: [{type: MatchTrue, fieldPath: status.ready}]",
            "where status has no field 'ready': it is never ready",
        ),
        (
            "readinessChecks: [{type: MatchInteger, fieldPath: statsu.count, matchInteger: 1}]",
            "it has no field 'statsu': it is never ready",
        ),
        (
            "connectionDetails: [{name: a, type: FromFieldPath, fromFieldPath: status.atProvider.aarn}]",
            "'aarn': it is never set; did you mean 'arn'?",
        ),
    ],
)  # fmt: skip
def test_what_is_looked_up_and_not_there_is_told(field: str, words: str, tmp_path: Path) -> None:
    ((rule, message),), left = told(tmp_path, looking_up(field))
    assert (rule, left) == ("LP666", [])
    assert words in message


def test_what_is_ready_for_what_is_never_said(tmp_path: Path) -> None:
    check = "{type: MatchString, fieldPath: status.atProvider.arm, matchString: ''}"
    found, _ = told(tmp_path, looking_up(f"readinessChecks: [{check}]"))
    assert sorted(rule for rule, _ in found) == ["LP666", "LP667"]
    assert any("it is ready from the beginning" in message for _, message in found)


@pytest.mark.parametrize(
    "field",
    [
        "readinessChecks: [{type: NonEmpty, fieldPath: 'metadata.annotations[a.b/c]'}]",
        "readinessChecks: [{type: NonEmpty, fieldPath: 'status.conditions[0].reason'}]",
        "connectionDetails: [{name: a, type: FromFieldPath, fromFieldPath: status.atProvider.arn}]",
        "connectionDetails: [{name: a, type: FromConnectionSecretKey, fromConnectionSecretKey: key}]",
        "connectionDetails: [{name: a, type: FromValue, value: status.nowhere}]",
    ],
)  # fmt: skip
def test_what_is_looked_up_and_there_is_taken(field: str, tmp_path: Path) -> None:
    assert told(tmp_path, looking_up(field)) == ([], [])


def test_readiness_of_what_has_no_schema_is_not_checked(tmp_path: Path) -> None:
    text = looking_up("readinessChecks: [{type: NonEmpty, fieldPath: status.nowhere}]")
    text = text.replace(PATCHES, "").replace("kind: Bucket\n", "kind: Bocket\n")
    assert told(tmp_path, text) == (
        [],
        [
            "Composition/stores: paths of s3.aws.m.upbound.io/v1beta1 Bocket, whose schema is not known"
        ],
    )


HEALTHY = "hs.status = 'Healthy'\nreturn hs\n"


@pytest.mark.parametrize(
    ("script", "rules"),
    [
        (f"hs = {{}}\n{HEALTHY}", ["LP667"]),
        ("return {status = \"Healthy\", message = 'if it is there, it is well'}\n", ["LP667"]),
        (f"-- if not Degraded\n--[[ 'Progressing'\n]]\nhs = {{}}\n{HEALTHY}", ["LP667"]),
        (f"hs = {{status = 'Progressing'}}\nif obj.status then {HEALTHY} end\nreturn hs\n", []),
        (f"hs = {{}}\nif obj.status.ready then {HEALTHY} end\nreturn hs\n", []),
        ("hs = {status = obj.status.ready and 'Healthy' or nil}\nreturn hs\n", []),
        ("return {status = obj.status.health}\n", []),
        (
            "hs = {}\nhs['status'] = [[Healthy]];\nhs.message = 'Progressing'\nreturn hs\n",
            ["LP667"],
        ),
        ("hs = {status = 'Healthy'}\nhs.status = 'Degraded'\nreturn hs\n", []),
        ("hs = {status = 'Healthy'}\nhs.status = obj.status.health.status\nreturn hs\n", []),
        (
            "local m = {Ready = 'Healthy', status = 'Healthy'}\nreturn {status = m[obj.status.phase]}\n",
            [],
        ),
        (
            "s = {status = 'Healthy'}\ns.status = string.gsub(obj.a, 'READY', 'Healthy')\nreturn s\n",
            [],
        ),
        ("hs = {status = 'Healthy'}\n--[==[ x\nreturn hs ]==]\nreturn obj\n", []),
        ("known = {up = 'Healthy'}\nreturn {status = known[obj.status.state]}\n", []),
    ],
)
def test_a_script_that_goes_one_way(script: str, rules: list[str], tmp_path: Path) -> None:
    start = SAMPLE.index("    hs = {status")
    text = SAMPLE[:start] + "".join(f"    {line}\n" for line in script.splitlines())
    assert [rule for rule, _ in told(tmp_path, text)[0]] == rules


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        ("true", ["LP667"]),
        ("status.ready || true", ["LP667"]),
        ("status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", []),
        ("status.said == ' || true'", []),
        ("true || status.ready", ["LP667"]),
        ("(true) // always", ["LP667"]),
        ("status.ready // || true", []),
        ("status.ready == 'x // || true'", []),
        ("has(status.a) ? status.a : status.b || true", []),
        ("status.l.exists(x, x || true)", []),
        ("status.?ready.orValue(false) || true", ["LP667"]),
        ("status.a || true && status.b", []),
        ("status.said == r'\\\\' || status.said == ' || true'", []),
    ],
)
def test_a_query_that_looks_at_nothing(query: str, rules: list[str], tmp_path: Path) -> None:
    flux = (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        "metadata: {name: a, namespace: b}\nspec:\n  interval: 5m\n  prune: true\n"
        "  sourceRef: {kind: GitRepository, name: a}\n  healthCheckExprs:\n"
        f'    - {{apiVersion: a/v1, kind: B, current: "{query}"}}\n'
    )
    there = (
        "apiVersion: kubernetes.m.crossplane.io/v1alpha1\nkind: Object\n"
        "metadata: {name: a, namespace: b}\nspec:\n  forProvider: {manifest: {apiVersion: v1,"
        " kind: ConfigMap, metadata: {name: a}}}\n  readiness:\n    policy: DeriveFromCelQuery\n"
        f'    celQuery: "{query}"\n'
    )
    for text in (flux, there):
        assert [rule for rule, _ in told(tmp_path, text)[0]] == rules


def test_scripts_in_one_text_are_not_checked(tmp_path: Path) -> None:
    text = SAMPLE.replace(
        "resource.customizations.health.example.org_Store", "resource.customizations"
    )
    found, left = told(tmp_path, text)
    assert not found
    assert left == [
        "ConfigMap/argocd-cm: the health scripts in resource.customizations, which is one text: give"
        " each a key"
    ]


@pytest.mark.parametrize("first", ["inProgress", "failed"])
def test_what_flux_asks_before_may_say_more(first: str, tmp_path: Path) -> None:
    text = (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        "metadata: {name: a, namespace: b}\nspec:\n  interval: 5m\n  prune: true\n"
        "  sourceRef: {kind: GitRepository, name: a}\n  healthCheckExprs:\n"
        f"    - {{apiVersion: a/v1, kind: B, {first}: status.phase == 'x', current: 'true'}}\n"
    )
    assert [rule for rule, _ in told(tmp_path, text)[0]] == []
