"""What `--vary` takes."""

import pytest

from lockproof.errors import UsageError
from lockproof.steps.reproduce.conditions.known import NAMES, parse_names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("all", NAMES),
        ("all,clock", NAMES),
        ("clock,", ("clock",)),
        (" umask , clock", tuple(name for name in NAMES if name in ("umask", "clock"))),
    ],
)
def test_conditions_are_named_one_by_one_or_all(text: str, names: tuple[str, ...]) -> None:
    assert parse_names(text) == names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no condition"),
        (" , ", "names no condition"),
        ("all,ghost", "no condition 'ghost'"),
        ("HEAD", "no condition 'HEAD' \\(a revision stands before it"),
    ],
)
def test_what_names_none_is_one_clear_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_names(text)
