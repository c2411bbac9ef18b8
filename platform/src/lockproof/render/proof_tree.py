"""Where a proved model comes from, as a tree: model, run, lock, and what went into it."""

from collections.abc import Iterator, Mapping
from typing import Any

from lockproof.model.statement import VerdictPredicate
from lockproof.render.foreign import brief

_LONGEST = 120
_MOST = 20
"""Lines of one kind."""


def proof_tree(verdict: VerdictPredicate, digest: str) -> str:
    """The lineage in lines; `digest` is the SHA-256 of the statement."""
    subject = verdict.report.subject
    lines = [f"{_short(verdict.model)}  (proof {digest})"]
    lines += [f"├─ {_short(o.path)}  sha256:{o.sha256}  {o.locked}" for o in verdict.outputs]
    lines.append(f"└─ run {_short(verdict.run) if verdict.run else 'none recorded'}")
    lock = f"lock {(subject.lock_digest or '')[:12]}, commit {(subject.commit or '')[:12]}"
    where = f" of {_short(verdict.repository)}" if verdict.repository else ""
    lines.append(f"   └─ {lock}{where}")
    parts = [*_inputs(verdict), f"environment {subject.environment or 'not pinned'}"]
    for number, part in enumerate(parts):
        lines.append(f"      {'└─' if number == len(parts) - 1 else '├─'} {part}")
    return "\n".join(lines) + "\n"


def _inputs(verdict: VerdictPredicate) -> Iterator[str]:
    """Root data and code that the model's stages, and those before them, read; and parameters."""
    stages = {stage.address: stage for stage in verdict.report.stages}
    needed: list[str] = []
    waiting = [out.stage for out in verdict.outputs]
    while waiting:
        address = waiting.pop()
        if address not in needed and address in stages:
            needed.append(address)
            waiting += stages[address].upstream
    made = {out.path for stage in stages.values() for out in stage.outputs}
    found = [
        f"{_short(dep.path)}  {dep.locked or 'not locked'}"
        for address in sorted(needed)
        for dep in stages[address].deps
        if dep.path not in made
    ]
    yield from _cut(list(dict.fromkeys(f"input {line}" for line in found)))
    values = [
        f"parameter {_short(file)} {_short(key)} = {_short(value)}"
        for address in sorted(needed)
        for file, said in stages[address].params.items()
        for key, value in _flat(said)
    ]
    yield from _cut(list(dict.fromkeys(values)))


def _cut(lines: list[str]) -> Iterator[str]:
    yield from lines[:_MOST]
    if len(lines) > _MOST:
        yield f"… and {len(lines) - _MOST} more"


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from sorted(values.items())


def _short(value: object) -> str:
    return brief(str(value), _LONGEST)
