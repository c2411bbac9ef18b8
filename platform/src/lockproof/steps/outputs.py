"""The bytes of a model: from its DVC remote or from Git, each file held against the lock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lockproof.adapters.hashing import file_md5
from lockproof.adapters.store.config import COMMITTED
from lockproof.adapters.store.content import object_md5
from lockproof.adapters.store.interface import Patience, Store
from lockproof.adapters.store.open import open_store
from lockproof.errors import ConfigError
from lockproof.model.digest import Digest, directory_digest
from lockproof.model.pipeline import Out
from lockproof.model.remote import RemoteConfig, RemoteConfigs
from lockproof.parse.listing import read_listing
from lockproof.parse.yaml_document import ParseError
from lockproof.steps.gate.interface import Scene
from lockproof.steps.trust import trusted_reader, trusted_remotes

_MAX_LISTING = 64 << 20


@dataclass(frozen=True)
class Outputs:
    """Where the outputs of a revision have their content."""

    scene: Scene

    @cached_property
    def remotes(self) -> RemoteConfigs:
        """The remotes as the user's work tree, or the base, defines them."""
        scene = self.scene
        base = scene.base.commit if scene.request.pull_request and scene.base else None
        read = trusted_reader(scene.head.git, scene.root, scene.prefix, base)
        trees = (scene.head.entries, scene.trusted.entries)
        return trusted_remotes(scene.head.git, scene.root, read(COMMITTED), *trees)

    def remote(self, out: Out) -> RemoteConfig:
        """The remote that holds an output.

        Raises:
            ConfigError: it is none that those who are trusted define, or keeps no content by its
                MD5.
        """
        if out.versioned or not out.pushed:
            why = "by version ids alone" if out.versioned else "in no remote (push: false)"
            raise ConfigError(
                f"{out.path} is kept {why}: push it to a remote that keeps content by its MD5"
            )
        found = self.remotes.remote(out.remote)
        if found is None:
            name = out.remote or "by default"
            raise ConfigError(
                f"{out.path} has no remote ({name}) in your .dvc/config: add it with 'dvc remote"
                " add', and 'dvc push'"
            )
        return found

    def reference(self, out: Out) -> str:
        """The URL of an output's object.

        Raises:
            ConfigError: as `remote`; it is a folder, or kept in Git, and has none.
        """
        assert out.locked is not None
        if out.locked.is_dir or not out.cached:
            what = "a folder, whose files are objects" if out.locked.is_dir else "kept in Git"
            raise ConfigError(
                f'{out.path} is {what}, so no object could be referred to: use upload = "mlflow"'
            )
        remote = self.remote(out)
        base = Path(remote.path).as_uri() if remote.scheme == "local" else remote.address
        return f"{base.rstrip('/')}/{out.locked.object_path}"

    def bring(self, out: Out, target: Path) -> None:
        """Write an output to `target`, a path where nothing is.

        Raises:
            ConfigError: its content is not where it should be, or is not what the lock says.
            UnavailableError: its remote does not answer.
        """
        assert out.locked is not None
        if out.cached:
            remote = self.remote(out)
            policy = self.scene.policy.remote
            store = open_store(remote, jobs=policy.jobs, timeout=policy.timeout)
            try:
                Patience(policy.attempts, policy.backoff).ask(store.check)
                _Fetch(store, Patience(policy.attempts, policy.backoff)).bring(out, target)
            finally:
                store.close()
            return
        found = _from_git(self.scene, out, target)
        if found != out.locked:
            raise ConfigError(
                f"{out.path} in Git is not what the lock names: run 'dvc repro' and commit both"
            )


@dataclass(frozen=True)
class _Fetch:
    store: Store
    patience: Patience

    def bring(self, out: Out, target: Path) -> None:
        assert out.locked is not None
        if not out.locked.is_dir:
            self._file(out.path, out.locked, target)
            return
        for name, digest in self._listed(out.path, out.locked):
            self._file(f"{out.path}/{name}", digest, target / name)

    def _file(self, path: str, digest: Digest, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)

        def fetch() -> str:
            with target.open("wb") as file:
                return object_md5(self.store, digest.object_path, digest, sink=file.write)

        self._compare(path, digest, self._there(path, fetch))

    def _listed(self, path: str, digest: Digest) -> Iterator[tuple[str, Digest]]:
        content = bytearray()

        def take(chunk: bytes) -> None:
            content.extend(chunk)
            if len(content) > _MAX_LISTING:
                raise ConfigError(f"the listing of {path} is larger than 64 MiB")

        def fetch() -> str:
            content.clear()
            return object_md5(self.store, digest.object_path, digest, sink=take)

        self._compare(path, digest, self._there(path, fetch))
        try:
            for file in read_listing([bytes(content)], f"object {digest}"):
                yield file.relpath, Digest.of(digest.algorithm, file.md5)
        except ParseError as error:
            raise ConfigError(str(error)) from error

    def _there(self, path: str, fetch: Callable[[], str]) -> str:
        try:
            return self.patience.ask(fetch)
        except FileNotFoundError as error:
            name = self.store.remote.name
            raise ConfigError(f"{path} is not in remote {name!r}: run 'dvc push'") from error

    def _compare(self, path: str, digest: Digest, found: str) -> None:
        if found != digest.value.removesuffix(".dir"):
            raise ConfigError(
                f"{path} in remote {self.store.remote.name!r} has other content than its name says:"
                " delete that object there and run 'dvc push' where the right one is"
            )


def _from_git(scene: Scene, out: Out, target: Path) -> Digest | None:
    """Write what Git keeps of an output; its digest, None where there is nothing."""
    assert out.locked is not None
    top = scene.git_path(out.path)
    cut = len(scene.git_path("")) if scene.prefix else 0
    there = [p for p in scene.head.entries if p == top or p.startswith(f"{top}/")]
    paths = [p for p in there if not scene.reading.hides(p[cut:])]
    scene.head.load(paths)
    files = {}
    for path in paths:
        content = scene.head.read(path)
        if content is None:
            return None
        below = path[len(top) + 1 :]
        file = target / below if below else target
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        files[below] = file_md5(file, out.algorithm)
    if "" in files:
        return Digest.of(out.algorithm, files[""])
    return directory_digest(files, out.algorithm) if files else None
