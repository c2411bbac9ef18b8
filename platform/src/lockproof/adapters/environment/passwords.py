"""Users and passwords in the addresses of indexes, wherever those stand."""

import re

_USER = re.compile(
    r"://(?:"
    # With a slash or a space in the password: no port looks like that.
    r"[^/\s:@\"'\[]*:(?![0-9]*(?:[/?#\s,\"'`\])}]|$))[^/\s@\"']*[/ \t](?:(?!://)[^\n\"'`])*@"
    r"|[^/\s]*@"
    r"(?:[^\s/\"'`@]*[ \t][^/\n\"'`@]*@)*"
    r")"
)
"""What stands before the last `@`, as pip and uv read an address; also one that they refuse."""


def without_users(text: str, instead: str = "") -> str:
    """A text whose addresses name no user and no password.

    Args:
        text: some settings, or what a program says.
        instead: what stands in their place.
    """
    return _USER.sub(f"://{instead}", text)
