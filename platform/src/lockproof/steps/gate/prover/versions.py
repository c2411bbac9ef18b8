"""Files in a version-aware remote: there is one object a path, and the lock names its version."""

from dataclasses import dataclass, field, replace

from lockproof.adapters.store.content import object_md5
from lockproof.adapters.store.interface import Held, Patience, Store
from lockproof.model.claim import Claim
from lockproof.model.pipeline import StoredFile, StoredVersion
from lockproof.rules.remote import ClaimFacts, Sample

PART = 64
"""Files that one thread asks for in a row."""


@dataclass
class Versions:
    """What came of the files that are locked by version."""

    objects: int = 0
    proved: int = 0
    unknown: int = 0
    sizes: dict[int, int] = field(default_factory=dict)
    missing: dict[int, list[str]] = field(default_factory=dict)
    corrupted: dict[int, list[str]] = field(default_factory=dict)
    unversioned: dict[int, list[str]] = field(default_factory=dict)

    def merge(self, other: "Versions") -> None:
        """Add what another part found."""
        self.objects += other.objects
        self.proved += other.proved
        self.unknown += other.unknown
        for owner, size in other.sizes.items():
            self.sizes[owner] = self.sizes.get(owner, 0) + size
        for mine, theirs in (
            (self.missing, other.missing),
            (self.corrupted, other.corrupted),
            (self.unversioned, other.unversioned),
        ):
            for owner, names in theirs.items():
                mine.setdefault(owner, []).extend(names)

    def facts(self, owner: int, facts: ClaimFacts) -> ClaimFacts:
        """What this says of one claim."""
        return replace(
            facts,
            missing=_sample(self.missing.get(owner)),
            corrupted=_sample(self.corrupted.get(owner)),
            unversioned=_sample(self.unversioned.get(owner)),
            size=self.sizes.get(owner),
            nfiles=len(facts.claim.stored) if facts.claim.nfiles is not None else None,
        )


def look_at_versions(
    store: Store, patience: Patience, owner: int, claim: Claim, start: int, *, deep: bool
) -> Versions:
    """Ask for `PART` files of a claim, from the file `start` on, by their version ids.

    Raises:
        StoreError: the store does not answer.
    """
    found = Versions()
    if not claim.stored:
        found.unversioned[owner] = [claim.path]
    for file in claim.stored[start : start + PART]:
        _look(store, patience, owner, claim, file, deep, found)
    return found


def _look(
    store: Store,
    patience: Patience,
    owner: int,
    claim: Claim,
    file: StoredFile,
    deep: bool,
    found: Versions,
) -> None:
    path = f"{claim.path}/{file.relpath}" if file.relpath else claim.path
    name = file.relpath or claim.path
    version = next((v for v in file.versions if v.remote.lower() == store.remote.name), None)
    if version is None or ".." in path.split("/"):
        found.unversioned.setdefault(owner, []).append(name)
        return
    found.objects += 1
    held = patience.ask(lambda: store.head(path, version.id))
    if held is None:
        found.missing.setdefault(owner, []).append(name)
        return
    found.sizes[owner] = found.sizes.get(owner, 0) + (held.size or 0)
    if file.size is not None and held.size is not None and file.size != held.size:
        found.corrupted.setdefault(owner, []).append(name)
        return
    verdict = _read(store, patience, path, version, file) if deep else _tag(file, version, held)
    if verdict is False:
        found.corrupted.setdefault(owner, []).append(name)
    found.proved += verdict is True
    found.unknown += verdict is None


def _tag(file: StoredFile, version: StoredVersion, held: Held) -> bool | None:
    """Whether the store's tag of the version is the locked one; None where it cannot tell."""
    if version.etag and held.etag:
        return version.etag.strip('"') == held.etag
    if file.digest and held.md5 and file.digest.algorithm == "md5":
        return file.digest.value == held.md5
    return None


def _read(
    store: Store, patience: Patience, path: str, version: StoredVersion, file: StoredFile
) -> bool | None:
    digest = file.digest
    if digest is None:
        return None
    try:
        md5 = patience.ask(lambda: object_md5(store, path, digest, version.id))
    except FileNotFoundError:  # Deleted since it was asked for.
        return False
    return md5 == digest.value


def _sample(names: list[str] | None) -> Sample:
    return Sample(len(names), tuple(sorted(names)[:100])) if names else Sample()
