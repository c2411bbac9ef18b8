"""What of a policy the module has to know; what is wrong with one, lockproof says."""

import tomllib

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
