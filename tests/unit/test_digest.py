"""Digests as DVC writes them, and the digest that names a lock."""

import hashlib
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lockproof.model.digest import Digest, lock_digest

HEX = "0123456789abcdef" * 2
FILES = st.dictionaries(st.text(max_size=8), st.binary(max_size=20), max_size=4)


@pytest.mark.parametrize("algorithm", ["md5", "md5-dos2unix"])
@pytest.mark.parametrize(
    "value",
    ["", HEX[:-1], HEX + "0", HEX.upper(), HEX + ".DIR", HEX + ".dir ", HEX + "\n", "g" * 32],
)
def test_what_is_no_md5_is_refused(algorithm: str, value: str) -> None:
    with pytest.raises(ValidationError, match="not an MD5 digest"):
        Digest(algorithm=algorithm, value=value)


@given(st.sampled_from(["md5", "md5-dos2unix", "etag"]), st.text("01af.dir", max_size=36))
@settings(max_examples=200, deadline=None)
def test_what_is_made_without_the_validator_is_the_same(algorithm: str, value: str) -> None:
    for each in (value, HEX, f"{HEX}.dir"):
        try:
            checked = Digest(algorithm=algorithm, value=each)
        except ValidationError:
            with pytest.raises(ValidationError):
                Digest.of(algorithm, each)
            continue
        quick = Digest.of(algorithm, each)
        assert (quick, hash(quick), repr(quick)) == (checked, hash(checked), repr(checked))
        assert quick.model_dump_json() == checked.model_dump_json()
        assert pickle.loads(pickle.dumps(quick)) == checked == quick.model_copy()
        with pytest.raises(AttributeError):
            quick.value = HEX


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(ValidationError):
        Digest(algorithm="sha1", value=HEX)


@pytest.mark.parametrize("algorithm", ["etag", "checksum"])
def test_a_remote_names_its_content_as_it_likes(algorithm: str) -> None:
    assert str(Digest(algorithm=algorithm, value='"0x8D"-12')) == f'{algorithm}:"0x8D"-12'


def test_a_directory_is_told_by_its_suffix() -> None:
    file, folder = Digest(value=HEX), Digest(value=HEX + ".dir")
    assert (file.is_dir, folder.is_dir) == (False, True)
    assert (file.short, folder.short) == ("01234567", "01234567.dir")
    assert str(folder) == f"md5:{HEX}.dir"


def test_digests_are_values() -> None:
    one, same = Digest(value=HEX), Digest(algorithm="md5", value=HEX)
    assert one == same
    assert hash(one) == hash(same)
    assert one != Digest(algorithm="md5-dos2unix", value=HEX)
    with pytest.raises(AttributeError):
        one.value = HEX[::-1]  # type: ignore[misc]


def test_the_lock_digest_is_the_documented_formula() -> None:
    inner = hashlib.sha256(b"x\n").hexdigest()
    expected = hashlib.sha256(f'[["dvc.lock","{inner}"]]'.encode()).hexdigest()
    assert lock_digest({"dvc.lock": b"x\n"}) == expected


@given(FILES)
@settings(deadline=None)
def test_the_lock_digest_does_not_depend_on_order(files: dict[str, bytes]) -> None:
    assert lock_digest(dict(reversed(files.items()))) == lock_digest(files)


@given(FILES)
@settings(deadline=None)
def test_the_lock_digest_does_not_depend_on_line_ends(files: dict[str, bytes]) -> None:
    unix = {path: content.replace(b"\r", b"") for path, content in files.items()}
    windows = {path: content.replace(b"\n", b"\r\n") for path, content in unix.items()}
    assert lock_digest(windows) == lock_digest(unix)


@given(FILES, FILES)
@settings(deadline=None)
def test_different_locks_have_different_digests(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    def as_lf(files: dict[str, bytes]) -> dict[str, bytes]:
        return {path: content.replace(b"\r\n", b"\n") for path, content in files.items()}

    assert (lock_digest(one) == lock_digest(other)) == (as_lf(one) == as_lf(other))


def test_a_path_that_is_no_utf8_can_be_named() -> None:
    assert lock_digest({"\udcff.dvc": b""}) != lock_digest({"\udcfe.dvc": b""})
