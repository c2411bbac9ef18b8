"""Differences in what stages hand to one another, beside what the lock names."""

from collections.abc import Mapping

from lockproof.compare.causes import Factor
from lockproof.model.cause import CauseKind
from lockproof.model.pipeline import Pipeline, inside

from .change import Change, give
from .execution import Input
from .result import Result
from .session import Session


def handed(session: Session, result: Result, others: Mapping[str, Result]) -> list[Change]:
    """What the stages before one make otherwise than locked, or leave beside it."""
    return [
        *_remade_inputs(result, others),
        *_unkept_inputs(result, others),
        *_strays(session, result, others),
    ]


def _remade_inputs(result: Result, others: Mapping[str, Result]) -> list[Change]:
    """Locked inputs that their own stage does not make: try what it really makes."""
    changes = []
    assert result.setup is not None
    for path in result.setup.inputs:
        for other in others.values():
            made = other.execution.outs.get(path) if other.execution else None
            claimed = next((o.locked for o in other.stage.outs if o.path == path), None)
            if made is None or made == claimed or other.workspace is None or other is result:
                continue
            if result.setup.inputs[path].digest == made:
                continue
            factor = Factor(
                CauseKind.DATA,
                path,
                f"as locked, it is not what stage {other.stage.address} makes",
                ((f"locked {claimed.short if claimed else 'nothing'}, made {made.short}", None),),
            )
            given = {path: Input(made, file=other.workspace.root / path)}
            changes.append(Change(factor, give(given)))
    return changes


def _unkept_inputs(result: Result, others: Mapping[str, Result]) -> list[Change]:
    """Inputs in which their own stage leaves what DVC does not keep: try them with that."""
    assert result.setup is not None
    changes = []
    for path, given in result.setup.inputs.items():
        for other in others.values():
            found = other.execution.unkept.get(path) if other.execution else None
            if not found or given.file or other.workspace is None or other is result:
                continue
            made = other.execution.outs.get(path) if other.execution else None
            if made != given.digest:
                continue
            factor = Factor(
                CauseKind.DATA,
                path,
                f"stage {other.stage.address} leaves in it what DVC does not keep"
                f" ({', '.join(found)}): let this stage make that itself",
            )
            changes.append(Change(factor, give({path: Input(made, other.workspace.root / path)})))
    return changes


def _strays(session: Session, result: Result, others: Mapping[str, Result]) -> list[Change]:
    """Files that an earlier stage writes undeclared and that are absent here."""
    assert result.setup is not None
    changes = []
    for address in session.pipeline.ancestors([result.stage.address]):
        other = others.get(address)
        if other is None or other.execution is None or other.workspace is None:
            continue
        if other.workspace is result.workspace:
            continue
        for path in other.execution.undeclared_outputs[:5]:
            if session.tracked(path) or path in result.setup.inputs:
                continue
            owner = _owner(session.pipeline, path)
            advice = "declare it as an output there and as a dependency here"
            if owner is not None:  # DVC has no outputs inside of outputs.
                advice = f"it lies in what stage {owner} makes, so write it elsewhere, {advice}"
            factor = Factor(
                CauseKind.UNDECLARED_INPUT,
                path,
                f"stage {address} writes it undeclared and this stage needs it: {advice}",
            )
            given = {path: Input(None, file=other.workspace.root / path)}
            changes.append(Change(factor, give(given)))
    return changes


def _owner(pipeline: Pipeline, path: str) -> str | None:
    owners = (s.address for s in pipeline.stages for o in s.outs if inside(path, o.path))
    return next(owners, None)
