"""The reader of DVC's files against DVC itself: the same stages, or a refusal by both."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.dvc_reading import read_by_dvc
from integration.pipelines import Project, new_project
from integration.tricky import FILES
from lockproof.adapters.dvc.project import Hasher
from lockproof.adapters.git.blobs import Blobs
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.errors import ConfigError
from lockproof.model.pipeline import Pipeline
from lockproof.parse.project import Reading, read_project
from lockproof.parse.template import Context, TemplateError
from lockproof.parse.yaml_document import ParseError, read_yaml


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("parse"))


def ours(project: Project) -> Reading:
    project.git("add", "-A")
    return read_project(Snapshot(GitRepository(project.root), None), "")


def theirs(project: Project, scratch: Path) -> Pipeline:
    return read_by_dvc(project.root, scratch)


def plain(pipeline: Pipeline) -> list[dict[str, Any]]:
    """What both readers know; lines and version ids are only ours."""
    stages = []
    for stage in sorted(pipeline.stages, key=lambda s: s.address):
        found = asdict(stage)
        for item in (*found["outs"], *found["deps"]):
            item.pop("line")
            item.pop("stored", None)
        for key in ("outs", "deps", "params"):
            found[key] = sorted(found[key], key=lambda item: item["path"])
        stages.append(found)
    return stages


def test_parameters_behind_a_link_are_those_that_dvc_reads(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    stage = "{cmd: 'true', params: [lr, opt.x, conf/link.yaml: [lr]]}"
    project.write(
        {
            "dvc.yaml": f"stages: {{use: {stage}}}\n",
            "conf/values.yaml": "lr: 0.5\nopt: {x: 3}\n",
        }
    )
    (project.root / "params.yaml").symlink_to("conf/values.yaml")
    (project.root / "conf/link.yaml").symlink_to("../params.yaml")
    mine = ours(project)
    assert [params.current for params in mine.pipeline.stages[0].params] == [
        {"lr": 0.5, "opt.x": 3},
        {"lr": 0.5},
    ]
    assert plain(mine.pipeline) == plain(theirs(project, tmp_path / "dvc"))


def test_a_tricky_pipeline_reads_as_in_dvc(project: Project, tmp_path: Path) -> None:
    project.write(FILES)
    mine = ours(project)
    assert mine.problems == []
    assert len(mine.pipeline.stages) > 20
    assert plain(mine.pipeline) == plain(theirs(project, tmp_path))


def test_a_locked_pipeline_reads_as_in_dvc(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.write(
        {
            ".dvcignore": "# a comment\n*.tmp\nhidden/\n",
            "params.yaml": "n: 1e-3\nname: on\nlist: [1, 2.50]\n",
            "src/a.txt": "a\r\nb\n",
            "src/b.tmp": "not seen",
            "src/hidden/c": "not seen",
            "hidden/dvc.yaml": "stages: {no: {cmd: no}}\n",
            "dvc.yaml": "stages:\n"
            "  one:\n    cmd: mkdir d && cp src/a.txt d/x && echo 1 > m.json\n    deps: [src]\n"
            "    params: [n, name, list]\n    outs: [d]\n    metrics: [m.json: {cache: false}]\n"
            "  two:\n    foreach: [1, 2]\n    do:\n      cmd: cp d/x t${item}\n      deps: [d/x]\n"
            "      outs: ['t${item}']\n",
        }
    )
    project.dvc("repro", "-q")
    mine = ours(project)
    assert mine.problems == []
    assert plain(mine.pipeline) == plain(theirs(project, tmp_path / "scratch"))
    blobs = Blobs(Snapshot(GitRepository(project.root), None), "", mine.ignored.hides)
    hasher = Hasher(project.root)
    for path in ("src", "src/a.txt", "m.json", "dvc.yaml"):
        for algorithm in ("md5", "md5-dos2unix"):
            assert blobs.digest(path, algorithm) == hasher.digest(path, algorithm), path
    assert mine.pipeline.by_address["one"].deps[0].locked == blobs.digest("src", "md5")


REFUSED = {
    "twice": "stages: {a: {cmd: x}}\nstages: {}\n",
    "no-cmd": "stages: {a: {deps: [x]}}\n",
    "unknown": "stages: {a: {cmd: x, dep: [x]}}\n",
    "lost": "stages: {a: {cmd: 'x ${nope}'}}\n",
    "syntax": "stages: {a: {cmd: 'x ${a[}'}}\n",
    "list-in-text": "vars: [{l: [1]}]\nstages: {a: {cmd: 'x ${l}'}}\n",
    "vars-twice": "vars: [{l: 1}, {l: 2}]\nstages: {a: {cmd: x}}\n",
    "vars-template": "vars: [{l: '${x}'}]\nstages: {a: {cmd: x}}\n",
    "vars-file": "vars: [gone.yaml]\nstages: {a: {cmd: x}}\n",
    "foreach-text": "stages: {a: {foreach: '${x}', do: {cmd: x}}}\nvars: [{x: text}]\n",
    "same-out": "stages: {a: {cmd: x, outs: [o]}, b: {cmd: x, outs: [o]}}\n",
    "inside": "stages: {a: {cmd: x, outs: [o]}, b: {cmd: x, outs: [o/p]}}\n",
    "cycle": "stages: {a: {cmd: x, deps: [p], outs: [o]}, b: {cmd: x, deps: [o], outs: [p]}}\n",
    "text": "stages: [a]\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_dvc_refuses_is_refused(name: str, tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.write({"dvc.yaml": REFUSED[name]})
    with pytest.raises(ConfigError):
        theirs(project, tmp_path / "scratch")
    problems = ours(project).problems
    assert [problem.path for problem in problems] == ["dvc.yaml"]
    assert (
        "dvc.yaml" in problems[0].message
        or "make" in problems[0].message
        or "need" in (problems[0].message)
    )


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([0.5, 1e-3, 2.0])
    | st.text("ab $'\"{}\\-", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c d"]), inner, max_size=3)
    ),
    max_leaves=8,
)
TEXTS = st.lists(
    st.sampled_from(
        [
            *("${a}", "${b.a}", "${a[0]}", "${b[1].a}", "${ a }", "\\${a}", "${", "$", "{", "}"),
            *("x", " ", "\n", "\\"),
        ]
    ),
    max_size=4,
).map("".join)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    values=st.fixed_dictionaries({"a": VALUES, "b": VALUES}),
    text=TEXTS,
    key=st.sampled_from(["cmd", "deps", "desc"]),
)
def test_templates_are_filled_as_in_dvc(values: dict[str, Any], text: str, key: str) -> None:
    from dvc.exceptions import DvcException
    from dvc.parsing.context import Context as DvcContext
    from dvc.parsing.interpolate import check_expression

    try:
        check_expression(text)
        expected: Any = DvcContext(values).resolve(text, key=key)
    except (DvcException, ValueError):
        with pytest.raises(TemplateError):
            Context(lambda path: None, values=values).resolve(text, key)
        return
    assert Context(lambda path: None, values=values).resolve(text, key) == expected


@settings(max_examples=500, deadline=None)
@given(st.text("0123456789+-._eExobaftruTnNlyYs~:= ", min_size=1, max_size=7))
def test_plain_words_are_read_as_in_dvc(word: str) -> None:
    from dvc.utils.serialize import ParseError as DvcParseError
    from dvc.utils.serialize import parse_yaml

    text = f"a: {word}\n"
    try:
        expected = parse_yaml(text, "x")
    except (DvcParseError, ValueError):
        return  # Refused by DVC: whatever ours says, DVC's users will not have it.
    try:
        found = read_yaml(text.encode(), "x", core=True)[0].value
    except ParseError:
        assert not isinstance(expected.get("a"), str | int | float | bool)
        return
    if isinstance(expected, dict) and isinstance(expected.get("a"), str | int | float | bool):
        assert repr(found) == repr(expected)


def test_a_parameter_file_is_the_same_by_another_name(tmp_path: Path) -> None:
    """DVC locks `./params.yaml` as `params.yaml`, and does not find it under that name itself."""
    project = new_project(tmp_path)
    project.write(
        {
            "params.yaml": "lr: 1\n",
            "sub/p.toml": "k = 2\n",
            "dvc.yaml": "stages: {a: {cmd: 'true', params: [{./params.yaml: [lr]},"
            " {./sub/../sub/p.toml: }]}}\n",
        }
    )
    project.dvc("repro", "-q")
    reading = ours(project)
    (stage,) = reading.pipeline.stages
    assert [(p.path, p.locked, p.current) for p in stage.params] == [
        ("params.yaml", {"lr": 1}, {"lr": 1}),
        ("sub/p.toml", {"k": 2}, {"k": 2}),
    ]
    assert (reading.lines["a"].unlocked, reading.lines["a"].stale) == ((), ())
    project.write(
        {"dvc.yaml": "stages: {a: {cmd: 'true', params: [lr, {./params.yaml: [depth]}]}}\n"}
    )
    (problem,) = ours(project).problems
    assert "params.yaml in two ways" in problem.message
