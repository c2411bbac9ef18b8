"""What is in Git that should not be, or should be and is not pinned."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from shlex import quote

from lockproof.model.finding import Finding

from .catalog import finding


@dataclass(frozen=True)
class Limits:
    """From how many bytes a file belongs into DVC."""

    large: int
    binary: int


@dataclass(frozen=True)
class GitFile:
    """A file that Git tracks; paths are relative to the Git root."""

    path: str
    size: int
    """Bytes."""
    is_binary: bool = False
    """Only looked at from `Limits.binary` on."""
    code: str | None = None
    """What makes loading it run code; see `lockproof.parse.code_formats`."""


def tracked_twice(outs: Mapping[str, str], tracked: Iterable[str]) -> Iterator[Finding]:
    """Files that both DVC and Git track.

    Args:
        outs: cached output -> the file that declares it, both relative to the Git root.
        tracked: what Git tracks.
    """
    found: dict[str, list[str]] = {}
    for path in tracked:
        for place in (path, *map(str, PurePosixPath(path).parents)):
            if place in outs:
                found.setdefault(place, []).append(path)
                break
    for out, files in sorted(found.items()):
        what = out if files == [out] else f"{_number(files, 'file')} of {out} ({_some(files)})"
        verb = "is" if len(files) == 1 else "are"
        yield finding(
            "LP301",
            out,
            f"{what} {verb} tracked by Git as well as by DVC, so the two can disagree: run"
            f" 'git rm -r --cached {quote(out)}' and commit",
            path=outs[out],
        )


def weighty(files: Iterable[GitFile], limits: Limits) -> Iterator[Finding]:
    """Large or binary files outside DVC."""
    for file in files:
        path = quote(file.path)
        track = f"run 'git rm --cached {path}', 'dvc add {path}' and 'dvc push {path}', and commit"
        if file.size > limits.large:
            yield finding(
                "LP302",
                file.path,
                f"{file.path} has {file.size:,} bytes, and every clone of the repository will have"
                f" every version of it: {track}",
                path=file.path,
                seen=file.size,
            )
        elif file.is_binary and file.size > limits.binary:
            yield finding(
                "LP303",
                file.path,
                f"{file.path} is binary and has {file.size:,} bytes: if it is data or a model,"
                f" {track}",
                path=file.path,
                seen=file.size,
            )


def unpinned_environment(reason: str, path: str) -> Finding:
    """The finding where nothing pins what stage commands run with."""
    return finding("LP304", "environment", reason, path=path)


def unpinned_image(image: str, path: str, line: int | None) -> Finding:
    """The finding where a container image is named by tag."""
    return finding(
        "LP305",
        image,
        f"{image} can be another image tomorrow: write it as {_tagged(image)}@sha256:…, with the"
        " digest that 'docker buildx imagetools inspect' shows",
        path=path,
        line=line,
    )


def secret(kind: str, path: str, lines: Sequence[int]) -> Finding:
    """The finding where a file has secrets of a kind; what they are does not go into the report."""
    where = f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(map(str, lines[:5]))}"
    where += f" and {len(lines) - 5:,} more" if len(lines) > 5 else ""
    return finding(
        "LP306",
        f"{kind} in {path}",
        f"{path} holds what looks like a secret ({kind}, {where}): revoke it, since it stays in"
        " Git's history, and read it from the environment",
        path=path,
        line=lines[0],
        seen=len(lines),
    )


def runs_code(path: str, what: str, file: str | None = None) -> Finding:
    """The finding where loading a file runs code."""
    return finding(
        "LP307",
        path,
        f"{path} is {what}: whoever loads it runs what it says; save it as skops, safetensors,"
        " ONNX, Parquet or plain arrays",
        path=file or path,
    )


def uncommitted(path: str, how: str) -> Finding:
    """The finding where a file of the pipeline is not as it was looked at."""
    return finding(
        "LP308",
        path,
        f"{path} {how}, so what was looked at is not what is here: commit it, or put it back",
        path=path,
    )


def _tagged(image: str) -> str:
    name = image.partition("@")[0]
    return name if ":" in name.rpartition("/")[2] else f"{name}:TAG"


def _number(files: list[str], noun: str) -> str:
    return f"{len(files):,} {noun}{'' if len(files) == 1 else 's'}"


def _some(files: list[str]) -> str:
    return ", ".join(files[:3]) + (", …" if len(files) > 3 else "")
