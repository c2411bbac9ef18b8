"""A ModelStore as the resources that make it: pure, so that a test can read them."""

from typing import Any

from .spec import ModelStore

Resource = dict[str, Any]


def compose(store: ModelStore) -> dict[str, Resource]:
    """The resources of a store, by the name under which Crossplane keeps track of each.

    Only what this function has an opinion about is set: Crossplane applies it server-side.
    """
    return _bucket(store) | _database(store) | {"dvc-remote": _dvc_remote(store)}


def status(store: ModelStore) -> dict[str, Any]:
    """What the store's user needs to know to use it."""
    database: dict[str, Any] = {"engine": store.database.engine, **backend(store)}
    return {
        "bucket": store.bucket,
        "artifacts": f"s3://{store.bucket}/mlflow",
        "dvc": {"url": f"s3://{store.bucket}/dvc", "configMapName": f"{store.name}-dvc"},
        "database": database,
    }


def backend(store: ModelStore) -> dict[str, str]:
    """How MLflow reaches its database: URIs without any password, and where the rest is."""
    match store.database.engine:
        case "sqlite":
            return {
                "backendStoreUri": "sqlite:////var/lib/mlflow/mlflow.db",
                "authDatabaseUri": "sqlite:////var/lib/mlflow/basic_auth.db",
                "claimName": f"{store.name}-mlflow",
            }
        case "postgres":
            assert store.database.secret, "spec.read checked it"
            return {
                "backendStoreUri": "postgresql+psycopg2:///mlflow",
                "authDatabaseUri": "postgresql+psycopg2:///mlflow_auth",
                "secretName": store.database.secret,
            }
        case "cloudnativepg":
            return {
                "backendStoreUri": f"postgresql+psycopg2:///{database_name(store, 'mlflow')}",
                "authDatabaseUri": f"postgresql+psycopg2:///{database_name(store, 'mlflow_auth')}",
                # CloudNativePG's own, for the owner of the cluster's first database.
                "secretName": f"{store.database.cluster}-app",
            }


def database_name(store: ModelStore, suffix: str) -> str:
    """A PostgreSQL identifier that needs no quotes, of at most 63 bytes."""
    return f"{store.name.replace('-', '_').replace('.', '_')[:50]}_{suffix}"


def dvc_config(store: ModelStore) -> str:
    """A `.dvc/config` that makes the bucket the default remote. It holds no credentials."""
    lines = [
        "[core]",
        "    remote = store",
        "['remote \"store\"']",
        f"    url = s3://{store.bucket}/dvc",
        f"    region = {store.region}",
    ]
    if store.endpoint:
        lines.append(f"    endpointurl = {store.endpoint}")
    return "\n".join(lines) + "\n"


def _bucket(store: ModelStore) -> dict[str, Resource]:
    reference = {"bucketRef": {"name": store.name}}
    versioning = {"versioningConfiguration": {"status": "Enabled"}}
    resources = {
        "bucket": _managed(store, "Bucket", {}),
        "versioning": _managed(store, "BucketVersioning", reference | versioning),
        "lifecycle": _managed(
            store,
            "BucketLifecycleConfiguration",
            reference
            | {
                "rule": [
                    {
                        "id": "replaced-versions",
                        "status": "Enabled",
                        "filter": [{"prefix": ""}],
                        "noncurrentVersionExpiration": [{"noncurrentDays": store.noncurrent_days}],
                        "abortIncompleteMultipartUpload": [{"daysAfterInitiation": 7}],
                    }
                ]
            },
        ),
    }
    resources["bucket"]["metadata"]["annotations"] = {"crossplane.io/external-name": store.bucket}
    if store.endpoint:  # an S3-compatible server need not know the two that follow
        return resources
    # Not aws:kms: with it an object's ETag is not its MD5, which `lockproof gate` compares.
    encryption = {"rule": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]}
    blocked = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    return resources | {
        "encryption": _managed(
            store, "BucketServerSideEncryptionConfiguration", reference | encryption
        ),
        "public-access-block": _managed(
            store, "BucketPublicAccessBlock", reference | dict.fromkeys(blocked, True)
        ),
    }


def _managed(store: ModelStore, kind: str, parameters: Resource) -> Resource:
    policies = ["Create", "Observe", "Update", "LateInitialize"] if store.keep_data else ["*"]
    return {
        "apiVersion": "s3.aws.m.upbound.io/v1beta1",
        "kind": kind,
        "metadata": {"name": store.name, "namespace": store.namespace},
        "spec": {
            "managementPolicies": policies,
            "providerConfigRef": {"kind": "ClusterProviderConfig", "name": store.provider_config},
            "forProvider": {"region": store.region, **parameters},
        },
    }


def _database(store: ModelStore) -> dict[str, Resource]:
    match store.database.engine:
        case "sqlite":
            return {"database-volume": _volume(store)}
        case "postgres":
            return {}  # the server, its databases and the secret are somebody else's
        case "cloudnativepg":
            return {
                "database": _postgres_database(store, "mlflow"),
                "auth-database": _postgres_database(store, "mlflow_auth"),
            }


def _volume(store: ModelStore) -> Resource:
    spec: Resource = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": store.database.size}},
    }
    if store.database.storage_class:
        spec["storageClassName"] = store.database.storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": f"{store.name}-mlflow", "namespace": store.namespace},
        "spec": spec,
    }


def _postgres_database(store: ModelStore, suffix: str) -> Resource:
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Database",
        "metadata": {
            "name": f"{store.name}-{suffix.replace('_', '-')}",
            "namespace": store.namespace,
        },
        "spec": {
            "cluster": {"name": store.database.cluster},
            "name": database_name(store, suffix),
            "owner": store.database.owner,
            "databaseReclaimPolicy": "retain" if store.keep_data else "delete",
        },
    }


def _dvc_remote(store: ModelStore) -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{store.name}-dvc", "namespace": store.namespace},
        "data": {"config": dvc_config(store)},
    }
