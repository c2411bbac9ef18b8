"""MLflow tracking: one run for what a record says, logged whole or not finished."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockproof.adapters.interrupts import no_interrupt_lost
from lockproof.adapters.scratch import temporary_folder
from lockproof.config import MlflowPolicy
from lockproof.errors import ConfigError, LockproofError, UsageError
from lockproof.model.run import LoggedRun, RunFacts, RunRef

from .calls import call, explained, open_client
from .elsewhere import refuse_run_elsewhere
from .entities import (
    DIGEST_TAG,
    NON_FINITE_TAG,
    batches_of,
    inputs_of,
    tags_of,
    write_artifacts,
)
from .store import Store, find_store, require


@dataclass(frozen=True)
class Tracking:
    """Runs in one experiment of one MLflow tracking store.

    Every method runs MLflow with settings of its own, in environment variables that are put back,
    and one thread at a time.
    """

    store: Store
    experiment: str

    @classmethod
    def open(cls, policy: MlflowPolicy, root: Path) -> "Tracking":
        """Find the store; nothing is contacted or written yet.

        Args:
            policy: the `[mlflow]` section.
            root: the DVC root, for the default store and relative paths in the policy.

        Raises:
            ConfigError: the tracking URI is not usable.
            MissingExtraError: MLflow is not installed.
        """
        require("mlflow")
        return cls(find_store(policy, root), policy.experiment)

    @property
    def uri(self) -> str:
        """The tracking URI without credentials."""
        return self.store.shown

    def check(self) -> None:
        """Contact the store, to fail before long work and not after it.

        Raises:
            ConfigError: it is not a store that this MLflow can log to.
            UnavailableError: it does not answer within seconds.
        """
        with self.store.exclusive(), self.store.settings():
            self._call(self._client().get_experiment_by_name, self.experiment)

    def log_run(self, facts: RunFacts) -> RunRef:
        """Log a run, unless a finished one that says the same is there.

        The run is `FINISHED` only when all of it was logged; `FAILED` where that raised an error,
        `KILLED` where it was interrupted.

        Two processes may log the same at once. In an SQLite file one waits for the other; on a
        server the run that finished first stays and the other is deleted.

        Raises:
            ConfigError, UnavailableError: as `check`, or the store refuses what is logged.
        """
        with self.store.exclusive():
            with self.store.settings():
                client = self._client()
                experiment = self._experiment_id(client)
                found = self._finished(client, experiment, facts.digest)
                if found is not None:
                    return self._ref(found, reused=True)
                run = self._call(
                    client.create_run, experiment, run_name=facts.name, tags=tags_of(facts)
                )
            run_id: str = run.info.run_id
            self._fill(client, run, facts)
            with self.store.settings():
                first = self._finished(client, experiment, facts.digest)
                if first is None or first == run_id:
                    return self._ref(run_id)
                with suppress(Exception):
                    client.delete_run(run_id)
                return self._ref(first, reused=True)

    def get_run(self, run_id: str) -> LoggedRun:
        """Read a run; metrics that are NaN or infinite come back as they were logged.

        Raises:
            UsageError: there is no such run, or it was deleted.
            ConfigError, UnavailableError: as `check`.
        """
        missing = UsageError(f"no run {run_id[:100]!r} in MLflow at {self.uri}: record it again")
        if self.store.database is not None and not self.store.database.exists():
            raise missing
        with self.store.settings():
            try:
                run = self._client().get_run(run_id)
            except LockproofError:
                raise
            except Exception as error:
                unknown = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
                if getattr(error, "error_code", None) in unknown:
                    raise missing from error
                raise explained(self.store, error) from error
        if run.info.lifecycle_stage != "active":
            raise missing
        tags = dict(run.data.tags)
        odd = {
            name.removeprefix(NON_FINITE_TAG): float(value)
            for name, value in tags.items()
            if name.startswith(NON_FINITE_TAG) and value in ("nan", "inf", "-inf")
        }
        return LoggedRun(
            run_id=run.info.run_id,
            status=run.info.status,
            params=dict(run.data.params),
            metrics={**run.data.metrics, **odd},
            tags=tags,
        )

    def _client(self) -> Any:
        return open_client(self.store)

    def _call(self, what: Callable[..., Any], *args: Any, attempts: int = 1, **named: Any) -> Any:
        return call(self.store, what, *args, attempts=attempts, **named)

    def _experiment_id(self, client: Any) -> str:
        found = self._call(client.get_experiment_by_name, self.experiment)
        if found is None:
            try:
                where = self.store.artifacts
                return str(client.create_experiment(self.experiment, artifact_location=where))
            except Exception as error:
                if getattr(error, "error_code", None) != "RESOURCE_ALREADY_EXISTS":
                    raise explained(self.store, error) from error
            found = self._call(client.get_experiment_by_name, self.experiment)
        if found.lifecycle_stage != "active":
            raise ConfigError(
                f"the experiment {self.experiment!r} of MLflow at {self.uri} was deleted: restore"
                " it, or name another one in [mlflow] of lockproof.toml"
            )
        return str(found.experiment_id)

    def _finished(self, client: Any, experiment: str, digest: str) -> str | None:
        runs = self._call(
            client.search_runs,
            [experiment],
            filter_string=f"tags.`{DIGEST_TAG}` = '{digest}' and attributes.status = 'FINISHED'",
            order_by=["attributes.end_time ASC"],
            max_results=100,
        )
        earliest = min(runs, key=lambda r: (r.info.end_time, r.info.run_id), default=None)
        return None if earliest is None else str(earliest.info.run_id)

    def _fill(self, client: Any, run: Any, facts: RunFacts) -> None:
        ended, run_id = "KILLED", run.info.run_id
        try:
            with self.store.settings(patient=True):
                refuse_run_elsewhere(self.store, run)
                with no_interrupt_lost():
                    for batch in batches_of(facts):
                        self._call(client.log_batch, run_id, **batch)
                    for inputs in inputs_of(facts):
                        # Two runs that name the same new data get in each other's way.
                        self._call(client.log_inputs, run_id, datasets=inputs, attempts=3)
                    with temporary_folder() as folder:
                        write_artifacts(folder, facts)
                        self._call(client.log_artifacts, run_id, str(folder))
                self._call(client.set_terminated, run_id, "FINISHED")
            ended = ""
        except Exception:
            ended = "FAILED"
            raise
        finally:
            if ended:
                with self.store.settings(), suppress(Exception):
                    client.set_terminated(run_id, ended)

    def _ref(self, run_id: str, *, reused: bool = False) -> RunRef:
        return RunRef(run_id, self.uri, self.experiment, reused)
