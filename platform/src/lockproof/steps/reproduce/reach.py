"""Whether this machine has what reaches the remotes, told before minutes of work."""

from pathlib import Path

from lockproof.adapters.files import cache_root
from lockproof.adapters.plugins import has_plugin, require_plugin
from lockproof.errors import MissingExtraError
from lockproof.model.pipeline import Pipeline
from lockproof.model.remote import RemoteConfigs
from lockproof.steps.progress import Progress

from .request import Request


def lacks_plugins(remotes: RemoteConfigs) -> bool:
    """Whether one of the remotes cannot be asked from here.

    Raises:
        ConfigError: a remote's settings do not make sense.
    """
    known = (remotes.remote(name) for name in remotes.sections)
    return not all(has_plugin(remote) for remote in known if remote)


def check_reach(
    pipeline: Pipeline,
    remotes: RemoteConfigs,
    cache: Path,
    request: Request,
    progress: Progress,
) -> None:
    """Look whether data that is not in the user's cache is in a remote that can be asked at all.

    Where only some stages are asked for, or earlier verdicts may stand in for all of them, it may
    not be needed: then a line says so.

    Raises:
        ConfigError: a remote's settings do not make sense.
        MissingExtraError: what such a remote takes is not installed.
    """
    some = request.stages or request.since
    proved = request.reuse and (cache_root() / "verdicts").is_dir()
    for name in _asked(pipeline, cache):
        remote = remotes.remote(name)
        try:
            if remote:
                require_plugin(remote)
        except MissingExtraError as error:
            if not (some or proved):
                raise
            progress.say(str(error))


def _asked(pipeline: Pipeline, cache: Path) -> list[str | None]:
    """The remotes of data that is not here, each of them once."""
    outs = (o for stage in pipeline.stages if stage.kind == "data" for o in stage.outs)
    return list(
        dict.fromkeys(
            out.remote
            for out in outs
            if out.cached and out.has_md5 and not out.external and out.locked
            if not (cache / out.locked.object_path).is_file()
        )
    )
