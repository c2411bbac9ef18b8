"""What a ModelStore asks for."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

GROUP = "platform.lockproof.dev"
"""The API group of ModelStore."""

Engine = Literal["sqlite", "postgres", "cloudnativepg"]
ENGINES: tuple[Engine, ...] = ("sqlite", "postgres", "cloudnativepg")


class InvalidSpecError(ValueError):
    """The composite resource cannot be what the XRD admits; one line says why."""


@dataclass(frozen=True)
class Database:
    """Where MLflow keeps runs, models, users and permissions."""

    engine: Engine
    """`sqlite` on a volume, `postgres` by a secret, or databases in a CloudNativePG cluster."""

    size: str
    """Size of the volume, a Kubernetes quantity; used by sqlite."""

    storage_class: str | None
    """Storage class of the volume; None is the cluster's default."""

    secret: str | None
    """Secret with PGHOST, PGUSER… of an existing server; used by postgres."""

    cluster: str | None
    """Name of the CloudNativePG Cluster, in the same namespace; used by cloudnativepg."""

    owner: str
    """The role that owns the databases; used by cloudnativepg."""


@dataclass(frozen=True)
class ModelStore:
    """One composite resource, checked."""

    name: str
    namespace: str
    region: str
    provider_config: str
    """Name of the ClusterProviderConfig of the AWS provider."""

    bucket: str
    """Name of the bucket, unique in all of S3."""

    keep_data: bool
    """Whether deleting this object leaves the bucket and its content alone."""

    noncurrent_days: int
    """How long a replaced or deleted version of an object is kept."""

    endpoint: str | None
    """URL of an S3-compatible server; None is AWS."""

    database: Database


def read(composite: Mapping[str, Any]) -> ModelStore:
    """The composite resource as values.

    Raises:
        InvalidSpecError: something is missing or not of its form. The API server refuses that by
            the XRD's schema; an old object, or a request made by hand, may get here all the same.
    """
    metadata, spec = composite.get("metadata", {}), composite.get("spec", {})
    name = _text(metadata, "name", "metadata")
    namespace = _text(metadata, "namespace", "metadata")
    bucket = spec.get("bucket", {})
    return ModelStore(
        name=name,
        namespace=namespace,
        region=_text(spec, "region", "spec"),
        provider_config=spec.get("providerConfig", "aws"),
        bucket=bucket.get("name") or _generated(namespace, name, metadata.get("uid", "")),
        keep_data=bucket.get("keepData", True) is not False,
        noncurrent_days=int(bucket.get("noncurrentDays", 30)),
        endpoint=spec.get("endpoint"),
        database=_database(spec.get("database", {})),
    )


def _database(spec: Mapping[str, Any]) -> Database:
    engine = spec.get("engine", "sqlite")
    if engine not in ENGINES:
        raise InvalidSpecError(f"spec.database.engine must be one of {', '.join(ENGINES)}")
    if engine == "postgres" and not spec.get("secretName"):
        raise InvalidSpecError("spec.database.secretName is required with the engine postgres")
    if engine == "cloudnativepg" and not spec.get("cluster"):
        raise InvalidSpecError("spec.database.cluster is required with the engine cloudnativepg")
    return Database(
        engine=cast("Engine", engine),
        size=spec.get("size", "10Gi"),
        storage_class=spec.get("storageClassName"),
        secret=spec.get("secretName"),
        cluster=spec.get("cluster"),
        owner=spec.get("owner", "app"),
    )


def _text(values: Mapping[str, Any], key: str, where: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidSpecError(f"{where}.{key} is required")
    return value


def _generated(namespace: str, name: str, uid: str) -> str:
    """A bucket name that no other object, here or elsewhere, gets: at most 63 characters.

    Every object in a cluster has a uid; one that `crossplane render` shows before has none.
    """
    digest = hashlib.sha256((uid or f"{namespace}/{name}").encode()).hexdigest()[:10]
    return f"{f'{namespace}-{name}'.replace('.', '-')[:52].rstrip('-')}-{digest}"
