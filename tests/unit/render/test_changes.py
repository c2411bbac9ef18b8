"""What a pull request changes, as every renderer shows it, and how it is found."""

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.compare.changes import Side, changes_between, folder_change
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Dep, Out, Params, Pipeline, Stage
from lockproof.render.changes import change_rows
from lockproof.render.html_report import html_report
from lockproof.render.markdown import markdown
from lockproof.render.table import table
from unit.render.sample import checked, gated, passed


def pipeline(params: dict[str, Any], **outs: Any) -> Pipeline:
    """A pipeline of one stage; an output is (digit, bytes, files)."""
    made = tuple(
        Out(
            path=path,
            locked=Digest(value=digit * 32 + (".dir" if files else "")),
            size=size_,
            nfiles=files,
        )
        for path, (digit, size_, files) in outs.items()
    )
    given_ = Params(path="params.yaml", keys=(), locked=params, current=params)
    return Pipeline(
        stages=(Stage(address="train", kind="stage", file="dvc.yaml", outs=made, params=(given_,)),)
    )


def test_what_changed_is_found() -> None:
    before = Side(
        pipeline({"a": {"b": 1}, "on": 1, "gone": 0}, same=("1", 5, None), data=("2", 10, 3)),
        {"m.json": {"x": 1.0, "y": math.nan, "gone": 2.0}},
    )
    after = Side(
        pipeline({"a": {"b": 2}, "on": True, "new": []}, same=("1", 5, None), data=("3", 12, 4),
                 more=("4", 1, None)),
        {"m.json": {"x": 2.0, "y": math.nan}, "n.json": {"z": 0.0}},
        ("old.json is in the remote",),
    )  # fmt: skip
    changes = changes_between("c" * 40, before, after, {("m.json", "x"): "lower"})
    assert [(m.path, m.key, m.base, m.current, m.better) for m in changes.metrics] == [
        ("m.json", "x", 1.0, 2.0, "lower"),
        ("m.json", "gone", 2.0, None, None),
        ("n.json", "z", None, 0.0, None),
    ]
    assert [(p.key, p.base, p.current, p.change) for p in changes.params] == [
        ("a.b", 1, 2, "changed"),
        ("gone", 0, None, "removed"),
        ("new", None, [], "added"),
        ("on", 1, True, "changed"),
    ]
    assert [(d.path, d.change, d.base_files, d.current_files) for d in changes.data] == [
        ("data", "changed", 3, 4),
        ("more", "added", None, 1),
    ]
    assert changes.unknown == ("old.json is in the remote",)
    assert changes_between("c" * 40, after, after).is_empty


def test_a_stage_changes_by_its_command_and_by_its_inputs() -> None:
    def side(*stages: Stage) -> Side:
        return Side(Pipeline(stages=stages))

    def stage(name: str, command: str, **deps: str) -> Stage:
        locked = {path: Digest(value=digit * 32) for path, digit in deps.items()}
        return Stage(
            address=name,
            kind="stage",
            file="dvc.yaml",
            command=(command,),
            deps=tuple(Dep(path=path, locked=digest) for path, digest in locked.items()),
        )

    before = side(stage("same", "a", x="1"), stage("train", "t", x="1", y="1"), stage("gone", "g"))
    after = side(stage("same", "a", x="1"), stage("train", "u", x="2", z="1"), stage("new", "n"))
    assert [
        (s.address, s.change, s.base, s.current, s.inputs)
        for s in changes_between("c" * 40, before, after).stages
    ] == [
        ("train", "changed", ("t",), ("u",), ("~ x", "- y", "+ z")),
        ("new", "added", (), ("n",), ()),
        ("gone", "removed", ("g",), (), ()),
    ]
    rows = {rows.title: rows for rows in change_rows(gated())}["Stages"].rows
    assert rows[0].change == "changed, its command, its inputs"
    assert "python src/train.py --trees 40" in html_report(gated())


@given(st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.text()))
def test_files_are_added_removed_or_changed(before: dict[str, str], after: dict[str, str]) -> None:
    change = folder_change(before, after)
    assert len(after) - len(before) == change.added - change.removed
    assert (change.added, change.removed, change.changed) == (0, 0, 0) or before != after
    assert folder_change(after, before).added == change.removed


def test_better_and_worse_follow_the_policy() -> None:
    metrics = change_rows(gated())[0]
    assert [(row.key, row.tone) for row in metrics.rows] == [
        ("pca.accuracy", "better"),
        ("pca.log_loss", "worse"),
        ("test_images", ""),
        ("zones.f1", ""),
    ]


def test_every_format_for_people_shows_them() -> None:
    report = gated()
    for text in (table(report, width=120), markdown(report), html_report(report)):
        for part in ("pca.log_loss", "+0.013", "worse", "213 kB in 3 files", "1.89 MB in 7 files",
                     "4 added, 1 changed", "train.classes", "not compared"):  # fmt: skip
            assert part in text, part
    assert "| `pca.log_loss` | 0.158 | 0.171 | +0.013 worse 🔴 |" in markdown(report)
    assert "Changes" not in table(checked())


def test_no_change_is_said() -> None:
    assert gated().changes is not None
    same = gated().model_copy(
        update={"changes": gated().changes.model_copy(  # type: ignore[union-attr]
            update={"metrics": (), "params": (), "data": (), "stages": (), "unknown": ()}
        )}
    )  # fmt: skip
    for text in (table(same), markdown(same), html_report(same)):
        assert "No metric, data, parameter or stage differs from the base." in text


def test_long_tables_are_folded_and_cut() -> None:
    report = gated()
    assert report.changes is not None
    many = tuple(
        report.changes.params[0].model_copy(update={"key": f"k{number}"}) for number in range(2000)
    )
    long = report.model_copy(update={"changes": report.changes.model_copy(update={"params": many})})
    assert "<details><summary>Parameters (2,000)</summary>" in markdown(long)
    assert "and 1,970 more parameters; the HTML report has them" in table(long)
    assert len(markdown(long)) < 65_536


def test_they_are_part_of_the_core_and_folders_are_not() -> None:
    core = gated().core()
    assert '"changes"' in core
    assert "d.npy" not in core
    assert '"changes":null' in passed().core()


@settings(deadline=None, max_examples=30)
@given(st.text(max_size=60))
def test_a_name_stays_in_its_cell(name: str) -> None:
    report = gated()
    assert report.changes is not None
    odd = tuple(p.model_copy(update={"key": name, "base": name}) for p in report.changes.params)
    data = tuple(d.model_copy(update={"path": name}) for d in report.changes.data)
    stages = tuple(
        s.model_copy(update={"address": name, "current": (name,), "inputs": (name,)})
        for s in report.changes.stages
    )
    update = {"params": odd, "data": data, "stages": stages}
    hostile = report.model_copy(update={"changes": report.changes.model_copy(update=update)})
    lines = markdown(hostile).splitlines()
    rows = [line for line in lines if line.startswith("| ") and line.endswith(" |")]
    in_change_tables = [row for row in rows if row.count(" | ") >= 3]
    assert len(in_change_tables) == 3 + 4 + 2 + 2 + 3
    assert all(row.replace("\\|", "").count("|") == 5 for row in in_change_tables)
