"""The module's main object: the steps, and the objects with finer functions."""

import dataclasses
from typing import Annotated

import dagger
from dagger import Doc, check, dag, generate

from .cluster import Crossplane, Manifests, Rollouts
from .data import Dvc, Models
from .image import pins
from .inputs import Inputs, changes
from .proof import Revision, options
from .sdk import function, object_type
from .settings import REPOSITORY, USER
from .steps import Steps, shown


@object_type
class Lockproof(Inputs):
    """Prove that what a Git commit claims about its data, code and models is true."""

    reproduce = shown(Steps.reproduce)
    gate = shown(Steps.gate)
    lint = shown(Steps.lint)
    verify = shown(Steps.verify)
    provision = shown(Steps.provision)
    canary = shown(Steps.canary)

    @function()
    def proof(self) -> Steps:
        """These steps as values: verdict, table and reports, to export or to chain."""
        return Steps(**self.given())

    @function(cache="never")
    @check
    async def check_gate(self) -> str:
        """What the gate says of HEAD."""
        return await self.gate()

    @function(cache="never")
    @check
    async def check_lint(self) -> str:
        """What lint says of the manifests, which passes where there are none and none are asked."""
        return await self.lint()

    @function(cache="never")
    async def report(
        self,
        revision: Revision = "HEAD",
        pr: Annotated[bool, Doc("Judge a pull request: policy and remotes of the base")] = False,
        base: Annotated[
            str | None, Doc("The revision to compare with: only what changed since is reproduced")
        ] = None,
    ) -> dagger.Directory:
        """All that a reviewer reads: the reports of lint, reproduce and gate, a folder for each.

        The gate gets the report of reproduce as its evidence. A verdict does not fail this call:
        each folder has the exit code in a file.
        """
        steps = self.proof()
        proved = await steps.reproduce(revision=revision, since=base, no_fail=True)
        gated = await steps.gate(
            revision=revision, pr=pr, base=base, report=proved.json, no_fail=True
        )
        reports = dag.directory()
        for proof in (await steps.lint(no_fail=True), proved, gated):
            reports = reports.with_directory(proof.step, proof.reports)
        return reports

    @function()
    async def affected(
        self,
        revision: Revision = "HEAD",
        since: Annotated[str | None, Doc("Only stages that changed since this commit")] = None,
    ) -> str:
        """How many stages a change makes run and the GPUs they ask for, as NAME=value lines."""
        words = ["lockproof", "affected", *options(format="env", since=since), "--", revision]
        return await self.checkout(gate=True).with_exec(words).stdout()

    @function()
    @generate
    def init(
        self,
        ci: Annotated[list[str] | None, Doc("github, gitlab; default: by where origin is")] = None,
        branch: Annotated[str | None, Doc("The branch that pull requests are for")] = None,
        runner: Annotated[str | None, Doc("What CI calls: dagger or host")] = None,
        module: Annotated[str | None, Doc("The Dagger module that CI calls")] = None,
        engine: Annotated[str | None, Doc("The address of a shared Dagger engine")] = None,
        gpu_engine: Annotated[str | None, Doc("The address of one that has GPUs")] = None,
        image: Annotated[str | None, Doc("lockproof's own image by digest, for CI to run")] = None,
        install: Annotated[str | None, Doc("What a CI job runs to get lockproof")] = None,
        bin_folder: Annotated[str | None, Doc("The folder that lockproof is in after that")] = None,
        gpu_runner: Annotated[str | None, Doc("Labels of runners with a GPU")] = None,
        isolation: Annotated[
            str | None, Doc("preferred: CI also runs stages that cannot be kept apart")
        ] = None,
        nightly: Annotated[
            str | None, Doc("When CI proves the default branch anew: five fields of cron, UTC")
        ] = None,
    ) -> dagger.Changeset:
        """Write policy and CI files, or bring them up to date: as changes to agree to."""
        if ci and runner is None and install is None:
            # The container's lockproof does not know its commit, which a host would install.
            runner = "dagger"
        wanted = options(
            ci=ci, branch=branch, runner=runner, module=module, engine=engine,
            gpu_engine=gpu_engine, tool_image=image, install=install, bin=bin_folder,
            gpu_runner=gpu_runner, isolation=isolation, nightly=nightly, yes=True, force=True,
        )  # fmt: skip
        before = self.checkout(gate=True).with_directory(
            REPOSITORY, self.repository.without_directory(".git"), owner=USER
        )
        return changes(before, before.with_exec(["lockproof", "init", *wanted]))

    @function()
    def image(
        self,
        version: Annotated[str, Doc("For the image's label")] = "dev",
        gate: Annotated[bool, Doc("Only what gate and lint take, without DVC")] = False,
        verify: Annotated[bool, Doc("Only what a serving pod's first step takes")] = False,
    ) -> dagger.Container:
        """lockproof's own image: non-root, with its SBOM, the command as entry point."""
        return dataclasses.replace(self.recipe, pins=pins(gate=gate, verify=verify)).release(
            version
        )

    @function()
    def sbom(self) -> dagger.File:
        """The packages of that image as CycloneDX JSON."""
        return self.recipe.sbom()

    @function(cache="never")
    async def publish(
        self,
        address: Annotated[str, Doc("Where to, such as registry.example/lockproof:1.0")],
        username: Annotated[str | None, Doc("For the registry")] = None,
        password: Annotated[dagger.Secret | None, Doc("For the registry")] = None,
        version: Annotated[str, Doc("For the image's label")] = "dev",
        gate: Annotated[bool, Doc("Only what gate and lint take, without DVC")] = False,
        verify: Annotated[bool, Doc("Only what a serving pod's first step takes")] = False,
    ) -> str:
        """Publish that image; what it returns names it by digest."""
        image = dataclasses.replace(self.recipe, pins=pins(gate=gate, verify=verify)).release(
            version
        )
        if username is not None and password is not None:
            image = image.with_registry_auth(address, username, password)
        return await image.publish(address)

    @function()
    def manifests(self) -> Manifests:
        """What has to do with manifests, before they are applied."""
        return Manifests(**self.given())

    @function()
    def crossplane(self) -> Crossplane:
        """What has to do with the cluster and what Crossplane makes for it."""
        return Crossplane(**self.given())

    @function()
    def dvc(self) -> Dvc:
        """What has to do with the pipeline's data."""
        return Dvc(**self.given())

    @function()
    def models(self) -> Models:
        """What has to do with models and their runs."""
        return Models(**self.given())

    @function()
    def rollouts(self) -> Rollouts:
        """What has to do with canaries."""
        return Rollouts(**self.given())
