"""The finer functions that platform engineers chain, one object per tool."""

from typing import Annotated

import dagger
from dagger import Doc, function, object_type

from .inputs import MLFLOW_PORT, Inputs, fresh
from .proof import Command, NoFail, Proof, prove
from .settings import CACHE, USER


@object_type
class Dvc:
    """What has to do with the pipeline's data."""

    inputs: Inputs

    @function(cache="never")
    async def fetch(
        self,
        targets: Annotated[
            list[str] | None, Doc("Stages, .dvc files or outputs; all if none")
        ] = None,
        jobs: Annotated[int, Doc("Downloads side by side")] = 8,
    ) -> str:
        """Bring locked data from the remote into the volume that later runs find it in."""
        container = fresh(self.inputs.with_data(self.inputs.bench()))
        words = ["dvc", "fetch", f"--jobs={jobs}", "--", *(targets or ())]
        return await container.with_exec(words).stdout()

    @function
    async def reproduce(
        self,
        stage: Annotated[str, Doc("The stage; a matrix name means all of it")],
        revision: Annotated[str, Doc("Commit, branch or tag")] = "HEAD",
        no_fail: NoFail = False,
    ) -> Proof:
        """Make the outputs of one stage again from its locked inputs, and compare."""
        inputs = self.inputs
        container = inputs.with_gpus(inputs.with_data(inputs.bench()))
        command = Command("reproduce", (f"--stage={stage}", "--mode=isolated"), (revision,))
        return await prove(container, command, no_fail=no_fail)


@object_type
class Models:
    """What has to do with models and their runs."""

    inputs: Inputs

    @function(cache="never")
    async def track(
        self,
        revision: Annotated[str, Doc("Commit, branch or tag")] = "HEAD",
        no_fail: NoFail = False,
    ) -> Proof:
        """Reproduce a commit and log the run, its metrics and its proof to the tracking server."""
        inputs = self.inputs
        container = inputs.with_gpus(inputs.with_tracking(inputs.with_data(inputs.bench())))
        command = Command("reproduce", ("--log-mlflow",), (revision,))
        return await prove(fresh(container), command, no_fail=no_fail)

    @function
    def server(self) -> dagger.Service:
        """A tracking server of one's own, which keeps its runs in a cache volume.

        For a run without any account; bind it with `--mlflow`.
        """
        runs = f"{CACHE}/mlflow"
        inputs = self.inputs
        return (
            inputs.tool()
            .with_mounted_cache(runs, inputs.packages.volume("mlflow"), owner=USER)
            .with_exposed_port(MLFLOW_PORT)
            .as_service(
                args=[
                    *("mlflow", "server", "--host=0.0.0.0", f"--port={MLFLOW_PORT}"),
                    *("--workers=1", "--allowed-hosts=*"),
                    f"--backend-store-uri=sqlite:///{runs}/mlflow.db",
                    f"--artifacts-destination={runs}/artifacts",
                ]
            )
        )
