"""What a command was seen to read and write beside what its stage declares."""

from lockproof.adapters.sandbox.trace import Traced
from lockproof.model.pipeline import Stage, inside

_OWN_FILES = ("dvc.yaml", "dvc.lock", ".gitignore", ".gitattributes", ".dvcignore")


def _declared(stage: Stage) -> tuple[str, ...]:
    return (
        *(dep.path for dep in stage.deps),
        *(params.path for params in stage.params),
        *(out.path for out in stage.outs),
    )


def undeclared_reads(stage: Stage, traced: Traced) -> tuple[str, ...]:
    """Paths below the DVC root that the command read, did not write and no stage entry names."""
    declared = _declared(stage)
    return tuple(
        path
        for path in traced.read
        if not any(inside(path, known) for known in declared)
        and path not in traced.written
        and not path.rpartition("/")[2].startswith(_OWN_FILES)
        and not path.endswith(".dvc")
    )


def undeclared_writes(stage: Stage, traced: Traced) -> tuple[str, ...]:
    """Paths below the DVC root that the command wrote and no stage entry names."""
    declared = _declared(stage)
    return tuple(
        path for path in traced.written if not any(inside(path, known) for known in declared)
    )
