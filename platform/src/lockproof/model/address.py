"""Addresses, as they may be shown."""

import re


def without_credentials(url: str) -> str:
    """A URL without user, password, query and fragment, any of which may hold a secret.

    The user of an SSH URL stays: it is part of the address. A path, `git@host:path` and the URI of
    an SQLite file stay as they are.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.startswith("sqlite"):
        return url
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    user, at, _ = authority.rpartition("@")
    if at:
        rest = rest[len(user) + 1 :]
    elif re.search(r":(?![0-9]*$)", authority) and not authority.startswith("["):
        # No port looks like that: it is a password with an unescaped slash, `?` or `#`.
        rest = rest.rpartition("@")[2]
    kept = f"{user.partition(':')[0]}@" if user and "ssh" in scheme else ""
    return f"{scheme}://{kept}{re.split('[?#]', rest, maxsplit=1)[0]}"
