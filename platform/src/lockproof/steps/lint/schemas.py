"""Where the schemas of a run come from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lockproof.adapters.kubernetes.field_tables import BundledSchemas, kubernetes_versions
from lockproof.rules.manifests.shape import Ending
from lockproof.steps.lint.schema_locations import (
    BUNDLED,
    CustomSchemas,
    SchemaLocation,
    SchemaSource,
    Sources,
)

if TYPE_CHECKING:
    from lockproof.steps.lint.cluster_schemas import ClusterSchemas


class ChosenSchemas(Sources):
    """The sources in the order in which they are asked."""

    def __init__(
        self,
        version: str,
        locations: Sequence[str],
        definitions: Iterable[Mapping[str, Any]],
        cluster: "ClusterSchemas | None" = None,
    ) -> None:
        """Take the sources.

        Args:
            version: of Kubernetes, such as `1.34`.
            locations: as for `--schema-location`.
            definitions: manifests: the custom kinds that they define are known as well.
            cluster: is asked first, and of whatever version it is.

        Raises:
            UsageError: no tables are bundled for the version, or a location is not usable.
        """
        self.version = _pair(version)
        self.lacks = "the cluster does not serve" if cluster else "no schema for"
        """What is said of a kind that no source knows."""
        self._cluster = cluster
        # Only the metadata of objects and keys of lists are needed besides what a cluster says.
        self.bundled = BundledSchemas(_nearest(self.version) if cluster else version)
        metadata = self.bundled.metadata
        sources: list[SchemaSource] = [cluster] if cluster else []
        for location in locations or ([] if cluster else [BUNDLED]):
            if location == BUNDLED:
                sources.append(self.bundled)
            else:
                sources.append(SchemaLocation(location, version, metadata))
        sources.append(CustomSchemas(definitions, metadata))
        super().__init__(sources)

    def ending(self, group: str, version: str, kind: str) -> Ending | None:
        """How long an API version is served."""
        known = self.bundled.lifecycle(group, version, kind)
        return Ending(*known) if known else None

    def kinds(self, group: str) -> tuple[str, ...]:
        """`version/Kind` of the known kinds of a group."""
        return self._cluster.kinds(group) if self._cluster else self.bundled.kinds(group)

    def is_whole(self, group: str) -> bool:
        """Whether all kinds of a group are known."""
        return bool(self._cluster.kinds(group)) if self._cluster else self.bundled.is_whole(group)


def _pair(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


def _nearest(version: tuple[int, int]) -> str:
    return min(kubernetes_versions(), key=lambda known: abs(_pair(known)[1] - version[1]))
