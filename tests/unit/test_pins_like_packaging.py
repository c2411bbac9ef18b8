"""What a file of pins is read as, beside `packaging`, by whose reading pip installs."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lockproof.adapters.environment import pins
from lockproof.errors import ConfigError

ROOT = Path("/repository")
NAMES = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9._-]{0,6}[A-Za-z0-9])?\Z")
VERSIONS = st.sampled_from(
    (
        "1",
        "1.0",
        "1.0.*",
        "1.0rc1",
        "1!2.0",
        "1.0+cu12",
        "2024.1.post1",
        "1.0.dev1",
        "v1.0",
        "1.0-1",
    )
) | st.sampled_from(("01.0", "1.0_a", "abc", "1.0a", "*", "1..0", "1.0.", "٣", ""))
SPACES = st.sampled_from(["", " ", "  ", "\t"])
EXTRAS = st.sampled_from(
    ["", "[a]", "[a,b]", "[a, b-c]", "[]", "[ a ]", "[a", "[a b]", "[=]", "[,]"]
)
MARKERS = st.sampled_from(
    ["", ";python_version>'3'", " ; sys_platform == 'linux'", ";", "; nonsense", ";extra=='a'"]
)


@st.composite
def lines(draw: st.DrawFn) -> str:
    clauses = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["==", "===", ">=", "<", "~=", "!=", "=", "====", "= ="]),
                SPACES,
                VERSIONS,
            ),
            min_size=1,
            max_size=2,
        )
    )
    text = ",".join("".join(clause) for clause in clauses)
    text = draw(st.sampled_from([text, text, f"({text})", f"({text}", f"{text})"]))
    space = draw(SPACES)
    return f"{draw(NAMES)}{draw(EXTRAS)}{space}{text}{draw(SPACES)}{draw(MARKERS)}"


def read(line: str) -> tuple[str, str] | None:
    """Name and version as lockproof has them; None where it refuses the line."""
    seen = pins._Reading(ROOT, lambda path: line.encode("utf-8", "surrogatepass"))
    try:
        pins._read(ROOT / "requirements.txt", seen, 0)
    except ConfigError:
        return None
    return next(iter(seen.names.items()), None)


def expected(line: str) -> tuple[str, str] | None:
    """The same by `packaging`; None for what is no requirement or lets pip choose."""
    try:
        found = Requirement(line)
    except InvalidRequirement:
        return None
    clauses = list(found.specifier)
    if found.url or len(clauses) != 1 or clauses[0].operator not in ("==", "==="):
        return None
    if "*" in clauses[0].version and clauses[0].operator == "==":
        return None
    return canonicalize_name(found.name), clauses[0].version if not found.marker else ""


@given(lines())
@example("a==1.0")
@example("a (==1.0)")
@example("a==1.0;python_version>'3'")
def test_a_pin_is_read_as_it_is_installed(line: str) -> None:
    ours, theirs = read(line), expected(line)
    if ours is not None:
        assert theirs is not None, "accepted, and pip chooses or refuses"
        assert ours[0] == theirs[0]
        assert ours[1] in (theirs[1], ""), "another version than pip installs"
    elif theirs is not None:
        assert "*" in line, "refused, and a pin"


@given(
    st.text(
        alphabet=st.sampled_from("ab1.=<>!~;,()[]@ -#'\"\\*\t\n\r\x0b\x0c\x85\u2028é"), max_size=24
    )
)
def test_what_is_accepted_names_what_pip_would_install(text: str) -> None:
    """Whatever is in a file: an accepted line is a pin of that name for `packaging` too."""
    ours = read(text)
    if ours is None or "\n" in text or "\r" in text or "#" in text or "\\" in text:
        return
    theirs = expected(text.strip())
    assert theirs is not None
    assert ours[0] == theirs[0]


@pytest.mark.parametrize(
    "line", ["#" * 300_000, f"-r{'=' * 300_000}'", f"a @ https://b/c{'#' * 300_000}"]
)
def test_a_line_that_somebody_wrote_to_hold_us_is_read_at_once(line: str) -> None:
    """With a pattern that goes back this takes hours."""
    assert read(line) is None


def test_only_another_encoding_than_utf_8_is_refused() -> None:
    assert read("# -*- coding: utf-8 -*-\na==1.0") == ("a", "1.0")
    assert read("# -*- coding: latin-1 -*-\na==1.0") is None


COMMIT = "a" * 40


@pytest.mark.parametrize(
    ("line", "pinned"),
    [
        (f"foo @ git+https://h/r@{COMMIT}", True),
        (f"foo @ git+ssh://git@h/r.git@{COMMIT}#subdirectory=x", True),
        (f"git+https://h/r@{COMMIT}#egg=foo", True),
        (f"foo @ https://h/foo.zip#sha256={'b' * 64}", True),
        (f"foo==1 --hash=sha256:{'b' * 64}", True),
        # Digits elsewhere in an address pin nothing.
        (f"foo @ git+https://h/r@main#subdirectory=x@{COMMIT}", False),
        (f"foo @ git+https://h/r@main?@{COMMIT}", False),
        (f"foo @ https://h/foo.zip?@{COMMIT}", False),
        (f"foo @ https://h/foo.zip#egg=@{COMMIT}", False),
        (f"https://h/@{COMMIT}", False),
        (f"foo @ https://h/foo.zip --hash=md5:{'b' * 32}", False),
    ],
)
def test_an_address_is_pinned_by_the_revision_that_git_takes(line: str, pinned: bool) -> None:
    assert (read(line) is not None) == pinned
