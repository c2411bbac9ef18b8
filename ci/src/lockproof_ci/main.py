"""The module's main object: the steps, and the objects with finer functions."""

from typing import Annotated

import dagger
from dagger import Doc, function, object_type

from .inputs import Inputs, fresh
from .parts import Dvc, Models
from .proof import Command, NoFail, Proof, prove


@object_type
class Lockproof(Inputs):
    """Prove that what a Git commit claims about its data, code and models is true."""

    @function
    async def reproduce(
        self,
        revision: Annotated[str, Doc("Commit, branch or tag")] = "HEAD",
        stages: Annotated[list[str] | None, Doc("Only these stages")] = None,
        mode: Annotated[str | None, Doc("isolated or chain")] = None,
        since: Annotated[str | None, Doc("Only stages that changed since this commit")] = None,
        runs: Annotated[int | None, Doc("Run each stage so many times")] = None,
        no_reuse: Annotated[bool, Doc("Run stages also where an earlier verdict stands")] = False,
        no_fail: NoFail = False,
    ) -> Proof:
        """Make every locked output of a commit again and compare."""
        options = [f"--stage={name}" for name in stages or ()]
        options += [f"--mode={mode}"] if mode else []
        options += [f"--since={since}"] if since else []
        options += [f"--runs={runs}"] if runs else []
        options += ["--no-reuse"] if no_reuse else []
        container = self.with_gpus(self.with_data(self.bench()))
        command = Command("reproduce", tuple(options), (revision,))
        return await prove(container, command, no_fail=no_fail)

    @function(cache="never")
    async def gate(
        self,
        revision: Annotated[str, Doc("Commit, branch or tag")] = "HEAD",
        pr: Annotated[bool, Doc("Judge a pull request: policy and remotes of the base")] = False,
        base: Annotated[str | None, Doc("The revision to compare with")] = None,
        deep: Annotated[bool, Doc("Read and hash every object of the remote")] = False,
        no_fail: NoFail = False,
    ) -> Proof:
        """Check what a commit claims before it is merged; runs none of its code."""
        options = ["--pr"] if pr else []
        options += [f"--base={base}"] if base else []
        options += ["--deep"] if deep else []
        container = fresh(self.with_tracking(self.with_data(self.bench())))
        return await prove(container, Command("gate", tuple(options), (revision,)), no_fail=no_fail)

    @function
    async def lint(
        self,
        paths: Annotated[list[str] | None, Doc("Files and folders; default: the policy's")] = None,
        no_fail: NoFail = False,
    ) -> Proof:
        """Check manifests before they are applied."""
        return await prove(self.bench(), Command("lint", (), tuple(paths or ())), no_fail=no_fail)

    @function
    async def affected(
        self,
        revision: Annotated[str, Doc("Commit, branch or tag")] = "HEAD",
        since: Annotated[str | None, Doc("Only stages that changed since this commit")] = None,
    ) -> str:
        """How many stages a change makes run and the GPUs they ask for, as NAME=value lines."""
        options = ["--format=env", *([f"--since={since}"] if since else [])]
        ran = self.bench().with_exec(["lockproof", "affected", *options, "--", revision])
        return await ran.stdout()

    @function
    def image(
        self, version: Annotated[str, Doc("For the image's label")] = "dev"
    ) -> dagger.Container:
        """lockproof's own image: non-root, with its SBOM, the command as entry point."""
        return self.recipe.release(version)

    @function
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
    ) -> str:
        """Publish that image; what it returns names it by digest."""
        image = self.image(version)
        if username is not None and password is not None:
            image = image.with_registry_auth(address, username, password)
        return await image.publish(address)

    @function
    def dvc(self) -> Dvc:
        """What has to do with the pipeline's data."""
        return Dvc(inputs=self.inputs())

    @function
    def models(self) -> Models:
        """What has to do with models and their runs."""
        return Models(inputs=self.inputs())
