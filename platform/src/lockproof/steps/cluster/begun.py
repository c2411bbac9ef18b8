"""What a run was begun for: kept beside its keys, and believed from there alone.

Who may edit a Job or Workflow need not be one who may read its keys. So what is attached to is what
the Secret says, and no option beside it may say otherwise.
"""

import base64
from collections.abc import Iterator, Mapping
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

    @property
    def entry(self) -> bytes:
        """As it stands in the Secret."""
        return canonical_json(self.model_dump(mode="json")).encode()


def read(secret: Body) -> tuple[Begun, dict[str, Order]]:
    """What a run's Secret says.

    Returns:
        What the run is, and task -> its order.

    Raises:
        UsageError: it is not one of a run.
    """
    name = secret["metadata"]["name"]
    try:
        data = {key: base64.b64decode(text) for key, text in (secret.get("data") or {}).items()}
        begun = Begun.model_validate_json(data.pop(ENTRY))
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


def plan_again(request: Request, here: Plan, begun: Begun, orders: Mapping[str, Order]) -> Plan:
    """The plan that a run was begun with.

    Args:
        request: what is asked for beside its ID.
        here: a plan with its ID of what is checked out here.
        begun: what its Secret says.
        orders: those in its Secret.

    Raises:
        UsageError: something else is asked for, or this is not its repository.
    """
    run = here.run
    if here.root != begun.root:
        place = begun.root or "the top of the repository"
        raise UsageError(f"run {run} is of the DVC project at {place}: attach from there")
    other = ", ".join(_other(request, begun, here.git))
    if other:
        raise UsageError(f"run {run} was begun with other options than are given here: {other}")
    asked = replace(
        request,
        on=begun.engine,
        revision=begun.commit,
        stages=begun.selected,
        mode=begun.mode,
        jobs=begun.jobs,
        runs=begun.runs,
        since=begun.since,
    )
    # Where it is and how long it may take was settled then.
    cluster = here.cluster.model_copy(update={"deadline": begun.deadline})
    plan = replace(make_plan(asked, run), base=begun.base, cluster=cluster)
    told = {name: order.stages for name, order in orders.items()}
    if Begun.of(plan) != begun or told != {n: o.stages for n, o in plan.orders().items()}:
        raise UsageError(f"run {run} has other tasks than this commit's pipeline: it is another's")
    return plan


def _other(request: Request, begun: Begun, git: GitRepository) -> Iterator[str]:
    """What is asked for and is not what was begun."""
    commits = (
        ("REV", request.revision, begun.commit),
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
