"""What the gate finds in remotes of every kind: one contract, and what only one kind has."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from botocore.exceptions import ClientError

from lockproof.adapters.store.folder import LocalStore
from lockproof.adapters.store.interface import Held, Page
from lockproof.adapters.store.open import open_store
from lockproof.errors import UnavailableError
from lockproof.model.claim import Claim
from lockproof.model.pipeline import StoredFile, StoredVersion
from lockproof.rules.remote import claim_findings
from lockproof.steps.gate.prover import prove

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
from .s3 import READER, S3Server, s3_server

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
            f" delete {raw.digest.object_path} there and run 'dvc push raw' where it was made",
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

    def test_permission_to_read_is_enough(self, server: S3Server) -> None:
        key, secret = READER
        options = {"access_key_id": key, "secret_access_key": secret}
        remote = Bucket(server, "data", "reader")
        claims = [claim_folder(remote, "raw", FILES), claim_file(remote, "model.bin", b"model")]
        files = {f"f{i}": f"{i}".encode() for i in range(1000)}
        claims.append(claim_folder(remote, "many", files))  # So that it lists as well.
        before = remote.state()
        remote.config = Bucket(server, "data", "reader", **options).config
        with pytest.raises(ClientError, match="AccessDenied"):
            server.client(*READER).put_object(Bucket="data", Key="reader/x", Body=b"")
        proof = look(remote, *claims)
        assert [f for facts in proof.facts for f in claim_findings(facts)] == []
        assert proof.by_size == 0
        assert remote.state() == before

    def test_versions_are_asked_for_by_id(self, server: S3Server) -> None:
        client: Any = server.client()
        client.create_bucket(Bucket="versions")
        client.put_bucket_versioning(
            Bucket="versions", VersioningConfiguration={"Status": "Enabled"}
        )
        remote = Bucket(server, "versions", "ml", version_aware="true")

        def put(path: str, content: bytes) -> StoredVersion:
            key = f"ml/{path}"
            answer = client.put_object(Bucket="versions", Key=key, Body=content)
            return StoredVersion(remote="store", id=answer["VersionId"], etag=answer["ETag"])

        first = put("model.bin", b"one")
        put("model.bin", b"other")
        gone = put("raw/a", b"a")
        kept = put("raw/b", b"b")
        client.delete_object(Bucket="versions", Key="ml/raw/a", VersionId=gone.id)

        def claim(path: str, *files: StoredFile, size: int) -> Claim:
            return Claim(
                path=path, owner="make", file="dvc.lock", digest=None, size=size, stored=files
            )

        model = StoredFile(relpath="", size=3, digest=digest_of(b"one"), versions=(first,))
        a = StoredFile(relpath="a", size=1, versions=(gone,))
        b = StoredFile(relpath="b", size=1, versions=(kept,))
        proof = look(remote, claim("model.bin", model, size=3), claim("raw", a, b, size=2))
        assert [list(claim_findings(f)) for f in proof.facts[:1]] == [[]]
        assert (proof.objects, proof.by_version) == (3, 2)
        ((rule, message),) = found(remote, claim("raw", a, b, size=2))
        assert rule == "LP201"
        assert "1 of 2 files of raw (a) is missing" in message
        # A version that is there and is not the locked content, by its tag and by reading it.
        forged = first.model_copy(update={"etag": '"' + "0" * 32 + '"'})
        other = model.model_copy(update={"versions": (forged,)})
        assert [r for r, _ in found(remote, claim("model.bin", other, size=3))] == ["LP202"]
        wrong = model.model_copy(update={"digest": digest_of(b"two")})
        deep = found(remote, claim("model.bin", wrong, size=3), deep=True)
        assert [r for r, _ in deep] == ["LP202"]

    def test_an_output_that_was_pushed_elsewhere(self, server: S3Server) -> None:
        remote = Bucket(server, "data", "x", version_aware="true")
        stored = StoredFile(relpath="", versions=(StoredVersion(remote="other", id="1"),))
        claim = claim_file(Bucket(server, "data", "x"), "model.bin", b"model")
        elsewhere = claim.model_copy(update={"stored": (stored,)})
        assert [r for r, _ in found(remote, claim, elsewhere)] == ["LP206", "LP206"]
        by_content = Bucket(server, "data", "x")
        only = claim.model_copy(update={"digest": None, "stored": (stored,)})
        assert [r for r, _ in found(by_content, only)] == ["LP206"]


class KmsStore(LocalStore):
    """A fake of a bucket with SSE-KMS, which no server at hand has: its ETags look like MD5s.

    A listing does not say that they are none; the headers of the object do.
    """

    can_list = True
    says_so = True

    def page(self, folder: str, after: str) -> Page:
        path = self._path(folder)
        names = sorted(p.name for p in path.iterdir() if p.name > after)
        return Page({n: self._tagged(folder + n) for n in names}, more=False)

    def head(self, path: str, version: str | None = None) -> Held | None:
        held = super().head(path)
        tagged = held and self._tagged(path)
        return tagged._replace(md5=None) if tagged and self.says_so else tagged

    def _tagged(self, path: str) -> Held:
        held = super().head(path)
        assert held
        etag = digest_of(b"key" + self._path(path).read_bytes()).value
        return held._replace(md5=etag, etag=etag)


class ForeignStore(KmsStore):
    """A fake of a store whose ETags look like MD5s, are none, and nothing says so."""

    says_so = False


@pytest.mark.parametrize("kind", [KmsStore, ForeignStore])
def test_tags_that_are_no_md5s_blame_nobody(tmp_path: Path, kind: type[KmsStore]) -> None:
    remote = Folder(tmp_path)
    contents = (str(i).encode() for i in itertools.count())
    alike = (c for c in contents if digest_of(c).value.startswith("ab"))
    files = {f"f{i}": content for i, content in enumerate(itertools.islice(alike, 80))}
    raw = claim_folder(remote, "raw", files)
    proof = anyio.run(prove, [(raw, "dvc.lock")], kind(remote.config), QUICK)
    assert list(claim_findings(proof.facts[0])) == []
    assert (proof.by_etag, proof.by_size) == (0, 80)
    assert proof.foreign_etags is (kind is ForeignStore)


def test_of_tags_that_are_no_md5s_one_corrupted_object_blames_no_other(tmp_path: Path) -> None:
    remote = Folder(tmp_path)
    claims = [claim_file(remote, f"f{i}", b"content" + b"." * i) for i in range(5)]
    assert claims[0].digest
    remote.put(claims[0].digest.object_path, b"CONTENT")
    stated = [(claim, "dvc.lock") for claim in claims]
    proof = anyio.run(prove, stated, ForeignStore(remote.config), QUICK)
    rules = [[f.rule for f in claim_findings(facts)] for facts in proof.facts]
    assert rules == [["LP202"], [], [], [], []]
    assert (proof.foreign_etags, proof.by_size) == (True, 4)
