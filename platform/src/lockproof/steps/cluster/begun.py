"""What a run was begun for: kept beside its keys, and believed from there alone.

Who may edit a Job or Workflow need not be one who may read its keys. So what is attached to is what
the Secret says, and no option beside it may say otherwise.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import StrictInt, StrictStr, ValidationError

from lockproof.adapters.git.repository import GitRepository
from lockproof.errors import UsageError
from lockproof.model.base import Frozen, canonical_json
from lockproof.model.order import BadOrderError, Order
from lockproof.model.resource import Body

from .plan import Plan, make_plan
from .request import Engine, Request

ENTRY = "plan"
"""Its key in the Secret; no task is called so."""


class Begun(Frozen):
    """What was asked for when a run was begun, and what came of the defaults."""

    engine: Engine
    commit: StrictStr
    base: StrictStr
    since: StrictStr | None
    root: StrictStr
    mode: StrictStr
    runs: StrictInt
    jobs: StrictInt | None
    selected: tuple[StrictStr, ...]
    deadline: float
    """Seconds."""

    @classmethod
    def of(cls, plan: Plan) -> "Begun":
        """That of a plan."""
        return cls(
            engine=plan.engine,
            commit=plan.commit,
            base=plan.base,
            since=plan.since,
            root=plan.root,
            mode=plan.mode,
            runs=plan.runs,
            jobs=plan.jobs,
            selected=plan.selected,
            deadline=plan.cluster.deadline,
        )


class _Entry(Frozen):
    revisions: tuple[Begun, ...]


def entry_of(plans: Iterable[Plan]) -> bytes:
    """What stands in the Secret of a run: one of each revision."""
    entry = _Entry(revisions=tuple(map(Begun.of, plans)))
    return canonical_json(entry.model_dump(mode="json")).encode()


def read(secret: Body) -> tuple[tuple[Begun, ...], dict[str, Order]]:
    """What a run's Secret says.

    Returns:
        What the run is, for each of its revisions, and task -> its order.

    Raises:
        UsageError: it is not one of a run.
    """
    name = secret["metadata"]["name"]
    try:
        data = {key: base64.b64decode(text) for key, text in (secret.get("data") or {}).items()}
        begun = _Entry.model_validate_json(data.pop(ENTRY)).revisions
        if not begun or len({each.commit for each in begun}) < len(begun):
            raise UsageError(
                f"the Secret {name} is not one of a run: it has a commit twice, or none"
            )
        return begun, {key: Order.parse(content) for key, content in data.items()}
    except KeyError as error:
        raise UsageError(f"the Secret {name} is not one of a run: it has no {ENTRY}") from error
    except ValidationError as error:
        raise UsageError(
            f"the Secret {name} is not one of a run that this version knows: attach with the one"
            " that began it"
        ) from error
    except (BadOrderError, ValueError) as error:
        raise UsageError(f"the Secret {name} is not one of a run: {error}") from error


def plans_again(
    request: Request, here: Plan, begun: Sequence[Begun], orders: Mapping[str, Order]
) -> tuple[Plan, ...]:
    """The plans that a run was begun with.

    Args:
        request: what is asked for beside its ID.
        here: a plan with its ID of what is checked out here.
        begun: what its Secret says.
        orders: those in its Secret.

    Raises:
        UsageError: something else is asked for, or this is not its repository.
    """
    run = here.run
    _refuse_others(request, here, begun)
    plans = tuple(_plan_again(request, here, each, apart=len(begun) > 1) for each in begun)
    told = {name: order.stages for name, order in orders.items()}
    wanted = {name: order.stages for plan in plans for name, order in plan.orders().items()}
    if tuple(map(Begun.of, plans)) != tuple(begun) or told != wanted:
        raise UsageError(f"run {run} has other tasks than this commit's pipeline: it is another's")
    return plans


def _refuse_others(request: Request, here: Plan, begun: Sequence[Begun]) -> None:
    run = here.run
    commits = [each.commit for each in begun]
    named = request.revisions or ((request.revision,) if request.revision is not None else ())
    if named and {here.git.resolve(name) for name in named} != set(commits):
        was = " ".join(commits[:3]) + (" …" if len(commits) > 3 else "")
        raise UsageError(
            f"run {run} was begun with other options than are given here: REV was {was}"
        )
    for each in begun:
        if here.root != each.root:
            place = each.root or "the top of the repository"
            raise UsageError(f"run {run} is of the DVC project at {place}: attach from there")
        other = ", ".join(_other(request, each, here.git))
        if other:
            raise UsageError(f"run {run} was begun with other options than are given here: {other}")


def _plan_again(request: Request, here: Plan, begun: Begun, *, apart: bool) -> Plan:
    asked = replace(
        request,
        on=begun.engine,
        revision=begun.commit,
        revisions=(),
        stages=begun.selected,
        mode=begun.mode,
        jobs=begun.jobs,
        runs=begun.runs,
        since=begun.since,
    )
    # Where it is and how long it may take was settled then.
    cluster = here.cluster.model_copy(update={"deadline": begun.deadline})
    return replace(make_plan(asked, here.run, apart=apart), base=begun.base, cluster=cluster)


def _other(request: Request, begun: Begun, git: GitRepository) -> Iterator[str]:
    """What is asked for and is not what was begun."""
    commits = (
        ("--since", request.since or None, begun.since),
        ("--base", request.base or None, begun.base),
    )
    for name, given, was in commits:
        if given is not None and git.resolve(given) != was:
            yield f"{name} was {was or 'not given'}"
    values = (
        ("--mode", request.mode, begun.mode),
        ("--runs", request.runs, begun.runs),
        ("--jobs", request.jobs, begun.jobs),
        ("--stage", tuple(sorted(request.stages)) or None, begun.selected),
    )
    for name, asked, had in values:
        if asked not in (None, had):
            shown = " ".join(had) if isinstance(had, tuple) else had
            yield f"{name} was {shown or 'not given'}"
