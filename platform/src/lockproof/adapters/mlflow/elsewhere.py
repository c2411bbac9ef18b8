"""Files that MLflow's client would ask another server for, with the login of this one.

It takes the host of `mlflow-artifacts://HOST/…` and of `http://…` as whoever may write to the store
left it there, and sends what MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_TOKEN and the like hold.
"""

from typing import Any

from lockproof.errors import ConfigError
from lockproof.model.address import without_credentials

from .calls import call
from .store import Store, need


def refuse_elsewhere(store: Store, files: Any, what: str) -> None:
    """Refuse files at another server where there is a login that would be sent to it.

    Args:
        store: the one that has the login.
        files: MLflow's artifact repository of them.
        what: whose files they are, for people.

    Raises:
        ConfigError: they are, and there is.
    """
    while (inner := getattr(files, "repo", None)) is not None:
        files = inner  # One that `models:` or `runs:` leads to.
    if not isinstance(
        files, need("mlflow.store.artifact.http_artifact_repo").HttpArtifactRepository
    ):
        return
    at = str(files.artifact_uri)
    own = (_server(store.uri),) if store.uri.lower().startswith("http") else ()
    # By text, up to the slash that ends the host: parsers of URLs differ on odd ones.
    if any(
        f"{at}/".lower().startswith(f"{one.lower()}/") for one in (*own, *store.artifact_servers)
    ):
        return
    login = need("mlflow.utils.credentials").get_default_host_creds(at)
    if any((login.username, login.password, login.token, login.auth, login.aws_sigv4,
            login.client_cert_path)):  # fmt: skip
        shown = without_credentials(at)
        mend = (
            f"name it in artifact-servers of [mlflow] ({_server(shown)!r}), or leave the login out"
        )
        if _server(at) != _server(shown):
            mend = "take the login in that address out of it"
        raise ConfigError(
            f"the files of {what} are at {shown[:200]}, which is not the MLflow at {store.shown}:"
            f" its login is not sent there; where that server is yours, {mend}"
        )


def refuse_run_elsewhere(store: Store, run: Any) -> None:
    """As `refuse_elsewhere`, of the files of a run, before any is sent or asked for.

    Whoever made its experiment said where they are.
    """
    places = need("mlflow.store.artifact.artifact_repository_registry")
    at = str(run.info.artifact_uri)
    files = call(store, places.get_artifact_repository, at, tracking_uri=store.uri)
    refuse_elsewhere(store, files, f"run {run.info.run_id}")


def _server(uri: str) -> str:
    """Scheme, host and port of a URL."""
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}".lower()
