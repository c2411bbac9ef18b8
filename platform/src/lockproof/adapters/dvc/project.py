"""DVC, by its Python API: its configuration and remotes, and digests as DVC computes them."""

import io
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from lockproof.adapters.hashing import both_md5, chunks_of, plain_md5
from lockproof.adapters.patience import CalledOff, Patience, patience
from lockproof.model.digest import Algorithm, Digest
from lockproof.model.pipeline import Pipeline

from .odd import OddError, refuse_odd
from .root import DVC_DIR
from .trust import Trusted, foreign, open_repository, refuse_links, same_source


class Project:
    """A DVC project in a checkout that lockproof made, or in the user's work tree, to be read."""

    def __init__(
        self,
        root: Path,
        scratch: Path,
        trusted: Trusted,
        pipeline: Pipeline,
        lock_files: Mapping[str, bytes],
    ) -> None:
        """A project at `root`; everything DVC writes goes to `scratch` or the checkout.

        DVC takes a second to load, so it opens the project when it is first asked (`repo`).

        `pipeline` and `lock_files` are what the checkout declares and locks: DVC reads a lock
        again for each of its stages, and is not asked.

        What the checkout's own configuration says of remotes is known by name and url alone, so
        that a pipeline that names them can be read: options, with which a commit could have a
        program run or credentials sent elsewhere, count only from `trusted`.
        """
        _be_quiet()
        refuse_links(root)
        self.root, self.pipeline, self.lock_files = root, pipeline, lock_files
        self._scratch, self._trusted = scratch, trusted
        self._opening = threading.Lock()
        self._opened: tuple[Any, frozenset[str]] | None = None

    @property
    def repo(self) -> Any:
        """DVC's own repository object.

        Raises:
            ConfigError: DVC refuses the project.
        """
        return self._open()[0]

    def _open(self) -> tuple[Any, frozenset[str]]:
        with self._opening:
            if self._opened is None:
                with foreign("the DVC project", self.root):
                    self._opened = open_repository(self.root, self._scratch, self._trusted)
            return self._opened

    def is_foreign(self, remote: str | None) -> bool:
        """Whether a remote (None: the default) must not be asked: only the commit names it.

        A folder of the commit itself may be: it holds no more than the commit.
        """
        repo, own = self._open()
        name = str(remote or repo.config["core"].get("remote") or "").lower()
        if name not in own:
            return False
        url = str(repo.config["remote"][name]["url"])
        inside = Path(os.path.realpath(url)).is_relative_to(
            os.path.realpath(self._trusted.checkout)
        )
        return "://" in url or not inside

    def may_import(self, file: str) -> bool:
        """Whether the source of an import may be asked, with the user's credentials.

        Only where those who are trusted import from it, too: another repository brings a
        configuration of its own, and a url may lead anywhere.
        """
        return same_source(self._trusted.read(file), (self.root / file).read_bytes())

    def close(self) -> None:
        """Release DVC's databases, where it was asked."""
        if self._opened is not None:
            self._opened[0].close()


class Hasher:
    """Digests of files and folders below one root, as DVC computes them."""

    def __init__(self, root: Path) -> None:
        """Respect the `.dvcignore` files below `root`."""
        _be_quiet()
        self.root = root

    @cached_property
    def _of_dvc(self) -> tuple[Any, Any]:
        """What DVC asks for to hash a folder; it takes most of a second to load."""
        from dvc.fs import LocalFileSystem
        from dvc.ignore import DvcIgnoreFilter
        from dvc_data.hashfile.db import HashFileDB

        files = LocalFileSystem()
        # A dry run stores nothing, but DVC asks for a place where it could.
        store = HashFileDB(files, str(self.root / DVC_DIR / "tmp" / "unused"))
        return store, DvcIgnoreFilter(files, str(self.root))

    def digest(
        self, path: str, algorithm: str = "md5", *, within: Path | None = None
    ) -> Digest | None:
        """Digest of a path relative to the root; None where nothing is there.

        Raises:
            OddError: as `tree`.
        """
        return self.tree(path, algorithm, within=within)[0]

    def tree(
        self, path: str, algorithm: str = "md5", *, within: Path | None = None
    ) -> tuple[Digest | None, dict[str, str]]:
        """The digest of a path, and for a folder also `relative path -> digest` of its files.

        Args:
            path: relative to the root.
            algorithm: what to hash with.
            within: a folder that no link at the path or in it may lead out of.

        Raises:
            OddError: the path cannot be read, or not in any reasonable time.
        """
        # DVC looks at the beginning of a path to tell whether it lies in the project.
        full = Path(os.path.normpath(self.root / path))
        if not (os.path.lexists(full) if within else full.exists()):
            return None, {}
        asked = patience()
        refuse_odd(full, path, within)
        name: Algorithm = "md5-dos2unix" if algorithm == "md5-dos2unix" else "md5"
        if full.is_file():  # DVC's ignore files have no say in a file by itself.
            try:
                content = _read(full, asked)
                value = both_md5(content)[1] if name == "md5-dos2unix" else plain_md5(content)
            except CalledOff as error:
                raise OddError(f"reading {path} was given up: {error}") from error
            except OSError as error:
                raise OddError(f"cannot read {path}: {error.strerror or error}") from error
            return Digest(algorithm=name, value=value), {}
        return self._folder(path, full, name, asked)

    def _folder(
        self, path: str, full: Path, name: Algorithm, asked: Patience
    ) -> tuple[Digest, dict[str, str]]:
        from dvc_data.hashfile.build import IgnoreInCollectedDirError, build
        from dvc_data.hashfile.tree import Tree

        try:
            with foreign(path):
                store, ignored = self._of_dvc
                _, _, obj = build(
                    store,
                    str(full),
                    _files_read_with(asked),
                    name,
                    ignore=ignored,
                    dry_run=True,
                )
        except CalledOff as error:
            raise OddError(f"reading {path} was given up: {error}") from error
        except IgnoreInCollectedDirError as error:
            raise OddError(f"{path} holds a .dvcignore file, which DVC refuses") from error
        except OSError as error:
            raise OddError(f"cannot read {path}: {error.strerror or error}") from error
        except RecursionError as error:
            raise OddError(f"{path} is nested too deeply to be hashed") from error
        except ValueError as error:  # Of a `.dvcignore` above it, which a stage may write.
            raise OddError(f"DVC cannot hash {path}: {error}") from error
        children = {}
        if isinstance(obj, Tree):
            children = {"/".join(key): str(hi.value) for key, (_, hi) in obj.iteritems()}
        # For a DVC 2 folder DVC itself calls this "md5".
        return Digest(algorithm=name, value=str(obj.hash_info.value)), children


def _read(file: Path, asked: Patience) -> Iterator[bytes]:
    """Its chunks, until the work is called off."""
    for chunk in chunks_of(file):
        asked.check()
        yield chunk


def _files_read_with(asked: Patience) -> Any:
    """The local file system, for DVC to read until the work is called off."""
    from dvc.fs import LocalFileSystem

    class Stream(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.check()
            return super().read(size) or b""

    class Files(LocalFileSystem):  # type: ignore[misc]
        def open(self, path: str, mode: str = "r", **options: Any) -> Any:
            return Stream(path, mode) if mode == "rb" else super().open(path, mode, **options)

        def walk(self, *arguments: Any, **options: Any) -> Any:
            for found in super().walk(*arguments, **options):
                asked.check()
                yield found

    return Files()


def _be_quiet() -> None:
    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    logging.getLogger("dvc_data").setLevel(logging.CRITICAL)
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")


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
