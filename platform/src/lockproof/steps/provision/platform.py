"""How to reach what was provisioned: the bucket, its endpoint, and MLflow."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from lockproof.model.resource import Body, GroupKind, group_kind_of

_NAME_LABEL = "app.kubernetes.io/name"
_EXTERNAL_NAME = "crossplane.io/external-name"
_MLFLOW = "mlflow"
_PROVIDER_CONFIGS = ("ProviderConfig", "ClusterProviderConfig")
_MLFLOW_HERE, _STORE_HERE = 5000, 8333
"""Ports on this machine."""
_INSIDE = re.compile(
    r"(?P<scheme>https?)://(?P<name>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)\.svc"
    r"(?:\.cluster\.local)?(?::(?P<port>\d+))?(?P<path>/.*)?"
)


@dataclass(frozen=True)
class Platform:
    """Addresses; None where nothing declared has one."""

    bucket: str | None = None
    region: str | None = None
    endpoint: str | None = None
    """The S3 endpoint where it is not AWS's own."""
    mlflow: str | None = None
    """MLflow's address; inside the cluster unless something lets the outside in."""
    others: tuple[str, ...] = ()
    """Further buckets."""

    def variables(self) -> dict[str, str]:
        """As environment variables that DVC, boto3 and MLflow read."""
        named = {
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "MLFLOW_S3_ENDPOINT_URL": self.endpoint,
            "MLFLOW_TRACKING_URI": self.mlflow,
            "LOCKPROOF_BUCKET": self.bucket,
        }
        return {name: value for name, value in sorted(named.items()) if value}

    def lines(self) -> dict[str, str]:
        """For people: what it is -> its address."""
        named = {
            "bucket": f"s3://{self.bucket}" if self.bucket else None,
            "region": self.region,
            "S3 endpoint": self.endpoint,
            "MLflow": self.mlflow,
        }
        return {name: value for name, value in named.items() if value}

    def forwards(self) -> tuple[str, ...]:
        """The commands that let this machine reach what has an address only inside the cluster."""
        found = [_forward(self.mlflow, _MLFLOW_HERE), _forward(self.endpoint, _STORE_HERE)]
        return tuple(one.command for one in found if one is not None)

    def from_outside(self) -> "Platform":
        """The same with the addresses that hold here while `forwards` run."""
        mlflow, store = _forward(self.mlflow, _MLFLOW_HERE), _forward(self.endpoint, _STORE_HERE)
        return replace(
            self,
            mlflow=mlflow.address if mlflow else self.mlflow,
            endpoint=store.address if store else self.endpoint,
        )


class _Forward(NamedTuple):
    """A way to a service inside."""

    address: str
    command: str


def _forward(address: str | None, here: int) -> _Forward | None:
    """The way to an address of Kubernetes' DNS; None for any other.

    Args:
        address: such as `http://mlflow.mlflow.svc:5000`.
        here: the port on this machine.
    """
    found = _INSIDE.fullmatch(address or "")
    if found is None:
        return None
    port = found["port"] or ("443" if found["scheme"] == "https" else "80")
    service = f"kubectl -n {found['namespace']} port-forward service/{found['name']}"
    path = found["path"] or ""
    return _Forward(f"{found['scheme']}://localhost:{here}{path}", f"{service} {here}:{port}")


def platform_of(bodies: Sequence[Body], bucket: str | None = None) -> Platform:
    """Read the addresses out of the objects of a platform.

    Args:
        bodies: the objects as they are in the cluster.
        bucket: the name of the Bucket object that counts, where there are several.
    """
    buckets = sorted(
        (one for one in bodies if _is_bucket(one)),
        key=lambda one: (one["metadata"]["name"] != bucket, one["metadata"]["name"]),
    )
    first = buckets[0] if buckets else None
    config = _config_of(first, bodies) if first is not None else None
    return Platform(
        bucket=_bucket_name(first) if first is not None else None,
        region=_text(first, "spec", "forProvider", "region") if first is not None else None,
        endpoint=_endpoint(config) if config is not None else None,
        mlflow=_mlflow(bodies),
        others=tuple(_bucket_name(one) for one in buckets[1:]),
    )


def _is_bucket(body: Body) -> bool:
    kind = group_kind_of(body)
    return kind.kind == "Bucket" and kind.group.startswith("s3.")


def _bucket_name(body: Body) -> str:
    annotations = body["metadata"].get("annotations") or {}
    return str(annotations.get(_EXTERNAL_NAME) or body["metadata"]["name"])


def _config_of(body: Body, bodies: Sequence[Body]) -> Body | None:
    reference = (body.get("spec") or {}).get("providerConfigRef") or {}
    kind = reference.get("kind") or "ProviderConfig"
    for other in bodies:
        found = group_kind_of(other)
        # The configuration's group is the family's: aws.m.upbound.io for s3.aws.m.upbound.io.
        family = group_kind_of(body).group.endswith(f".{found.group}")
        named = other["metadata"]["name"] == reference.get("name", "default")
        if found.kind in _PROVIDER_CONFIGS and found.kind == kind and family and named:
            return other
    return None


def _endpoint(config: Body) -> str | None:
    endpoint = (config.get("spec") or {}).get("endpoint")
    return _text({"endpoint": endpoint}, "endpoint", "url", "static")


def _mlflow(bodies: Sequence[Body]) -> str | None:
    services = [
        one
        for one in bodies
        if group_kind_of(one) == GroupKind("", "Service")
        and (one["metadata"].get("labels") or {}).get(_NAME_LABEL) == _MLFLOW
    ]
    if not services:
        return None
    service = min(services, key=lambda one: str(one["metadata"]["name"]))
    metadata = service["metadata"]
    name, namespace = str(metadata["name"]), str(metadata.get("namespace", "default"))
    port = _port(service)
    outside = _ingress(bodies, namespace, name) or _load_balancer(service, port)
    if outside:
        return outside
    shown = "" if port == 80 else f":{port}"
    return f"http://{name}.{namespace}.svc{shown}"


def _port(service: Body) -> int:
    ports = service["spec"].get("ports") or [{}]
    named = [one for one in ports if one.get("name") in ("http", "https", _MLFLOW)]
    return int((named or ports)[0].get("port", 80))


def _load_balancer(service: Body, port: int) -> str | None:
    status = (service.get("status") or {}).get("loadBalancer") or {}
    for one in status.get("ingress") or ():
        host = one.get("hostname") or one.get("ip")
        if host:
            scheme = "https" if port == 443 else "http"
            return f"{scheme}://{host}" + ("" if port in (80, 443) else f":{port}")
    return None


def _ingress(bodies: Sequence[Body], namespace: str, service: str) -> str | None:
    for body in bodies:
        if body["kind"] != "Ingress" or body["metadata"].get("namespace", "default") != namespace:
            continue
        hidden = {host for tls in body["spec"].get("tls") or () for host in tls.get("hosts") or ()}
        for rule in body["spec"].get("rules") or ():
            for path in (rule.get("http") or {}).get("paths") or ():
                backend = (path.get("backend") or {}).get("service") or {}
                if backend.get("name") == service and rule.get("host"):
                    scheme = "https" if rule["host"] in hidden else "http"
                    return f"{scheme}://{rule['host']}{str(path.get('path', '')).rstrip('/')}"
    return None


def _text(value: Any, *keys: str) -> str | None:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) and value else None
