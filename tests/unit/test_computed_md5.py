"""What DVC's file systems say of an object, and which of it proves the object's content."""

import base64
import hashlib

import pytest

from lockproof.adapters.store.dvc import computed_md5

RAW = hashlib.md5(b"model", usedforsecurity=False)
TEXT = base64.b64encode(RAW.digest()).decode()


def test_google_computes_it() -> None:
    assert computed_md5({"md5Hash": TEXT, "etag": "CJ=", "size": 5}) == RAW.hexdigest()


@pytest.mark.parametrize(
    "info",
    [
        {"etag": "CJ=", "crc32c": "AAAA"},  # Google, of an object composed of others.
        {"content_settings": {"content_md5": RAW.digest()}, "etag": "0x8D"},  # Azure.
        {"content_md5": TEXT},
        {"ETag": RAW.hexdigest()},  # Of whatever calls itself S3.
        {"md5Hash": "not base64"},
        {"md5Hash": TEXT[:8]},
        {"md5Hash": None},
        {"checksum": RAW.hexdigest()},  # HDFS, WebDAV.
    ],
)
def test_what_an_uploader_states_or_a_tag_looks_like_is_no_proof(info: dict[str, object]) -> None:
    assert computed_md5(info) is None
