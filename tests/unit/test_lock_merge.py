"""The three-way merge of locks: its algebra, and what it will not put together."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.rules.lock_merge import Merged, Side, merge_locks, pick
from lockproof.steps.merge_lock.merge import Merge, Versions, merge_files

NAMES = ("prepare", "train", "evaluate", "report")
PATHS = ("raw", "data", "data/train", "model", "src/a.py")


def stage(
    deps: dict[str, str], outs: dict[str, str], params: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A lock entry; digests are given by one digit."""
    entry: dict[str, Any] = {
        "cmd": "run",
        "deps": [{"path": p, "hash": "md5", "md5": d * 32} for p, d in deps.items()],
        "outs": [{"path": p, "hash": "md5", "md5": d * 32} for p, d in outs.items()],
    }
    return {**entry, "params": {"params.yaml": params}} if params else entry


some_files = st.dictionaries(st.sampled_from(PATHS), st.sampled_from("12a"), max_size=2)
some_stages = st.builds(
    stage, some_files, some_files, st.dictionaries(st.just("lr"), st.integers(1, 2), max_size=1)
)
locks = st.dictionaries(st.sampled_from(NAMES), some_stages, max_size=4)


def entries(merged: Merged, ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """The entries of the merged lock, those that must be run again left out."""
    lock = {Side.OURS: ours, Side.THEIRS: theirs}
    return {n: lock[s][n] for n, s in merged.sides.items() if n not in merged.unproved}


@settings(deadline=None)
@given(locks, locks)
def test_a_side_that_changed_nothing_has_no_say(base: dict[str, Any], new: dict[str, Any]) -> None:
    for ours, theirs in ((base, new), (new, base), (new, new)):
        merged = merge_locks(base, ours, theirs)
        assert not merged.reruns
        assert entries(merged, ours, theirs) == new


@settings(deadline=None)
@given(locks, locks, locks)
def test_it_does_not_matter_which_side_is_ours(
    base: dict[str, Any], one: dict[str, Any], two: dict[str, Any]
) -> None:
    here, there = merge_locks(base, one, two), merge_locks(base, two, one)
    assert here.unproved == there.unproved
    assert entries(here, one, two) == entries(there, two, one)


@settings(deadline=None)
@given(locks, locks, locks)
def test_what_is_merged_was_claimed_by_one_side_and_fits_together(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    merged = merge_locks(base, ours, theirs)
    kept = entries(merged, ours, theirs)
    for name, entry in kept.items():
        assert entry in (ours.get(name), theirs.get(name))
        for dep in entry["deps"]:
            for maker, other in kept.items():
                made = [out for out in other["outs"] if out["path"] == dep["path"]]
                together = any(
                    s.get(name) == entry and s.get(maker) == other for s in (ours, theirs)
                )
                assert maker == name or together or all(out == dep for out in made)
    for name in {*ours, *theirs} - {*kept} - merged.unproved:
        assert name in base  # It was removed on one side and left alone on the other.


@settings(deadline=None)
@given(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))
def test_one_value(base: int, ours: int, theirs: int) -> None:
    side = pick(base, ours, theirs)
    wanted = {ours, theirs} - {base} or {base}
    assert (side is None) == (len(wanted) == 2)
    assert side is None or {Side.OURS: ours, Side.THEIRS: theirs}[side] in wanted


BASE = {
    "prepare": stage({"raw": "1"}, {"data": "2"}),
    "train": stage({"data": "2"}, {"model": "3"}, {"lr": 1}),
}


def reasons(ours: dict[str, Any], theirs: dict[str, Any], **folders: str | None) -> dict[str, str]:
    """Stage -> why it must be run again."""
    return {r.stage: r.reason for r in merge_locks(BASE, ours, theirs, folders).reruns}


def test_a_stage_whose_input_the_other_side_made_anew_must_be_run_again() -> None:
    ours = {**BASE, "prepare": stage({"raw": "9"}, {"data": "8"}), "train": BASE["train"]}
    theirs = {**BASE, "train": stage({"data": "2"}, {"model": "7"}, {"lr": 5})}
    assert reasons(ours, theirs) == {
        "train": "reads data as theirs has it, but prepare made another on ours"
    }


def test_a_stage_whose_input_came_out_the_same_is_proved() -> None:
    ours = {**BASE, "prepare": stage({"raw": "9"}, {"data": "2"})}
    theirs = {**BASE, "train": stage({"data": "2"}, {"model": "7"}, {"lr": 5})}
    assert reasons(ours, theirs) == {}


def test_a_folder_and_a_file_in_it_cannot_be_compared() -> None:
    ours = {**BASE, "prepare": stage({"raw": "9"}, {"data": "8"})}
    theirs = {**BASE, "report": stage({"data/train": "4"}, {"report": "5"})}
    assert set(reasons(ours, theirs)) == {"report"}


def test_both_sides_ran_it() -> None:
    ours = {**BASE, "train": stage({"data": "2"}, {"model": "7"}, {"lr": 5})}
    theirs = {**BASE, "train": stage({"data": "2"}, {"model": "8"}, {"lr": 6})}
    assert reasons(ours, theirs) == {"train": "was run on both sides, with different results"}
    assert reasons(ours, {"prepare": BASE["prepare"]}) == {
        "train": "was run again on ours and removed on theirs"
    }


def test_a_new_stage_from_before_a_file_or_parameter_changed() -> None:
    ours = {"prepare": stage({"raw": "9"}, {"data": "2"}), "train": BASE["train"]}
    theirs = {**BASE, "report": stage({"raw": "1"}, {"report": "5"})}
    assert reasons(ours, theirs) == {"report": "read raw as it was before it changed on ours"}
    ours = {**BASE, "train": stage({"data": "2"}, {"model": "7"}, {"lr": 5})}
    theirs = {**BASE, "report": stage({}, {"report": "5"}, {"lr": 1})}
    assert reasons(ours, theirs) == {
        "report": "read lr of params.yaml as it was before it changed on ours"
    }


def test_a_file_that_changed_on_both_sides() -> None:
    ours = {**BASE, "prepare": stage({"raw": "8"}, {"data": "2"})}
    theirs = {**BASE, "report": stage({"raw": "9"}, {"report": "5"})}
    assert reasons(ours, theirs) == {}, "theirs has two versions of raw, so it says nothing"
    theirs = {"train": BASE["train"], "report": stage({"raw": "9"}, {"report": "5"})}
    assert reasons(ours, theirs) == {
        "prepare": "was run again on ours and removed on theirs",
        "report": "reads raw, which changed on both sides",
    }


def test_paths_are_relative_to_the_working_folder() -> None:
    ours = {**BASE, "prepare": stage({"raw": "9"}, {"data": "8"})}
    theirs = {**BASE, "report@pdf": stage({"../data": "2"}, {"report": "5"})}
    assert set(reasons(ours, theirs)) == set()
    assert set(reasons(ours, theirs, report="sub")) == {"report@pdf"}
    assert "only dvc.yaml can tell" in reasons(ours, theirs, report=None)["report@pdf"]


# --- as text --------------------------------------------------------------------------------------


def written(lock: dict[str, Any], **more: Any) -> bytes:
    """A lock as DVC writes it."""
    return yaml.safe_dump({"schema": "2.0", **more, "stages": lock}, sort_keys=False).encode()


def merged_text(base: bytes, ours: bytes, theirs: bytes, name: str = "dvc.lock") -> Merge:
    """The merge of three texts."""
    return merge_files(Versions(base, ours, theirs), name)


@settings(deadline=None)
@given(locks, locks, locks)
def test_the_text_says_what_was_merged(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    merge = merged_text(*(written(lock) for lock in (base, ours, theirs)))
    wanted = merge_locks(base, ours, theirs)
    assert merge.clean is not None
    assert yaml.safe_load(merge.clean)["stages"] == entries(wanted, ours, theirs)
    assert merge.is_clean == (not wanted.reruns)
    if merge.is_clean:
        assert merge.text == merge.clean
    else:
        assert b"<<<<<<< ours\n" in merge.text
        with pytest.raises(yaml.YAMLError):
            yaml.safe_load(merge.text)


def test_lines_stay_as_they_are_written() -> None:
    train = stage({"data": "2"}, {"model": "7"}, {"lr": 5})
    base = written(BASE).replace(b"lr: 1", b"lr: 1e-10 # kept")
    theirs = written({**BASE, "train": train, "report": stage({}, {"r": "5"})})
    merge = merged_text(base, base.replace(b"cmd: run", b"cmd: run now", 1), theirs)
    assert merge.is_clean
    assert merge.taken == 2
    assert merge.text == theirs.replace(b"cmd: run", b"cmd: run now", 1)


def test_digests_of_digits_alone_get_their_quotes() -> None:
    base = written(BASE)
    bare = base.replace(b"'" + b"2" * 32 + b"'", b"02222222222222222222222222222222")
    merge = merged_text(bare, bare, bare)
    assert merge.is_clean
    assert b"md5: '02222222222222222222222222222222'\n" in merge.text


@pytest.mark.parametrize(
    "theirs",
    [
        b"\xff\xfe",
        b"schema: '2.0'\nstages:\n  a: [",
        b"schema: '1.0'\nstages: {}\n",
        b"- a\n",
        b"schema: '2.0'\nstages:\n  a: &x {cmd: 1}\n  b: *x\n",
        b"schema: '2.0'\nstages: {a: {cmd: x}, b: {cmd: y}}\n",
        b"<<<<<<< HEAD\nstages: {}\n=======\n>>>>>>> x\n",
    ],
)
def test_what_cannot_be_taken_apart_is_a_conflict_as_a_whole(theirs: bytes) -> None:
    ours = written({**BASE, "a": stage({}, {})})
    merge = merged_text(written(BASE), ours, theirs)
    assert not merge.is_clean
    assert merge.clean is None
    assert merge.text.startswith(b"<<<<<<< ours\n" + ours + b"=======\n" + theirs)


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_give_a_merge_or_a_conflict(base: bytes, ours: bytes, theirs: bytes) -> None:
    merge = merged_text(base, ours, theirs)
    assert merge.is_clean or b"<<<<<<< ours\n" in merge.text


DATA = b"outs:\n- md5: %s\n  size: 7\n  hash: md5\n  path: data\n"
ONE, TWO, THREE = (DATA % (digit * 32) for digit in (b"a", b"b", b"c"))


def test_a_dvc_file_comes_whole_from_one_side() -> None:
    described = b"desc: digits\n" + TWO
    assert (
        merged_text(ONE, TWO, b"desc: digits\n" + ONE, "data.dvc").text == TWO + b"desc: digits\n"
    )
    assert merged_text(ONE, ONE, described, "data.dvc").text == TWO + b"desc: digits\n"
    conflict = merged_text(ONE, TWO, THREE, "data.dvc")
    assert conflict.conflicts == (
        "'outs' changed on both sides: ours bbbbbbbb (7 bytes), theirs cccccccc (7 bytes)",
    )
    assert conflict.text == b"<<<<<<< ours\n" + TWO + b"=======\n" + THREE + b">>>>>>> theirs\n"


def test_an_import_is_one_claim() -> None:
    base = b"deps:\n- path: a\n  repo: {rev_lock: one}\n" + ONE
    ours, theirs = base.replace(ONE, TWO), base.replace(b"one", b"two")
    assert not merged_text(base, ours, theirs, "data.dvc").is_clean
    assert merged_text(base, base, theirs, "data.dvc").text == theirs
