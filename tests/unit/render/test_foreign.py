"""Foreign text is shown without anything hidden."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.render.foreign import brief, first_lines, last_lines, visible, visible_lines

ANY_TEXT = st.text(st.characters())  # surrogates too


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("data/größe 数.csv", "data/größe 数.csv"),
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("cod\u202egpj.exe", r"cod\u202egpj.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("\u2066isolate\u2069", r"\u2066isolate\u2069"),
        ("no\u00a0break", r"no\xa0break"),
        ("hangul\u3164filler", r"hangul\u3164filler"),
        ("\udcff", r"\udcff"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_hidden_characters_become_escapes(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY_TEXT)
def test_visible_text_is_printable_and_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown
    shown.encode("utf-8")


@given(ANY_TEXT)
def test_lines_stay_lines(text: str) -> None:
    shown = visible_lines(text)
    assert shown.count("\n") == text.replace("\r\n", "\n").count("\n")
    assert shown.replace("\n", "").isprintable()


def test_a_carriage_return_cannot_overwrite_a_line_but_a_windows_line_end_is_fine() -> None:
    assert visible_lines("failed\rpassed\r\nnext") == "failed\\rpassed\nnext"


@given(ANY_TEXT, st.integers(60, 400))
def test_brief_text_is_short(text: str, limit: int) -> None:
    longer = text * 30
    shown = brief(longer, limit)
    assert len(shown) <= 4 * limit
    if len(longer) > limit:
        assert f"…({len(longer):,} characters)…" in shown


def test_brief_keeps_both_ends() -> None:
    shown = brief("begin" + "x" * 10_000 + "end", 100)
    assert shown.startswith("begin")
    assert shown.endswith("end")
    assert len(shown) <= 100


def test_lines_that_are_left_out_are_counted() -> None:
    text = "\n".join(map(str, range(10))) + "\n"
    assert first_lines(text, 3) == (["0", "1", "2"], 7)
    assert last_lines(text, 2) == (["8", "9"], 8)
    assert first_lines("one", 3) == (["one"], 0)


def test_a_long_line_is_cut() -> None:
    lines, more = first_lines("x" * 100_000, 3)
    assert more == 0
    assert len(lines[0]) <= 2000
