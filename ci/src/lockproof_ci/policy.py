"""What of a policy the module has to know; what is wrong with one, lockproof says."""

import tomllib

from .sdk import InputError
from .settings import POLICY

_LARGEST, _DOTS = 1 << 20, 300
"""Characters of a policy, and dots in a line of it, that are looked at."""
_SERVERS = ("http", "https", "postgresql", "mysql", "mssql", "databricks", "databricks-uc")
"""Schemes of tracking servers and of database servers, without a driver."""


def is_beyond(text: str) -> bool:
    """Whether a policy is not looked at: tomllib takes minutes for a dotted key without end."""
    return len(text) > _LARGEST or any(line.count(".") > _DOTS for line in text.splitlines())


def says(text: str, table: str, key: str) -> str | None:
    """A text in the policy; None where there is none, or lockproof would not take the policy."""
    try:
        value = tomllib.loads(text)[table][key]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def is_server(uri: str) -> bool:
    """Whether it is the address of a tracking server or of a database server, not of a file."""
    scheme = uri.strip().partition(":")[0].lower()
    return scheme.partition("+")[0] in _SERVERS


def refuse_lost(policy: str, whose: str, given: str | None) -> None:
    """Let nothing be written to a database that ends with its container.

    Args:
        policy: the text of the policy, whose address of a tracking server counts first.
        whose: whose policy that is, for messages.
        given: the address that the caller names.

    Raises:
        InputError: no server is named.
    """
    if is_beyond(policy):
        raise InputError(f"{POLICY} {whose} is too large to look at: make it shorter")
    stated = says(policy, "mlflow", "tracking-uri")
    if stated is not None and not is_server(stated):
        raise InputError(
            f"tracking-uri in [mlflow] of {POLICY} {whose} names no server, and a"
            " database in the container ends with the call: name one there, such as https://…,"
            " or remove it and give --mlflow-uri, which counts only where the policy names none"
        )
    if stated is None and not given:
        raise InputError(
            "no tracking server is named: --mlflow-uri, --mlflow or --servers before the"
            f" function, or tracking-uri in [mlflow] of {POLICY} {whose}"
        )
    if stated is None and given and not is_server(given):
        raise InputError(
            "--mlflow-uri names no server, and a database in the container ends with the call:"
            " give https://…, or the address of a database server such as postgresql://…"
        )
