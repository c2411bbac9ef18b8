"""Lines for a terminal: they fit, say all that they were given, and break where rich does."""

import re
from io import StringIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockproof.render.terminal import Grid, Screen, Text, cells, clipped

SHORT_WORDS = st.lists(st.text("ab.,-", min_size=1, max_size=9), min_size=1, max_size=30)
TEXTS = st.text(st.sampled_from("ab 数é\u0301❤\ufe0f-\n"), max_size=80)
WIDTHS = st.integers(2, 40)


def lines(what: Text | Grid | str, width: int) -> list[str]:
    screen = Screen(width, color=False)
    screen.write(what)
    return screen.text().removesuffix("\n").split("\n")


@given(SHORT_WORDS, st.integers(9, 60))
@settings(deadline=None)
def test_text_is_wrapped_as_rich_wraps_it(words: list[str], width: int) -> None:
    console = pytest.importorskip("rich.console", reason="DVC brings rich")
    from rich.text import Text as RichText

    out = StringIO()
    console.Console(file=out, width=width).print(RichText(" ".join(words)))
    assert lines(" ".join(words), width) == [line.rstrip() for line in out.getvalue().splitlines()]


@example("a" * 500, 7)
@example("ab " * 3 + "b" * 30 + " ab", 10)
@example("数" * 9, 3)
@example("  a\n\n b", 2)
@given(TEXTS, WIDTHS)
def test_lines_fit_and_nothing_is_lost(text: str, width: int) -> None:
    shown = lines(text, width)
    assert [line for line in shown if cells(line) > width] == []
    assert re.sub(r"\s", "", "".join(shown)) == re.sub(r"\s", "", text)


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=4), WIDTHS)
def test_cells_of_a_grid_fit_and_nothing_is_lost(rows: list[list[str]], width: int) -> None:
    width += 12
    grid = Grid((None, None, None))
    for row in rows:
        grid.add(*row)
    shown = lines(grid, width)
    assert [line for line in shown if cells(line) > width] == []
    assert sorted(re.sub(r"\s", "", "".join(shown))) == sorted(
        re.sub(r"\s", "", "".join(cell for row in rows for cell in row))
    )


@pytest.mark.parametrize(
    ("text", "many"),
    [("", 0), ("ab", 2), ("数a", 3), ("e\u0301", 1), ("❤", 1), ("❤\ufe0f", 2), ("🚀", 2)],
)
def test_cells_are_those_of_unicode(text: str, many: int) -> None:
    assert cells(text) == many


@given(TEXTS, st.integers(0, 90))
def test_clipped_is_the_longest_beginning_that_fits(text: str, most: int) -> None:
    kept = clipped(text, most)
    assert text.startswith(kept)
    assert cells(kept) <= most
    assert kept == text or cells(text[: len(kept) + 1]) > most


def test_stated_widths_hold_and_numbers_stand_at_the_right() -> None:
    grid = Grid((4, None), right=(1,))
    grid.add("ab", "1")
    grid.add("abcdef", "1,000")
    assert lines(grid, 20) == ["ab        1", "abcd  1,000", "ef"]


def test_what_needs_most_room_gives_way() -> None:
    grid = Grid((None, None))
    grid.add("name", "a b c d e f g h i j")
    assert lines(grid, 15) == ["name  a b c d e", "      f g h i j"]


def test_styles_are_written_only_in_colour_and_never_hide_words() -> None:
    text = Text("a ", "bold red").append("b").append(" c", "")
    for color, expected in (
        (False, "a b c\n"),
        (True, "\x1b[1;31ma \x1b[0m\x1b[1;31mb\x1b[0m c\n"),
    ):
        screen = Screen(20, color=color)
        screen.write(text)
        assert screen.text() == expected


def test_a_style_goes_on_in_the_next_line_and_blanks_have_none() -> None:
    screen = Screen(4, color=True)
    screen.write(Text("ab  cd", "dim"), indent=1)
    assert screen.text() == " \x1b[2mab\x1b[0m\n \x1b[2mcd\x1b[0m\n"


def test_an_unknown_style_is_an_error() -> None:
    screen = Screen(4, color=True)
    with pytest.raises(KeyError):
        screen.write(Text("a", "blink"))
