"""What a lock says against what the rest of the revision says, as findings that say what to do."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from shlex import quote

from lockproof.model.digest import Digest, same_content
from lockproof.model.finding import Finding
from lockproof.model.pipeline import Dep, Stage, flat

from .catalog import finding
from .params import changed
from .together import shared

AGAIN = "run 'dvc repro' and 'dvc push', and commit"
_AGAIN = f"{AGAIN} dvc.lock"


@dataclass(frozen=True)
class LockFacts:
    """What a revision says of one stage."""

    stage: Stage
    file: str
    """The file that declares it, relative to the Git root."""
    line: int | None = None
    """Line in `file`, from 1."""
    given: Mapping[str, tuple[Digest | None, str | None]] = field(default_factory=dict)
    """Dependency -> digest in this revision, and the stage that makes it."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Dependency -> its bytes where `given` is, as far as that is known."""
    other_sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Dependency or output that Git has as locked -> bytes by the lock, and in truth."""
    in_git: Mapping[str, Digest | None] = field(default_factory=dict)
    """Output that Git keeps and that differs from the lock -> digest of what is committed."""
    untracked: tuple[str, ...] = ()
    """Dependencies that neither Git nor DVC has in this revision."""
    unsynced: Mapping[str, str] = field(default_factory=dict)
    """Dependencies on a dataset whose version no lock says -> why not."""
    cased: Mapping[str, str] = field(default_factory=dict)
    """Those of them that Git has with other capitals -> how, from the Git root."""
    unlocked: tuple[str, ...] = ()
    """Paths that the pipeline names and the lock's entry does not."""
    stale: tuple[str, ...] = ()
    """Paths that only the lock's entry names."""
    other_command: bool = False
    """Whether `dvc.yaml` writes the command otherwise than the lock, be its lines the same."""
    undigested: tuple[str, ...] = ()
    """Paths that the lock names without a digest, so that nothing can be compared with it."""
    converted: frozenset[str] = frozenset()
    """Dependencies that a checkout has in another form than Git: `.gitattributes`, Git LFS."""
    windows: frozenset[str] = frozenset()
    """Dependencies locked with the line ends that Git for Windows gives to what is committed."""

    @property
    def lock(self) -> str:
        """The file with its lock, relative to the Git root."""
        data = self.stage.kind != "stage"
        return self.file if data else str(PurePosixPath(self.file).with_name("dvc.lock"))

    @property
    def again(self) -> str:
        """How the stage is run again, so that the lock has what it says now."""
        if self.stage.frozen:
            return _AGAIN.replace("run ", f"run 'dvc unfreeze {quote(self.stage.address)}', ", 1)
        return _AGAIN


def lock_findings(facts: LockFacts, *, locked: bool = True) -> Iterator[Finding]:
    """Everything in which the lock and the revision disagree about one stage.

    Args:
        facts: what the revision says.
        locked: whether the lock has an entry for it at all.
    """
    stage, name = facts.stage, facts.stage.address
    if not locked:
        found = _found(facts, "LP101", name, f"{name} has no entry in dvc.lock: {facts.again}")
        words = f"have no entry in dvc.lock: {facts.again}"
        yield shared(found, cause=facts.lock, item=name, noun="stages", words=words)
        return
    yield from _undigested(facts)
    before = stage.locked_command
    if before is not None and (before != stage.command or facts.other_command):
        yield _found(
            facts,
            "LP102",
            name,
            f"{name}: the command is not the locked one: {facts.again}",
            stage.command,
        )
    yield from _params(facts)
    yield from _deps(facts)
    for out, digest in facts.in_git.items():
        if digest:
            text = f"{out} in Git is {digest.short}, not what dvc.lock names: {facts.again} with it"
        else:
            text = (
                f"{out} is neither in DVC's cache nor in Git: run 'git add -f {quote(out)}' and"
                " commit it, or take 'cache: false' away"
            )
        yield finding(
            "LP106",
            f"{name} {out}",
            f"{name}: {text}",
            path=out,
            seen=str(digest),
        )
    if not facts.unlocked and not facts.stale:
        return
    # What it has too much is no reason for DVC to run a stage again.
    thaw = f"'dvc unfreeze {quote(name)}', " if stage.frozen else ""
    anew = f"run {thaw}'dvc repro -f -s {quote(name)}' and 'dvc push', and commit dvc.lock"
    for what, why, how in (
        (facts.unlocked, "lacks", facts.again),
        (facts.stale, "still has", anew),
    ):
        for path in what:
            yield _found(
                facts,
                "LP108",
                f"{name} {path}",
                f"{name}: its entry in dvc.lock {why} {path}: {how}",
            )


def _undigested(facts: LockFacts) -> Iterator[Finding]:
    if not facts.undigested:
        return
    name, data = facts.stage.address, facts.stage.kind == "data"
    how = f"run 'dvc commit -f {quote(name)}' and 'dvc push', and commit it"
    if not data:
        # DVC stops at a digest of a kind that it does not know.
        how = f"delete the entry of {name} in dvc.lock, then {facts.again}"
    for path in facts.undigested:
        what = "names" if data else "is locked with"
        found = _found(
            facts,
            "LP101",
            f"{name} {path}",
            f"{name} {what} {path} without its digest, so that nothing proves what it was: {how}",
        )
        words = f"are named by {name} without their digests: {how}"
        if not data:
            entries = "delete the entries of their stages in dvc.lock"
            words = f"are locked without their digests: {entries}, then {facts.again}"
        yield shared(found, cause=facts.lock, item=path, noun="paths", words=words)


def _params(facts: LockFacts) -> Iterator[Finding]:
    name = facts.stage.address
    for params in facts.stage.params:
        if params.path in facts.unlocked:
            continue
        subject, locked, current = f"{name} {params.path}", params.locked or {}, params.current
        now = flat(current)
        keys = changed(flat(locked), now)
        if keys:
            differ = "differs" if len(keys) == 1 else "differ"
            yield _found(
                facts,
                "LP103",
                subject,
                f"{name}: {', '.join(keys)} in {params.path} {differ} from the lock: {facts.again}",
                {key: now.get(key) for key in keys},
            )
        nowhere = [key for key in params.keys if key not in locked and key not in current]
        if nowhere:
            yield _found(
                facts,
                "LP103",
                subject,
                f"{name}: {', '.join(nowhere)} is neither in {params.path} nor in the lock: take it"
                f" out of {facts.file}, or give it a value; then {facts.again}",
            )


def _deps(facts: LockFacts) -> Iterator[Finding]:
    name = facts.stage.address
    for dep in facts.stage.deps:
        given, maker = facts.given.get(dep.path, (None, None))
        if given is None or dep.locked is None or given is dep.locked:
            continue
        # Where nobody can tell, what is looked at says so.
        if same_content(dep.locked, given, dep.size, facts.sizes.get(dep.path)) is not False:
            continue
        if maker:
            yield _found(
                facts,
                "LP105",
                f"{name} {dep.path}",
                f"{name}: {dep.path} is locked as {_shown(dep.locked, given, dep.size)}, but"
                f" {maker} has it as"
                f" {_shown(given, dep.locked, facts.sizes.get(dep.path))}: {facts.again}",
                [str(dep.locked), str(given)],
            )
        else:
            what = "changed since dvc.lock was written"
            if dep.path in facts.windows:
                what = "is locked with the line ends of Windows (CRLF), which a clone lacks"
            yield _found(
                facts,
                "LP104",
                f"{name} {dep.path}",
                f"{name}: {dep.path} {what}: {_refreshed(facts, dep)}",
                str(given),
            )
    for path, why in facts.unsynced.items():
        yield _found(facts, "LP105", f"{name} {path}", f"{name}: {path} {why}; then {facts.again}")
    for path, (said, true) in facts.other_sizes.items():
        yield _found(
            facts,
            "LP104",
            f"{name} {path}",
            f"{name}: {path} is locked with {said:,} bytes, and what has that digest has {true:,}:"
            f" run 'dvc commit -f {quote(name)}' and commit dvc.lock",
            true,
        )
    for path in facts.untracked:
        if path in facts.cased:
            yield _found(
                facts,
                "LP107",
                f"{name} {path}",
                f"{name} needs {path}, and this revision has {facts.cased[path]}: only some file"
                f" systems take one for the other; write it so in {facts.file}, then {facts.again}",
            )
            continue
        yield _found(
            facts,
            "LP107",
            f"{name} {path}",
            f"{name} needs {path}, which this revision does not have: run"
            f" 'git add -f {quote(path)}', or for data 'dvc add {quote(path)}' and"
            f" 'dvc push {quote(path)}', and commit",
        )


def _shown(digest: Digest, other: Digest, size: int | None) -> str:
    """A digest as people tell it from the other one."""
    if digest.short != other.short:
        return digest.short
    return f"{digest}, {size:,} bytes" if size is not None else str(digest)


def _refreshed(facts: LockFacts, dep: Dep) -> str:
    """How DVC comes to see that a dependency in Git changed."""
    if dep.path in facts.windows:
        return (
            "write '* text=auto eol=lf' into .gitattributes, run 'git add --renormalize .' and, on"
            f" Windows, check its files out again; then {facts.again}"
        )
    if dep.path in facts.converted:
        path = quote(dep.path)
        return (
            f"run 'rm {path}' and 'git checkout {path}' to have it as a clone has it, then"
            f" {facts.again}"
        )
    if dep.locked and dep.locked.is_dir:
        return (
            f"{facts.again}; if it has files that Git ignores (byte code), write them into"
            " .dvcignore before"
        )
    return facts.again


def part_differs(
    stage: Stage,
    dep: Dep,
    actual: Digest | None,
    outs: Iterable[str],
    file: str,
    line: int | None,
) -> Finding:
    """The finding where a dependency in or around outputs is not what those hold."""
    name, locked, where = stage.address, dep.locked, ", ".join(outs)
    assert locked is not None
    return finding(
        "LP105",
        f"{name} {dep.path}",
        f"{name}: {dep.path} is locked as {locked.short}, but with {where} as locked it is"
        f" {actual.short if actual else 'not there'}: {_AGAIN}",
        path=file,
        line=line,
        seen=[str(locked), str(actual)],
    )


def _found(facts: LockFacts, rule: str, subject: str, message: str, seen: object = None) -> Finding:
    return finding(rule, subject, message, path=facts.file, line=facts.line, seen=seen)


def orphan(name: str, path: str, line: int | None) -> Finding:
    """The finding where a lock has an entry that no stage has."""
    return finding(
        "LP109",
        f"{path} {name}",
        f"{path} has an entry for {name}, which is no stage: remove the entry, or commit the stage",
        path=path,
        line=line,
    )


def left_over(path: str, line: int | None) -> Finding:
    """The finding where a merge conflict was committed."""
    how = "resolve it and commit"
    if path.endswith(".lock"):
        how = f"run 'git checkout COMMIT -- {quote(path)}' with a commit before them, then {_AGAIN}"
    return finding(
        "LP110",
        path,
        f"{path} holds the markers of a merge conflict: {how}",
        path=path,
        line=line,
    )


def unreadable(path: str, message: str, line: int | None) -> Finding:
    """The finding where a file of the pipeline cannot be read."""
    return finding("LP111", path, f"{message}: mend the file", path=path, line=line)


def elsewhere(path: str, message: str) -> Finding:
    """The finding where a file of the pipeline is another repository's; the message says it all."""
    return finding("LP111", path, message, path=path)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by file and line."""
    return tuple(sorted(findings, key=lambda f: (f.path or "", f.line or 0, f.rule, f.subject)))
