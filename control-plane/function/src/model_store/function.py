"""The gRPC service that Crossplane calls, and the command that serves it."""

from typing import Any

import click
import grpc
from crossplane.function import cli, resource, response
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1

from .compose import compose, status
from .readiness import Readiness, judge
from .spec import InvalidSpecError, read

CLASSES = "storage-classes"
"""Under this name Crossplane passes the cluster's storage classes."""

CONDITIONS = {
    "BucketReady": ("bucket", "versioning", "lifecycle", "encryption", "public-access-block"),
    "DatabaseReady": ("database-volume", "database", "auth-database"),
}
"""The conditions of a ModelStore, and the resources that each speaks of."""


class ModelStoreFunction(grpcv1.FunctionRunnerServiceServicer):
    """Composes a bucket, MLflow's database and a DVC remote from one ModelStore."""

    async def RunFunction(
        self, req: fnv1.RunFunctionRequest, _: grpc.aio.ServicerContext | None
    ) -> fnv1.RunFunctionResponse:
        """Answer one reconciliation; a composite that cannot be right is a fatal result."""
        rsp = response.to(req)
        try:
            store = read(resource.struct_to_dict(req.observed.composite.resource))
        except InvalidSpecError as error:
            response.fatal(rsp, str(error))
            return rsp
        if store.database.engine == "sqlite":
            response.require_resources(rsp, CLASSES, "storage.k8s.io/v1", "StorageClass")
        classes = [
            resource.struct_to_dict(item.resource) for item in req.required_resources[CLASSES].items
        ]
        judged: dict[str, Readiness] = {}
        for name, desired in compose(store).items():
            resource.update(rsp.desired.resources[name], desired)
            judged[name] = judge(_observed(req, name), classes)
            rsp.desired.resources[name].ready = (
                fnv1.READY_TRUE if judged[name].ready else fnv1.READY_FALSE
            )
        resource.update_status(rsp.desired.composite, status(store))
        _report(rsp, judged)
        return rsp


def _observed(req: fnv1.RunFunctionRequest, name: str) -> dict[str, Any] | None:
    if name not in req.observed.resources:
        return None
    return resource.struct_to_dict(req.observed.resources[name].resource)


def _report(rsp: fnv1.RunFunctionResponse, judged: dict[str, Readiness]) -> None:
    """Say on the composite what is not ready and why; failures become events as well."""
    for kind, names in CONDITIONS.items():
        waiting = {n: judged[n] for n in names if n in judged and not judged[n].ready}
        failed = any(one.failed for one in waiting.values())
        words = "; ".join(f"{name}: {one.message}" for name, one in waiting.items())
        response.set_conditions(
            rsp,
            resource.Condition(
                typ=kind,
                status="False" if waiting else "True",
                reason="Failed" if failed else "Creating" if waiting else "Available",
                message=words or None,
            ),
        )
    for name, one in judged.items():
        if one.failed:
            response.warning(rsp, f"{name}: {one.message}")


@click.command()
@cli.standard_options
def main(**options: Any) -> None:
    """Serve the function on gRPC, with Crossplane's mutual TLS unless --insecure."""
    cli.run(ModelStoreFunction(), **options)
