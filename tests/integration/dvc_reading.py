"""The stages of a project as DVC's own Python API has them: what lockproof's reader is held to."""

import math
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Literal

from lockproof.errors import ConfigError
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Dep, Out, Params, Pipeline, Stage


def read_by_dvc(root: Path, scratch: Path) -> Pipeline:
    """Every stage and `.dvc` file; a ConfigError where DVC refuses one."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    repo = Repo(str(root), config={"core": {"site_cache_dir": str(scratch / "site")}})
    try:
        reader = _Reader(root, repo)
        return Pipeline.ordered([reader.stage(stage) for stage in repo.index.stages])
    except (DvcException, ValueError) as error:
        raise ConfigError(str(error) or type(error).__name__) from error
    finally:
        repo.close()


class _Reader:
    def __init__(self, root: Path, repo: Any) -> None:
        self.root, self.repo = root, repo

    def stage(self, stage: Any) -> Stage:
        lock = self._lock_entry(stage)
        params = [d for d in stage.deps if type(d).__name__ == "ParamsDependency"]
        deps = [d for d in stage.deps if d not in params]
        if self._relative(stage.wdir).startswith(".."):
            raise ConfigError(f"{self._address(stage)}: its wdir lies outside the DVC project")
        kind: Literal["stage", "import", "data"] = (
            "stage" if stage.cmd else "import" if stage.is_import or stage.deps else "data"
        )
        return Stage(
            address=self._address(stage),
            kind=kind,
            file=self._relative(stage.path),
            command=_commands(stage.cmd),
            locked_command=_commands(lock["cmd"]) if lock and "cmd" in lock else None,
            wdir=self._relative(stage.wdir),
            deps=tuple(
                Dep(
                    path=self._path(d),
                    locked=_digest(d.hash_info),
                    external=_external(d),
                    size=d.meta.size if d.meta else None,
                )
                for d in deps
            ),
            params=tuple(self._params(p) for p in params),
            outs=tuple(self._out(out) for out in stage.outs),
            frozen=bool(stage.frozen) and kind == "stage",
            from_repository=stage.is_repo_import,
            locked=bool(lock) if kind == "stage" else True,
            gpus=self._gpus(stage),
        )

    def _address(self, stage: Any) -> str:
        path = self._relative(stage.path)
        name = getattr(stage, "name", None)
        if name is None:
            return path
        return name if path == "dvc.yaml" else f"{path}:{name}"

    def _gpus(self, stage: Any) -> int:
        meta = stage.meta if isinstance(stage.meta, Mapping) else {}
        asked = meta.get("gpu", 0)
        if not isinstance(asked, int) or asked < 0:
            raise ConfigError(
                f"{self._address(stage)}: meta.gpu must be true, false or a number of GPUs"
            )
        return int(asked)

    def _lock_entry(self, stage: Any) -> Mapping[str, Any] | None:
        if getattr(stage, "name", None) is None:
            return {"cmd": stage.cmd} if stage.cmd else None
        stages = stage.dvcfile._lockfile.load().get("stages", {})
        entry = stages.get(stage.name)
        return entry if isinstance(entry, dict) else None

    def _out(self, out: Any) -> Out:
        return Out(
            path=self._path(out),
            locked=_digest(out.hash_info),
            size=out.meta.size if out.meta else None,
            nfiles=out.meta.nfiles if out.meta else None,
            kind="metric" if out.metric else "plot" if out.plot else "out",
            cached=out.use_cache,
            pushed=out.can_push,
            persist=out.persist,
            remote=out.remote,
            versioned=bool(out.files) or bool(out.meta and out.meta.version_id),
            external=_external(out),
        )

    def _params(self, params: Any) -> Params:
        locked = params.hash_info.value if params.hash_info else None
        return Params(
            path=self._path(params),
            keys=tuple(params.params),
            locked=_plain(locked) if isinstance(locked, dict) else None,
            current=_plain(params.read_params()),
        )

    def _path(self, item: Any) -> str:
        return item.def_path if _external(item) else self._relative(item.fs_path)

    def _relative(self, path: str) -> str:
        return PurePath(os.path.relpath(path, self.root)).as_posix()


def _external(item: Any) -> bool:
    return not item.is_in_repo


def _commands(cmd: object) -> tuple[str, ...]:
    if not cmd:
        return ()
    parts = cmd if isinstance(cmd, list) else str(cmd).splitlines()
    return tuple(str(part) for part in parts if str(part).strip())


def _digest(hash_info: Any) -> Digest | None:
    if not hash_info or not hash_info.value:
        return None
    name = hash_info.name if hash_info.name in ("md5", "md5-dos2unix", "etag") else "checksum"
    try:
        return Digest(algorithm=name, value=str(hash_info.value))
    except ValueError as error:
        raise ConfigError(f"the lock holds {hash_info.value!r}, which is no digest") from error


def _plain(value: Any) -> Any:
    """Parameters without the loader's own types, as JSON knows them."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it.
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
