"""Writes the platform's addresses where DVC and MLflow are configured, and nothing else there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.files import write_whole
from lockproof.errors import UsageError

from .platform import Platform

LOCAL_FOLDER = ".lockproof"
ENV_FILE = "platform.env"
MARK = "# By lockproof provision: url, endpointurl and region follow the platform."
_HEAD = """\
# How to reach the platform, by lockproof provision. Use it in a shell:
#   set -a; . {path}; set +a
"""
_FORWARDS = "# These addresses hold on this machine while these run:\n"
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")


@dataclass(frozen=True)
class Written:
    """What was done with a file."""

    path: Path
    what: str
    """In a few words."""


def write_environment(
    root: Path, platform: Platform, forwards: Sequence[str] = ()
) -> Written | None:
    """Write `.lockproof/platform.env`; None where there is nothing to say.

    Args:
        root: the folder that MLflow's own local files are kept below: the DVC root.
        platform: the addresses.
        forwards: the commands without which they do not hold here.

    Raises:
        UsageError: it cannot be written.
    """
    variables = platform.variables()
    if not variables:
        return None
    folder = root / LOCAL_FOLDER
    path = folder / ENV_FILE
    head = _HEAD.format(path=f"{LOCAL_FOLDER}/{ENV_FILE}")
    if forwards:
        head += _FORWARDS + "".join(f"#   {command}\n" for command in forwards)
    text = head + "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items())
    if _read(path) == text:
        return Written(path, "says this already")
    if not (folder / ".gitignore").exists():
        write_whole(folder / ".gitignore", "*\n")
    write_whole(path, text)
    return Written(path, "written")


def write_remote(root: Path, platform: Platform, remote: str, prefix: str) -> Written | None:
    """Write the DVC remote of the platform into `.dvc/config.local`; None without a bucket.

    Only the section that this made is touched, and in it only `url`, `endpointurl` and `region`:
    keys that somebody added stay, and so does every other line. A section of the same name that
    somebody else wrote is left as it is.

    Args:
        root: the DVC root.
        platform: the addresses.
        remote: the name of the remote.
        prefix: the path in the bucket.

    Raises:
        UsageError: the file cannot be read or written.
    """
    if platform.bucket is None or not (root / ".dvc").is_dir():
        return None
    path = root / ".dvc" / "config.local"
    old = _read(path)
    url = f"s3://{platform.bucket}/{prefix}".rstrip("/")
    settings = {"url": url, "endpointurl": platform.endpoint, "region": platform.region}
    for key, value in settings.items():
        if value is not None and not _PLAIN.fullmatch(value):
            raise UsageError(f"the {key} of the platform is no address: {value[:200]!r}")
    new = merge_remote(old or "", remote, settings)
    if new is None:
        return Written(path, f"has a remote {remote!r} of its own, which was left as it is")
    if new == old:
        return Written(path, f"has the remote {remote!r} already")
    write_whole(path, new)
    return Written(path, f"has the remote {remote!r}")


def merge_remote(text: str, remote: str, settings: dict[str, str | None]) -> str | None:
    """A DVC configuration with the settings of one remote; None where that is someone else's.

    Args:
        text: the configuration.
        remote: the name of the remote.
        settings: key -> value; None takes the key out.
    """
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if _names(line, remote)), None)
    if start is None:
        gap = [""] if lines and lines[-1].strip() else []
        new = [f"    {key} = {value}" for key, value in settings.items() if value]
        return "\n".join([*lines, *gap, MARK, f"['remote \"{remote}\"']", *new]) + "\n"
    if not start or lines[start - 1].strip() != MARK:
        return None
    end = next(
        (i for i in range(start + 1, len(lines)) if _section(lines[i]) is not None), len(lines)
    )
    if end < len(lines) and lines[end - 1].strip() == MARK:
        end -= 1
    body, left = [], dict(settings)
    for line in lines[start + 1 : end]:
        key = line.partition("=")[0].strip()
        if "=" not in line or key not in settings:
            body.append(line)
        elif value := left.pop(key, None):
            body.append(f"    {key} = {value}")
    added = [f"    {key} = {value}" for key, value in left.items() if value]
    return "\n".join([*lines[: start + 1], *added, *body, *lines[end:]]) + "\n"


def _names(line: str, remote: str) -> bool:
    return _section(line) in (f'remote "{remote}"', f"remote '{remote}'")


def _section(line: str) -> str | None:
    """The name of the section that begins in a line, without quotes around it."""
    text = line.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    name = text[1:-1].strip()
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"" else name


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else "'" + value.replace("'", "'\\''") + "'"


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
