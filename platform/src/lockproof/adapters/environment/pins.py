"""Reads a requirements file as far as it takes to know that it pins what it names."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from packaging.requirements import InvalidRequirement, Requirement

from lockproof.errors import ConfigError

from .places import host_of
from .well_known import needed_beside

_LARGEST = 10 << 20
_DEEPEST = 10
_MOST_SHOWN = 5
# One option a line, its value without quotes: what follows would be another for pip.
_VALUE = r"""[\s=]*+([^\s"'\\]+)"""
_INCLUDE = re.compile(rf"(?:-r|--requirement){_VALUE}")
_CONSTRAINT = re.compile(rf"(?:-c|--constraint){_VALUE}")
_PLACE = re.compile(rf"(?:-i|-f|--index-url|--extra-index-url|--find-links){_VALUE}")
_HARMLESS = re.compile(
    rf"--(?:no-index|pre|prefer-binary|require-hashes|(?:only-binary|no-binary){_VALUE})"
)
_FROM_SOURCE = re.compile(r"--no-binary|--only-binary.*:none:")
_HASHES = re.compile(r"(?:\s+--hash[\s=]\s*sha(?:256|384|512):[0-9A-Fa-f]{64,})*")
_VARIABLE = re.compile(r"\$\{\w+\}")
_CODING = re.compile(r"coding[:=]\s*+(?!utf-?8\b)", re.IGNORECASE)
_EDITABLE = re.compile(r"-e|--ed")
_NAMED = re.compile(r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(.*)", re.DOTALL)
_COMMIT = re.compile(r"git\+[a-z]+://[^\s#?;]*@[0-9a-f]{40}(?:$|[#?\s;])")
"""Of a Git address, before its query and fragment: elsewhere the digits pin nothing."""
_ARCHIVE_HASH = re.compile(r"(?:^|[#&])(?:sha256|sha384|sha512)=[0-9a-f]{64,}")
"""Found in what follows the first `#`."""


Reader = Callable[[Path], bytes]


@dataclass(frozen=True)
class Pins:
    """What a requirements file pins."""

    path: Path
    digest: str
    """SHA-256 of the file; with included files, of all their digests in the order of reading."""
    hashed: bool
    """Whether every requirement names the hashes of what may be installed."""
    names: frozenset[str]
    """Normalised names of the distributions."""
    hosts: frozenset[str] = frozenset()
    """Hosts that the files say packages come from."""
    files: tuple[Path, ...] = ()
    """The file and those that it includes."""
    local: tuple[Path, ...] = ()
    """Archives and folders of the repository that packages come from."""
    from_source: bool = False
    """Whether it wants packages built that have wheels."""
    named: bool = True
    """Whether every requirement has its distribution's name."""


@dataclass
class _Reading:
    root: Path
    read: Reader
    digests: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Normalised name -> version; empty where that depends, or is not told."""
    hosts: set[str] = field(default_factory=set)
    unhashed: int = 0
    files: list[Path] = field(default_factory=list)
    local: list[Path] = field(default_factory=list)
    from_source: bool = False
    named: bool = True


def _from_disk(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST + 1)


def read_pins(path: Path, root: Path, read: Reader = _from_disk) -> Pins:
    """Read a requirements file and those that it includes.

    Args:
        path: the file.
        root: where it and the others must be.
        read: how a file is read, if not from the disk; raises OSError where there is none.

    Raises:
        ConfigError: a file is missing or outside `root`, or a line leaves open what it installs
            (no `==`, a folder, a URL without hash or commit; the message names the line), or a
            well-known package is pinned without what it needs.
    """
    reading = _Reading(root.resolve(), read)
    _read(path, reading, 0)
    if not reading.names:
        raise ConfigError(f"{_shown(path, reading)} names no packages")
    absent = needed_beside(reading.names)
    if absent and reading.named:
        raise not_whole(_shown(path, reading), absent)
    digests = reading.digests
    one = digests[0] if len(digests) == 1 else _sha256("\n".join(digests).encode())
    return Pins(
        path,
        one,
        reading.unhashed == 0,
        frozenset(reading.names),
        frozenset(reading.hosts),
        tuple(reading.files),
        tuple(reading.local),
        reading.from_source,
        reading.named,
    )


def not_whole(name: str, absent: Sequence[str]) -> ConfigError:
    """The error for a file of pins, `name`, that lacks what its packages need."""
    shown = ", ".join(absent[:_MOST_SHOWN]) + (", …" if len(absent) > _MOST_SHOWN else "")
    file = quote(name)
    return ConfigError(
        f"{name} does not pin {shown}, which its packages need: run 'uv pip compile"
        f" --generate-hashes {file} -o {file}', which writes it whole, and commit it"
    )


def normalised(name: str) -> str:
    """A distribution's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(path: Path, reading: _Reading, depth: int, *, constraint: bool = False) -> None:
    text = _text(path, reading)
    if depth > _DEEPEST:
        raise ConfigError(f"{_shown(path, reading)} includes itself")
    for number, line in _logical_lines(text):
        where = f"{_shown(path, reading)}:{number}"
        if _VARIABLE.search(line):
            raise ConfigError(f"{where}: write out what stands for a variable of whoever reads it")
        if match := _INCLUDE.fullmatch(line):
            _include(match[1], path, where, reading, depth, constraint)
        elif match := _CONSTRAINT.fullmatch(line):
            _include(match[1], path, where, reading, depth, True)
        elif _EDITABLE.match(line):
            raise ConfigError(f"{where}: {_NO_FOLDER}")
        elif match := _PLACE.fullmatch(line):
            _note(match[1], path, where, reading)
        elif not line.startswith("-"):
            _requirement(line, path, where, reading, constraint=constraint)
        elif not _HARMLESS.fullmatch(line):
            raise ConfigError(f"{where}: '{line.split()[0]}' does not belong in a file of pins")
        elif _FROM_SOURCE.match(line):
            reading.from_source = True


def _include(
    name: str, path: Path, where: str, reading: _Reading, depth: int, constraint: bool
) -> None:
    if ":" in name:
        raise ConfigError(f"{where}: '{name}' is outside of the repository")
    _read(path.parent / name, reading, depth + 1, constraint=constraint)


def _note(source: str, path: Path, where: str, reading: _Reading) -> None:
    host = host_of(source, path.parent, reading.root, where)
    if host:
        reading.hosts.add(host)
    else:
        reading.local.append(path.parent / source.partition("#")[0])


def _requirement(line: str, path: Path, where: str, reading: _Reading, *, constraint: bool) -> None:
    requirement, *options = re.split(r"(?=\s-)", line, maxsplit=1)
    if options and not _HASHES.fullmatch(options[0]):
        raise ConfigError(f"{where}: only --hash=sha256:… may follow a requirement")
    requirement, hashed = requirement.strip(), bool(options)
    match = _NAMED.fullmatch(requirement)
    name, rest = (match[1], match[2].strip()) if match else ("", requirement)
    if name and rest.startswith("@"):
        source = rest[1:].strip()
    elif name and (not rest or rest[0] in "=<>!~(;"):
        if constraint:
            return
        version = _pinned(requirement)
        if version is None:
            raise ConfigError(f"{where}: '{requirement}' is not pinned; write {name}==VERSION")
        reading.unhashed += not hashed
        reading.names[normalised(name)] = version
        return
    else:
        source = requirement
    # A constraint with an address decides where a package comes from.
    _note(re.split(r"\s*;|\s", source, maxsplit=1)[0], path, where, reading)
    reading.unhashed += not hashed
    if not (hashed or _ARCHIVE_HASH.search(source.partition("#")[2]) or _COMMIT.match(source)):
        raise ConfigError(
            f"{where}: '{requirement}' is not pinned; "
            + (_NO_FOLDER if "://" not in source else "add --hash=sha256:… or a full commit")
        )
    if not constraint:
        reading.names[normalised(name or source)] = ""
        reading.named = reading.named and bool(name)


def _pinned(requirement: str) -> str | None:
    """The one version that a requirement allows, empty with a marker; None for any other."""
    try:
        found = Requirement(requirement)
    except InvalidRequirement:
        return None
    clauses = list(found.specifier)
    if found.url or len(clauses) != 1 or clauses[0].operator not in ("==", "==="):
        return None
    if clauses[0].version.endswith(".*"):
        return None
    return "" if found.marker else clauses[0].version


_NO_FOLDER = (
    "a folder cannot be part of an environment that outlives the checkout: leave it out "
    "and let the stages import it from the work tree"
)


def _text(path: Path, reading: _Reading) -> str:
    shown = _shown(path, reading)
    if not path.resolve().is_relative_to(reading.root):
        raise ConfigError(f"the requirements file {shown} is outside of the repository")
    try:
        content = reading.read(path)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot read the requirements file {shown}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the requirements file {shown} is not UTF-8") from error
    if any(_CODING.search(line.partition("#")[2]) for line in text.split("\n", 2)[:2]):
        raise ConfigError(f"the requirements file {shown} declares an encoding: keep it in UTF-8")
    if len(content) > _LARGEST:
        raise ConfigError(f"the requirements file {shown} is larger than {_LARGEST >> 20} MiB")
    reading.digests.append(_sha256(content))
    reading.files.append(path)
    return text


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    begun, start = "", 0
    for number, physical in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", physical).rstrip()
        start = start if begun else number
        if line.endswith("\\"):
            begun += line[:-1] + " "
            continue
        begun = (begun + line).strip()
        if begun:
            yield start, begun
        begun = ""
    if begun.strip():
        yield start, begun.strip()


def _shown(path: Path, reading: _Reading) -> str:
    try:
        return path.resolve().relative_to(reading.root).as_posix()
    except ValueError:
        return path.as_posix()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
