"""`lockproof lineage`: which version came from which commit and data, and what it is worth."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockproof import __version__
from lockproof.adapters.dvc.root import find_root
from lockproof.adapters.git.commit import path_in
from lockproof.adapters.git.origin import origin_of
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.mlflow.registry import Registry
from lockproof.config import FILE_NAME, load_policy
from lockproof.errors import UsageError
from lockproof.model.lineage import CanaryLineage, Lineage, ModelLineage, Reach, VersionLineage
from lockproof.model.registration import ModelVersion, version_uri
from lockproof.steps.promote.state import State, work_tree_reader
from lockproof.steps.standing import Standing, upstream_digests

_DIGEST = re.compile(r"(?:(?:md5|md5-dos2unix):)?([0-9a-f]{8,32})(?:\.dir)?")


@dataclass(frozen=True)
class Request:
    """The arguments of `lockproof lineage`."""

    directory: Path
    model: str | None = None
    """One model; None: all of the registry."""
    data: str | None = None
    """A digest of data, or at least its first eight digits."""
    served: tuple[Path, ...] = ()
    """Files of desired state."""


def lineage(request: Request) -> Lineage:
    """Read a registry, and hold each version against the clone.

    Raises:
        UsageError: there is no such model, the digest is none, or a file cannot be read.
        ConfigError, UnavailableError: as `Registry.session`.
    """
    asked = _digits(request.data)
    git = GitRepository.discover(request.directory.absolute())
    root = find_root(Path(os.path.realpath(request.directory)), git.root)
    registry = Registry.open(load_policy(root / FILE_NAME).mlflow, root)
    held = _held(registry, request.model)
    standing = Standing(git)
    models = []
    for name, versions in held.items():
        serving = _serving(request, name)
        first = {v.key: v.number for v in reversed(versions)}
        found = [_of_version(v, standing, serving, asked, first[v.key]) for v in reversed(versions)]
        there = {v.uri for v in versions}
        missing = [
            f"{f}: {uri}" for uri, files in serving.items() for f in files if uri not in there
        ]
        models.append(ModelLineage(name=name, versions=tuple(found), missing=tuple(missing)))
    return Lineage(
        tool=f"lockproof {__version__}",
        registry=registry.uri,
        asked=request.data,
        known=asked is not None and standing.names(lambda digest: _is(digest, asked)),
        models=tuple(models),
    )


def _digits(data: str | None) -> str | None:
    if data is None:
        return None
    match = _DIGEST.fullmatch(data)
    if match is None:
        raise UsageError(
            f"{data[:100]!r} is no digest: give the md5 of a .dvc file or dvc.lock, or at least"
            " its first eight digits"
        )
    return match[1]


def _held(registry: Registry, name: str | None) -> dict[str, list[ModelVersion]]:
    database = registry.store.database
    if database is not None and not os.path.exists(database):
        raise UsageError(f"no model is registered in {registry.uri}: run 'lockproof register'")
    with registry.session() as session:
        names = session.names()
        if name is not None and name not in names:
            known = ", ".join(names[:10]) or "none"
            raise UsageError(
                f"MLflow at {registry.uri} has no model {name[:100]!r}; there is {known}"
            )
        found = {}
        for each in names if name is None else (name,):
            by_number: dict[int, list[str]] = {}
            for alias, number in session.aliases(each).items():
                by_number.setdefault(number, []).append(alias)
            found[each] = [
                ModelVersion(
                    v.name,
                    v.number,
                    tuple(sorted(by_number.get(v.number, ()))),
                    v.tags,
                    v.run_id,
                    v.source,
                    v.created,
                )
                for v in session.versions(each)
            ]
        return found


def _serving(request: Request, name: str) -> dict[str, list[str]]:
    """URI of a version -> the files of desired state that name it."""
    found: dict[str, list[str]] = {}
    for file in request.served:
        path = file if file.is_absolute() else request.directory / file
        if not path.is_file():
            raise UsageError(f"there is no file {file}: name a manifest with --served")
        git = GitRepository.discover(path.parent.absolute())
        state = State(work_tree_reader(git), path_in(git, path), name)
        for wanted in state.named():
            if version_uri(wanted.uri):
                found.setdefault(wanted.uri, []).append(str(file))
    return found


def _of_version(
    version: ModelVersion,
    standing: Standing,
    serving: Mapping[str, Sequence[str]],
    asked: str | None,
    first: int,
) -> VersionLineage:
    problems = standing.problems(version)
    if version.key is not None and first != version.number:
        problems = (*problems, f"it says the same as version {first}: it was copied by hand")
    here = version.commit is not None and standing.reading(version) is not None
    origin = origin_of(standing.git, version.commit) if here else None
    return VersionLineage(
        number=version.number,
        uri=version.uri,
        created=version.created,
        aliases=version.aliases,
        served_by=tuple(serving.get(version.uri, ())),
        commit=version.commit,
        title=origin.title if origin else "",
        lock_digest=version.said("lock_digest"),
        verdict=version.said("verdict"),
        evidence=version.said("evidence"),
        run_id=version.run_id,
        outputs=version.digests("outputs") or {},
        inputs=version.digests("inputs") or {},
        canary=_canary(version),
        problems=problems,
        reach=_reach(version, standing, problems, asked) if asked else None,
    )


def _canary(version: ModelVersion) -> CanaryLineage | None:
    end = version.canary
    if end is None:
        return None
    return CanaryLineage(
        verdict=end.verdict,
        checks=end.checks,
        since=end.since,
        until=end.until,
        report=end.report,
        statement=end.statement,
    )


def _reach(version: ModelVersion, standing: Standing, problems: Sequence[str], asked: str) -> Reach:
    """Whether data led to a version, by the lock of its commit and by its tags."""
    inputs, outputs = version.digests("inputs"), version.digests("outputs")
    named = {*(inputs or {}).values(), *(outputs or {}).values()}
    reading = standing.reading(version)
    if reading is not None:
        named |= upstream_digests(reading.pipeline, outputs or {})
    if any(_is(digest, asked) for digest in named):
        return "reached"
    # What its tags say could be of another commit, where they do not hold.
    return "not reached" if reading is not None and not problems else "not known"


def _is(digest: str, asked: str) -> bool:
    return digest.rpartition(":")[2].startswith(asked)
