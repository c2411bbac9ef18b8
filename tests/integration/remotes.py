"""Remotes of every kind, filled with DVC's objects by hand, so that each can be spoilt by hand."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import anyio

from lockproof.adapters.store.open import open_store
from lockproof.model.claim import Claim
from lockproof.model.digest import Digest
from lockproof.model.remote import RemoteConfig
from lockproof.steps.gate.prover import Options, StoreProof, prove

from .s3 import KEY, SECRET, S3Server

QUICK = Options(jobs=8, attempts=3, backoff=0.01)


class Remote(Protocol):
    """A remote that a test can write to."""

    config: RemoteConfig
    tagged: bool
    """Whether it says what the MD5 of an object is."""

    def put(self, path: str, content: bytes) -> None: ...
    def delete(self, path: str) -> None: ...
    def state(self) -> dict[str, Any]: ...


class Folder:
    """A folder, by its path."""

    tagged = False

    def __init__(self, root: Path, config: RemoteConfig | None = None) -> None:
        self.root = root
        self.config = config or RemoteConfig(name="store", url=str(root))

    def put(self, path: str, content: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # DVC lets nobody write into its objects.
        target.write_bytes(content)

    def delete(self, path: str) -> None:
        (self.root / path).unlink()

    def state(self) -> dict[str, Any]:
        found = {}
        for path in sorted(self.root.rglob("*")):
            info = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = [info.st_mode, info.st_size, info.st_mtime_ns, content]
        return found


class Bucket:
    """A prefix in a bucket of a real S3 server."""

    tagged = True

    def __init__(self, server: S3Server, bucket: str, prefix: str, **options: str) -> None:
        self.client: Any = server.client()
        self.bucket, self.prefix = bucket, prefix
        settings = {
            "endpointurl": server.url,
            "access_key_id": KEY,
            "secret_access_key": SECRET,
            "region": "us-east-1",
            **options,
        }
        self.config = RemoteConfig(name="store", url=f"s3://{bucket}/{prefix}", options=settings)

    def put(self, path: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"{self.prefix}/{path}", Body=content)

    def delete(self, path: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=f"{self.prefix}/{path}")

    def state(self) -> dict[str, Any]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{self.prefix}/"
        )
        return {
            item["Key"]: [item["Size"], item["ETag"], item["LastModified"]]
            for page in pages
            for item in page.get("Contents", ())
        }

    def contents(self) -> dict[str, bytes]:
        """Every object below the prefix."""
        found = {}
        for key in self.state():
            body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
            found[key.removeprefix(f"{self.prefix}/")] = body.read()
        return found

    def fill(self, objects: Mapping[str, bytes]) -> None:
        """Put back what `contents` gave, and nothing else."""
        for path in self.contents().keys() - objects.keys():
            self.delete(path)
        for path, content in objects.items():
            self.put(path, content)


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def http_remote(root: Path) -> Iterator[Folder]:
    """A folder behind a web server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        yield Folder(root, RemoteConfig(name="store", url=f"{url}/dvc"))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def digest_of(content: bytes, *, legacy: bool = False) -> Digest:
    value = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Digest(algorithm="md5-dos2unix" if legacy else "md5", value=value)


def put_all(remote: Remote, objects: Mapping[str, bytes]) -> None:
    """Put many objects at once."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remote.put, objects, objects.values()))


def claim_file(remote: Remote, path: str, content: bytes, *, legacy: bool = False) -> Claim:
    """Put a file's object; returns what a lock would claim."""
    digest = digest_of(content, legacy=legacy)
    remote.put(digest.object_path, content)
    return Claim(path=path, owner="make", file="dvc.lock", line=7, digest=digest, size=len(content))


def claim_folder(
    remote: Remote, path: str, files: Mapping[str, bytes], *, legacy: bool = False
) -> Claim:
    """Put a directory's objects; returns what a lock would claim."""
    digests = {name: digest_of(content, legacy=legacy) for name, content in files.items()}
    put_all(remote, {digests[name].object_path: files[name] for name in files})
    entries = [{"md5": digests[name].value, "relpath": name} for name in sorted(files)]
    return claim_listing(
        remote,
        path,
        json.dumps(entries).encode(),
        legacy=legacy,
        size=sum(map(len, files.values())),
        nfiles=len(files),
    )


def claim_listing(
    remote: Remote, path: str, listing: bytes, *, legacy: bool = False, **sizes: int
) -> Claim:
    """Put a directory object with the given content."""
    plain = digest_of(listing, legacy=legacy)
    digest = Digest(algorithm=plain.algorithm, value=f"{plain.value}.dir")
    remote.put(digest.object_path, listing)
    return Claim(path=path, owner="make", file="dvc.lock", line=9, digest=digest, **sizes)


def look(remote: Remote, *claims: Claim, options: Options = QUICK) -> StoreProof:
    """Prove claims on a remote."""
    store = open_store(remote.config, jobs=options.jobs, timeout=5)
    try:
        given = [(claim, f"sub/{claim.file}") for claim in claims]
        return anyio.run(prove, given, store, options)
    finally:
        store.close()
