"""What is brought up, and where."""

from typing import Annotated

from lockproof.model.fields import Asked

from .base import Name, Seconds, Section


class ProvisionPolicy(Section):
    """What `lockproof provision` brings up, and where."""

    overlays: Name = "control-plane/overlays"
    """The folder of kustomize overlays, relative to the Git root."""
    overlay: Name = "local"
    """The overlay that is meant where none is named."""
    namespace: Name = "default"
    """Where the inventory, a ConfigMap, is kept; it must be there."""
    timeout: Seconds = 900.0
    """For all waiting together."""
    storage: tuple[str, ...] = ()
    """Kinds that hold data besides those known to, such as `Warehouse.example.org`: they are
    never removed without --allow-data-loss."""
    left: tuple[Annotated[str, Asked(pattern=r"^\S+ [^\s.]+(\.[^\s.]+)*$")], ...] = ()
    """Fields that are left to a controller once it has written them, besides those known to be,
    such as `Deployment.apps spec.replicas`."""
    bucket: Name | None = None
    """The name of the Bucket object that DVC uses, where there are several."""
    dvc_remote: Name = "platform"
    """The name of the DVC remote that is written to `.dvc/config.local`."""
    dvc_prefix: Name = "dvc"
    """The path of the DVC remote in the bucket."""
