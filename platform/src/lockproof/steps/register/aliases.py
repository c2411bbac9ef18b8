"""Where an alias goes: to the newest commit that asked for it, and back only by `--rollback`.

A registry cannot move an alias on a condition. So each version that wants one says so in a tag
first, and whoever has moved the alias looks once more who asked meanwhile: the last one to move it
has seen all who asked before that, and who asks later looks after it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from lockproof.adapters.mlflow.registry import Registry, Session
from lockproof.errors import UsageError
from lockproof.model.registration import ALIAS_ASKED, ROLLED_BACK, ModelVersion

from .request import AliasMove

IsAncestor = Callable[[str, str], bool]
"""Whether a commit is another one or part of its history; both by their full id."""

_ROUNDS = 100
_ASKED = "asked"


def newest(
    current: ModelVersion | None, asking: Iterable[ModelVersion], is_ancestor: IsAncestor
) -> ModelVersion | None:
    """The version that an alias belongs to: `current`, or one that comes after it.

    Args:
        current: the version that has it; None where none has.
        asking: the versions that asked for it.
        is_ancestor: how commits follow each other.
    """
    found = current
    for version in sorted(asking, key=lambda version: version.number):
        if version.commit is None:
            continue
        if found is None:
            found = version
        elif found.commit is not None and is_ancestor(found.commit, version.commit):
            # Of one commit, in two environments, the later version.
            later = found.commit != version.commit or version.number > found.number
            found = version if later else found
    return found


def advance(
    registry: Registry, version: ModelVersion, alias: str, is_ancestor: IsAncestor
) -> AliasMove:
    """Move an alias forward to a version, unless it is at a later one already.

    Raises:
        UsageError: it is at a version whose commit does not lead to this one, or was taken from
            this one.
        ConfigError, UnavailableError: as `Registry.session`.
    """
    asked = f"{ALIAS_ASKED}{alias}"
    first: ModelVersion | None = None
    for number in range(_ROUNDS):
        with registry.session(patient=True) as session:
            known = {v.number: v for v in session.versions(version.name)}
            current = _current(session, version.name, alias, known)
            own = known.get(version.number, version)
            if not number:
                first = current
                _refuse(own, current, alias, is_ancestor)
                if asked not in own.tags:
                    session.set_tag(own, asked, _ASKED)
                    known[own.number] = replace(own, tags={**own.tags, asked: _ASKED})
            asking = [v for v in known.values() if asked in v.tags]
            at = newest(current, asking, is_ancestor)
            assert at is not None
            if current is not None and at.number == current.number:
                return AliasMove(alias, at, first)
            session.set_alias(at, alias)
    raise UsageError(
        f"the alias {alias!r} of {version.name} does not stay where it is put: somebody else moves"
        " it; try again when they are done"
    )


def roll_back(registry: Registry, version: ModelVersion, alias: str, why: str) -> AliasMove:
    """Move an alias to a version wherever it is, and say so on every version that it passes.

    Raises:
        ConfigError, UnavailableError: as `Registry.session`.
    """
    asked, rolled = f"{ALIAS_ASKED}{alias}", f"{ROLLED_BACK}{alias}"
    with registry.session(patient=True) as session:
        known = {v.number: v for v in session.versions(version.name)}
        current = _current(session, version.name, alias, known)
        for other in known.values():
            wants = asked in other.tags or (current and other.number == current.number)
            if wants and other.number != version.number:
                session.set_tag(other, rolled, why)
                session.drop_tag(other, asked)
        own = known.get(version.number, version)
        if rolled in own.tags:
            session.drop_tag(own, rolled)
        session.set_tag(own, asked, _ASKED)
        session.set_alias(own, alias)
    return AliasMove(alias, own, current)


def _current(
    session: Session, name: str, alias: str, known: Mapping[int, ModelVersion]
) -> ModelVersion | None:
    number = session.aliases(name).get(alias)
    if number is None:
        return None
    return known.get(number) or session.version(name, number)


def _refuse(
    own: ModelVersion, current: ModelVersion | None, alias: str, is_ancestor: IsAncestor
) -> None:
    why = own.tags.get(f"{ROLLED_BACK}{alias}")
    if why is not None:
        raise UsageError(
            f"{alias!r} was taken from {own.name} version {own.number} ({why[:200]}): register a"
            " later commit, or give it back with --rollback WHY"
        )
    if current is None or current.number == own.number or own.commit is None:
        return
    if current.commit is None:
        raise UsageError(
            f"{alias!r} is at {own.name} version {current.number}, which names no commit: look at"
            " what it is, and move the alias with --rollback WHY"
        )
    ahead = is_ancestor(current.commit, own.commit) or is_ancestor(own.commit, current.commit)
    if not ahead:
        raise UsageError(
            f"{alias!r} is at {own.name} version {current.number} of commit {current.commit[:12]},"
            f" which does not lead to {own.commit[:12]} in this clone: fetch all of it (git fetch"
            " --unshallow), register a commit that has both, or move it with --rollback WHY"
        )
