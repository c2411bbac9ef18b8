"""What two contents of one output have in common."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.compare.contents import from_windows, only_paths_differ, split_listing
from lockproof.model.digest import Digest

LINES = st.lists(st.binary().map(lambda b: b.translate(None, b"\r\n\0")), min_size=2)


def md5(content: bytes) -> Digest:
    return Digest(value=hashlib.md5(content).hexdigest())


@given(LINES)
def test_a_lock_of_the_same_text_with_crlf_is_told(lines: list[bytes]) -> None:
    unix, windows = b"\n".join(lines), b"\r\n".join(lines)
    assert from_windows(unix, md5(windows))
    assert not from_windows(unix, md5(unix))
    assert not from_windows(windows, md5(windows))
    assert not from_windows(unix, md5(windows + b" "))
    assert not from_windows(unix + b"\0", md5(windows + b"\0"))
    assert not from_windows(unix, None)
    # DVC 2 took it for the same.
    assert not from_windows(unix, Digest.of("md5-dos2unix", md5(windows).value))


PLACES = st.text("abc/-", min_size=1, max_size=9).map(lambda text: f"/{text}".encode())
TEXT = st.binary(max_size=9).map(lambda b: b.replace(b"/", b""))


@given(st.lists(TEXT, min_size=2, max_size=4), PLACES)
def test_a_place_that_is_all_that_differs_is_told(parts: list[bytes], place: bytes) -> None:
    root = b"/workspace"
    made, locked = root.join(parts), place.join(parts)
    told = only_paths_differ(made, locked, root)
    assert told == (None if place == root else place.decode())
    assert only_paths_differ(made, b"!" + locked, root) is None
    assert only_paths_differ(made, made, root) is None
    assert only_paths_differ(b"".join(parts), locked, root) is None


FILES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("12"))


@given(FILES, FILES)
def test_every_difference_of_two_folders_is_sorted_once(
    locked: dict[str, str], made: dict[str, str]
) -> None:
    parts = split_listing(locked, made)
    differing = {n for n in {*locked, *made} if locked.get(n) != made.get(n)}
    assert {*parts.others} == differing
    assert {*parts.only_locked} == locked.keys() - made.keys()
    assert {*parts.changed} == differing & locked.keys() & made.keys()
    assert parts.byte_code == ()


@pytest.mark.parametrize("name", ["__pycache__/m.cpython-311.pyc", "a/__pycache__/x", "m.pyc"])
def test_byte_code_stands_apart(name: str) -> None:
    parts = split_listing({name: "1", "m.py": "1"}, {name: "2", "m.py": "1"})
    assert (parts.byte_code, parts.others) == ((name,), ())
    parts = split_listing({"m.py": "1"}, {name: "2", "m.py": "2"})
    assert (parts.byte_code, parts.others) == ((name,), ("m.py",))
