"""What holds for every type of file alike."""

import math
import struct
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lockproof.compare.content import READERS, compare_content
from lockproof.compare.numbers import agree, gap
from lockproof.model.comparison import Tolerance

from .files import (
    BETTER_TO_WORSE,
    DIFFERENT,
    IDENTICAL,
    LOOSE,
    NOT_COMPARABLE,
    WITHIN,
    WRITERS,
    compare,
    is_close,
    rule,
    summaries,
)

every_type = pytest.mark.parametrize("suffix", WRITERS)
frugal = settings(max_examples=25, deadline=None)

moderate = st.floats(-1e6, 1e6)
any_float = st.one_of(
    moderate, st.floats(-1e300, 1e300), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0])
)
columns = st.lists(any_float, min_size=1, max_size=6)
pairs = st.lists(st.tuples(any_float, any_float), min_size=1, max_size=6)
tolerances = st.one_of(st.just(1e-9), st.floats(1e-12, 1e3))


def test_every_reader_is_tested_here() -> None:
    assert WRITERS.keys() == READERS.keys()


@every_type
@frugal
@given(values=columns)
def test_content_never_differs_from_itself(suffix: str, values: list[float]) -> None:
    content = WRITERS[suffix](values, False)
    assert compare(f"m{suffix}", content, content, LOOSE).verdict is IDENTICAL
    found = compare(f"m{suffix}", content, WRITERS[suffix](values, True), LOOSE)
    assert found.verdict is WITHIN
    assert sum(d.checked for d in found.differences) >= len(values)
    assert all(d.differing == d.beyond == 0 and d.largest is None for d in found.differences)


class Enough(BaseException):
    """Raised by who has seen enough."""


@every_type
def test_who_does_not_go_on_ends_it(suffix: str, tmp_path: Path) -> None:
    """At the first look at the bytes, and again while values are compared."""
    document = suffix in (".json", ".toml", ".yaml", ".yml")  # Asks only now and then.
    for name, other in (("a", False), ("b", True)):
        content = WRITERS[suffix]([0.5] * (5000 if document else 5), other)
        (tmp_path / name).write_bytes(content)
    asked = []

    def compare_until(most: int) -> None:
        def go_on() -> None:
            asked.append(most)
            if asked.count(most) >= most:
                raise Enough

        compare_content(f"m{suffix}", tmp_path / "a", tmp_path / "b", [LOOSE], go_on)

    for most in (1, 2):
        with pytest.raises(Enough):
            compare_until(most)


@every_type
@frugal
@given(values=columns)
def test_without_a_rule_other_bytes_are_different(suffix: str, values: list[float]) -> None:
    found = compare(f"m{suffix}", WRITERS[suffix](values, False), WRITERS[suffix](values, True))
    assert found.verdict is DIFFERENT
    assert "equal by value" in summaries(found)[0]


@every_type
@frugal
@given(pairs=pairs, atol=tolerances)
def test_symmetric_without_rtol(suffix: str, pairs: list[tuple[float, float]], atol: float) -> None:
    a, b = (WRITERS[suffix](side, False) for side in zip(*pairs, strict=True))
    there, back = (compare(f"m{suffix}", *two, rule(atol=atol)) for two in ((a, b), (b, a)))
    assert there.verdict is back.verdict
    assert [d.beyond for d in there.differences] == [d.beyond for d in back.differences]


@every_type
@frugal
@given(pairs=pairs, rtol=st.floats(0, 1), atol=tolerances, more=st.floats(0, 10))
def test_more_tolerance_is_never_worse(
    suffix: str, pairs: list[tuple[float, float]], rtol: float, atol: float, more: float
) -> None:
    a, b = (WRITERS[suffix](side, False) for side in zip(*pairs, strict=True))
    strict = compare(f"m{suffix}", a, b, rule(rtol, atol)).verdict
    loose = compare(f"m{suffix}", a, b, rule(rtol * (1 + more), atol + more)).verdict
    assert BETTER_TO_WORSE.index(loose) <= BETTER_TO_WORSE.index(strict)


@every_type
@frugal
@given(
    values=st.lists(moderate, min_size=1, max_size=6),
    atol=st.floats(1e-3, 1e3),
    sign=st.sampled_from([-1, 1]),
    data=st.data(),
)
def test_perturbation_within_and_beyond(
    suffix: str, values: list[float], atol: float, sign: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(values) - 1))
    locked = WRITERS[suffix](values, False)
    for factor, verdict, beyond in ((0.5, WITHIN, 0), (2.0, DIFFERENT, 1)):
        moved = values.copy()
        moved[index] += sign * factor * atol
        found = compare(f"m{suffix}", locked, WRITERS[suffix](moved, False), rule(atol=atol))
        assert found.verdict is verdict
        (difference,) = found.differences
        assert (difference.differing, difference.beyond) == (1, beyond)
        assert difference.largest is not None
        assert difference.largest.absolute == abs(values[index] - moved[index])
        assert float(difference.largest.locked) == values[index]
        assert float(difference.largest.observed) == moved[index]


@every_type
@frugal
@given(pairs=pairs, rtol=st.floats(0, 1), atol=tolerances)
def test_counts_agree_with_numpy(
    suffix: str, pairs: list[tuple[float, float]], rtol: float, atol: float
) -> None:
    a, b = zip(*pairs, strict=True)
    assume(WRITERS[suffix](a, False) != WRITERS[suffix](b, False))
    found = compare(
        f"m{suffix}", WRITERS[suffix](a, False), WRITERS[suffix](b, False), rule(rtol, atol)
    )
    (difference,) = found.differences
    assert difference.beyond == sum(not is_close(x, y, rtol, atol) for x, y in pairs)
    assert difference.differing == sum(not is_close(x, y, 0, 0) for x, y in pairs)


@every_type
def test_where_the_largest_difference_is(suffix: str) -> None:
    locked = WRITERS[suffix]([1.0, 2.0, 4.0, 8.0], False)
    observed = WRITERS[suffix]([1.0, 2.25, 5.0, 8.5], False)
    (difference,) = compare(f"m{suffix}", locked, observed, rule(rtol=0.2)).differences
    assert difference.summary.startswith("3 of ")
    assert difference.summary.endswith(" values differ, 1 beyond tolerance")
    assert difference.largest is not None
    assert (difference.largest.locked, difference.largest.observed) == ("4.0", "5.0")
    assert (difference.largest.absolute, difference.largest.relative) == (1.0, 0.25)
    assert difference.largest.where in {
        "score[2]",
        "row 3, column score",
        "[2]",
    }


@every_type
def test_of_equal_differences_the_first_is_shown(suffix: str) -> None:
    locked, observed = (
        WRITERS[suffix]([1.0, 2.0, 3.0], False),
        WRITERS[suffix]([2.0, 3.0, 4.0], False),
    )
    largest = compare(f"m{suffix}", locked, observed, LOOSE).differences[0].largest
    assert largest is not None
    assert (largest.locked, largest.observed) == ("1.0", "2.0")


@every_type
@pytest.mark.parametrize("content", [b"", b"\0", b"\xff\xfe\xfd", b"PAR1\0", b"PK\x03\x04", b"{[("])
def test_content_of_no_type_is_not_comparable_nor_fatal(suffix: str, content: bytes) -> None:
    sound = WRITERS[suffix]([1.0], False)
    for pair in ((sound, content), (content, sound), (content, content + b"\n")):
        assert compare(f"m{suffix}", *pair, LOOSE).verdict in (NOT_COMPARABLE, DIFFERENT)
        assert compare(f"m{suffix}", *pair).verdict is DIFFERENT


@every_type
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_mutilated_content_has_a_verdict(suffix: str, data: st.DataObject) -> None:
    sound = WRITERS[suffix]([1.0, 2.5, -3e10], False)
    broken = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(broken)))
        length = data.draw(st.integers(0, 4))
        broken[start : start + length] = data.draw(st.binary(max_size=6))
    found = compare(f"m{suffix}", sound, bytes(broken), LOOSE)
    assert found.verdict in BETTER_TO_WORSE
    assert (found.verdict is IDENTICAL) == (broken == sound) == (not found.differences)
    assert all(s.isprintable() and len(s) < 700 for s in summaries(found))


def test_a_type_without_a_reader() -> None:
    found = compare("model.skops", b"abcd", b"abxd", LOOSE)
    assert found.verdict is NOT_COMPARABLE
    assert ".skops files are not compared by value" in summaries(found)[0]
    assert "bytes differ from offset 2; sizes 4, 4" in summaries(found)[0]
    assert summaries(compare("model.skops", b"ab", b"abxd")) == [
        "bytes differ from offset 2; sizes 2, 4"
    ]
    assert compare("model", b"a", b"b", LOOSE).verdict is NOT_COMPARABLE


@pytest.mark.parametrize("at", [0, 1, 2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20 - 1])
def test_offset_of_the_first_byte_that_differs(at: int) -> None:
    content = bytearray(3 * 2**20)
    content[at] = 1
    found = compare("x", bytes(3 * 2**20), bytes(content))
    assert summaries(found) == [f"bytes differ from offset {at}; sizes {3 * 2**20}, {3 * 2**20}"]


def test_rules_for_other_paths_do_not_count() -> None:
    other = LOOSE.model_copy(update={"paths": ("elsewhere/*",)})
    assert compare("m.json", b"[1]", b"[ 1]", other).verdict is DIFFERENT
    assert compare("m.json", b"[1]", b"[ 1]", other, LOOSE).verdict is WITHIN


def test_what_is_not_there(tmp_path: Path) -> None:
    here, absent = tmp_path / "here", tmp_path / "absent"
    here.write_bytes(b"[1]")
    assert compare_content("m.json", here, absent, [LOOSE]).verdict is DIFFERENT
    assert compare_content("m.json", absent, here, [LOOSE]).verdict is NOT_COMPARABLE


@given(
    a=st.integers(-(2**1100), 2**1100),
    b=st.integers(-(2**1100), 2**1100),
    atol=st.floats(0, 1e300),
)
def test_integers_are_compared_exactly(a: int, b: int, atol: float) -> None:
    assert agree(a, b, Tolerance(atol=atol)) == (abs(a - b) <= int(atol))
    assert agree(a, a + 1, Tolerance(atol=0.5)) is False
    assert gap(a, a) == 0


@given(a=any_float, b=any_float, rtol=st.floats(0, 1), atol=tolerances)
def test_single_numbers_agree_as_in_numpy(a: float, b: float, rtol: float, atol: float) -> None:
    assert agree(a, b, Tolerance(rtol=rtol, atol=atol)) == is_close(a, b, rtol, atol)


def test_values_are_shown_with_all_their_digits() -> None:
    a = 0.1
    b = struct.unpack("<d", struct.pack("<q", struct.unpack("<q", struct.pack("<d", a))[0] + 1))[0]
    (difference,) = compare("m.json", f"[{a!r}]".encode(), f"[{b!r}]".encode(), LOOSE).differences
    assert difference.largest is not None
    assert difference.largest.locked == "0.1"
    assert difference.largest.observed == "0.10000000000000002"
