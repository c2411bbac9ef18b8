"""The name of everything that a stage can observe: equal names, equal proofs.

A verdict may stand for a later run only if nothing that the stage could have looked at is
different, whether it looked or not. With a root of its own that is a known set: tracked files that
it finds (all of them: a file that is new, gone or another changes what a listing shows), its
inputs, its variables, and the folders of the machine that it may read. What changes by itself (the
time, counters in `/proc`) has no name; a stage that depends on it is not reproducible.
"""

import os
import platform
import resource
from collections.abc import Iterable, Mapping
from functools import cached_property

from lockproof import __version__
from lockproof.adapters.environment.identity import UnlistedError, state_of
from lockproof.adapters.environment.variables import stage_variables
from lockproof.adapters.files import UMASK
from lockproof.adapters.git.repository import run_git
from lockproof.adapters.verdicts import Secret
from lockproof.config import Policy
from lockproof.errors import UsageError
from lockproof.model.base import sha256_of
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Stage
from lockproof.steps.surface import CHECKOUT, HOME, TMP
from lockproof.steps.trust import BOUNDS

from .judge import tolerances
from .session import Session

_FORMAT = 4
_CHECKOUT_SETTINGS = r"^(core\.(autocrlf|eol|attributesfile|symlinks|filemode|safecrlf)|filter\.)"


def can_have(policy: Policy) -> bool:
    """Whether stages can have a key at all; where not, nobody need look at the machine's files."""
    # Without an environment nothing in the repository names it; what the network says is unknown.
    return policy.environment is not None and not policy.run.network


class Keys:
    """Makes the keys of one reproduction; what all stages have in common is worked out once."""

    def __init__(self, session: Session, secret: Secret) -> None:
        """`secret` hides the values of variables."""
        self._session, self._secret = session, secret
        self._trees: dict[tuple[str, ...], str] = {}

    def of(self, stage: Stage, actual: Mapping[str, Digest | None]) -> str | None:
        """SHA-256 of all that a verdict on a stage depends on; None where it cannot be known.

        Args:
            stage: the stage.
            actual: digests of inputs that are not the locked ones (chain mode), by output path.
        """
        session = self._session
        provided = {
            out.path: actual.get(out.path, out.locked) for _, out in session.pipeline.inputs(stage)
        }
        if self._common is None or not _exact([*stage.deps, *stage.outs], provided):
            return None
        policy = session.policy
        return sha256_of(
            {
                "common": self._common,
                "stage": stage.address,
                "command": stage.command,
                "wdir": stage.wdir,
                "tree": self._tree(stage),
                "deps": [[dep.path, str(dep.locked), dep.executable] for dep in stage.deps],
                "provided": {path: str(digest) for path, digest in provided.items()},
                "params": {p.path: [p.current, p.locked] for p in stage.params},
                "outs": [
                    [
                        *(o.path, str(o.locked), o.cached, o.persist),
                        [r.model_dump() for r in tolerances(policy, o, session.described)],
                        judge.model_dump() if (judge := policy.judges_of(o.path)) else None,
                    ]
                    for o in stage.outs
                ],
            }
        )

    def still_holds(self) -> bool:
        """Whether what stages can read of the machine, less the system, is as at the start."""
        session = self._session
        try:
            return session.seen is not None and state_of(session.own_places) == session.seen.own
        except UnlistedError:
            return False

    @cached_property
    def _common(self) -> str | None:
        session = self._session
        described, level = session.described, session.surface.isolation.level
        if session.seen is None or not level.own_root:
            return None
        if any(map(self._filters, self._attributes)):
            return None  # What a filter makes of a file is anybody's guess.
        if described.gpus is None:
            return None  # What is not known cannot be named.
        return sha256_of(
            {
                "format": _FORMAT,
                "tool": __version__,
                "isolation": [level, str(CHECKOUT), session.prefix, str(session.surface.clone)],
                "view": [[m.target, m.kind] for m in session.surface.view.ordered()],
                "machine": [
                    *(described.machine, described.os, described.libc, described.cpu),
                    *(described.cpu_features, described.gpus, described.driver, described.cuda),
                    *(described.threads, described.blas, platform.version(), _memory()),
                ],
                "user": [os.geteuid(), os.getegid(), sorted(os.getgroups()), UMASK, _limits()],
                "state": [session.seen.system, session.seen.own],
                "environment": [described.kind, described.pinned_digest],
                "variables": self._variables(),
                "checkout": [self._git_settings(), sorted(session.absent)],
                "shell": session.shell,
                "mode": session.mode,
                "limits": [getattr(session.policy.run, name) for name in BOUNDS],
            }
        )

    @cached_property
    def _attributes(self) -> list[str]:
        files = self._session.files
        return [p for p in files if p.rpartition("/")[2] == ".gitattributes"]

    def _filters(self, path: str) -> bool:
        content = self._session.git.read(self._session.commit, path) or b""
        return b"filter=" in content or b"working-tree-encoding" in content

    def _git_settings(self) -> str:
        try:
            asked = ("config", "--get-regexp", "-z", _CHECKOUT_SETTINGS)
            return self._secret.digest(run_git(self._session.git.root, *asked))
        except UsageError:
            return ""  # There are none.

    def _tree(self, stage: Stage) -> str:
        """SHA-256 over path, mode and object of every tracked file that the stage finds."""
        session = self._session
        declared = session.curtain.declared_only
        names = session.curtain.shown(stage) if declared else session.hidden_from(stage)
        if names not in self._trees:
            gone = frozenset(names)
            shown = names if declared else [path for path in session.files if path not in gone]
            self._trees[names] = sha256_of(
                [
                    [path, session.files[path].mode, session.files[path].oid]
                    # Attributes decide how other files are written, also when they are hidden.
                    for path in sorted({*shown, *self._attributes})
                ]
            )
        return self._trees[names]

    def _variables(self) -> str:
        """Those of every stage; beside them each has its address, which is in its key."""
        session = self._session
        variables = stage_variables(
            session.policy.run,
            path=session.environment.search_path(),
            home=HOME,
            tmp=TMP,
            extra={},
        )
        pairs = [f"{name}={value}" for name, value in variables.items()]
        return self._secret.digest(os.fsencode("\0".join(pairs)))


def _exact(items: Iterable[object], provided: Mapping[str, Digest | None]) -> bool:
    """Whether nothing lies outside of the repository and digests stand for exact bytes."""
    inside = not any(getattr(item, "external", False) for item in items)
    return inside and all(d is not None and d.algorithm == "md5" for d in provided.values())


def _limits() -> list[object]:
    """What a process inherits and can ask for: limits of the shell, and its priority."""
    names = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
    return [os.nice(0), *((n, *resource.getrlimit(getattr(resource, n))) for n in names)]


def _memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
