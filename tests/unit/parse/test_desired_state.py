"""Edits of manifests: two values change, and no other byte; whatever is in the file."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lockproof.errors import ConfigError
from lockproof.model.registration import Wanted
from lockproof.parse.desired_state import (
    named_in,
    patch_for,
    pointer,
    with_patch,
    with_version,
)
from lockproof.parse.document import ParseError
from lockproof.steps.promote.state import State

VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20) | (
    st.sampled_from(["a: b", "#x", "- y", "{", "'", '"', "&a", "*a", "null", "1e3", "é 😀"])
)


@given(
    before=st.lists(st.tuples(VALUES, VALUES), max_size=3),
    comment=VALUES,
    uri=st.from_regex(r"models:/[\w. -]{1,10}/[0-9]{1,3}", fullmatch=True),
    style=st.sampled_from(["plain", "double", "single", "flow"]),
)
def test_only_the_two_values_change(
    before: list[tuple[str, str]], comment: str, uri: str, style: str
) -> None:
    env = [{"name": f"n{name}", "value": value} for name, value in before]
    head = yaml.safe_dump({"kind": "Pod", "x": {"env": env}}, allow_unicode=True)
    old = {"plain": "models:/m/1", "double": '"models:/m/1"', "single": "'models:/m/1'"}.get(
        style, "models:/m/1"
    )
    note = f" # {comment}" if comment.isprintable() else ""
    if style == "flow":
        digest = "{value: 'md5:0', name: MODEL_DIGEST}"
        tail = f"env: [{{name: MODEL_URI, value: {old}}}, {digest}]{note}\n"
    else:
        tail = (
            f"env:\n- name: MODEL_URI\n  value: {old}{note}\n- name: MODEL_DIGEST\n  value: md5:0\n"
        )
    text = f"{head}---\nkind: Rollout\n{tail}"
    (place,) = named_in(text, "x.yaml")
    assert place.version == "models:/m/1"
    new = with_version(text, [place], uri, "md5:1", "")
    was, now = list(yaml.safe_load_all(text)), list(yaml.safe_load_all(new))
    assert now[0] == was[0]
    assert {e["name"]: e["value"] for e in now[1]["env"]} == {
        "MODEL_URI": uri,
        "MODEL_DIGEST": "md5:1",
    }
    assert new.startswith(text[: place.uri.start])
    assert new.count("\n") == text.count("\n")
    (again,) = named_in(new, "x.yaml")
    assert with_version(new, [again], "models:/m/1", "md5:0", "").count("\n") == text.count("\n")


def test_a_patch_reads_back_and_says_what_it_expects() -> None:
    text = "kind: Rollout\nspec:\n  a/b:\n  - env:\n    - {name: X, value: y}\n" + (
        "    - {name: MODEL_DIGEST, value: z}\n    - {name: MODEL_URI, value: models:/m/1}\n"
    )
    (place,) = named_in(text, "r.yaml")
    assert pointer((*place.at, place.order[0])) == "/spec/a~1b/0/env/2"
    patch = patch_for([place], "models:/m/2", "md5:2")
    operations = yaml.safe_load(patch)
    assert [(o["op"], o["value"]) for o in operations] == [
        ("test", "MODEL_URI"),
        ("replace", "models:/m/2"),
        ("test", "MODEL_DIGEST"),
        ("replace", "md5:2"),
    ]
    (own,) = named_in(patch, "p.yaml")
    assert own.version == "models:/m/2"
    new = with_version(patch, [own], "models:/m/3", "md5:3", "")
    assert new == patch.replace("/m/2", "/m/3").replace("md5:2", "md5:3")


@pytest.mark.parametrize(
    "text",
    [
        "resources: [a]\n",
        "resources: [a]",
        "patches:\n- path: x.yaml\n",
        "patches:\n  - path: x\n",
        "patches:\n- patch: |\n    a\nx: y\n",
    ],
)
def test_a_kustomization_gets_one_more_patch(text: str) -> None:
    text = text.replace("patches:\n", "patches: # ours\n  # of x\n")
    new = with_patch(text, "k.yaml", {"kind": "Rollout", "name": "m", "group": ""}, "model.yaml")
    was, now = yaml.safe_load(text), yaml.safe_load(new)
    entry = {"target": {"kind": "Rollout", "name": "m"}, "path": "model.yaml"}
    assert entry in now["patches"]
    assert now["patches"][-1] == entry  # kustomize applies them in order.
    assert len(now["patches"]) == len(was.get("patches", [])) + 1
    assert {k: v for k, v in now.items() if k != "patches"} == {
        k: v for k, v in was.items() if k != "patches"
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "YAML|flow|expected"),
        ("x" * (1 << 21), "larger than 1 MiB"),
        ("env:\n- name: MODEL_URI\n  value: models:/m/9\t# x\n", r"'\\t'.* in line 3"),
        (
            "env:\n- {name: MODEL_DIGEST, value: x}\n- name: MODEL_URI\n  value: |\n    a\n",
            "block",
        ),
        (
            "x: &v models:/m/1\nenv:\n- {name: MODEL_DIGEST, value: x}\n"
            "- {name: MODEL_URI, value: *v}\n",
            "anchor",
        ),
        ("env: [MODEL_DIGEST=x, !!str 'MODEL_URI=models:/m/1']\n", "tag"),
        ("MODEL_DIGEST: x\nMODEL_URI: 'models:\n  /m/1'\n", "one line"),
        ("MODEL_DIGEST:\nMODEL_URI: models:/m/1\n", "nothing"),
        ("env: [MODEL_DIGEST=x, MODEL_URI=models:/m/1, MODEL_DIGEST=y]\n", "twice"),
        (
            "env:\n- {name: MODEL_URI, value: models:/m/1}\n- {name: MODEL_DIGEST, value: x}\n"
            "- {name: MODEL_DIGEST, value: y}\n",
            "twice",
        ),
        (
            "apiVersion: serving.kserve.io/v1beta1\nmetadata: {name: x}\nstorageUri: s3://a\n",
            "line by line",
        ),
        ("apiVersion: serving.kserve.io/v1beta1\nstorageUri: s3://a\n", "line by line"),
        ("a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n", None),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, message: str | None) -> None:
    if message is None:
        assert named_in(text, "x.yaml") == ()
        return
    with pytest.raises(ParseError, match=message):
        named_in(text, "x.yaml")
    assert named_in("patches: [{path: x}]\n", "k.yaml") == ()
    with pytest.raises(ParseError, match="brackets"):
        with_patch("patches: [{path: x}]\n", "k.yaml", {"kind": "R"}, "m.yaml")


SERVICE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: x
spec:
  predictor: {model: {storageUri: s3://b/1}}
"""


def test_new_lines_end_as_those_of_the_file() -> None:
    text = SERVICE.replace("\n", "\r\n")
    (place,) = named_in(text, "x.yaml")
    new = with_version(text, [place], "models:/m/2", "md5:2", "s3://b/2")
    assert "lockproof.dev/model: models:/m/2\r\n" in new
    assert new.count("\n") == new.count("\r\n")


@pytest.mark.parametrize(
    "text", ["{resources: [a]}\n", "  resources: [a]\n", "resources: [a]\n...\n"]
)
def test_a_kustomization_that_would_be_broken_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="line by line"):
        with_patch(text, "k.yaml", {"kind": "Rollout"}, "model.yaml")


WANTED = Wanted("models:/m/2", "md5:2", "s3://b/2")
PAIR = (
    "  - env:\n    - {name: MODEL_URI, value: models:/m/1}\n    - {name: MODEL_DIGEST, value: x}\n"
)
LONE = "  - env:\n    - {name: MODEL_URI, value: models:/m/1}\n"
ROLLOUT = "apiVersion: a/v1\nkind: Rollout\nmetadata: {name: r}\nspec:\n  c:\n"


def _state(files: dict[str, str], path: str) -> State:
    return State(lambda p: files[p].encode() if p in files else None, path, "m")


@pytest.mark.parametrize("notes", [0, 1, 2])
def test_only_the_model_of_the_predictor_changes(notes: int) -> None:
    lines = ["    lockproof.dev/model: models:/m/1\n", "    lockproof.dev/model-digest: md5:1\n"]
    head = "  annotations:\n" + "".join(lines[:notes]) if notes else ""
    text = SERVICE.replace("spec:\n", f"{head}spec:\n")
    text += "  transformer: {model: {storageUri: s3://b/t}}\n"
    new = yaml.safe_load(_state({"s.yaml": text}, "s.yaml").with_wanted(WANTED)["s.yaml"])
    said = yaml.safe_load(text)
    said["spec"]["predictor"]["model"]["storageUri"] = "s3://b/2"
    said["metadata"]["annotations"] = {
        "lockproof.dev/model": "models:/m/2",
        "lockproof.dev/model-digest": "md5:2",
    }
    assert new == said


def test_a_patch_changes_every_container_and_again() -> None:
    files = {"kustomization.yaml": "resources: [r.yaml]\n", "r.yaml": ROLLOUT + PAIR + PAIR}
    for number in (2, 3):
        wanted = Wanted(f"models:/m/{number}", f"md5:{number}", "")
        made = _state(files, "kustomization.yaml").with_wanted(wanted)
        files |= {path: content.decode() for path, content in made.items()}
        changes = [o for o in yaml.safe_load(files["model-m.yaml"]) if o["op"] == "replace"]
        assert [o["value"] for o in changes] == [wanted.uri, wanted.digest] * 2
        assert {o["path"][:9] for o in changes} == {"/spec/c/0", "/spec/c/1"}
    files["r.yaml"] += PAIR
    with pytest.raises(ConfigError, match="more name m now"):
        _state(files, "kustomization.yaml").with_wanted(WANTED)


@pytest.mark.parametrize("path", ["r.yaml", "kustomization.yaml"])
def test_a_uri_without_a_digest_is_not_left_behind(path: str) -> None:
    files = {"kustomization.yaml": "resources: [r.yaml]\n", "r.yaml": ROLLOUT + LONE + PAIR}
    with pytest.raises(ConfigError, match="no MODEL_DIGEST beside it"):
        _state(files, path).with_wanted(WANTED)


LATER = "- op: replace\n  path: /spec/c/0/env/0/value\n  value: models:/m/3\n"


@pytest.mark.parametrize(
    "top",
    ["patchesJson6902:\n- path: x.yaml\n", "patches:\n- path: model-m.yaml\n- path: x.yaml\n"],
)
def test_what_would_override_our_patch_is_refused(top: str) -> None:
    files = {"kustomization.yaml": "resources: [r.yaml]\n", "r.yaml": ROLLOUT + PAIR}
    made = _state(files, "kustomization.yaml").with_wanted(WANTED)
    if "model-m" in top:
        files["model-m.yaml"] = made["model-m.yaml"].decode()
    files |= {"kustomization.yaml": f"resources: [r.yaml]\n{top}", "x.yaml": LATER}
    with pytest.raises(ConfigError, match="may override it"):
        _state(files, "kustomization.yaml").with_wanted(WANTED)
    files["x.yaml"] = "- {op: replace, path: /spec/replicas, value: 2}\n"
    assert "model-m.yaml" in _state(files, "kustomization.yaml").with_wanted(
        Wanted("models:/m/4", "md5:4", "")
    )
