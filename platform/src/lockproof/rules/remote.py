"""What a remote lacks of what the lock claims, as findings that say what to do."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from shlex import quote

from lockproof.model.claim import Claim
from lockproof.model.digest import Digest
from lockproof.model.finding import Finding

from .catalog import finding
from .together import shared


@dataclass(frozen=True)
class Sample:
    """How many, and the first of them by name."""

    count: int = 0
    names: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    """Where the remote has, or should have, those: paths below its root."""


@dataclass(frozen=True)
class ClaimFacts:
    """What came of one claim in one remote."""

    claim: Claim
    file: str
    """The lock or `.dvc` file, relative to the Git root."""
    remote: str
    main: bool = True
    """Whether this is the remote that the output names, or the default one."""
    listing: str | None = None
    """Why the directory object cannot be used: what is wrong with its content."""
    missing: Sample = Sample()
    corrupted: Sample = Sample()
    size: int | None = None
    """Bytes in the remote, of a directory all of its files; None where a part is not known."""
    nfiles: int | None = None
    """Files that the directory object names."""
    by_size: bool = False
    """Whether of an object of it nothing but its size could be compared."""
    unversioned: Sample = Sample()
    """Files that the lock gives no version id for, in a version-aware remote; or, in any other
    remote, files that it gives nothing else for."""

    @property
    def whole(self) -> bool:
        """Whether nothing of it is missing, so that its size can be judged."""
        return not (self.missing.count or self.listing or self.unversioned.count)


def claim_findings(facts: ClaimFacts) -> Iterator[Finding]:
    """Everything that is wrong with one claim in one remote."""
    claim, path, where = facts.claim, facts.claim.path, f"remote {facts.remote!r}"
    push = f"run 'dvc push{_to(facts)} {quote(path)}' where it was made"
    if facts.listing:
        yield _found("LP204", facts, f"{path}: {facts.listing}: {_anew(facts)}")
    if facts.missing.count:
        what = _what(facts, facts.missing)
        rid = _rid(facts, ())
        found = _found("LP201", facts, f"{what} missing from {where}: {rid}{push}")
        words = f"are missing from {where}: run 'dvc push{_to(facts)}' where they were made"
        one = shared(found, cause=where, item=path, noun="outputs", words=words)
        yield found if rid else one
    if facts.corrupted.count:
        what = _what(facts, facts.corrupted)
        yield _found(
            "LP202",
            facts,
            f"{what} corrupted in {where}: {_rid(facts, facts.corrupted.objects)}{push}",
        )
    if facts.unversioned.count:
        what = _what(facts, facts.unversioned)
        how = f"{push} and commit {claim.file}" if claim.digest else _unversioned(facts)
        yield _found(
            "LP206",
            facts,
            f"{what} not locked the way {where} keeps it: {how}",
        )
    if not facts.whole or facts.corrupted.count:
        return
    if claim.size is not None and facts.size is not None and claim.size != facts.size:
        yield _found(
            "LP203",
            facts,
            f"{path} has {facts.size:,} bytes in {where}, but {claim.file} says {claim.size:,}:"
            f" {_judged(facts)}",
        )
    elif claim.size is None and facts.by_size:
        yield _found(
            "LP203",
            facts,
            f"{claim.file} gives no size for {path}, and of its content {where} shows nothing else:"
            " run 'lockproof gate --deep', which finds the object if it is wrong, then"
            f" {_relocked(facts)}",
        )
    elif claim.nfiles is not None and facts.nfiles is not None and claim.nfiles != facts.nfiles:
        yield _found(
            "LP203",
            facts,
            f"{path} has {facts.nfiles:,} files in {where}, but {claim.file} says"
            f" {claim.nfiles:,}: {_relocked(facts)}",
        )


def _to(facts: ClaimFacts) -> str:
    """The option that has DVC push to this remote, where it is not the one it would take."""
    return "" if facts.main else f" -r {quote(facts.remote)}"


def _rid(facts: ClaimFacts, objects: tuple[str, ...]) -> str:
    """What to delete in the remote, so that a push brings it: DVC pushes nothing that is there.

    Where it finds a directory object, it takes all files that this names for pushed.
    """
    digest, sample = facts.claim.digest, facts.corrupted if objects else facts.missing
    if digest and digest.is_dir and sample.names != (facts.claim.path,):
        objects = (*objects[:3], digest.object_path)
        more = ", …" if sample.count > 3 and sample is facts.corrupted else ""
        return f"delete {', '.join(objects)}{more} there and "
    return f"delete {', '.join(objects)} there and " if objects else ""


def _relocked(facts: ClaimFacts) -> str:
    owner, file = facts.claim.owner, facts.claim.file
    return f"run 'dvc commit -f {quote(owner)}' where it was made, and commit {file}"


def _judged(facts: ClaimFacts) -> str:
    """What tells whether the object or the lock is wrong, and what to do in either case."""
    return (
        "run 'lockproof gate --deep', which finds the object if it is that which is wrong; if not,"
        f" {_relocked(facts)}"
    )


def _unversioned(facts: ClaimFacts) -> str:
    """How an output that is locked by version ids alone comes to be locked by content."""
    owner, path = facts.claim.owner, quote(facts.claim.path)
    if owner.endswith(".dvc"):
        return (
            f"run 'rm {quote(owner)}', 'dvc add {path}' and 'dvc push {path}' where it was made,"
            " and commit it"
        )
    return _anew(facts)


def _anew(facts: ClaimFacts) -> str:
    """How an output comes to be locked anew, whatever the lock says of it."""
    claim, push = facts.claim, f"and 'dvc push{_to(facts)} {quote(facts.claim.path)}'"
    if claim.owner.endswith(".dvc"):
        return (
            f"run 'dvc commit -f {quote(claim.owner)}' {push} where it was made, and commit"
            f" {claim.file}"
        )
    return f"delete the entry of {claim.owner} in {claim.file}, run 'dvc repro' {push}, and commit"


def no_remote(claims: Sequence[tuple[Claim, str]], remote: str | None) -> Finding:
    """The finding where claims, each with the file that states it, have no remote to hold them."""
    what = f"remote {remote!r}" if remote else "a default remote"
    how = f"dvc remote add {quote(remote)} URL" if remote else "dvc remote add -d NAME URL"
    paths = sorted({claim.path for claim, _ in claims})
    first, file = min(claims, key=lambda located: located[0].path)
    many = f"{len(paths):,} outputs ({', '.join(paths[:3])}{', …' if paths[3:] else ''}) need"
    return finding(
        "LP205",
        remote or "default remote",
        f"{many if paths[1:] else f'{paths[0]} needs'} {what}, which is not configured: run"
        f" '{how}', commit .dvc/config and run 'dvc push'",
        path=file,
        line=first.line,
        seen=paths,
    )


def changed_config(path: str) -> Finding:
    """The finding where a pull request changes where the remotes are."""
    return finding(
        "LP207",
        path,
        f"{path} is changed: the remotes of the base revision were asked; check the new ones"
        " before merging",
        path=path,
    )


def tracked_local_config(path: str) -> Finding:
    """The finding where `config.local`, which holds credentials, is in Git."""
    return finding(
        "LP208",
        path,
        f"{path} is tracked by Git and was not used: run"
        f" 'git rm --cached {quote(path)}', commit, and change the credentials that were in it",
        path=path,
    )


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in an order that does not depend on which thread came first."""
    return tuple(sorted(findings, key=lambda f: (f.path or "", f.subject, f.rule, f.message)))


def _found(rule: str, facts: ClaimFacts, message: str) -> Finding:
    # What one output lacks in two remotes is two findings.
    subject = facts.claim.path if facts.main else f"{facts.claim.path} in {facts.remote}"
    seen = [
        str(facts.claim.digest),
        facts.claim.size,
        facts.missing.count,
        facts.corrupted.count,
        facts.unversioned.count,
    ]
    return finding(rule, subject, message, path=facts.file, line=facts.claim.line, seen=seen)


def _what(facts: ClaimFacts, sample: Sample) -> str:
    digest, path = facts.claim.digest, facts.claim.path
    if not (digest and digest.is_dir) and not facts.claim.stored:
        return f"{path} ({digest.short if digest else 'no digest'}) is"
    if sample.names == (path,):
        return f"the directory object of {path} ({_short(digest)}) is"
    total = facts.nfiles or len(facts.claim.stored)
    shown = ", ".join(sample.names[:3]) + (", …" if sample.count > 3 else "")
    verb = "is" if sample.count == 1 else "are"
    return f"{sample.count:,} of {total:,} files of {path} ({shown}) {verb}"


def _short(digest: Digest | None) -> str:
    return digest.short if digest else "no digest"
