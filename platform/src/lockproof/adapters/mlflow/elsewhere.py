"""Files that MLflow's client would ask another server for, with the login of this one.

It takes the host of `mlflow-artifacts://HOST/…` and of `http://…` as whoever may write to the store
left it there, and sends what MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_TOKEN and the like hold.
"""

from typing import Any

from lockproof.errors import ConfigError
from lockproof.model.address import without_credentials

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
    # By text, up to the slash that ends the host: parsers of URLs differ on odd ones.
    if store.uri.startswith("http") and f"{at}/".lower().startswith(f"{_server(store.uri)}/"):
        return
    login = need("mlflow.utils.credentials").get_default_host_creds(at)
    if any((login.username, login.password, login.token, login.auth, login.aws_sigv4,
            login.client_cert_path)):  # fmt: skip
        raise ConfigError(
            f"the files of {what} are at {without_credentials(at)[:200]}, which is not the MLflow"
            f" at {store.shown}: its login is not sent there; register the model again, or leave"
            " the login out"
        )


def _server(uri: str) -> str:
    """Scheme, host and port of a URL."""
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}".lower()
