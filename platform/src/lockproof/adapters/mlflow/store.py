"""Where MLflow keeps its runs: which store, its database file, and the settings calls run under."""

import importlib
import importlib.util
import logging
import os
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from lockproof.adapters.files import write_whole
from lockproof.config import MlflowPolicy
from lockproof.errors import ConfigError, MissingExtraError, UnavailableError
from lockproof.model.address import without_credentials

from .said import said

LOCAL_FOLDER = ".lockproof"
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_LOCK_SECONDS = 120.0

_ALWAYS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
}
_BRIEF = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
}
_PATIENT = _BRIEF | {"MLFLOW_HTTP_REQUEST_TIMEOUT": "60", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4"}
_LEVELS = {
    "alembic": logging.WARNING,
    "mlflow": logging.WARNING,
    "urllib3.connectionpool": logging.ERROR,
    # It logs each exception with its traceback, and raises it as well.
    "mlflow.store.db.utils": logging.CRITICAL,
}
_environ_lock = threading.RLock()


@dataclass(frozen=True)
class Store:
    """An MLflow tracking store."""

    uri: str
    """Without a password, where it is a server."""
    origin: str
    """Who named it, for messages."""
    login: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables that carry the user and password of the URI to MLflow."""
    database: Path | None = None
    """The SQLite file, where it is one."""
    artifact_servers: tuple[str, ...] = ()
    """Servers beside it that its login may be sent to: scheme, host and port of each."""

    @property
    def shown(self) -> str:
        """The URI as people and records may see it."""
        return without_credentials(self.uri)

    @property
    def artifacts(self) -> str | None:
        """Where a new experiment in a SQLite file keeps its artifacts; else MLflow decides."""
        return None if self.database is None else _beside(self.database)

    @contextmanager
    def settings(self, *, patient: bool = False) -> Iterator[None]:
        """Run MLflow quietly, with bounded waiting, and put all as it was.

        MLflow takes these settings from environment variables alone, at every call. Those that
        the user has set stand, except the ones that keep stdout and the network clean. Not to be
        nested: the inner one would take the outer one's settings for the user's.
        """
        wanted = {k: v for k, v in (_PATIENT if patient else _BRIEF).items() if k not in os.environ}
        wanted |= {**_ALWAYS, **self.login}
        # What MLflow makes itself on its way, as for a version's files, asks those that these name.
        wanted |= dict.fromkeys(("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"), self.uri)
        with ExitStack() as stack:
            stack.enter_context(_environ_lock)
            stack.enter_context(_environ(wanted))
            stack.enter_context(_levels())
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other lockproof processes out of a SQLite file; servers see to that themselves.

        Raises:
            ConfigError: its folder cannot be made or opened.
            UnavailableError: another process had it for two minutes.
        """
        if self.database is None:
            yield
            return
        import fcntl

        folder = _made(self.database.parent)
        try:
            deadline = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > deadline:
                        raise UnavailableError(
                            f"another process has been writing to {self.database} for"
                            f" {_LOCK_SECONDS:.0f} s: try again when it is done"
                        ) from error
                    time.sleep(0.05)
            yield
        finally:
            os.close(folder)

    def prepare(self) -> None:
        """Make a missing SQLite file whole, and refuse a database that MLflow would migrate.

        Opening an older database through MLflow would upgrade it without a word.

        Raises:
            ConfigError: it is not a database of this MLflow version, or cannot be opened.
            UnavailableError: the database server does not answer.
            MissingExtraError: SQLAlchemy is not installed.
        """
        if not self.uri.startswith(_DATABASES):
            return
        if self.database is not None and not self.database.exists():
            _create(self.database)
        else:
            self._check_schema()

    def _check_schema(self) -> None:
        sql = need("sqlalchemy")
        wait = {"connect_timeout": 10} if self.uri.startswith(("postgresql", "mysql")) else {}
        try:
            engine = sql.create_engine(self.uri, poolclass=sql.pool.NullPool, connect_args=wait)
            with engine.connect() as connection:
                tables = set(sql.inspect(connection).get_table_names())
                query = sql.text("SELECT version_num FROM alembic_version")
                known = "alembic_version" in tables
                found = connection.execute(query).scalar() if known else None
        except (ImportError, sql.exc.ArgumentError, sql.exc.NoSuchModuleError) as error:
            raise ConfigError(f"cannot use {self.shown} ({self.origin}): {error}") from error
        except sql.exc.SQLAlchemyError as error:
            what = said(getattr(error, "orig", None) or error)
            kind = ConfigError if self.database else UnavailableError
            raise kind(f"cannot open {self.shown} ({self.origin}): {what}") from error
        if not tables:
            return
        expected = _newest_schema()
        if found is None:
            raise ConfigError(
                f"{self.shown} ({self.origin}) is a database, but not one of MLflow: name another"
            )
        if found != expected:
            raise ConfigError(
                f"{self.shown} ({self.origin}) has MLflow schema {found}, and the MLflow installed"
                f" here has {expected}: back it up and run 'mlflow db upgrade', or use that MLflow"
            )


@cache
def _newest_schema() -> str:
    """The schema of the installed MLflow, which loads all migrations there ever were for it."""
    return str(need("mlflow.store.db.utils")._get_latest_schema_revision())


def find_store(policy: MlflowPolicy, root: Path) -> Store:
    """Find the store that the policy, `$MLFLOW_TRACKING_URI` or neither names, in this order.

    A relative SQLite path counts from `root` in the policy and, as in MLflow, from the current
    folder in the variable. Where nothing is named it is `.lockproof/mlflow.db` below `root`.

    Raises:
        ConfigError: the URI is not one that runs can be logged to.
        MissingExtraError: MLflow, or what it needs for this URI, is not installed.
    """
    return replace(_found(policy, root), artifact_servers=policy.artifact_servers)


def _found(policy: MlflowPolicy, root: Path) -> Store:
    variable = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    if policy.tracking_uri is not None:
        uri, origin, base = policy.tracking_uri.strip(), "tracking-uri in lockproof.toml", root
    elif variable:
        uri, origin, base = variable, "$MLFLOW_TRACKING_URI", Path.cwd()
    else:
        database = _local_database(root)
        return Store(_sqlite_uri(database), "the default", database=database)
    scheme = uri.partition(":")[0].lower() if ":" in uri else uri
    if scheme.startswith("sqlite"):
        return _sqlite_store(uri, origin, base)
    if scheme in ("http", "https"):
        return _server_store(uri, origin)
    if scheme in ("", "file") or ("://" not in uri and not scheme.startswith("databricks")):
        raise ConfigError(
            f"{uri[:200]} ({origin}): MLflow does not log runs to folders any more:"
            " name a server (https://…) or a database (sqlite:///mlflow.db)"
        )
    return Store(uri, origin)


def need(module: str) -> Any:
    """Import a part of MLflow, or what its databases need; outside `settings` it is not quiet.

    Raises:
        MissingExtraError: it is not installed.
        ConfigError: it is installed and cannot be imported.
    """
    require(module.partition(".")[0])
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"{module} is installed but cannot be imported: {error}") from error


def require(package: str) -> None:
    """Check that a package is installed, without the seconds that importing MLflow takes.

    Raises:
        MissingExtraError: it is not.
    """
    if importlib.util.find_spec(package) is None:
        what = "talking to MLflow" if package == "mlflow" else "an MLflow database"
        raise MissingExtraError("mlflow", what)


def _server_store(uri: str, origin: str) -> Store:
    try:
        parts = urlsplit(uri)
        user, password = parts.username, parts.password
        known = bool(parts.hostname) and (parts.port or True)
    except ValueError:
        user = password = known = None
    if not known:
        raise ConfigError(f"{without_credentials(uri)[:200]} ({origin}) is not a URL")
    if not (user and password):
        return Store(uri, origin)
    login = {
        "MLFLOW_TRACKING_USERNAME": unquote(user),
        "MLFLOW_TRACKING_PASSWORD": unquote(password),
    }
    return Store(without_credentials(uri), origin, login)


def _sqlite_store(uri: str, origin: str, base: Path) -> Store:
    sql = need("sqlalchemy")
    try:
        url = sql.make_url(uri)
    except sql.exc.ArgumentError as error:
        raise ConfigError(f"{uri[:200]} ({origin}) is not the URI of an SQLite file") from error
    if not url.database or url.database.startswith((":memory:", "file:")) or url.host:
        raise ConfigError(f"{uri[:200]} ({origin}): name a file, such as sqlite:///mlflow.db")
    database = (base / url.database).absolute()
    return Store(_sqlite_uri(database), origin, database=database)


def _sqlite_uri(path: Path) -> str:
    if quote(str(path)) == str(path):
        return f"sqlite:///{path}"
    # With `sqlite:///` MLflow would make folders named for the quoted path.
    sql = need("sqlalchemy")
    scheme = "sqlite+pysqlite"
    uri = sql.URL.create(scheme, database=str(path)).render_as_string()
    if sql.make_url(uri).database != str(path):
        # SQLAlchemy before 2.1 quotes nothing; SQLite's own URIs do.
        database, query = f"file:{quote(str(path))}", {"uri": "true"}
        uri = sql.URL.create(scheme, database=database, query=query).render_as_string()
    return str(uri)


def _local_database(root: Path) -> Path:
    folder = root.absolute() / LOCAL_FOLDER
    if folder.is_symlink():
        raise ConfigError(f"{folder} is a symbolic link: make it a folder, or name a tracking-uri")
    return folder / "mlflow.db"


def _made(folder: Path) -> int:
    """Make the folder of a database if need be, and open it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.name == LOCAL_FOLDER and not (folder / ".gitignore").exists():
            write_whole(folder / ".gitignore", "*\n")
        return os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise ConfigError(f"cannot use the folder {folder}: {error.strerror or error}") from error


def _create(path: Path) -> None:
    # Hundreds of statements make a database: made in place, a kill would leave a part of it.
    new = path.with_name(f".{path.name}.new")
    need("sqlalchemy")
    stores = need("mlflow.store.tracking.sqlalchemy_store")
    try:
        new.with_name(f"{new.name}-journal").unlink(missing_ok=True)
        # MLflow tries for minutes to open what cannot be opened; this fails at once.
        new.write_bytes(b"")
        stores.SqlAlchemyStore(_sqlite_uri(new), _beside(path)).engine.dispose()
        new.replace(path)
    except Exception as error:
        raise ConfigError(f"cannot make the MLflow database {path}: {said(error)}") from error
    finally:
        new.unlink(missing_ok=True)


def _beside(database: Path) -> str:
    return (database.parent / "mlartifacts").as_uri()


@contextmanager
def _environ(wanted: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _levels() -> Iterator[None]:
    loggers = {logging.getLogger(name): level for name, level in _LEVELS.items()}
    before = {logger: logger.level for logger in loggers}
    for logger, level in loggers.items():
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)
