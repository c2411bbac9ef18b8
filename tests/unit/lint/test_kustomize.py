"""Kustomizations as kustomize builds them, with the place of every field."""

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lockproof.adapters.git.tree import FolderTree
from lockproof.adapters.kustomize.program import Job, Kustomize, find_kustomize
from lockproof.installed import how_to_add
from lockproof.model.manifest import At, Manifest
from lockproof.parse.kustomization import is_remote
from lockproof.steps.kustomize import Built, Target, build
from lockproof.steps.kustomize.refusal import shortened
from manifests import kustomizations

ROOT = Path(__file__).resolve().parents[3]
OVERLAYS = [f"control-plane/overlays/{name}" for name in ("local", "aws")]


def kustomize() -> Kustomize:
    found = find_kustomize()
    assert found, "the extra brings it"
    return found


def built(root: Path, folder: str) -> Built:
    (made,) = build(kustomize(), FolderTree(root), [Target(folder)])
    return made


def alone(root: Path, text: str) -> Built:
    (root / "kustomization.yaml").write_text(text)
    return built(root, ".")


def assert_as_kustomize(root: Path, folder: str) -> int:
    """Compare every resource with what kustomize prints for the folder itself; how many."""
    command = kustomize().command
    done = subprocess.run(
        [*command, str(root / folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    theirs = [one for one in yaml.load_all(done.stdout, yaml.CSafeLoader) if one]
    made = built(root, folder)
    assert not made.troubles
    assert [manifest.value for manifest in made.manifests] == theirs
    return len(theirs)


@pytest.mark.parametrize("name", kustomizations.TREES)
def test_a_tree_is_built_as_it_is_in_its_own_folder(name: str, tmp_path: Path) -> None:
    kustomizations.write(name, tmp_path)
    assert assert_as_kustomize(tmp_path, "over")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_platform_is_built_as_it_is_in_its_own_folder(overlay: str) -> None:
    assert assert_as_kustomize(ROOT, overlay) > 40


def test_a_field_is_traced_to_what_set_it(tmp_path: Path) -> None:
    kustomizations.write("everything", tmp_path)
    by_kind = {m.kind: m for m in built(tmp_path, "over").manifests}

    def line(kind: str, *at: str | int) -> tuple[str, str]:
        path, number = by_kind[kind].locate(at)
        assert number is not None
        return path, (tmp_path / path).read_text().splitlines()[number - 1].strip()

    pod: At = ("spec", "template", "spec")
    assert line("Rollout", "spec", "replicas") == ("over/kustomization.yaml", "value: 5")
    assert line("Rollout", *pod, "containers", 0, "env", 0, "value")[0] == "over/sm.yaml"
    labels: At = ("spec", "template", "metadata", "labels")
    assert line("Rollout", *labels, "app")[0] == "base/app.yaml"
    assert line("Rollout", "metadata", "namespace")[1] == "namespace: prod"
    assert line("Rollout", "metadata", "annotations", "owner")[1].startswith("commonAnnotations")
    names = [
        c["name"] for c in by_kind["Deployment"].value["spec"]["template"]["spec"]["containers"]
    ]
    image = line("Deployment", *pod, "containers", names.index("a"), "image")
    assert image[1].startswith("- {name: ghcr.io/x/a, newName")
    assert line("Deployment", "spec", "replicas")[1].startswith("replicas: [{name: app")
    part_of = line("Service", "metadata", "labels", "app.kubernetes.io/part-of")
    assert part_of == ("base/kustomization.yaml", "- pairs: {app.kubernetes.io/part-of: p}")
    # What is missing stands where the thing around it does.
    assert line("Service", "spec", "type") == (
        "base/app.yaml",
        "spec: {selector: {app: a}, ports: [{port: 80}]}",
    )


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_field_has_a_place_in_a_file_that_is_there(folder: str) -> None:
    lines: dict[str, int] = {}
    count = 0
    for manifest in built(ROOT, folder).manifests:
        for at in leaves(manifest.value, ()):
            path, line = manifest.locate(at)
            if path not in lines:
                lines[path] = len((ROOT / path).read_text().splitlines())
            assert line is not None, (manifest.label, at)
            assert 1 <= line <= lines[path], (manifest.label, at)
            count += 1
    assert count > 1000


def leaves(value: Any, at: At) -> Iterator[At]:
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*at, key))
    else:
        yield at


TROUBLES = [
    ("resources: [nowhere.yaml]", "there is no file nowhere.yaml"),
    ("resources: [../..]", "leads out of the repository"),
    ("resources: [/etc]", "leads out of the repository"),
    ("resources: [.]", "leads back"),
    ("resource: []", 'unknown field "resource"'),
    ("patches: [{path: p.yaml}]", "there is no file p.yaml"),
    ("configMapGenerator: [{name: a, literals: [NAME]}]", "a literal is not KEY=VALUE"),
    ("configMapGenerator: [{name: a, files: [gone]}]", "there is no file gone"),
    ("configMapGenerator: [{name: a, files: [/etc/hostname]}]", "leads out of the repository"),
    ("configMapGenerator: [{name: a, literals: [SAME=1, SAME=2]}]", "repeats the key `SAME`"),
    ("configMapGenerator: [{name: a, behavior: merge}]", "does not exist; cannot merge"),
    ("replicas: [{name: gone, count: 2}]", "gone"),
    ("patches: [{patch: '{kind: A}'}]", "unable to parse SM or JSON patch"),
    ("patches: [{patch: '- {op: remove, path: /x}', target: {kind: X}}]", None),
    ("configMapGenerator: [{name: a}, {name: a}]", "ConfigMap a is already there"),
]


@pytest.mark.parametrize(("text", "message"), TROUBLES)
def test_what_does_not_work_is_told_with_its_place(
    text: str, message: str | None, tmp_path: Path
) -> None:
    troubles = alone(tmp_path, f"# first\n{text}\n").troubles
    assert len(troubles) == 1, troubles
    assert troubles[0].idle is (message is None)
    assert (message or "matches nothing") in troubles[0].text
    assert str(tmp_path) not in troubles[0].text
    assert "\n" not in troubles[0].text
    assert "/tmp" not in troubles[0].text
    assert troubles[0].place == ("kustomization.yaml", 2)


def test_a_file_outside_the_kustomizations_folder_is_told_of_as_kustomize_refuses_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    (tmp_path / "a" / "kustomization.yaml").write_text("resources: [../b.yaml]\n")
    (trouble,) = built(tmp_path, "a").troubles
    assert "b.yaml lies outside the kustomization's folder a" in trouble.text
    assert trouble.place == ("a/kustomization.yaml", 1)


def test_of_two_kustomization_files_in_one_folder_kustomize_has_its_say(tmp_path: Path) -> None:
    (tmp_path / "Kustomization").write_text("resources: []\n")
    (trouble,) = alone(tmp_path, "resources: []\n").troubles
    assert "multiple kustomization files" in trouble.text


@pytest.mark.parametrize(
    "text",
    [
        "resources: [https://github.com/a/b//c?ref=v1]",
        "resources: ['github.com/a/b?ref=v1']",
        "resources: ['git::ext::sh -c id']",
        "components: [https://example.org/x]",
        "helmCharts: [{name: a}]",
    ],
)
def test_what_is_not_followed_is_named_and_never_passed_over(text: str, tmp_path: Path) -> None:
    made = alone(tmp_path, f"{text}\n")
    assert not made.troubles
    assert made.not_checked[0].startswith("kustomization.yaml:1: ")


@pytest.mark.parametrize("kind", ["generators", "transformers"])
def test_a_plugin_that_would_be_run_is_not_and_what_kustomize_brings_is(
    kind: str, tmp_path: Path
) -> None:
    plugin = {"apiVersion": "example.org/v1", "kind": "Mine", "metadata": {"name": "a"}}
    (tmp_path / "p.yaml").write_text(json.dumps(plugin))
    made = alone(tmp_path, f"{kind}: [p.yaml]\n")
    assert not made.troubles
    assert ["external plugins disabled" in one for one in made.not_checked] == [True]
    own = {
        "generators": {"kind": "ConfigMapGenerator", "literals": ["a=b"]},
        "transformers": {"kind": "PrefixTransformer", "prefix": "x-", "fieldSpecs": []},
    }[kind]
    (tmp_path / "p.yaml").write_text(json.dumps({**plugin, "apiVersion": "builtin", **own}))
    made = alone(tmp_path, f"{kind}: [p.yaml]\n")
    assert (made.troubles, made.not_checked) == ([], [])


def test_variables_are_filled_in(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
        "spec: {containers: [{name: c, image: i, args: [$(NAME)]}]}\n"
    )
    made = alone(
        tmp_path,
        "resources: [a.yaml]\nnamePrefix: x-\n"
        "vars: [{name: NAME, objref: {kind: Pod, name: a, apiVersion: v1}}]\n",
    )
    (pod,) = made.manifests
    assert pod.value["spec"]["containers"][0]["args"] == ["x-a"]


def test_what_is_built_without_a_remote_base_is_looked_at_and_told_incomplete(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    made = alone(tmp_path, "resources: [a.yaml, 'https://example.org/b.yaml']\n")
    assert [m.name for m in made.manifests] == ["a"]
    assert made.not_checked
    # A patch of what the remote base holds is no mistake.
    made = alone(
        tmp_path,
        "resources: [a.yaml, 'https://example.org/b.yaml']\n"
        "patches: [{patch: '{apiVersion: v1, kind: Pod, metadata: {name: b}, spec: {}}'}]\n",
    )
    assert made.troubles == []
    assert len(made.not_checked) == 2


def test_nothing_of_a_kustomization_runs_or_reads_what_it_was_not_handed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, root = tmp_path / "programs", tmp_path / "root"
    programs.mkdir()
    root.mkdir()
    for name in ("git", "helm", "sh", "kustomize-plugin"):
        program = programs / name
        program.write_text(f"#!/bin/sh\necho ran > {tmp_path}/ran-{name}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("LOCKPROOF_TEST_SECRET", "hunter2")
    (tmp_path / "outside").write_text("hunter2")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "a.env").write_text("LOCKPROOF_TEST_SECRET\nHOME\n")
    # As what is handed over, past what is left out before: a URL of every kind, and paths.
    for entry in ("https://github.com/a/b", "git::ext::sh -c id", "ssh://git@h/x", "file:///x//y"):
        job = Job({"kustomization.yaml": json.dumps({"resources": [entry]}).encode()}, ".")
        (answer,) = kustomize().build([job])
        assert answer.output is None
        assert answer.refusal
    for entry in (str(tmp_path / "outside"), "../../outside", "link"):
        generator = {"configMapGenerator": [{"name": "a", "files": [entry]}]}
        (root / "kustomization.yaml").write_text(json.dumps(generator))
        made = built(root, ".")
        assert not made.manifests
        assert made.troubles
        job = Job({"kustomization.yaml": json.dumps(generator).encode()}, ".")
        (answer,) = kustomize().build([job])
        assert answer.output is None
    made = alone(root, "configMapGenerator: [{name: a, envs: [a.env]}]\n")
    assert "hunter2" not in repr([m.value for m in made.manifests])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["outside", "programs", "root"]


def test_without_kustomize_nothing_is_built_and_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_kustomize(str(tmp_path)) is None
    (tmp_path / "kustomization.yaml").write_text("resources: []\n")
    (made,) = build(None, FolderTree(tmp_path), [Target(".")])
    assert not made.manifests
    assert [how_to_add("kustomize") in one for one in made.not_checked] == [True]


def test_the_extras_kustomize_goes_before_what_is_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, name in (("extra", "kubectl"), ("path", "kubectl"), ("path", "kustomize")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text("#!/bin/sh\n")
        (tmp_path / folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    commands = [find_kustomize(str(tmp_path / name)) for name in ("extra", "none")]
    assert [c.command[1:] for c in commands if c] == [("kustomize",), ("build",)]
    (tmp_path / "path" / "kustomize").unlink()
    found = find_kustomize(str(tmp_path / "none"))
    assert found
    assert found.command == (str(tmp_path / "path" / "kubectl"), "kustomize")


def test_kustomizations_that_include_each_other_end(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kustomization.yaml").write_text(f"resources: [../{other}]\n")
    assert ["leads back" in t.text for t in built(tmp_path, "a").troubles] == [True]


def test_a_patch_that_means_something_under_any_of_its_names_is_not_idle(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "a.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
    )
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [a.yaml]\nnamePrefix: x-\n")
    patch = "patch: '- {op: add, path: /spec, value: {replicas: 2}}'"

    def idle(target: str) -> list[bool]:
        text = f"resources: [base]\npatches: [{{{patch}, target: {target}}}]\n"
        return [one.idle for one in alone(tmp_path, text).troubles]

    for target in ("{name: web}", "{name: x-web}", "{kind: Deploy.*}", "{name: '^x-web$'}"):
        assert idle(target) == [], target
    assert idle("{labelSelector: a=b}") == []
    # Of a pattern that could take for ever nothing is said.
    assert idle("{name: '(a+)+b'}") == []
    for target in ("{name: we}", "{kind: StatefulSet}", "{group: batch}", "{namespace: other}"):
        assert idle(target) == [True], target


@pytest.mark.parametrize(
    ("entry", "remote"),
    [
        ("https://h/x.yaml", True),
        ("git@h:a/b", True),
        ("github.com/a/b", True),
        ("git::ext::sh", True),
        ("h.example/a//b", True),
        ("../base", False),
        ("a.yaml", False),
        ("github/x", False),
    ],
)
def test_what_is_fetched_is_known_by_its_address(entry: str, remote: bool) -> None:
    assert is_remote(entry) is remote


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "accumulating resources: accumulation err='accumulating resources from '../base': read"
            " base: is a directory': recursed accumulation of path 'base': accumulating resources:"
            " accumulation err='accumulating resources from 'x.yaml': open base/x.yaml: no such"
            " file or directory': must build at directory: not a valid directory: evalsymlink",
            "open base/x.yaml: no such file or directory",
        ),
        (
            "trouble configuring builtin PatchStrategicMergeTransformer with config: ` paths: -"
            " empty.yaml `: patch appears to be empty",
            "PatchStrategicMergeTransformer: patch appears to be empty",
        ),
        (
            'trouble configuring builtin PatchTransformer with config: ` patch: {"a": "`: b"} `: no'
            " matches for Id X",
            "PatchTransformer: no matches for Id X",
        ),
        ('invalid Kustomization: json: unknown field "x"', None),
        ("", None),
    ],
)
def test_of_a_chain_of_reasons_the_innermost_is_told(said: str, told: str | None) -> None:
    assert shortened(said) == (said if told is None else told)


def test_a_manifest_knows_its_file(tmp_path: Path) -> None:
    kustomizations.write("everything", tmp_path)
    places = {m.label: m.locate(()) for m in built(tmp_path, "over").manifests}
    assert places["Service/p-svc-s"] == ("base/app.yaml", 23)
    assert places["Namespace/prod"] == ("over/ns.yaml", 1)
    assert places["ConfigMap/p-conf-s-kd8f782d78"][0] == "base/kustomization.yaml"
    assert isinstance(next(iter(built(tmp_path, "over").manifests)), Manifest)


def test_text_at_the_end_of_a_document_keeps_its_last_line_end(tmp_path: Path) -> None:
    for name in "abc":
        value = {"metadata": {"name": name}, "data": {"a": f"1\n---\n{name}\n"}}
        text = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", **value})
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml, b.yaml, c.yaml]\n")
    assert assert_as_kustomize(tmp_path, ".") == 3
    stated = [m.value["stringData"]["a"] for m in alone_secret(tmp_path).manifests]
    assert stated == ["x\n", "x\n"]


def alone_secret(root: Path) -> Built:
    for name in "de":
        text = "apiVersion: v1\nkind: Secret\nmetadata: {name: %s}\nstringData:\n  a: |\n    x\n"
        (root / f"{name}.yaml").write_text(text % name)
    return alone(root, "resources: [d.yaml, e.yaml]\n")


def test_of_two_versions_of_a_kind_each_has_its_own_place(tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        text = f"apiVersion: example.org/{version}\nkind: A\nmetadata: {{name: a}}\n"
        (tmp_path / f"{version}.yaml").write_text(text)
    made = alone(tmp_path, "resources: [v1.yaml, v2.yaml]\n")
    assert [one.locate(())[0] for one in made.manifests] == ["v1.yaml", "v2.yaml"]


def test_a_list_of_one_kind_is_taken_by_its_items(tmp_path: Path) -> None:
    item = "- {apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}\n"
    items = item % "a" + item % "b"
    (tmp_path / "a.yaml").write_text(f"apiVersion: v1\nkind: ConfigMapList\nitems:\n{items}")
    made = alone(tmp_path, "resources: [a.yaml]\n")
    assert [one.label for one in made.manifests] == ["ConfigMap/a", "ConfigMap/b"]
    assert [one.locate(())[1] for one in made.manifests] == [4, 5]
