"""The finer functions for manifests and clusters, which platform engineers chain."""

from typing import Annotated

import dagger
from dagger import Doc

from .inputs import Inputs, with_files
from .proof import Command, NoFail, Option, Proof, options, prove
from .sdk import function, object_type
from .servers import PROMETHEUS_PORT
from .settings import GIVEN, SECRETS, USER

Overlay = Annotated[str | None, Doc("Such as local or aws; default: the policy's")]
Context = Annotated[str | None, Doc("A context of the kubeconfig")]
DryRun = Annotated[bool, Doc("Show what would be done, and end")]
Timeout = Annotated[str | None, Doc("For all waiting together, such as 90s or 15m")]
DataLoss = Annotated[bool, Doc("Let buckets, volumes and databases be removed")]


class Provisioner(Inputs):
    """What the main object and `crossplane` have in common."""

    @function(cache="never")
    async def provision(
        self,
        overlay: Overlay = None,
        context: Context = None,
        dry_run: DryRun = False,
        no_wait: Annotated[bool, Doc("Do not wait until what was applied is ready")] = False,
        timeout: Timeout = None,
        prune: Annotated[
            bool, Doc("Remove what an earlier run made, and nothing declares")
        ] = False,
        allow_data_loss: DataLoss = False,
        force_conflicts: Annotated[bool, Doc("Take fields that another manager has set")] = False,
        no_fail: NoFail = False,
    ) -> Proof:
        """Bring a cluster to what an overlay declares, and wait until all of it is ready."""
        wanted = options(
            overlay=overlay, context=context, dry_run=dry_run, no_wait=no_wait, timeout=timeout,
            prune=prune, allow_data_loss=allow_data_loss, force_conflicts=force_conflicts,
        )  # fmt: skip
        return await self.on_cluster("up", wanted, no_fail)

    async def on_cluster(self, action: str, wanted: tuple[str, ...], no_fail: bool) -> Proof:
        """Run an action of `lockproof provision`."""
        container = self.with_cluster(self.checkout())
        return await prove(container, Command("provision", wanted, (action,)), no_fail=no_fail)


@object_type
class Crossplane(Provisioner):
    """What has to do with the cluster and what Crossplane makes for it."""

    @function(cache="never")
    async def status(
        self, overlay: Overlay = None, context: Context = None, no_fail: NoFail = False
    ) -> Proof:
        """Compare a cluster with what an overlay declares; changes nothing."""
        return await self.on_cluster("status", options(overlay=overlay, context=context), no_fail)

    @function(cache="never")
    async def down(
        self,
        overlay: Overlay = None,
        context: Context = None,
        dry_run: DryRun = False,
        timeout: Timeout = None,
        allow_data_loss: DataLoss = False,
        no_fail: NoFail = False,
    ) -> Proof:
        """Remove what was made; what holds data only with --allow-data-loss."""
        wanted = options(
            overlay=overlay, context=context, dry_run=dry_run, timeout=timeout,
            allow_data_loss=allow_data_loss,
        )  # fmt: skip
        return await self.on_cluster("down", wanted, no_fail)


class Linter(Inputs):
    """What `manifests` and `rollouts` have in common."""

    async def linted(
        self,
        paths: list[str] | None,
        schemas: dagger.Directory | None,
        no_fail: bool,
        **more: Option,
    ) -> Proof:
        """Lint, with the schemas of a folder or, where it is known, of the cluster."""
        cluster, layout = self.kubeconfig is not None, self.layout()
        container = self.checkout(gate=not cluster, layout=layout)
        container = await self.with_promtool(container, layout)
        places: list[str] = []
        if schemas is not None:
            container = container.with_directory(f"{GIVEN}/schemas", schemas, owner=USER)
            places = [f"{GIVEN}/schemas", "default"]
        if cluster:
            container = self.with_cluster(container)
        wanted = options(schema_location=places, cluster=cluster, **more)
        return await prove(container, Command("lint", wanted, tuple(paths or ())), no_fail=no_fail)


@object_type
class Manifests(Linter):
    """What has to do with manifests, before they are applied."""

    @function(cache="never")
    async def lint(
        self,
        paths: Annotated[list[str] | None, Doc("Files and folders; default: the policy's")] = None,
        kubernetes_version: Annotated[
            str | None, Doc("What the manifests must fit, such as 1.34; default: the policy's")
        ] = None,
        schemas: Annotated[
            dagger.Directory | None,
            Doc("JSON schemas or CustomResourceDefinitions, looked at before the bundled ones"),
        ] = None,
        no_fail: NoFail = False,
    ) -> Proof:
        """Check manifests; with --kubeconfig against the kinds that the cluster has."""
        return await self.linted(paths, schemas, no_fail, kubernetes_version=kubernetes_version)


class Judge(Inputs):
    """What the steps and `rollouts` have in common."""

    @function(cache="never")
    async def canary(
        self,
        checks: Annotated[dagger.File, Doc("What it is held to: a file of kind CanaryChecks")],
        prometheus: Annotated[str | None, Doc("The address of Prometheus")] = None,
        server: Annotated[
            dagger.Service | None,
            Doc("A Prometheus near the caller, which is then at http://prometheus:9090"),
        ] = None,
        samples: Annotated[
            dagger.File | None, Doc("The figures in a JSON file, in place of Prometheus")
        ] = None,
        since: Annotated[
            str | None, Doc("When the canary began, the same at every look; with Prometheus")
        ] = None,
        until: Annotated[str | None, Doc("Look at what there was then; default: now")] = None,
        token: Annotated[dagger.Secret | None, Doc("The bearer token for Prometheus")] = None,
        user: Annotated[str | None, Doc("For basic authentication")] = None,
        password: Annotated[dagger.Secret | None, Doc("For basic authentication")] = None,
        tenant: Annotated[dagger.Secret | None, Doc("Mimir's, sent as X-Scope-OrgID")] = None,
        ca: Annotated[
            dagger.File | None, Doc("The certificates that Prometheus's is checked by")
        ] = None,
        timeout: Annotated[int | None, Doc("Seconds for each answer of Prometheus")] = None,
        no_fail: NoFail = False,
    ) -> Proof:
        """Judge a canary by what Prometheus saw of it and of the stable version, once.

        The error rates in the file of checks hold for all looks together. Nothing is promoted or
        aborted.
        """
        container, places = with_files(self.tool(gate=True), checks=checks, samples=samples, ca=ca)
        if server is not None:
            container = container.with_service_binding("prometheus", server)
            prometheus = prometheus or f"http://prometheus:{PROMETHEUS_PORT}"
        for option, name, secret in (
            ("token_file", "token", token),
            ("password_file", "password", password),
            ("header", "tenant", tenant),
        ):
            if secret is not None:
                held = f"{SECRETS}/prometheus-{name}"
                container = container.with_mounted_secret(held, secret, owner=USER)
                places[option] = f"X-Scope-OrgID={held}" if secret is tenant else held
        wanted = options(
            prometheus=prometheus, since=since, until=until, user=user, timeout=timeout, **places
        )
        return await prove(container, Command("canary", ("check", *wanted)), no_fail=no_fail)


@object_type
class Rollouts(Linter, Judge):
    """What has to do with canaries."""

    @function(cache="never")
    async def lint(
        self,
        paths: Annotated[list[str], Doc("Where the Rollout and its analysis are")],
        schemas: Annotated[
            dagger.Directory | None, Doc("The CustomResourceDefinitions of the controller")
        ] = None,
        no_fail: NoFail = False,
    ) -> Proof:
        """Before a canary starts: can its rollout and its analysis come to a decision at all?

        With --kubeconfig it is checked against the controller that the cluster runs.
        """
        return await self.linted(paths, schemas, no_fail)
