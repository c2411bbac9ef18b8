"""An S3 server and a tracking server for a run without any account.

They keep what they get in cache volumes, which one server at a time may write to.
"""

from typing import Final

import dagger

from .image import Packages, Recipe
from .settings import CACHE, USER

MLFLOW_PORT: Final = 5000
PROMETHEUS_PORT: Final = 9090
S3_PORT: Final = 8333
S3_REGION: Final = "us-east-1"
S3_KEY: Final = {"AWS_ACCESS_KEY_ID": "anyone", "AWS_SECRET_ACCESS_KEY": "anyone"}
"""The S3 server lets in whoever reaches it, but clients want to send a key."""


def mlflow_server(tool: dagger.Container, packages: Packages) -> dagger.Service:
    """A tracking server, in the container that lockproof itself runs in."""
    runs = f"{CACHE}/mlflow"
    kept = _kept(tool, runs, packages.volume("mlflow"), MLFLOW_PORT)
    # Its job runners, eight processes, do nothing here, and start longer than the server.
    kept = kept.with_env_variable("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    return kept.as_service(
        args=[
            *("mlflow", "server", "--host=0.0.0.0", f"--port={MLFLOW_PORT}"),
            *("--workers=1", "--allowed-hosts=*"),
            f"--backend-store-uri=sqlite:///{runs}/mlflow.db",
            f"--artifacts-destination={runs}/artifacts",
        ]
    )


def s3_server(recipe: Recipe) -> dagger.Service:
    """An S3 server (SeaweedFS)."""
    data = "/data"
    return _kept(recipe.store(), data, recipe.packages.volume("s3"), S3_PORT).as_service(
        args=[
            *("weed", "-logtostderr=true", "server", f"-dir={data}", "-ip=localhost"),
            *("-ip.bind=0.0.0.0", "-s3", f"-s3.port={S3_PORT}"),
            *("-master.volumeSizeLimitMB=64", "-volume.max=0"),
        ]
    )


def _kept(
    container: dagger.Container, place: str, volume: dagger.CacheVolume, port: int
) -> dagger.Container:
    return container.with_mounted_cache(
        place, volume, owner=USER, sharing=dagger.CacheSharingMode.LOCKED
    ).with_exposed_port(port)
