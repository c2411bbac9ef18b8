"""What the gate finds in remotes of every kind: one contract, and what only one kind has."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockproof.adapters.objectstore import open_store
from lockproof.errors import UnavailableError
from lockproof.rules.remote import claim_findings

from .remotes import (
    QUICK,
    Bucket,
    Folder,
    Remote,
    claim_file,
    claim_folder,
    claim_listing,
    digest_of,
    http_remote,
    look,
    put_all,
)
from .s3 import S3Server, s3_server

DEEP = replace(QUICK, deep=True)
KINDS = [
    "local",
    "http",
    pytest.param("s3", marks=[pytest.mark.s3, pytest.mark.xdist_group("remote")]),
]
FILES = {f"{i % 3}/f{i}.txt": f"content {i}".encode() for i in range(9)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        client: Any = running.client()
        client.create_bucket(Bucket="data")
        yield running


@pytest.fixture(params=KINDS)
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Remote]:
    if request.param == "local":
        yield Folder(tmp_path)
    elif request.param == "http":
        with http_remote(tmp_path) as served:
            served.root = tmp_path / "dvc"
            yield served
    else:
        yield Bucket(request.getfixturevalue("server"), "data", tmp_path.name)


@pytest.fixture
def unchanged(remote: Remote) -> Iterator[list[dict[str, Any]]]:
    """Append the state of the remote before looking; it must be the same at the end."""
    states: list[dict[str, Any]] = []
    yield states
    assert states, "nothing was compared"
    assert remote.state() == states[-1]


def found(remote: Remote, *claims: Any, deep: bool = False) -> list[tuple[str, str]]:
    proof = look(remote, *claims, options=DEEP if deep else QUICK)
    return [(f.rule, f.message) for facts in proof.facts for f in claim_findings(facts)]


def test_all_is_there(remote: Remote, unchanged: list[dict[str, Any]]) -> None:
    claims = [
        claim_file(remote, "model.bin", b"model"),
        claim_file(remote, "copy.bin", b"model"),
        claim_folder(remote, "raw", FILES),
        claim_file(remote, "old.txt", b"a\nb\n", legacy=True),
        claim_folder(remote, "older", {"x": b"x\n", "y": b"y\n"}, legacy=True),
        claim_folder(remote, "empty", {}),
    ]
    unchanged.append(remote.state())
    proof = look(remote, *claims)
    assert [f for facts in proof.facts for f in claim_findings(facts)] == []
    # Three directory objects are read; the model is one object that two outputs claim.
    assert proof.objects == 3 + 1 + 9 + 1 + 2
    assert proof.by_reading == 3
    assert proof.by_etag == (13 if remote.tagged else 0)
    assert proof.by_size == (0 if remote.tagged else 13)
    deep = look(remote, *claims, options=DEEP)
    assert (deep.by_reading, deep.by_size) == (proof.objects, 0)


def test_each_loss_is_named(remote: Remote, unchanged: list[dict[str, Any]]) -> None:
    model = claim_file(remote, "model.bin", b"model")
    raw = claim_folder(remote, "raw", FILES)
    gone = claim_folder(remote, "gone", {"z": b"z"})
    assert model.digest
    assert gone.digest
    remote.delete(model.digest.object_path)
    remote.delete(gone.digest.object_path)
    remote.delete(digest_of(FILES["1/f4.txt"]).object_path)
    unchanged.append(remote.state())
    assert found(remote, model, raw, gone) == [
        (
            "LP201",
            f"model.bin ({model.digest.short}) is missing from remote 'store':"
            " run 'dvc push model.bin' where it was made",
        ),
        (
            "LP201",
            "1 of 9 files of raw (1/f4.txt) is missing from remote 'store':"
            " run 'dvc push raw' where it was made",
        ),
        (
            "LP201",
            f"the directory object of gone ({gone.digest.short}) is missing from remote 'store':"
            " run 'dvc push gone' where it was made",
        ),
    ]


def test_corruption_of_the_same_size(remote: Remote, unchanged: list[dict[str, Any]]) -> None:
    model = claim_file(remote, "model.bin", b"model")
    raw = claim_folder(remote, "raw", FILES)
    assert model.digest
    remote.put(model.digest.object_path, b"mOdel")
    remote.put(digest_of(FILES["1/f4.txt"]).object_path, b"content X")
    unchanged.append(remote.state())
    rules = [rule for rule, _ in found(remote, model, raw)]
    assert rules == (["LP202", "LP202"] if remote.tagged else [])
    deep = found(remote, model, raw, deep=True)
    assert [rule for rule, _ in deep] == ["LP202", "LP202"]
    assert "(1/f4.txt) is corrupted in remote 'store'" in deep[1][1]


def test_a_directory_object_is_always_read(remote: Remote, unchanged: list[dict[str, Any]]) -> None:
    raw = claim_folder(remote, "raw", FILES)
    assert raw.digest
    remote.put(raw.digest.object_path, b"[]")
    unchanged.append(remote.state())
    ((rule, message),) = found(remote, raw)
    assert rule == "LP202"
    assert message.startswith("the directory object of raw (")


def test_sizes_are_compared(remote: Remote, unchanged: list[dict[str, Any]]) -> None:
    model = claim_file(remote, "model.bin", b"model").model_copy(update={"size": 6})
    raw = claim_folder(remote, "raw", FILES)
    more = raw.model_copy(update={"path": "more", "size": (raw.size or 0) + 1})
    fewer = raw.model_copy(update={"path": "fewer", "nfiles": 8})
    unchanged.append(remote.state())
    assert [(r, m.split(" in remote")[0]) for r, m in found(remote, model, raw, more, fewer)] == [
        ("LP203", "model.bin has 5 bytes"),
        ("LP203", "more has 81 bytes"),
        ("LP203", "fewer has 9 files"),
    ]


@pytest.mark.parametrize(
    ("listing", "why"),
    [
        (b"{}", "does not start with a JSON list"),
        (b'[{"md5": "0", "relpath": "a"}]', "no md5 of 32 hex digits"),
        (b'[{"md5": "' + b"0" * 32 + b'", "relpath": "../a"}]', "outside of its directory"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_directory_object_that_is_no_listing(tmp_path: Path, listing: bytes, why: str) -> None:
    remote = Folder(tmp_path)
    ((rule, message),) = found(remote, claim_listing(remote, "raw", listing))
    assert rule == "LP204"
    assert why in message


def test_listing_and_asking_agree(remote: Remote, unchanged: list[dict[str, Any]]) -> None:
    """Enough of them that a store which can list is listed, among others that no lock names."""
    files = {f"f{i}": f"{i}".encode() for i in range(1200)}
    noise = [f"noise {i}".encode() for i in range(300)]
    put_all(remote, {digest_of(c).object_path: c for c in noise})
    raw = claim_folder(remote, "raw", files)
    for name in ("f7", "f700"):
        remote.delete(digest_of(files[name]).object_path)
    unchanged.append(remote.state())
    ((rule, message),) = found(remote, raw)
    assert rule == "LP201"
    assert "2 of 1,200 files of raw (f7, f700) are missing" in message


def test_a_remote_that_is_not_there(tmp_path: Path) -> None:
    remote = Folder(tmp_path / "remote")
    claim = claim_file(remote, "model.bin", b"model")
    (tmp_path / "remote").rename(tmp_path / "away")
    with pytest.raises(UnavailableError, match="the folder is not there"):
        look(remote, claim)


def test_links_are_no_objects(tmp_path: Path) -> None:
    remote = Folder(tmp_path / "remote")
    claim = claim_file(remote, "model.bin", b"model")
    raw = claim_folder(remote, "raw", FILES)
    for one in (claim, raw):
        assert one.digest
        path = remote.root / one.digest.object_path
        path.rename(tmp_path / one.path)
        path.symlink_to(tmp_path / one.path)
    assert [rule for rule, _ in found(remote, claim, raw)] == ["LP201", "LP201"]


def test_a_web_server_that_fails_is_not_a_lost_object(tmp_path: Path) -> None:
    with http_remote(tmp_path) as remote:
        remote.root = tmp_path / "dvc"
        claim = claim_file(remote, "model.bin", b"model")
    with pytest.raises(UnavailableError, match="does not answer"):
        look(remote, claim)


@pytest.mark.s3
@pytest.mark.xdist_group("remote")
class TestS3:
    def test_a_missing_bucket(self, server: S3Server) -> None:
        remote = Bucket(server, "nobody", "x")
        claim = claim_file(Bucket(server, "data", "x"), "model.bin", b"model")
        with pytest.raises(UnavailableError, match="NoSuchBucket"):
            look(remote, claim)

    def test_wrong_credentials(self, server: S3Server) -> None:
        remote = Bucket(server, "data", "x", secret_access_key="wrong")
        claim = claim_file(Bucket(server, "data", "x"), "model.bin", b"model")
        with pytest.raises(UnavailableError, match="does not answer") as caught:
            look(remote, claim)
        assert "wrong" not in str(caught.value)

    def test_a_server_that_is_down(self, server: S3Server) -> None:
        remote = Bucket(server, "data", "x", endpointurl="http://127.0.0.1:9")
        claim = claim_file(Bucket(server, "data", "x"), "model.bin", b"model")
        with pytest.raises(UnavailableError, match="does not answer"):
            look(remote, claim)

    def test_uploads_in_parts_are_known_by_size_alone(self, server: S3Server) -> None:
        remote = Bucket(server, "data", "parts")
        content = b"0" * (5 << 20) + b"1"
        claim = claim_file(remote, "big.bin", content)
        assert claim.digest
        where = {"Bucket": "data", "Key": f"parts/{claim.digest.object_path}"}
        upload = remote.client.create_multipart_upload(**where)["UploadId"]
        parts = [
            {
                "PartNumber": n,
                "ETag": remote.client.upload_part(
                    **where, UploadId=upload, PartNumber=n, Body=part
                )["ETag"],
            }
            for n, part in ((1, content[:-1]), (2, content[-1:]))
        ]
        remote.client.complete_multipart_upload(
            **where, UploadId=upload, MultipartUpload={"Parts": parts}
        )
        proof = look(remote, claim)
        assert list(claim_findings(proof.facts[0])) == []
        assert (proof.by_etag, proof.by_size) == (0, 1)
        assert look(remote, claim, options=DEEP).by_reading == 1

    def test_a_store_far_larger_than_the_lock(self, server: S3Server) -> None:
        """Pages are skipped, or not asked for at all; the answer is the same."""
        remote = Bucket(server, "data", "large")
        # In one folder, so that it has three pages.
        put_all(remote, {f"files/md5/ab/{i:030x}": b"" for i in range(2500)})
        kept = [f"ab{i * 17 + 1:030x}" for i in range(140)]
        listing = [{"md5": md5, "relpath": f"f{i:03}"} for i, md5 in enumerate(kept)]
        raw = claim_listing(remote, "raw", json.dumps(listing).encode(), nfiles=140)
        store = open_store(remote.config, jobs=1, timeout=5)
        assert store.page("files/md5/ab/", "").more
        remote.delete(f"files/md5/ab/{17 + 1:030x}")
        remote.delete(f"files/md5/ab/{139 * 17 + 1:030x}")
        messages = [m for _, m in found(remote, raw)]
        assert "2 of 140 files of raw (f001, f139) are missing" in messages[0]
