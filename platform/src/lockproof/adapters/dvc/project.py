"""DVC, by its Python API: what a checkout declares and locks, and digests as DVC computes them."""

import logging
import math
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from lockproof.errors import ConfigError, UsageError
from lockproof.model.digest import Algorithm, Digest
from lockproof.model.pipeline import Dep, Out, Params, Pipeline, Stage

from .trust import (
    DVC_DIR,
    Trusted,
    foreign,
    open_repository,
    refuse_links,
    refuse_options,
    same_environment,
    same_source,
)


def find_root(start: Path, git_root: Path) -> Path:
    """The DVC root that contains `start`: the nearest folder with `.dvc`, up to the Git root.

    Raises:
        UsageError: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / DVC_DIR).is_dir():
            return folder
        if folder == git_root:
            break
    raise UsageError(
        f"no DVC project in {start} or above it: run this where .dvc is, or use -C DIR"
    )


class Project:
    """A DVC project in a checkout that lockproof made, or in the user's work tree, to be read."""

    def __init__(
        self, root: Path, scratch: Path, trusted: Trusted | None = None, *, own: bool = False
    ) -> None:
        """Open the project at `root`; everything DVC writes goes to `scratch` or the checkout.

        `own` is for the user's work tree, which may have links that no commit made.

        What the checkout's own configuration says of remotes is known by name and url alone, so
        that a pipeline that names them can be read: options, with which a commit could have a
        program run or credentials sent elsewhere, count only from `trusted`.
        """
        logging.getLogger("dvc").setLevel(logging.CRITICAL)
        logging.getLogger("dvc_data").setLevel(logging.CRITICAL)
        os.environ.setdefault("DVC_NO_ANALYTICS", "1")
        if not own:
            refuse_links(root)
        self.root = root
        self._trusted = trusted
        self._checkout = trusted.checkout if trusted else root
        with foreign("the DVC project", root):
            self.repo, self._own = open_repository(root, scratch, trusted)

    def is_foreign(self, remote: str | None) -> bool:
        """Whether a remote (None: the default) must not be asked: only the commit names it.

        A folder of the commit itself may be: it holds no more than the commit.
        """
        name = str(remote or self.repo.config["core"].get("remote") or "").lower()
        if name not in self._own:
            return False
        url = str(self.repo.config["remote"][name]["url"])
        inside = Path(os.path.realpath(url)).is_relative_to(os.path.realpath(self._checkout))
        return "://" in url or not inside

    def may_import(self, file: str) -> bool:
        """Whether the source of an import may be asked, with the user's credentials.

        Only where those who are trusted import from it, too: another repository brings a
        configuration of its own, and a url may lead anywhere.
        """
        if self._trusted is None:
            return False
        return same_source(self._trusted.read(file), (self.root / file).read_bytes())

    def close(self) -> None:
        """Release DVC's databases."""
        self.repo.close()

    @cached_property
    def pipeline(self) -> Pipeline:
        """Every stage and `.dvc` file, in dependency order.

        Raises:
            ConfigError: a `dvc.yaml`, `dvc.lock` or `.dvc` file is not valid, or stages
                overlap or form a cycle; the message is DVC's own first line.
        """
        with foreign("the pipeline", self.root), same_environment():
            refuse_options(self.repo.index.stages, self._relative)
            stages = [self._stage(stage) for stage in self.repo.index.stages]
        # As DVC's own graph check, without the second that its graph library takes to load.
        try:
            return Pipeline.ordered(stages)
        except ValueError as error:
            raise ConfigError(str(error)) from error

    def _stage(self, stage: Any) -> Stage:
        lock = self._lock_entry(stage)
        params = [d for d in stage.deps if type(d).__name__ == "ParamsDependency"]
        deps = [d for d in stage.deps if d not in params]
        if self._relative(stage.wdir).startswith(".."):
            raise ConfigError(f"{self._address(stage)}: its wdir lies outside the DVC project")
        kind = "stage" if stage.cmd else "import" if stage.is_import or stage.deps else "data"
        return Stage.model_validate(
            {
                "address": self._address(stage),
                "kind": kind,
                "file": self._relative(stage.path),
                "command": _commands(stage.cmd),
                "locked_command": _commands(lock["cmd"]) if lock and "cmd" in lock else None,
                "wdir": self._relative(stage.wdir),
                "deps": [
                    Dep(path=self._path(d), locked=_digest(d.hash_info), external=_external(d))
                    for d in deps
                ],
                "params": [self._params(p) for p in params],
                "outs": [self._out(out) for out in stage.outs],
                "frozen": bool(stage.frozen) and kind == "stage",
                "from_repository": stage.is_repo_import,
                "locked": bool(lock) if kind == "stage" else True,
                "gpus": self._gpus(stage),
            }
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

    @cached_property
    def store_schemes(self) -> tuple[str, ...]:
        """The URL schemes of the remotes, sorted; `file` for a folder."""
        urls = (str(remote.get("url", "")) for remote in self.repo.config["remote"].values())
        return tuple(sorted({url.partition("://")[0] if "://" in url else "file" for url in urls}))

    @cached_property
    def tracked_files(self) -> tuple[str, ...]:
        """The `dvc.lock` and `.dvc` files of the project, relative to its root."""
        names = {stage.dvcfile.path for stage in self.repo.index.stages}
        found = set()
        for name in names:
            lock = Path(name).with_suffix(".lock")
            path = lock if name.endswith((".yaml", ".yml")) else Path(name)
            if path.exists():
                found.add(self._relative(str(path)))
        return tuple(sorted(found))


class Hasher:
    """Digests of files and folders below one root, as DVC computes them."""

    def __init__(self, root: Path) -> None:
        """Respect the `.dvcignore` files below `root`."""
        from dvc.fs import LocalFileSystem
        from dvc.ignore import DvcIgnoreFilter
        from dvc_data.hashfile.db import HashFileDB

        self.root = root
        self._fs = LocalFileSystem()
        # A dry run stores nothing, but DVC asks for a place where it could.
        self._odb = HashFileDB(self._fs, str(root / DVC_DIR / "tmp" / "unused"))
        self._ignore = DvcIgnoreFilter(self._fs, str(root))

    def digest(self, path: str, algorithm: str = "md5") -> Digest | None:
        """Digest of a path relative to the root; None where nothing is there.

        Raises:
            UsageError: the path cannot be read.
        """
        return self.tree(path, algorithm)[0]

    def tree(self, path: str, algorithm: str = "md5") -> tuple[Digest | None, dict[str, str]]:
        """The digest of a path, and for a folder also `relative path -> digest` of its files.

        Raises:
            UsageError: the path cannot be read.
        """
        from dvc_data.hashfile.build import IgnoreInCollectedDirError, build
        from dvc_data.hashfile.tree import Tree

        full = self.root / path
        if not full.exists():
            return None, {}
        _refuse_special(full, path)
        name: Algorithm = "md5-dos2unix" if algorithm == "md5-dos2unix" else "md5"
        try:
            with foreign(path):
                _, _, obj = build(
                    self._odb, str(full), self._fs, name, ignore=self._ignore, dry_run=True
                )
        except IgnoreInCollectedDirError as error:
            raise UsageError(f"{path} holds a .dvcignore file, which DVC refuses") from error
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
        children = {}
        if isinstance(obj, Tree):
            children = {"/".join(key): str(hi.value) for key, (_, hi) in obj.iteritems()}
        # For a DVC 2 folder DVC itself calls this "md5".
        return Digest(algorithm=name, value=str(obj.hash_info.value)), children


def _refuse_special(full: Path, path: str) -> None:
    """A pipe or device would be waited for without end."""
    folders = [full] if full.is_dir() else []
    if not folders and not full.is_file():
        raise UsageError(f"{path} is neither a file nor a folder")
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                    continue
                else:
                    raise UsageError(f"{path} holds {entry.name}, which is no regular file")


def parse_lock(content: bytes) -> Any:
    """A lock file of an earlier commit as DVC reads it (YAML 1.2); None where it is no YAML."""
    from dvc.utils.serialize import ParseError, parse_yaml

    try:
        return parse_yaml(content.decode(), "dvc.lock")
    except (ParseError, UnicodeDecodeError):
        return None


def write_params(path: Path, values: Mapping[str, Any]) -> None:
    """Set dotted keys of a parameter file (YAML, JSON, TOML or Python), keeping the rest.

    Raises:
        ConfigError: DVC cannot edit this file.
    """
    import dpath
    from dvc.utils.serialize import MODIFIERS

    with foreign(path.name), MODIFIERS[path.suffix.lower()](str(path)) as content:
        for key, value in values.items():
            dpath.new(content, key.split("."), value)


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
