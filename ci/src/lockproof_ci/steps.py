"""The steps: as values, which other steps are chained to, and as what they say."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, Concatenate, ParamSpec

import dagger
from dagger import Doc

from .cluster import Judge, Provisioner
from .inputs import Inputs, with_files
from .proof import Base, Bundle, Command, NoFail, Proof, Revision, options, prove
from .sdk import function, object_type

P = ParamSpec("P")


@object_type
class Steps(Provisioner, Judge):
    """The steps as values: each returns its proof."""

    @function(cache="never")
    async def reproduce(
        self,
        revision: Revision = "HEAD",
        stages: Annotated[list[str] | None, Doc("Only these stages")] = None,
        mode: Annotated[str | None, Doc("isolated or chain")] = None,
        since: Annotated[str | None, Doc("Only stages that changed since this commit")] = None,
        runs: Annotated[int | None, Doc("Run each stage so many times")] = None,
        base: Base = None,
        isolation: Annotated[
            str | None, Doc("required: run no stage that cannot be kept apart; or preferred")
        ] = None,
        no_reuse: Annotated[bool, Doc("Run stages also where an earlier verdict stands")] = False,
        no_fail: NoFail = False,
    ) -> Proof:
        """Make every locked output of a commit again and compare."""
        wanted = options(
            stage=stages, mode=mode, since=since, base=base, isolation=isolation, runs=runs,
            no_reuse=no_reuse,
        )  # fmt: skip
        container = await self.where_stages_run(revision)
        return await prove(container, Command("reproduce", wanted, (revision,)), no_fail=no_fail)

    @function(cache="never")
    async def gate(
        self,
        revision: Revision = "HEAD",
        pr: Annotated[bool, Doc("Judge a pull request: policy and remotes of the base")] = False,
        base: Annotated[str | None, Doc("The revision to compare with")] = None,
        policy: Annotated[dagger.File | None, Doc("A policy in place of the repository's")] = None,
        report: Annotated[
            dagger.File | None, Doc("The JSON report of reproduce for this commit")
        ] = None,
        deep: Annotated[bool, Doc("Read and hash every object of the remote")] = False,
        no_fail: NoFail = False,
    ) -> Proof:
        """Check what a commit claims before it is merged; runs none of its code."""
        layout, places = self.layout(revision), dict[str, str]()

        async def ready(*, gate: bool) -> dagger.Container:
            container = await self.with_promtool(self.bench(gate=gate, layout=layout), layout)
            container = self.with_tracking(self.with_data(container))
            container, there = with_files(container, policy=policy, report=report)
            places.update(there)
            return container

        # With a tracking server, it takes MLflow; what else it takes, it says.
        container = await ready(gate=not (self.mlflow_uri or self.mlflow or self.servers))
        wanted = options(pr=pr, base=base, deep=deep, **places)
        command = Command("gate", wanted, (revision,))
        fuller = functools.partial(ready, gate=False)
        return await prove(container, command, no_fail=no_fail, fuller=fuller)

    @function(cache="never")
    async def lint(
        self,
        paths: Annotated[list[str] | None, Doc("Files and folders; default: the policy's")] = None,
        no_fail: NoFail = False,
    ) -> Proof:
        """Check manifests before they are applied."""
        command = Command("lint", positional=tuple(paths or ()))
        layout = self.layout()
        container = await self.with_promtool(self.checkout(gate=True, layout=layout), layout)
        return await prove(container, command, no_fail=no_fail)

    @function(cache="never")
    async def verify(
        self,
        subject: Annotated[
            str,
            Doc("A revision, for all its models; a model's file; or MODEL@ALIAS, models:/MODEL/1"),
        ] = "HEAD",
        bundle: Bundle = None,
        pr: Annotated[bool, Doc("Trust only the base with policy, keys and remotes")] = False,
        base: Annotated[str | None, Doc("The base; default: as the gate finds it")] = None,
        no_fail: NoFail = False,
    ) -> Proof:
        """Check signed proofs: who signed what, whether that still counts, and the bytes."""
        container, places = with_files(
            self.with_tracking(self.with_data(self.bench())), bundle=bundle
        )
        command = Command("verify", options(pr=pr, base=base, **places), (subject,))
        return await prove(container, command, no_fail=no_fail)


def shown(
    step: Callable[Concatenate[Steps, P], Awaitable[Proof]],
) -> Callable[Concatenate[Inputs, P], Coroutine[Any, Any, str]]:
    """The same step as a function that returns its table, which the command line prints.

    Of an object it prints an identifier alone.
    """

    async def show(self: Inputs, /, *args: P.args, **given: P.kwargs) -> str:
        return (await step(Steps(**self.given()), *args, **given)).table

    # Without its `__dict__`, where the SDK keeps that the step is a function.
    functools.update_wrapper(show, step, updated=())
    signature = inspect.signature(step).replace(return_annotation=str)
    show.__signature__ = signature  # type: ignore[attr-defined]
    show.__annotations__ = {**inspect.get_annotations(step), "return": str}
    return function(cache="never")(show)
