"""All claims on one store: directory objects first, then every object that they name."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TypeVar

import anyio
from anyio.to_thread import run_sync

from lockproof.adapters.store.content import object_md5, refuse_page, refuse_size
from lockproof.adapters.store.interface import Patience, Store, StoreError
from lockproof.model.claim import Claim
from lockproof.model.digest import Digest
from lockproof.rules.remote import ClaimFacts, Sample

from .directory import Directory, names_in, read_directory
from .folder import Look, Outcome, Some, objects_per_folder
from .versions import PART, Versions, look_at_versions
from .wanted import Wanted, path_of, prefer_listing

_T = TypeVar("_T")
Parts = Mapping[Digest, Collection[str]]
_FEW = 64
"""Up to so many objects are asked for one by one, without looking how full the store is."""


@dataclass(frozen=True)
class Options:
    """How a store is asked."""

    jobs: int = 16
    """Requests at once."""
    attempts: int = 5
    backoff: float = 0.5
    """Seconds before the second attempt, at most; see `Patience`."""
    deep: bool = False
    """Read and hash every object."""


@dataclass(frozen=True)
class StoreProof:
    """What one store holds of what was claimed."""

    facts: tuple[ClaimFacts, ...]
    """For each claim, in the order in which they were given."""
    objects: int = 0
    by_etag: int = 0
    """Objects whose content the store's own MD5 proves."""
    by_reading: int = 0
    """Objects that were read and hashed."""
    by_version: int = 0
    """Objects that are there as the version, and with the ETag, that the lock names."""
    foreign_etags: bool = False
    """Whether the ETags of this store turned out to be no MD5s."""
    by_size: int = 0
    """Objects that are there, and of which only name and size could be compared."""
    parts: Mapping[Digest, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    """Directory -> path in it that was asked for -> its files; see `Directory.parts`."""


async def prove(
    claims: Sequence[tuple[Claim, str]],
    store: Store,
    options: Options,
    show: Callable[[str], None] = lambda text: None,
    parts: Parts = MappingProxyType({}),
) -> StoreProof:
    """Find out what a store holds of what is claimed; nothing is written to it.

    Args:
        claims: each with the file that states it, relative to the Git root.
        store: where the objects should be.
        options: how it is asked.
        show: takes a line of progress now and then.
        parts: of which paths in which directories the files are asked for by name.

    Raises:
        StoreError: the store does not answer, after all attempts.
    """
    stop = threading.Event()
    patience = Patience(options.attempts, options.backoff, stop=stop)
    prover = _Prover(store, options, patience, anyio.CapacityLimiter(options.jobs), show, parts)
    try:
        return await prover.prove(claims)
    finally:
        stop.set()


@dataclass
class _Prover:
    store: Store
    options: Options
    patience: Patience
    limiter: anyio.CapacityLimiter
    show: Callable[[str], None]
    parts: Parts
    outcome: Outcome = field(default_factory=Outcome)
    versions: Versions = field(default_factory=Versions)
    directories: dict[Digest, Directory] = field(default_factory=dict)

    async def prove(self, claims: Sequence[tuple[Claim, str]]) -> StoreProof:
        await self._thread(lambda: self.patience.ask(self.store.check))
        numbered = [(index, claim) for index, (claim, _) in enumerate(claims)]
        plain = [c for c in numbered if c[1].digest and not self.store.remote.version_aware]
        await self._read_directories([c.digest for _, c in plain if c.digest])
        wanted = self._wanted(plain)
        await self._look(wanted)
        if self.store.remote.version_aware:
            self.versions = await self._look_at_versions(numbered)
        foreign = await self._settle_suspects()
        facts = [self._facts(i, claim, file) for i, (claim, file) in enumerate(claims)]
        blamed = next((c.digest for c in map(_blamed, facts) if c and c.digest), None)
        if blamed:
            for refuse in (refuse_page, refuse_size):
                doubt = partial(refuse, self.store, blamed.object_path)
                await self._thread(partial(self.patience.ask, doubt))
        named = await self._all([partial(self._name, one) for one in facts])
        sound = [d for d in self.directories.values() if not _is_bad(d)]
        return StoreProof(
            facts=tuple(named),
            objects=self.outcome.objects + self.versions.objects + len(self.directories),
            by_etag=self.outcome.by_etag,
            by_reading=self.outcome.by_reading + len(sound),
            by_version=self.versions.proved,
            foreign_etags=foreign,
            by_size=self.outcome.unknown
            + (self.outcome.suspected if foreign else 0)
            + self.versions.unknown,
            parts={d: found.parts for d, found in self.directories.items() if not _is_bad(found)},
        )

    async def _read_directories(self, digests: Sequence[Digest]) -> None:
        unique = list(dict.fromkeys(d for d in digests if d.is_dir))
        if unique:
            self.show(f"reading {len(unique)} directory objects")
        read = partial(read_directory, self.store)
        calls = [partial(read, d, self.patience, self.parts.get(d, ())) for d in unique]
        found = await self._all(calls)
        self.directories = dict(zip(unique, found, strict=True))

    def _wanted(self, plain: Sequence[tuple[int, Claim]]) -> Wanted:
        wanted = Wanted()
        for owner, claim in plain:
            digest = claim.digest
            assert digest is not None
            if digest.is_dir:
                wanted.add(digest.algorithm, self.directories[digest].packed, owner)
            else:
                raw = bytes.fromhex(digest.value)
                wanted.add(digest.algorithm, {raw[0]: raw}, owner)
        for directory in self.directories.values():
            directory.packed = {}
        return wanted

    async def _look(self, wanted: Wanted) -> None:
        total, done = len(wanted), 0
        held = await self._density(wanted)
        look = Look(self.store, self.patience, self.options.deep, held)

        def count(outcome: Outcome) -> None:
            nonlocal done
            self.outcome.merge(outcome)
            done += outcome.objects
            self.show(f"{done:,} of {total:,} objects")

        folders = wanted.folders.items()
        calls = [partial(look.folder, *key, folder) for key, folder in folders]
        await self._all(calls, count)

    async def _density(self, wanted: Wanted) -> float:
        """How full the folders of the store are, where that matters."""
        if not self.store.can_list or len(wanted) <= _FEW:
            return float("inf")
        key, fullest = max(wanted.folders.items(), key=lambda item: len(item[1].owners))
        if not prefer_listing(len(fullest.owners), 0):
            return float("inf")
        path = path_of(*key)
        return await self._thread(lambda: objects_per_folder(self.store, self.patience, path))

    async def _look_at_versions(self, claims: Sequence[tuple[int, Claim]]) -> Versions:
        total = Versions()
        look = partial(look_at_versions, self.store, self.patience, deep=self.options.deep)
        calls = [
            partial(look, owner, claim, part)
            for owner, claim in claims
            for part in range(0, max(1, len(claim.stored)), PART)
        ]
        await self._all(calls, total.merge)
        return total

    async def _settle_suspects(self) -> bool:
        """Read one object: it tells whether ETags that look like MD5s are MD5s here.

        Returns:
            Whether they are not.
        """
        smallest = self.outcome.smallest
        if smallest is None:
            return False
        _, path, value, owner = smallest
        digest = Digest(value=value)
        try:
            md5 = await self._thread(
                lambda: self.patience.ask(lambda: object_md5(self.store, path, digest))
            )
        except FileNotFoundError:
            md5 = ""
        if md5 == value:
            return True
        held = await self._thread(lambda: self.patience.ask(lambda: self.store.head(path)))
        if held is not None and held.md5 != md5:
            # Its tag is no MD5 either, and says nothing of the others.
            self.outcome.corrupted.setdefault(owner, Some()).add(value)
            self.outcome.suspected -= 1
            return True
        for owner, some in self.outcome.suspects.items():
            self.outcome.corrupted.setdefault(owner, Some()).merge(some)
        return False

    def _facts(self, owner: int, claim: Claim, file: str) -> ClaimFacts:
        remote, digest = self.store.remote, claim.digest
        facts = ClaimFacts(claim=claim, file=file, remote=remote.name)
        itself = Sample(1, (claim.path,), (digest.object_path,) if digest else ())
        if remote.version_aware:
            return self.versions.facts(owner, facts)
        if digest is None:
            return replace(facts, unversioned=itself)
        directory = self.directories.get(digest)
        if directory is not None and _is_bad(directory):
            return replace(
                facts,
                listing=directory.problem,
                missing=itself if directory.missing else Sample(),
                corrupted=itself if directory.corrupted else Sample(),
            )
        return replace(
            facts,
            missing=_sample(self.outcome.missing.get(owner), digest),
            corrupted=_sample(self.outcome.corrupted.get(owner), digest),
            size=None if owner in self.outcome.unsized else self.outcome.sizes.get(owner, 0),
            nfiles=directory.nfiles if directory else None,
            by_size=owner in self.outcome.unread,
        )

    def _name(self, facts: ClaimFacts) -> ClaimFacts:
        """Give the files of a directory their paths in place of their digests."""
        digest = facts.claim.digest
        directory = self.directories.get(digest) if digest else None
        if digest is None or directory is None or _is_bad(directory):
            return facts
        wanted = {*facts.missing.names, *facts.corrupted.names}
        if not wanted:
            return facts
        paths = names_in(self.store, digest, self.patience, wanted.__contains__)

        def named(sample: Sample) -> Sample:
            names = tuple(sorted(paths.get(n, n) for n in sample.names))
            return replace(sample, names=names)

        return replace(facts, missing=named(facts.missing), corrupted=named(facts.corrupted))

    async def _all(
        self, calls: Sequence[Callable[[], _T]], each: Callable[[_T], None] = lambda found: None
    ) -> list[_T]:
        """Call all in threads, as many at once as allowed; the first failure ends the others."""
        found: dict[int, _T] = {}
        failures: list[StoreError] = []

        async def one(index: int, call: Callable[[], _T]) -> None:
            try:
                result = await self._thread(call)
            except StoreError as error:
                failures.append(error)
                group.cancel_scope.cancel()
                return
            found[index] = result
            each(result)

        async with anyio.create_task_group() as group:
            for index, call in enumerate(calls):
                group.start_soon(one, index, call)
        if failures:
            raise failures[0]
        return [found[index] for index in range(len(calls))]

    async def _thread(self, call: Callable[[], _T]) -> _T:
        try:
            return await run_sync(call, limiter=self.limiter, abandon_on_cancel=True)
        except BaseException:
            self.patience.stop.set()
            raise


def _is_bad(directory: Directory) -> bool:
    return directory.missing or directory.corrupted or directory.problem is not None


def _blamed(facts: ClaimFacts) -> Claim | None:
    """The claim, where the remote has another content for it."""
    other = facts.whole and facts.size is not None and facts.claim.size not in (None, facts.size)
    return facts.claim if other or facts.corrupted.count else None


def _sample(some: Some | None, digest: Digest) -> Sample:
    """Of the objects of one claim, which are named as its own is."""
    if some is None:
        return Sample()
    objects = (Digest(algorithm=digest.algorithm, value=d).object_path for d in some.digests)
    return Sample(some.count, tuple(some.digests), tuple(objects))
