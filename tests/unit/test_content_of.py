"""What a folder is named by its content: equal names, equal folders."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockproof.adapters.environment.identity import content_of

Entry = tuple[str, str, int]
"""What it is, its content or target, and its mode."""
NAMES = st.text(alphabet="alz\n\udcff.", min_size=1, max_size=3).filter(
    lambda name: name not in (".", "..")
)
ENTRIES = st.one_of(
    st.tuples(st.just("file"), st.sampled_from(["", "a", "\n"]), st.sampled_from([0o644, 0o755])),
    st.tuples(st.just("link"), NAMES, st.just(0)),
    st.tuples(st.just("folder"), st.just(""), st.sampled_from([0o755, 0o700])),
)
TREES = st.dictionaries(NAMES, ENTRIES, max_size=3)


def named(tree: Mapping[str, Entry]) -> str:
    with tempfile.TemporaryDirectory() as place:
        for name, (kind, text, mode) in tree.items():
            path = Path(place, name)
            if kind == "link":
                path.symlink_to(text)
                continue
            if kind == "folder":
                path.mkdir()
            else:
                path.write_text(text, newline="")
            path.chmod(mode)
        return content_of(place)


@settings(deadline=None)
@given(TREES, TREES)
@example({"l": ("link", "a\nm", 0), "z": ("file", "", 0o644)},
         {"l": ("link", "a", 0), "m\nz": ("file", "", 0o644)})  # fmt: skip
def test_two_folders_have_one_name_only_where_they_are_equal(
    one: Mapping[str, Entry], other: Mapping[str, Entry]
) -> None:
    assert (named(one) == named(other)) is (one == other)
    assert named(one) == named(dict(reversed(one.items())))


def test_holes_are_the_zeros_that_they_read_as(tmp_path: Path) -> None:
    for name, write in (("holes", os.truncate), ("zeros", lambda p, n: p.write_bytes(bytes(n)))):
        file = tmp_path / name / "x"
        file.parent.mkdir()
        file.touch()
        write(file, 1 << 20)
    assert content_of(str(tmp_path / "holes")) == content_of(str(tmp_path / "zeros"))
