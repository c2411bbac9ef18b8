"""The finer functions for data and models, which platform engineers chain."""

from typing import Annotated

import dagger
from dagger import Doc

from .inputs import Inputs, changes, with_files
from .proof import (
    Base,
    Bundle,
    Command,
    NoFail,
    Proof,
    Revision,
    done,
    fresh,
    options,
    prove,
)
from .sdk import InputError, function, object_type
from .servers import mlflow_server, s3_server
from .settings import HOME, SECRETS, USER

Targets = Annotated[list[str] | None, Doc("Stages, .dvc files or outputs; all if none")]
Jobs = Annotated[int, Doc("Transfers side by side")]

_MAKE_BUCKET = (
    "import boto3, sys\n"
    "client, name = boto3.client('s3'), sys.argv[1]\n"
    "if name not in [bucket['Name'] for bucket in client.list_buckets()['Buckets']]:\n"
    "    client.create_bucket(Bucket=name)\n"
)


class WithData(Inputs):
    """What both objects do with DVC."""

    def pulled(self, targets: list[str] | None, jobs: int) -> dagger.Directory:
        """The folder that `.dvc` is in, with locked data in its place."""
        words = ["dvc", "pull", *options(jobs=jobs), "--", *(targets or ())]
        container = fresh(self.with_data(self.bench())).with_exec(words)
        return container.directory(self.place()).without_directory(".dvc/cache")


@object_type
class Dvc(WithData):
    """What has to do with the pipeline's data."""

    @function(cache="never")
    async def fetch(self, targets: Targets = None, jobs: Jobs = 8) -> str:
        """Bring locked data from the remote into the volume that later runs find it in."""
        words = ["dvc", "fetch", *options(jobs=jobs), "--", *(targets or ())]
        ran = fresh(self.with_data(self.bench())).with_exec(words)
        # Where objects are missing, DVC warns and then says "Everything is up to date".
        return await ran.stderr() + await ran.stdout()

    @function(cache="never")
    def pull(self, targets: Targets = None, jobs: Jobs = 8) -> dagger.Directory:
        """The repository with locked data in its place."""
        return self.pulled(targets, jobs)

    @function(cache="never")
    async def push(
        self,
        cache: Annotated[
            dagger.Directory | None,
            Doc("A .dvc/cache folder to push from; default: the volume that fetch fills"),
        ] = None,
        targets: Targets = None,
        remote: Annotated[str | None, Doc("A remote's name; default: the repository's")] = None,
        jobs: Jobs = 8,
    ) -> str:
        """Bring locked data from a cache into the remote."""
        container = self.bench()
        if cache is not None:
            place = f"{self.place()}/.dvc/cache"
            container = self.checkout().with_directory(place, cache, owner=USER)
        container = fresh(self.with_data(container))
        if self.servers:
            container = container.with_exec(["python", "-c", _MAKE_BUCKET, self.bucket])
        words = ["dvc", "push", *options(jobs=jobs, remote=remote), "--", *(targets or ())]
        return await container.with_exec(words).stdout()

    @function(cache="never")
    async def reproduce(
        self,
        stage: Annotated[str, Doc("The stage; a matrix name means all of it")],
        revision: Revision = "HEAD",
        base: Base = None,
        no_fail: NoFail = False,
    ) -> Proof:
        """Make the outputs of one stage again from its locked inputs, and compare."""
        wanted = options(stage=stage, mode="isolated", base=base)
        container = await self.where_stages_run(revision)
        return await prove(container, Command("reproduce", wanted, (revision,)), no_fail=no_fail)

    @function()
    def server(self) -> dagger.Service:
        """An S3 server that needs no account and keeps its objects in a cache volume.

        `--servers` binds it to the steps.
        """
        return s3_server(self.recipe)


@object_type
class Models(WithData):
    """What has to do with models and their runs."""

    @function(cache="never")
    def export(
        self,
        paths: Annotated[list[str], Doc("Outputs of the pipeline, files or folders")],
        jobs: Jobs = 8,
    ) -> dagger.Directory:
        """Locked outputs alone, to package or to serve them."""
        return self.pulled(paths, jobs).filter(include=paths)

    @function(cache="never")
    async def track(
        self, revision: Revision = "HEAD", base: Base = None, no_fail: NoFail = False
    ) -> Proof:
        """Reproduce a commit and log the run, its metrics and its proof to the tracking server."""
        container = await self.with_server(await self.where_stages_run(revision), base)
        command = Command("reproduce", options(log_mlflow=True, base=base), (revision,))
        return await prove(container, command, no_fail=no_fail)

    @function(cache="never")
    async def attest(
        self,
        report: Annotated[dagger.File, Doc("The JSON report of reproduce for this commit")],
        key: Annotated[dagger.Secret, Doc("A private key in PEM, Ed25519 or ECDSA")],
        passphrase: Annotated[dagger.Secret | None, Doc("What opens the key")] = None,
        revision: Revision = "HEAD",
        no_push: Annotated[bool, Doc("Do not keep the proof in the default DVC remote")] = False,
    ) -> dagger.File:
        """Sign what a passed report proves of each model, and keep that beside the data.

        The file has the same: a bundle a line.
        """
        container, places = with_files(self.with_data(self.bench()), report=report)
        held, signed = f"{SECRETS}/signing-key", f"{HOME}/proof.jsonl"
        container = container.with_mounted_secret(held, key, owner=USER)
        if passphrase is not None:
            container = container.with_secret_variable("LOCKPROOF_KEY_PASSPHRASE", passphrase)
        wanted = options(key=held, bundle=signed, no_push=no_push, **places)
        ran = await done(container, ["lockproof", "attest", *wanted, "--", revision])
        return ran.file(signed)

    @function(cache="never")
    async def register(
        self,
        model: Annotated[str, Doc("Which [[model]] of the policy")],
        report: Annotated[
            dagger.File | None,
            Doc("The JSON report of reproduce for this commit; default: a signed proof"),
        ] = None,
        bundle: Bundle = None,
        revision: Revision = "HEAD",
        base: Annotated[str | None, Doc("Take the policy from this commit")] = None,
        alias: Annotated[str | None, Doc("Then move this alias, such as candidate")] = None,
        rollback: Annotated[
            str | None, Doc("Why the alias is moved wherever it is, also to an earlier commit")
        ] = None,
    ) -> str:
        """Make the MLflow model version of a proved commit, exactly once."""
        container = await self.with_server(self.with_data(self.bench()))
        container, places = with_files(container, report=report, bundle=bundle)
        wanted = options(model=model, base=base, alias=alias, rollback=rollback, **places)
        ran = await done(container, ["lockproof", "register", *wanted, "--", revision])
        return await ran.stdout()

    @function(cache="never")
    async def promote(
        self,
        version: Annotated[str, Doc("MODEL@ALIAS, or models:/MODEL/NUMBER")],
        to: Annotated[str, Doc("The manifest or kustomization, from where .dvc is")],
        revert: Annotated[
            str | None, Doc("Why the version before this one is to be named, by the file's history")
        ] = None,
    ) -> dagger.Changeset:
        """Let a manifest name a registered version: as changes to agree to, to the --tree.

        Raises:
            InputError: there is none. The caller's file would come to be as HEAD has it, with
                this change, whatever else the caller has changed in it.
        """
        if self.tree is None:
            raise InputError(
                "models promote changes a file of your work tree: name that by '--tree .' before"
                " the function, else what is not committed in the file would be lost"
            )
        before = await self.with_server(self.with_data(self.checkout()))
        words = ["lockproof", "promote", *options(to=to, revert=revert), "--", version]
        return changes(before, await done(before, words))

    @function()
    def server(self) -> dagger.Service:
        """A tracking server that needs no account and keeps its runs in a cache volume.

        `--servers` binds it to the steps.
        """
        return mlflow_server(self.tool(), self.packages)
