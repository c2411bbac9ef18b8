"""Kustomizations that hide something, reach further than their tree, or last for ever."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lockproof.adapters.git.tree import FolderTree
from lockproof.config import parse_policy
from lockproof.model.verdict import Verdict, worst
from lockproof.steps.lint import lint_tree

OK = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ok, namespace: d}\n"
BAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad, namespace: d}\nnosuch: 1\n"
BAD_PATCH = (
    'patches: [{target: {kind: ConfigMap}, patch: \'[{"op":"add","path":"/nosuch","value":1}]\'}]\n'
)


def verdict(root: Path, files: Mapping[str, str]) -> tuple[Verdict, str]:
    """What lint says of files in the most lenient policy, and its words."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    policy = parse_policy('[lint]\nnot-checked = "accept"\n')
    linted = lint_tree(FolderTree(root), policy, ["."])
    said = [f"{f.rule} {f.path}:{f.line} {f.message}" for f in linted.findings]
    said += [line for check in linted.checks for line in check.not_checked]
    found = worst(check.verdict for check in linted.checks)
    return Verdict.FAILED if linted.findings else found, "\n".join(said)


HIDDEN: dict[str, dict[str, str]] = {
    "a second document": {"a/kustomization.yaml": f"resources: [ok.yaml]\n{BAD_PATCH}---\n"},
    "an empty first document": {
        "a/kustomization.yaml": f"---\n---\nresources: [ok.yaml]\n{BAD_PATCH}"
    },
    "a decoy in a circle": {
        "a/kustomization.yaml": f"resources: [ok.yaml]\n{BAD_PATCH}",
        "p/kustomization.yaml": "resources: [../a, ../q]\n",
        "q/kustomization.yaml": "resources: [../p]\n",
    },
    "a circle": {
        "p/kustomization.yaml": "resources: [../q]\n",
        "q/kustomization.yaml": "resources: [../p]\n",
    },
    "a component of itself": {
        "p/kustomization.yaml": "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n"
        "components: [.]\n"
    },
    "a decoy that needs the network": {
        "a/kustomization.yaml": f"resources: [ok.yaml]\n{BAD_PATCH}",
        "p/kustomization.yaml": "resources: [../a, 'https://h.example/x']\n"
        "patches: [{path: absent.yaml}]\n",
    },
    "a field in another case": {
        "a/kustomization.yaml": "resources: [bad.yaml, ok.yaml]\nResources: [ok.yaml]\n",
        "a/bad.yaml": BAD,
    },
    "a field in letters that fold": {
        "a/kustomization.yaml": "resources: [bad.yaml, ok.yaml]\nre\u017fources: [ok.yaml]\n",
        "a/bad.yaml": BAD,
    },
    "what is refused below templates": {
        "x/templates/kustomization.yaml": "namePrefix: a-\nnamePrefix: a-\nresources: [ok.yaml]\n"
        + BAD_PATCH,
        "x/templates/ok.yaml": OK,
    },
    "a manifest that a generator names": {
        "kustomization.yaml": "configMapGenerator: [{name: x, files: [app/bad.yaml]}]\n",
        "app/bad.yaml": BAD,
    },
    "another API version": {"a/kustomization.yaml": "apiVersion: foo/v1\nresources: [ok.yaml]\n"},
    "an empty file": {"a/kustomization.yaml": ""},
    "a list": {"a/kustomization.yaml": "- x\n"},
    "a NUL": {"a/kustomization.yaml": 'resources: [ok.yaml, "a\\0b"]\n'},
    "a local file that looks remote": {
        "a/kustomization.yaml": "resources: ['bad?ref=x', ok.yaml]\n",
        "a/bad?ref=x": BAD,
    },
}


@pytest.mark.parametrize("name", HIDDEN)
def test_nothing_that_kustomize_would_build_or_refuse_is_hidden_from_lint(
    name: str, tmp_path: Path
) -> None:
    found, said = verdict(tmp_path, {"a/ok.yaml": OK, **HIDDEN[name]})
    assert found is Verdict.FAILED, said


def test_the_same_without_what_hides_passes(tmp_path: Path) -> None:
    files = {"a/ok.yaml": OK, "a/kustomization.yaml": "resources: [ok.yaml]\n"}
    assert verdict(tmp_path, files) == (Verdict.PASSED, "")


@pytest.mark.parametrize("key", ["resources", "Resources", "components", "generators", "bases"])
@pytest.mark.parametrize("way", ["{up}", "in/../{up}", "./..//{rest}", "../{up}"])
def test_a_folder_outside_the_repository_is_never_loaded(
    key: str, way: str, tmp_path: Path
) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    (outside / "secret.txt").write_text("HUSH")
    generator = {"configMapGenerator": [{"name": "leak", "files": ["secret.txt"]}]}
    (outside / "kustomization.yaml").write_text(json.dumps(generator))
    up = f"{'../' * 9}{str(outside)[1:]}"
    entry = way.format(up=up, rest=up.removeprefix("../"))
    found, said = verdict(
        root, {"a/ok.yaml": OK, "a/kustomization.yaml": json.dumps({key: [entry]})}
    )
    assert found is Verdict.FAILED
    assert "leads out of the repository" in said
    assert "HUSH" not in said


def test_a_link_on_the_way_is_not_read_otherwise_than_kustomize_reads_it(tmp_path: Path) -> None:
    files = {
        "r/b/kustomization.yaml": "resources: [../c]\n",
        "r/c/kustomization.yaml": "resources: [bad.yaml]\n",
        "r/c/bad.yaml": BAD,
        "o/c/kustomization.yaml": "resources: [ok.yaml]\n",
        "o/c/ok.yaml": OK,
        "o/kustomization.yaml": "resources: [l]\n",
    }
    verdict(tmp_path, files)
    (tmp_path / "o" / "l").symlink_to("../r/b")
    linted = lint_tree(FolderTree(tmp_path), parse_policy(""), ["o"])
    assert worst(check.verdict for check in linted.checks) is Verdict.INCONCLUSIVE
    assert any("reached by a link" in line for c in linted.checks for line in c.not_checked)


def test_what_expands_without_end_is_refused_before_kustomize_reads_it(tmp_path: Path) -> None:
    levels = [f"q{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    bomb = "\n".join(["apiVersion: v1", "kind: ConfigMap", "metadata: {name: b}", "q0: &a0 [1]"])
    found, said = verdict(
        tmp_path,
        {"a/kustomization.yaml": "resources: [b.yaml]\n", "a/b.yaml": "\n".join([bomb, *levels])},
    )
    assert found is Verdict.FAILED
    assert "LP601" in said


def test_a_name_and_a_pattern_that_could_be_tried_for_ever_are_not(tmp_path: Path) -> None:
    name = "a" * 300_000
    files = {
        "a/ok.yaml": OK.replace("ok", name),
        "a/kustomization.yaml": "resources: [ok.yaml]\npatches:\n- target: {name: '.*.*x'}\n"
        "  patch: '- {op: add, path: /data, value: {}}'\n",
    }
    assert "LP603" not in verdict(tmp_path, files)[1]


def test_entries_are_counted_however_they_multiply(tmp_path: Path) -> None:
    files = {
        f"c{n}/kustomization.yaml": f"resources: [../c{n + 1}, ../c{n + 1}]\n" for n in range(10)
    }
    absent = [f"absent{n}.yaml" for n in range(500)]
    files["c10/kustomization.yaml"] = json.dumps({"resources": absent})
    found, said = verdict(tmp_path, files)
    assert found is Verdict.FAILED
    assert "has more than 20000 entries" in said
    assert said.count("there is no file") == 500, "each is told once"


def test_a_component_is_put_on_a_kustomization_at_the_top(tmp_path: Path) -> None:
    files = {
        "kustomization.yaml": "resources: [ok.yaml]\n",
        "ok.yaml": OK,
        "above": "a file of that name",
        "c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "patches: [{target: {name: ok}, patch: '- {op: add, path: /nosuch, value: 1}'}]\n",
    }
    found, said = verdict(tmp_path, files)
    assert found is Verdict.FAILED
    assert "LP604" in said
    assert "LP602" not in said


def test_a_components_patch_is_idle_only_where_it_is_so_in_every_build(tmp_path: Path) -> None:
    files = {
        "c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "patches: [{target: {name: ok}, patch: '- {op: add, path: /data, value: {}}'}]\n",
        "a/ok.yaml": OK,
        "a/kustomization.yaml": "resources: [ok.yaml]\ncomponents: [../c]\n",
        "b/other.yaml": OK.replace("ok", "other"),
        "b/kustomization.yaml": "resources: [other.yaml]\ncomponents: [../c]\n",
    }
    assert verdict(tmp_path, files) == (Verdict.PASSED, "")
    found, said = verdict(tmp_path, {"a/kustomization.yaml": "resources: [ok.yaml]\n"})
    assert found is Verdict.FAILED
    assert "LP603 c/kustomization.yaml" in said


@pytest.mark.parametrize(("has", "lacks"), ["ab", "ba"])
def test_a_component_that_a_root_refuses_passes_on_none(
    has: str, lacks: str, tmp_path: Path
) -> None:
    """One that patches what is there, and is refused, or what is not: as little fit."""
    files = {
        "c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "patches: [{target: {name: ok}, patch: '- {op: test, path: /data/a, value: b}'}]\n",
        f"{has}/ok.yaml": OK,
        f"{has}/kustomization.yaml": "resources: [ok.yaml]\n",
        f"{lacks}/other.yaml": OK.replace("ok", "other"),
        f"{lacks}/kustomization.yaml": "resources: [other.yaml]\n",
    }
    found, said = verdict(tmp_path, files)
    assert found is Verdict.FAILED
    assert "LP602" in said


SECRETS: dict[str, str] = {
    "a literal": "secretGenerator: [{name: a, literals: [hunter2]}]\n",
    "a literal among others": "secretGenerator: [{name: a, literals: [k=1, 'hunter2, b', x=2]}]\n",
    "an inline patch": "resources: [ok.yaml]\npatches:\n- patch: |\n    kind: Secret\n"
    "    stringData: {p: hunter2}\n",
    "an inline patch with what ends a quotation": "resources: [ok.yaml]\npatches:\n- patch: |\n"
    "    kind: Secret\n    a: '`: x'\n    stringData: {p: hunter2}\n",
    "a patch of the wrong type": "resources: [ok.yaml]\npatches: [hunter2]\n",
    "a count": "resources: [ok.yaml]\nreplicas: [{name: ok, count: hunter2}]\n",
    "objects in conflict": "resources: [s.yaml]\nnamespace: one\n",
}


@pytest.mark.parametrize("name", SECRETS)
def test_what_kustomize_quotes_of_a_secret_is_not_repeated(name: str, tmp_path: Path) -> None:
    secrets = [
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: {space}}}\n"
        "stringData: {p: hunter2}\n"
        for space in ("a", "b")
    ]
    files = {"ok.yaml": OK, "s.yaml": "---\n".join(secrets), "kustomization.yaml": SECRETS[name]}
    found, said = verdict(tmp_path, files)
    assert found is Verdict.FAILED
    assert "LP602" in said
    assert "hunter2" not in said


def test_a_refusal_is_told_in_the_same_words_every_time(tmp_path: Path) -> None:
    files = {"kustomization.yaml": "configMapGenerator: [{name: a, behavior: merge}]\n"}
    said = {verdict(tmp_path, files)[1] for _ in range(3)}
    assert len(said) == 1
    assert "0x" not in said.pop()


def test_a_generator_that_adds_to_nothing_is_no_second_object(tmp_path: Path) -> None:
    merge = "configMapGenerator: [{name: a, behavior: merge, literals: [x=1]}]\n"
    files = {
        "c/kustomization.yaml": merge,
        "d/kustomization.yaml": "configMapGenerator: [{name: a, literals: [x=1]}]\n",
        "o/kustomization.yaml": "resources: [../c, ../d]\n",
    }
    _, said = verdict(tmp_path, files)
    assert "already there" not in said
    assert "does not exist; cannot merge or replace" in said


@pytest.mark.parametrize(
    "entry",
    [
        '"\\x2e\\x2e/UP"', '"\\u002e./UP"', "|\n    ../UP", ">-\n    ../UP", "!!str ../UP",
        "&a ../UP", "' ../UP '", "./../UP", "in/./../../UP", "..//UP", "'../UP?ref=x'",
        "'../UP//x'", "*b",
    ],
)  # fmt: skip
def test_a_way_out_is_seen_however_it_is_written(entry: str, tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    (outside / "kustomization.yaml").write_text("configMapGenerator: [{name: leak}]\n")
    up = f"{'../' * 9}{str(outside)[1:]}"
    text = f"commonLabels: {{a: &b ../{up}}}\nresources:\n- ok.yaml\n- {entry.replace('UP', up)}\n"
    found, said = verdict(root, {"a/ok.yaml": OK, "a/kustomization.yaml": text})
    assert found is Verdict.FAILED
    assert "leads out of the repository" in said


def test_what_is_advised_for_a_file_outside_the_folder_helps(tmp_path: Path) -> None:
    files = {"x/ok.yaml": OK, "a/kustomization.yaml": "resources: [../x/ok.yaml]\n"}
    found, said = verdict(tmp_path, files)
    assert found is Verdict.FAILED
    assert "make its folder a kustomization of its own" in said
    advised = {
        "x/kustomization.yaml": "resources: [ok.yaml]\n",
        "a/kustomization.yaml": "resources: [../x]\n",
    }
    assert verdict(tmp_path, advised) == (Verdict.PASSED, "")
