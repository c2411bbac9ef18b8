"""Dependencies that lie in a directory output, or around one: only its listing tells of them."""

from lockproof.model.pipeline import Out, Pipeline, Stage

Makers = tuple[tuple[Stage, Out], ...]


def makers_of(pipeline: Pipeline, stage: Stage, path: str) -> Makers:
    """The outputs of other stages (and who makes them) that are, hold or lie in a dependency."""
    return tuple(found for found in pipeline.makers(path) if found[0].address != stage.address)
