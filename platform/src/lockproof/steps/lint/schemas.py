"""Where the schemas of a run come from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lockproof.adapters.field_tables import BundledSchemas
from lockproof.rules.manifest_shape import Ending
from lockproof.steps.lint.schema_locations import (
    CustomSchemas,
    SchemaLocation,
    SchemaSource,
    Sources,
)

BUNDLED = "default"
"""The location that stands for the bundled schemas."""


class ChosenSchemas(Sources):
    """The sources in the order in which they are asked."""

    def __init__(
        self,
        version: str,
        locations: Sequence[str],
        definitions: Iterable[Mapping[str, Any]],
        cluster: SchemaSource | None = None,
    ) -> None:
        """`definitions` are manifests: the custom kinds that they define are known as well.

        Raises:
            UsageError: no tables are bundled for the version, or a location is not usable.
        """
        self.bundled = BundledSchemas(version)
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
        return self.bundled.kinds(group)

    def is_whole(self, group: str) -> bool:
        """Whether all kinds of a group are known."""
        return self.bundled.is_whole(group)
