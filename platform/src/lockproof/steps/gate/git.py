"""The Git family: what is tracked that should not be, and what is named without being pinned."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lockproof.adapters.environment.pins import read_pins
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.adapters.git.worktree import uncommitted
from lockproof.adapters.secrets import SecretScanner
from lockproof.config import FILE_NAME, matches_any
from lockproof.errors import ConfigError, MissingExtraError
from lockproof.model.check import Check
from lockproof.model.finding import Finding
from lockproof.model.toml_text import read_toml
from lockproof.model.verdict import Verdict
from lockproof.parse.code_formats import PEEK, code_in_content, code_in_name, wants_whole
from lockproof.parse.container_images import ImageUse, images_in, images_run_by, may_name_images
from lockproof.parse.yaml_document import ParseError
from lockproof.rules import git as rules
from lockproof.rules.git import GitFile, Limits
from lockproof.steps.progress import during

from .interface import Outcome, Scene

if TYPE_CHECKING:
    from lockproof.config import EnvironmentPolicy

_BINARY_HEAD = 8000
"""Bytes that Git itself looks at for a NUL."""
_LARGEST_SNIFFED = 64 << 20
_LARGEST_SCANNED = 16 << 20


@dataclass
class _Seen:
    """What one look at the revision gave."""

    findings: list[Finding] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    inconclusive: bool = False
    images: int = 0
    scanned: int = 0


def check(scene: Scene) -> Outcome:
    """Look at every tracked file; with a pull request for secrets only at those that it changes."""
    seen = _Seen()
    with during(scene.progress, "git", "files that Git tracks"):
        _tracked_twice(scene, seen)
        _files(scene, seen)
        _environment(scene, seen)
        _images(scene, seen)
        _secrets(scene, seen)
        _uncommitted(scene, seen)
    tracked = len(scene.head.entries)
    parts = [f"{seen.scanned:,} searched for secrets"] if scene.policy.git.secrets else []
    parts.append(f"{seen.images:,} container image{'' if seen.images == 1 else 's'}")
    verdict = Verdict.INCONCLUSIVE if seen.inconclusive or not tracked else Verdict.PASSED
    return Outcome(
        Check(
            name="git",
            verdict=verdict,
            checked=tracked,
            unit="file",
            summary=", ".join(parts),
            not_checked=tuple(seen.not_checked),
        ),
        tuple(seen.findings),
    )


def _tracked_twice(scene: Scene, seen: _Seen) -> None:
    outs = {
        scene.git_path(out.path): scene.git_path(stage.file)
        for stage in scene.pipeline.stages
        for out in stage.outs
        if out.cached and not out.external
    }
    seen.findings += rules.tracked_twice(outs, scene.head.entries)
    for stage in scene.pipeline.stages:
        for out in stage.outs:
            what = code_in_name(out.path)
            if what and not out.external:
                file = scene.git_path(stage.file)
                seen.findings.append(rules.runs_code(scene.git_path(out.path), what, file))


def _files(scene: Scene, seen: _Seen) -> None:
    policy, head = scene.policy.git, scene.head
    sizes = head.sizes(head.entries)
    limits = Limits(large=policy.large, binary=policy.binary)
    binary, code = _looked_at(head, sizes)
    files = [
        GitFile(path, size, is_binary=head.entries[path].oid in binary)
        for path, size in sizes.items()
        if not matches_any(path, policy.allow)
    ]
    seen.findings += rules.weighty(files, limits)
    for path in sizes:
        what = code.get(head.entries[path].oid) or code_in_name(path)
        if what:
            seen.findings.append(rules.runs_code(path, what))


def _looked_at(head: Snapshot, paths: Iterable[str]) -> tuple[set[str], dict[str, str]]:
    """Object ids of files with a NUL in their beginning; and of such as run code, with the why."""
    binary: set[str] = set()
    code: dict[str, str] = {}

    def take(oid: str, size: int, chunks: Iterator[bytes]) -> None:
        content = bytearray(next(chunks, b""))
        if wants_whole(bytes(content[:8])) and size <= _LARGEST_SNIFFED:
            for chunk in chunks:
                content += chunk
        else:
            del content[PEEK:]
        if b"\0" in content[:_BINARY_HEAD]:
            binary.add(oid)
        what = code_in_content(bytes(content))
        if what:
            code[oid] = what

    head.each(dict.fromkeys(head.entries[path].oid for path in paths), take)
    return binary, code


# --- the environment ------------------------------------------------------------------------------


def _environment(scene: Scene, seen: _Seen) -> None:
    if not any(stage.runs for stage in scene.pipeline.stages):
        return
    reason = _unpinned(scene, scene.policy.environment)
    if reason:
        seen.findings.append(rules.unpinned_environment(reason, scene.git_path(FILE_NAME)))


def _unpinned(scene: Scene, policy: "EnvironmentPolicy | None") -> str | None:
    how = f"name requirements, uv-lock or an image by digest in [environment] of {FILE_NAME}"
    if policy is None:
        return f"nothing pins what stage commands run with: {how}"
    if policy.interpreter is not None:
        return f"the interpreter {policy.interpreter} is whatever the machine has: {how}"
    if policy.image is not None:
        if ImageUse(policy.image).is_pinned:
            return None
        return f"the environment's image {policy.image} has no digest: write it as …@sha256:…"
    if policy.uv_lock is not None:
        return _uv_lock_problem(scene, policy.uv_lock)
    assert policy.requirements is not None
    top = Path(scene.root.anchor, "revision")

    def read(path: Path) -> bytes:
        content = scene.head.read(scene.git_path(path.relative_to(top).as_posix()))
        if content is None:
            raise FileNotFoundError(2, "it is not in Git at this revision")
        return content

    try:
        read_pins(top / PurePosixPath(policy.requirements), top, read)
    except ConfigError as error:
        return str(error)
    return None


def _uv_lock_problem(scene: Scene, name: str) -> str | None:
    path = scene.git_path(name)
    project = str(PurePosixPath(path).with_name("pyproject.toml"))
    for each in (path, project):
        content = scene.head.read(each)
        if content is None:
            return f"{each} is not in Git at this revision: commit it"
        try:
            read_toml(content.decode())
        except ValueError as error:
            return f"{each} is not valid TOML: {error}"
    return None


# --- images ---------------------------------------------------------------------------------------


def _images(scene: Scene, seen: _Seen) -> None:
    named = [p for p, e in scene.head.entries.items() if e.is_file and may_name_images(p)]
    scene.head.load(named)
    for path in named:
        try:
            uses = images_in(path, scene.head.read(path) or b"")
        except ParseError as error:
            seen.not_checked.append(f"container images of {error}")
            continue
        for use in uses:
            _image(use, path, seen)
    for stage in scene.pipeline.stages:
        lines = scene.reading.lines.get(stage.address)
        for command in stage.command:
            for image in images_run_by(command):
                line = lines.declared if lines else None
                _image(ImageUse(image, line), scene.git_path(stage.file), seen)


def _image(use: ImageUse, path: str, seen: _Seen) -> None:
    seen.images += 1
    if use.is_open:
        seen.not_checked.append(f"{path}: the image {use.image} is only known when it runs")
    elif not use.is_pinned:
        seen.findings.append(rules.unpinned_image(use.image, path, use.line))


# --- secrets, and the work tree -------------------------------------------------------------------


def _secrets(scene: Scene, seen: _Seen) -> None:
    if not scene.policy.git.secrets:
        seen.not_checked.append(f"secrets: switched off in [git] of {FILE_NAME}")
        return
    try:
        scanner = SecretScanner.open()
    except MissingExtraError as error:
        seen.inconclusive = True
        seen.not_checked.append(f"secrets: {error}, or set secrets = false in [git]")
        return
    before = scene.before.entries if scene.before else {}
    changed = [p for p, e in scene.head.entries.items() if e.is_file and before.get(p) != e]
    sizes = scene.head.sizes(changed)
    small = [path for path in changed if sizes[path] <= _LARGEST_SCANNED]
    if len(small) < len(changed):
        many = len(changed) - len(small)
        seen.not_checked.append(f"secrets in {many:,} files of more than 16 MiB")
    by_oid: dict[str, list[str]] = {}
    for path in small:
        by_oid.setdefault(scene.head.entries[path].oid, []).append(path)

    def take(oid: str, _: int, chunks: Iterator[bytes]) -> None:
        lines: dict[str, list[int]] = {}
        try:
            for found in scanner.scan(b"".join(chunks)):
                lines.setdefault(found.kind, []).append(found.line)
        except TimeoutError:
            seen.not_checked += [f"secrets in {path}: it takes too long" for path in by_oid[oid]]
            seen.inconclusive = True
        for kind, at in lines.items():
            seen.findings += [rules.secret(kind, path, at) for path in by_oid[oid]]

    scene.head.each(by_oid, take)
    seen.scanned = len(small)


def _uncommitted(scene: Scene, seen: _Seen) -> None:
    if not (scene.request.staged or scene.request.revision == "HEAD"):
        return
    params = {
        scene.git_path(params.path) for stage in scene.pipeline.stages for params in stage.params
    }
    changed = uncommitted(scene.head.git, sorted(params), staged=scene.request.staged)
    seen.findings += [rules.uncommitted(path, how) for path, how in changed]
