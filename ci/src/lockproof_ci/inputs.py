"""What a run is given: repository, secrets, services and images; and the containers made of it."""

import dataclasses
import posixpath
from typing import Annotated, Any

import dagger
from dagger import DefaultPath, Doc, Ignore, dag

from .image import Packages, Recipe, own_source, pins, prepared
from .layout import Layout
from .policy import is_beyond, refuse_lost, says
from .sdk import InputError
from .servers import MLFLOW_PORT, S3_KEY, S3_PORT, S3_REGION, mlflow_server, s3_server
from .settings import (
    BASE_IMAGE,
    BUT_GIT,
    CACHE,
    GIVEN,
    HOME,
    NOT_UPLOADED,
    POLICY,
    PROMETHEUS_IMAGE,
    REPOSITORY,
    SECRETS,
    USER,
)

SUFFIXES = {
    "policy": ".toml",
    "report": ".json",
    "bundle": ".jsonl",
    "checks": ".yaml",
    "samples": ".json",
    "ca": ".pem",
}


@dataclasses.dataclass(kw_only=True)
class Inputs:
    """The arguments of the module's constructor. A secret reaches only the steps that need it."""

    repository: Annotated[
        dagger.Directory,
        DefaultPath("/"),
        Ignore(BUT_GIT),
        Doc("The Git repository to look at: its .git, and what is checked out of that"),
    ]
    tree: Annotated[
        dagger.Directory | None,
        Ignore(NOT_UPLOADED),
        Doc("A work tree to look at, with what is not committed; default: a checkout of HEAD"),
        # Not plain None: that is told to the engine, which fails to ignore anything in it.
    ] = dataclasses.field(default_factory=lambda: None)
    library: Annotated[
        dagger.Directory | None,
        Doc("lockproof's own repository, to build it from; default: as this module came with it"),
    ] = None
    path: Annotated[str, Doc("The folder in the repository that .dvc is in")] = "."
    base_image: Annotated[
        str, Doc("What lockproof is installed on: Python 3.11 or newer, and Git or apt-get")
    ] = BASE_IMAGE
    tool_image: Annotated[
        str | None, Doc("A published image of lockproof, to run instead of building one")
    ] = None
    training_image: Annotated[
        str | None,
        Doc("The image that stages run in, with lockproof on top; default: the policy's"),
    ] = None
    prometheus_image: Annotated[
        str, Doc("Whose promtool runs the unit tests of Prometheus rules; '' for none")
    ] = PROMETHEUS_IMAGE
    package_index: Annotated[str | None, Doc("A package index to use instead of PyPI")] = None
    package_netrc: Annotated[
        dagger.Secret | None, Doc("A .netrc file with the user and password of that index")
    ] = None
    cache_scope: Annotated[
        str,
        Doc("Runs of the same scope share cache volumes; give untrusted code a scope of its own"),
    ] = "default"
    gpus: Annotated[str | None, Doc("GPUs for reproduce: 'all', or numbers such as '0,1'")] = None
    remote_config: Annotated[
        dagger.Secret | None,
        Doc("A .dvc/config.local file, with what DVC needs to read the remote"),
    ] = None
    aws_access_key_id: Annotated[dagger.Secret | None, Doc("For an S3 remote")] = None
    aws_secret_access_key: Annotated[dagger.Secret | None, Doc("For an S3 remote")] = None
    aws_session_token: Annotated[dagger.Secret | None, Doc("For an S3 remote")] = None
    s3: Annotated[
        dagger.Service | None, Doc("An S3 server, which steps reach as http://s3:8333")
    ] = None
    mlflow_uri: Annotated[str | None, Doc("The address of a tracking server")] = None
    mlflow_username: Annotated[dagger.Secret | None, Doc("For the tracking server")] = None
    mlflow_password: Annotated[dagger.Secret | None, Doc("For the tracking server")] = None
    mlflow_token: Annotated[dagger.Secret | None, Doc("For the tracking server")] = None
    mlflow: Annotated[
        dagger.Service | None, Doc("A tracking server, which steps reach as http://mlflow:5000")
    ] = None
    servers: Annotated[
        bool,
        Doc(
            "Bring up an S3 server and a tracking server, which need no account, for --s3, --mlflow"
        ),
    ] = False
    bucket: Annotated[str, Doc("The bucket that dvc push makes on the S3 server of --servers")] = (
        "lockproof"
    )
    kubeconfig: Annotated[dagger.Secret | None, Doc("How to reach the cluster")] = None
    cluster: Annotated[
        dagger.Service | None, Doc("An API server, which steps reach as host `cluster`")
    ] = None

    def given(self) -> dict[str, Any]:
        """These inputs by name, to make another object of the module with them."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(Inputs)}

    @property
    def packages(self) -> Packages:
        """Where Python packages come from."""
        return Packages(self.package_index, self.package_netrc, self.cache_scope)

    @property
    def recipe(self) -> Recipe:
        """What lockproof is built from."""
        return Recipe(self.library or own_source(), self.base_image, self.packages)

    def tool(self, training_image: str | None = None, *, gate: bool = False) -> dagger.Container:
        """lockproof in a container, with its caches; on the pipeline's own image, if given.

        With `gate` it has what gate and lint take alone, which is there in a tenth of the time.
        """
        if training_image is not None:
            recipe = dataclasses.replace(self.recipe, base_image=training_image)
            container = recipe.tool().with_env_variable("LOCKPROOF_IMAGE", training_image)
        elif self.tool_image is not None:
            container = prepared(dag.container().from_(self.tool_image))
        else:
            container = dataclasses.replace(self.recipe, pins=pins(gate=gate)).tool()
        container = container.with_mounted_cache(
            f"{CACHE}/lockproof", self.packages.volume("work"), owner=USER
        ).with_env_variable("LOCKPROOF_CACHE_DIR", f"{CACHE}/lockproof")
        # The engine makes it for one call: with Landlock in it, stages are kept apart.
        container = container.with_env_variable("LOCKPROOF_DISPOSABLE", "1")
        return self.packages.keep(self.packages.configure(container, home=HOME, owner=USER))

    def layout(self, revision: str | None = None) -> Layout:
        """The repository, and what Git says of a revision; without one, of HEAD and the files."""
        if self.tool_image is None:
            container = self.recipe.ready()
        else:
            container = prepared(dag.container().from_(self.tool_image))
        return Layout.of(container, self.repository, self.tree, self.place(), revision)

    def checkout(
        self,
        training_image: str | None = None,
        *,
        gate: bool = False,
        layout: Layout | None = None,
    ) -> dagger.Container:
        """The tool where `.dvc` is in the repository."""
        files = (layout or self.layout()).files
        container = self.tool(training_image, gate=gate).with_mounted_directory(REPOSITORY, files)
        return container.with_workdir(self.place())

    def bench(
        self,
        training_image: str | None = None,
        *,
        gate: bool = False,
        layout: Layout | None = None,
    ) -> dagger.Container:
        """The checkout with a volume for DVC's cache."""
        return self.checkout(training_image, gate=gate, layout=layout).with_mounted_cache(
            f"{self.place()}/.dvc/cache", self.packages.volume("dvc-cache"), owner=USER
        )

    async def where_stages_run(self, revision: str) -> dagger.Container:
        """The bench in the pipeline's own image, with what reads the data, and GPUs.

        That image is the one that `[environment] image` names in that commit's policy; what is
        wrong with the revision or its policy, lockproof says.
        """
        layout, image = self.layout(revision), self.training_image
        if image is None:
            policy = await layout.policy()
            image = None if is_beyond(policy) else says(policy, "environment", "image")
        return self.with_gpus(self.with_data(self.bench(image, layout=layout)))

    def place(self) -> str:
        """The absolute path of `path` in the container.

        Raises:
            InputError: it leads out of the repository.
        """
        place = posixpath.normpath(posixpath.join(REPOSITORY, self.path))
        if place != REPOSITORY and not place.startswith(f"{REPOSITORY}/"):
            raise InputError(f"--path {self.path} leads out of the repository")
        return place

    def with_data(self, container: dagger.Container) -> dagger.Container:
        """Add what DVC needs to read the remote."""
        if self.remote_config is not None:
            container = container.with_mounted_secret(
                f"{self.place()}/.dvc/config.local", self.remote_config, owner=USER
            )
        container = _with_secrets(
            container,
            {
                "AWS_ACCESS_KEY_ID": self.aws_access_key_id,
                "AWS_SECRET_ACCESS_KEY": self.aws_secret_access_key,
                "AWS_SESSION_TOKEN": self.aws_session_token,
            },
        )
        if self.s3 is not None:
            return _with_s3(container, self.s3)
        if self.servers:
            own = _with_s3(container, s3_server(self.recipe))
            for name, value in S3_KEY.items():
                own = own.with_env_variable(name, value)
            return own.with_env_variable("AWS_DEFAULT_REGION", S3_REGION)
        return container

    async def with_promtool(self, container: dagger.Container, layout: Layout) -> dagger.Container:
        """Add what lint needs to run the unit tests of Prometheus rules, where there may be any."""
        if not self.prometheus_image or not await layout.rules_may_have_tests():
            return container
        promtool = dag.container().from_(self.prometheus_image).file("/bin/promtool")
        return container.with_mounted_file("/usr/local/bin/promtool", promtool)

    async def with_server(
        self, container: dagger.Container, base: str | None = None
    ) -> dagger.Container:
        """Add what reaches the tracking server, for what writes to it.

        By the policy that lockproof takes its address from, the one in the container, which is
        HEAD's or that of `--tree`, or with `base` that commit's: what it names counts before what
        the caller names.

        Raises:
            InputError: no server is named; what a file in the container holds ends with it.
        """
        file, policy = f"{self.place()}/{POLICY}", ""
        whose = "as HEAD has it (commit a change first)" if self.tree is None else "in --tree"
        if base:
            policy, whose = await self.layout(base).policy(), f"as {base} has it"
        elif await container.exists(file):
            policy = await container.file(file).contents()
        given = self.mlflow_uri
        if not given and (self.mlflow or self.servers):
            given = f"http://mlflow:{MLFLOW_PORT}"
        refuse_lost(policy, whose, given)
        return self.with_tracking(container)

    def with_tracking(self, container: dagger.Container) -> dagger.Container:
        """Add what MLflow's client needs to log to the tracking server."""
        uri, server = self.mlflow_uri, self.mlflow
        if server is None and self.servers:
            server = mlflow_server(self.tool(), self.packages)
        if server is not None:
            container = container.with_service_binding("mlflow", server)
            uri = uri or f"http://mlflow:{MLFLOW_PORT}"
        if uri is not None:
            container = container.with_env_variable("MLFLOW_TRACKING_URI", uri)
        return _with_secrets(
            container,
            {
                "MLFLOW_TRACKING_USERNAME": self.mlflow_username,
                "MLFLOW_TRACKING_PASSWORD": self.mlflow_password,
                "MLFLOW_TRACKING_TOKEN": self.mlflow_token,
            },
        )

    def with_cluster(self, container: dagger.Container) -> dagger.Container:
        """Add what is needed to talk to the cluster."""
        if self.cluster is not None:
            container = container.with_service_binding("cluster", self.cluster)
        if self.kubeconfig is not None:
            file = f"{SECRETS}/kubeconfig"
            container = container.with_mounted_secret(
                file, self.kubeconfig, owner=USER
            ).with_env_variable("KUBECONFIG", file)
        return container

    def with_gpus(self, container: dagger.Container) -> dagger.Container:
        """Ask the engine for the GPUs; it needs to be one that has GPU support."""
        if self.gpus is None:
            return container
        if self.gpus == "all":
            return container.experimental_with_all_gp_us()
        return container.experimental_with_gpu([part.strip() for part in self.gpus.split(",")])


def changes(before: dagger.Container, after: dagger.Container) -> dagger.Changeset:
    """What is another in the repository afterwards, Git's own files apart."""
    now, then = (one.directory(REPOSITORY).without_directory(".git") for one in (after, before))
    return now.changes(then)


def with_files(
    container: dagger.Container, **files: dagger.File | None
) -> tuple[dagger.Container, dict[str, str]]:
    """Put the files that a call is given beside the repository, and say by their names where."""
    places = {}
    for name, file in files.items():
        if file is not None:
            places[name] = f"{GIVEN}/{name}{SUFFIXES[name]}"
            container = container.with_file(places[name], file, owner=USER)
    return container, places


def _with_s3(container: dagger.Container, server: dagger.Service) -> dagger.Container:
    return container.with_service_binding("s3", server).with_env_variable(
        "AWS_ENDPOINT_URL_S3", f"http://s3:{S3_PORT}"
    )


def _with_secrets(
    container: dagger.Container, secrets: dict[str, dagger.Secret | None]
) -> dagger.Container:
    for name, secret in secrets.items():
        if secret is not None:
            container = container.with_secret_variable(name, secret)
    return container
