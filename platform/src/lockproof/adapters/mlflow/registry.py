"""MLflow's model registry: versions, their tags and aliases, and the files of a version's run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lockproof.config import MlflowPolicy
from lockproof.errors import ConfigError, UnavailableError
from lockproof.model.registration import KEY, ModelVersion

from .calls import call, code_of, explained, open_client
from .elsewhere import refuse_elsewhere, refuse_run_elsewhere
from .store import Store, find_store, need, require

MAX_SOURCE = 500
"""Characters that a registry keeps of where a version's files are."""
_MAX_DESCRIPTION = 5000
_PAGE = 100
_MOST = 100_000
"""Versions that one listing reads."""
_TAKEN = "RESOURCE_ALREADY_EXISTS"
_NONE = "RESOURCE_DOES_NOT_EXIST"
_ATTEMPTS = 5


@dataclass(frozen=True)
class Registry:
    """The models in one MLflow store."""

    store: Store

    @classmethod
    def open(cls, policy: MlflowPolicy, root: Path) -> "Registry":
        """Find the store, as `Tracking.open` does; nothing is contacted or written yet."""
        require("mlflow")
        return cls(find_store(policy, root))

    @property
    def uri(self) -> str:
        """The URI without credentials."""
        return self.store.shown

    def bring(self, uri: str, folder: Path) -> None:
        """Bring the files of a version into a folder.

        Args:
            uri: `models:/NAME/NUMBER`.
            folder: where they go; it is there.

        Raises:
            ConfigError: it is no registry, lets nobody in, or has no such version; or the files
                are at another server, and there is a login.
            UnavailableError: it does not answer.
        """
        store = self.store
        if store.database is not None and not store.database.exists():
            raise ConfigError(
                f"no model is registered in {self.uri}: name the server with MLFLOW_TRACKING_URI"
            )
        with store.exclusive(), store.settings(patient=True):
            open_client(store)
            places = need("mlflow.store.artifact.artifact_repository_registry")
            files = call(
                store,
                places.get_artifact_repository,
                uri,
                tracking_uri=store.uri,
                registry_uri=store.uri,
            )
            refuse_elsewhere(store, files, uri)
            call(store, files.download_artifacts, "", dst_path=str(folder))

    @contextmanager
    def session(self, *, patient: bool = False) -> Iterator["Session"]:
        """Talk to the registry; other lockproof processes are kept out of an SQLite file.

        Not to be nested, nor around a method of `Tracking`.

        Raises:
            ConfigError: it is not a registry that this MLflow can use, or lets nobody in.
            UnavailableError: it does not answer.
        """
        with self.store.exclusive(), self.store.settings(patient=patient):
            yield Session(self.store, open_client(self.store))


@dataclass(frozen=True)
class Session:
    """What can be done with a registry. All methods raise as `Registry.session`."""

    store: Store
    client: Any
    _own: set[str] = field(default_factory=set, repr=False)
    """Runs whose files may be asked for with the login."""

    def names(self) -> tuple[str, ...]:
        """The names of the registered models, sorted."""
        found: list[str] = []
        token = None
        while True:
            page = call(
                self.store,
                self.client.search_registered_models,
                max_results=_PAGE,
                order_by=["name ASC"],
                page_token=token,
            )
            found += [model.name for model in page]
            token = page.token
            if not token or len(found) > _MOST:
                return tuple(sorted(found))

    def versions(self, name: str, key: str | None = None) -> tuple[ModelVersion, ...]:
        """The versions of a model, lowest number first; with `key` only those that have it."""
        if "'" in name:
            raise ConfigError(f"{name[:100]!r} has a quote in it, which MLflow cannot search for")
        only = f"name = '{name}'" + (f" and tags.`{KEY}` = '{key}'" if key else "")
        found: list[Any] = []
        token = None
        while True:
            page = call(
                self.store,
                self.client.search_model_versions,
                filter_string=only,
                max_results=_PAGE,
                order_by=["version_number ASC"],
                page_token=token,
            )
            found += page
            token = page.token
            if not token or len(found) > _MOST:
                break
        return tuple(sorted(map(_version, found), key=lambda version: version.number))

    def aliases(self, name: str) -> dict[str, int]:
        """Alias -> number of the version that has it; nothing where there is no such model."""
        try:
            model = self.client.get_registered_model(name)
        except Exception as error:
            if code_of(error) == _NONE:
                return {}
            raise explained(self.store, error) from error
        return {alias: int(number) for alias, number in model.aliases.items()}

    def version(self, name: str, number: int) -> ModelVersion | None:
        """One version; None where there is none."""
        try:
            found = self.client.get_model_version(name, str(number))
        except Exception as error:
            if code_of(error) == _NONE:
                return None
            raise explained(self.store, error) from error
        return _version(found)

    def make_model(self, name: str) -> None:
        """Make a registered model that versions can be made of, unless it is there."""
        try:
            # Not asked first: who may make models may not look at one that is not there.
            self.client.create_registered_model(name)
        except Exception as error:
            if code_of(error) != _TAKEN:
                raise explained(self.store, error) from error

    def make_version(
        self, name: str, source: str, run_id: str, tags: Mapping[str, str], description: str
    ) -> ModelVersion:
        """Make a version, with its tags and description in one step.

        Raises:
            UnavailableError: as `Registry.session`, or others took every number that was tried.
        """
        last: Exception | None = None
        for _ in range(_ATTEMPTS):
            try:
                return _version(
                    self.client.create_model_version(
                        name=name,
                        source=source,
                        run_id=run_id,
                        tags=dict(tags),
                        description=description[:_MAX_DESCRIPTION],
                        # It would wait for a state that a version made so has at once.
                        await_creation_for=0,
                    )
                )
            except Exception as error:
                # Numbers are given by trying: on a server with many at once, three times.
                if "Model Version creation error" not in str(error):
                    raise explained(self.store, error) from error
                last = error
        raise UnavailableError(
            f"MLflow at {self.store.shown} gives no number to a version of {name}: others are"
            " registering at the same time; try again"
        ) from last

    def delete_version(self, version: ModelVersion) -> None:
        """Delete a version, unless it is gone."""
        self._unless_gone(self.client.delete_model_version, version.name, str(version.number))

    def set_alias(self, version: ModelVersion, alias: str) -> None:
        """Move an alias to a version."""
        setter = self.client.set_registered_model_alias
        # Two that write one row at once get in each other's way; either may do it again.
        number = str(version.number)
        call(self.store, setter, version.name, alias, number, attempts=_ATTEMPTS)

    def set_tag(self, version: ModelVersion, name: str, value: str) -> None:
        """Write a tag of a version."""
        setter = self.client.set_model_version_tag
        number = str(version.number)
        call(self.store, setter, version.name, number, name, value, attempts=_ATTEMPTS)

    def drop_tag(self, version: ModelVersion, name: str) -> None:
        """Remove a tag of a version, unless it is gone."""
        number = str(version.number)
        self._unless_gone(self.client.delete_model_version_tag, version.name, number, name)

    def run_artifacts(self, run_id: str) -> str:
        """The URI below which a run has its files.

        Raises:
            ConfigError: they are at another server, and there is a login.
        """
        run = call(self.store, self.client.get_run, run_id)
        if run_id not in self._own:
            refuse_run_elsewhere(self.store, run)
            self._own.add(run_id)
        return str(run.info.artifact_uri)

    def _see_where(self, run_id: str) -> None:
        if run_id not in self._own:
            self.run_artifacts(run_id)

    def files(self, run_id: str, folder: str) -> dict[str, int | None]:
        """The files of a run below a folder: path below that -> bytes, where the store says."""
        self._see_where(run_id)
        found: dict[str, int | None] = {}
        folders = [folder]
        while folders:
            for info in call(self.store, self.client.list_artifacts, run_id, folders.pop()):
                if info.is_dir:
                    folders.append(info.path)
                else:
                    found[info.path.removeprefix(f"{folder}/")] = info.file_size
        return found

    def content(self, run_id: str, path: str, scratch: Path) -> bytes:
        """The bytes of a file of a run, brought through a folder for it."""
        self._see_where(run_id)
        found = call(self.store, self.client.download_artifacts, run_id, path, str(scratch))
        return Path(found).read_bytes()

    def upload(self, run_id: str, file: Path, folder: str) -> None:
        """Put a file among those of a run, in place of one of that name."""
        self._see_where(run_id)
        call(self.store, self.client.log_artifact, run_id, str(file), folder)

    def _unless_gone(self, what: Any, *args: str) -> None:
        try:
            what(*args)
        except Exception as error:
            if code_of(error) != _NONE:
                raise explained(self.store, error) from error


def _version(found: Any) -> ModelVersion:
    created = datetime.fromtimestamp(int(found.creation_timestamp or 0) / 1000, UTC)
    return ModelVersion(
        name=str(found.name),
        number=int(found.version),
        aliases=tuple(sorted(found.aliases or ())),
        tags=dict(found.tags or {}),
        run_id=found.run_id or None,
        source=str(found.source or ""),
        created=f"{created:%Y-%m-%dT%H:%M:%SZ}",
    )
