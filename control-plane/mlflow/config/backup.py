"""Save MLflow's two databases to the bucket, list what was saved, and restore it.

    backup.py save | list | restore TIME

Both databases must be sqlite. A copy is made with sqlite's online backup while the server runs,
checked, compressed and uploaded under $BACKUP_DESTINATION/TIME/; the manifest goes last, so a
backup without one is not a backup. Artifacts are not copied: the bucket keeps their old versions.
Exit codes: 0 done, 1 the data is damaged, 2 wrong call or setting.
"""

import argparse
import contextlib
import gzip
import hashlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
from configparser import ConfigParser
from datetime import UTC, datetime
from pathlib import Path

import boto3
from botocore.client import BaseClient

MANIFEST = "manifest.json"


class Refused(Exception):
    """What cannot be done, in one line, with its exit code."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def sqlite_file(uri: str) -> Path:
    """The file that an SQLAlchemy sqlite URI with an absolute path names."""
    path = uri.removeprefix("sqlite:///")
    if path == uri or not path.startswith("/"):
        raise Refused("not an absolute sqlite path; PostgreSQL is saved with pg_dump")
    return Path(path)


def databases() -> dict[str, Path]:
    """The tracking database and the one of users and permissions, by name."""
    config = ConfigParser()
    config.read(os.environ["MLFLOW_AUTH_CONFIG_PATH"])
    return {
        "mlflow.db": sqlite_file(os.environ["MLFLOW_BACKEND_STORE_URI"]),
        "basic_auth.db": sqlite_file(config["mlflow"]["database_uri"]),
    }


def destination() -> tuple[str, str]:
    """Bucket and prefix of $BACKUP_DESTINATION (s3://BUCKET/PREFIX)."""
    scheme, _, rest = os.environ["BACKUP_DESTINATION"].partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket or not prefix:
        raise Refused("BACKUP_DESTINATION must be s3://BUCKET/PREFIX")
    return bucket, prefix.rstrip("/")


def client() -> BaseClient:
    """An S3 client for the endpoint that MLflow uses, if it is not AWS."""
    return boto3.client("s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL") or None)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def schema_of(path: Path) -> str:
    """The revision of the schema, after a check of every page. Raises Refused if damaged."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            names = {name for (name,) in tables}
            table = next(n for n in ("alembic_version", "alembic_version_auth") if n in names)
            revision = connection.execute(f"SELECT version_num FROM {table}").fetchone()[0]  # noqa: S608
        except (sqlite3.DatabaseError, StopIteration, TypeError) as error:
            raise Refused(f"{path.name} is not a database of MLflow: {error}", 1) from error
    if verdict != "ok":
        raise Refused(f"{path.name} is damaged: {verdict}", 1)
    return str(revision)


def save(folder: Path) -> None:
    """Copy, check and upload both databases."""
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    bucket, prefix = destination()
    s3 = client()
    entries = {}
    for name, path in databases().items():
        if not path.exists():
            raise Refused(f"{path} does not exist: has the server run?")
        copy, packed = folder / name, folder / f"{name}.gz"
        with (
            contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        entries[name] = {"schema": schema_of(copy), "sha256": sha256(copy)}
        with copy.open("rb") as plain, gzip.open(packed, "wb") as file:
            shutil.copyfileobj(plain, file)
        s3.upload_file(str(packed), bucket, f"{prefix}/{time}/{packed.name}")
    body = json.dumps({"time": time, "databases": entries}, indent=2).encode()
    s3.put_object(Bucket=bucket, Key=f"{prefix}/{time}/{MANIFEST}", Body=body)
    print(time)


def saved() -> list[str]:
    """The times of all complete backups, oldest first."""
    bucket, prefix = destination()
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return sorted(key.split("/")[-2] for key in keys if key.endswith(f"/{MANIFEST}"))


def restore(time: str, folder: Path) -> None:
    """Put both databases back. The server must be stopped, and the old files moved away."""
    bucket, prefix = destination()
    s3 = client()
    if time not in saved():
        raise Refused(f"no complete backup {time}; `backup.py list` shows them")
    for path in databases().values():
        if path.exists():
            raise Refused(f"{path} is in the way: stop the server and move it")
    manifest = json.load(s3.get_object(Bucket=bucket, Key=f"{prefix}/{time}/{MANIFEST}")["Body"])
    for name in databases():
        s3.download_file(bucket, f"{prefix}/{time}/{name}.gz", str(folder / f"{name}.gz"))
        with gzip.open(folder / f"{name}.gz") as packed, (folder / name).open("wb") as file:
            shutil.copyfileobj(packed, file)
        if sha256(folder / name) != manifest["databases"][name]["sha256"]:
            raise Refused(f"{name} of {time} is not what was saved", 1)
        schema_of(folder / name)
    for name, path in databases().items():  # only now: all of it was good
        partial = path.with_name(f"{path.name}.partial")
        shutil.copyfile(folder / name, partial)
        partial.rename(path)
    print(f"restored {time}")


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(description="Save and restore MLflow's sqlite databases.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("save")
    commands.add_parser("list")
    commands.add_parser("restore").add_argument("time")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            match arguments.command:
                case "save":
                    save(Path(folder))
                case "list":
                    print("\n".join(saved()))
                case _:
                    restore(arguments.time, Path(folder))
    except (Refused, KeyError) as error:
        text = f"{error} is not set" if isinstance(error, KeyError) else str(error)
        print(f"backup: {text}", file=sys.stderr)
        return error.code if isinstance(error, Refused) else 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
