"""One way to call MLflow: its exceptions stop here, and say what to do."""

import re
from collections.abc import Callable
from typing import Any

from lockproof.errors import ConfigError, LockproofError, UnavailableError
from lockproof.model.address import without_credentials

from .said import said
from .store import Store, need

_NO_LOGIN = ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED")
_NOT_MLFLOW = ("ENDPOINT_NOT_FOUND", "NOT_FOUND", "NOT_IMPLEMENTED")
_REFUSED = (
    "BAD_REQUEST",
    "INVALID_PARAMETER_VALUE",
    "INVALID_STATE",
    "RESOURCE_ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST",
)
_UNREAD = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What comes of an answer that was not expected; connections fail with errors of the system."""


def open_client(store: Store) -> Any:
    """A client of the store; a missing SQLite file is made. To be called within its settings.

    Raises:
        ConfigError, UnavailableError: as `Store.prepare`.
    """
    mlflow = need("mlflow")
    call(store, store.prepare)
    return call(store, mlflow.MlflowClient, tracking_uri=store.uri, registry_uri=store.uri)


def call(
    store: Store, what: Callable[..., Any], *args: Any, attempts: int = 1, **named: Any
) -> Any:
    """What a call of MLflow returns, made again where it fails and `attempts` are left.

    Raises:
        ConfigError, UnavailableError: as `explained`.
    """
    while True:
        attempts -= 1
        try:
            return what(*args, **named)
        except LockproofError:
            raise
        except Exception as error:
            if not attempts:
                raise explained(store, error) from error


def code_of(error: BaseException) -> str:
    """MLflow's own code of what went wrong; empty where the error is another's."""
    return str(getattr(error, "error_code", "") or "")


def explained(store: Store, error: Exception) -> LockproofError:
    """What an exception of MLflow, or of what it uses, means to whoever called."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    code = code_of(error)
    text = _reason(error)
    where = f"MLflow at {store.shown} ({store.origin})"
    if code == "PERMISSION_DENIED" or (status == 403 and code not in _NO_LOGIN):
        return ConfigError(
            f"{where} does not let you in, or not do this: have its administrator give you the"
            " permission (READ, or EDIT to write, of experiment and registered model), or set"
            f" MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD of a user who has it ({text})"
        )
    if code in _NO_LOGIN or status == 401:
        return ConfigError(
            f"{where} does not let you in: set MLFLOW_TRACKING_USERNAME and"
            f" MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN ({text})"
        )
    if code in _NOT_MLFLOW or status == 404 or "not in a valid JSON format" in text:
        return ConfigError(f"{where} does not speak MLflow's API: correct the URI ({text})")
    if code in _REFUSED or isinstance(error, ImportError):
        return ConfigError(f"{where} cannot take this: {text}")
    if (isinstance(error, _UNREAD) and not isinstance(error, OSError)) or "codec can't" in text:
        return ConfigError(
            f"{where} cannot be used: it gives what MLflow's client cannot read ({text}): correct"
            " the URI, or what is kept there"
        )
    if store.database is not None and "locked" not in text:
        return ConfigError(f"{where} cannot be used: {text}")
    return UnavailableError(
        f"{where} does not answer: {text}; start it or correct the URI, then try again"
    )


def _reason(error: Exception) -> str:
    text = str(error)
    errno = re.findall(r"\[Errno -?\d+\] ([^'\"()\n]+)", text)
    if errno:
        return str(errno[-1])
    if "timed out" in text or "Timeout" in text:
        return "it timed out"
    return re.sub(r"\w+://\S+", lambda url: without_credentials(url[0]), said(error))
