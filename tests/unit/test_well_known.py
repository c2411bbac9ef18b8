"""What is said of packages without an index: only of versions that were looked at."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.adapters.environment.pins import read_pins
from lockproof.adapters.environment.well_known import needed_beside
from lockproof.errors import ConfigError

VERSIONS = st.lists(st.integers(0, 3000), min_size=2, max_size=4)


@pytest.mark.parametrize(
    ("name", "version", "absent"),
    [
        ("scipy", "1.14.0", ("numpy",)),
        ("matplotlib", "3.2.2", ()),  # It needed no Pillow yet.
        ("requests", "2.9.1", ()),  # It had urllib3 in it.
        ("scikit-learn", "0.20.4", ()),
        ("scikit-learn", "0.21", ("joblib", "numpy", "scipy")),
        ("scikit-learn", "1.9.9.post1", ("joblib", "numpy", "scipy")),
        ("scikit-learn", "1.10.0", ()),  # Nobody has seen it.
        ("scikit-learn", "1.5.0rc1", ()),
        ("scikit-learn", "1.5.0+local", ()),
        ("scikit-learn", "1!1.5.0", ()),
        ("scikit-learn", "", ()),
        ("unknown", "1.0", ()),
    ],
)
def test_only_what_was_seen_is_said(name: str, version: str, absent: tuple[str, ...]) -> None:
    assert needed_beside({name: version}) == absent


@given(st.dictionaries(st.sampled_from(["scipy", "numpy", "six", "pandas"]), st.text()))
def test_any_version_is_taken(pins: dict[str, str]) -> None:
    assert not set(needed_beside(pins)) & pins.keys()


@given(VERSIONS)
def test_what_is_pinned_as_well_is_not_absent(parts: list[int]) -> None:
    version = ".".join(map(str, parts))
    assert not needed_beside({"scipy": version, "numpy": ""})


@pytest.mark.parametrize(
    ("line", "is_whole"),
    [
        ("scipy==1.14.0", False),
        ("scipy (==1.14.0)", False),
        ("scipy===1.14.0", False),
        ("scipy==1.14.0 ; sys_platform == 'win32'", True),
        ("scipy==0.16.0", True),
    ],
)
def test_a_version_is_read_as_it_is_pinned(line: str, is_whole: bool, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    if is_whole:
        assert read_pins(tmp_path / "requirements.txt", tmp_path).names == {"scipy"}
    else:
        with pytest.raises(ConfigError, match="does not pin numpy, which its packages need"):
            read_pins(tmp_path / "requirements.txt", tmp_path)
