"""Where a model version's files are brought from, and what is sent there.

The registries are MLflow's own; the other host, to which a version's `source` leads, is a stand-in
that keeps what it is sent.
"""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from lockproof.adapters.mlflow.elsewhere import refuse_elsewhere
from lockproof.adapters.mlflow.registry import Registry
from lockproof.adapters.mlflow.store import find_store, need
from lockproof.adapters.mlflow.tracking import Tracking
from lockproof.config import MlflowPolicy
from lockproof.errors import ConfigError

from .mlflow_server import mlflow_server
from .models import without_settings
from .test_mlflow_store import FACTS, answering

pytestmark = pytest.mark.xdist_group("brought from")  # One server.
NO_FILES = b'{"files": []}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that lets a version's files be anywhere, as MLflow's did before they asked for this."""
    with without_settings(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES", "http,mlflow-artifacts")
        with mlflow_server(tmp_path_factory.mktemp("server")) as uri:
            yield uri


PROXY = "http://{}/api/2.0/mlflow-artifacts/artifacts/a"
WHERE = {
    "sqlite": ("sqlite", PROXY),
    "server": ("server", PROXY),
    "proxied": ("server", "mlflow-artifacts://{}/a"),
}
"""Which registry, and the source of a version in it."""


@pytest.fixture(params=WHERE)
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Registry, str]]:
    """A registry, and where the files of a version of it are."""
    kind, source = WHERE[request.param]
    uri = request.getfixturevalue("server") if kind == "server" else f"sqlite:///{tmp_path}/m.db"
    with without_settings():
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        yield Registry.open(MlflowPolicy(), tmp_path), source


def version_at(registry: Registry, source: str) -> str:
    """The URI of a version whose files are there."""
    name = uuid4().hex
    with registry.session() as session:
        session.make_model(name)
        # The server wants them to be where the run of the version has its own.
        run = session.client.create_run(session.client.create_experiment(name, source))
        return session.make_version(name, run.info.artifact_uri, run.info.run_id, {}, "").uri


@pytest.mark.parametrize("login", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"])
def test_the_login_goes_to_the_registry_alone(
    opened: tuple[Registry, str], login: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or whoever may write a version's source is sent what reads the registry."""
    registry, source = opened
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "reader")
    monkeypatch.setenv(login, "hunter-2")
    with answering(200, NO_FILES, "application/json") as (place, seen):
        uri = version_at(registry, source.format(place))
        with pytest.raises(ConfigError, match=f"the files of {uri} are at http://{place}") as found:
            registry.bring(uri, tmp_path)
    assert seen == []
    assert "hunter-2" not in str(found.value)


@pytest.mark.parametrize("opened", ["server"], indirect=True)
def test_the_login_goes_to_no_other_server_for_the_files_of_a_run(
    opened: tuple[Registry, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made its experiment said where they are; the policy may let that server have it."""
    registry, source = opened
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "hunter-2")
    file = tmp_path / "f"
    file.write_bytes(b"x")
    with answering(200, NO_FILES, "application/json") as (place, seen):
        name = uuid4().hex
        with registry.session() as session:
            experiment = session.client.create_experiment(name, source.format(place))
            run = session.client.create_run(experiment).info.run_id
            for what in (
                lambda: session.files(run, "model"),
                lambda: session.content(run, "model/x", tmp_path),
                lambda: session.upload(run, file, "model"),
            ):
                with pytest.raises(ConfigError, match="name it in artifact-servers of") as found:
                    what()
                assert "hunter-2" not in str(found.value)
        tracking = Tracking(registry.store, name)
        with pytest.raises(ConfigError, match=f"'http://{place}'"):
            tracking.log_run(FACTS)
        assert seen == []
        policy = MlflowPolicy(artifact_servers=(f"http://{place}",))
        with Registry.open(policy, tmp_path).session() as session:
            assert session.files(run, "model") == {}
        assert set(seen) == {"Bearer hunter-2"}


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"])
@pytest.mark.parametrize("opened", ["sqlite", "server"], indirect=True)
def test_only_the_registry_that_was_opened_is_asked(
    variable: str, opened: tuple[Registry, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another that the environment names would say where a version is, and be sent the login."""
    registry, _ = opened
    files = tmp_path / "files"
    files.mkdir()
    (files / "model").write_bytes(b"right")
    with registry.session() as session:
        name = uuid4().hex
        session.make_model(name)
        run = session.client.create_run(session.client.create_experiment(name))
        session.upload(run.info.run_id, files / "model", "")
        version = session.make_version(name, run.info.artifact_uri, run.info.run_id, {}, "").uri
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "hunter-2")
    target, beside = tmp_path / "target", tmp_path / "beside"
    target.mkdir()
    beside.mkdir()
    monkeypatch.chdir(beside)
    with answering(200, b"{}", "application/json") as (place, seen):
        monkeypatch.setenv(variable, f"http://{place}")
        registry.bring(version, target)
    assert seen == []
    assert [path.read_bytes() for path in target.iterdir()] == [b"right"]
    assert list(beside.iterdir()) == []


@pytest.mark.parametrize(
    ("tracking", "place", "told"),
    [
        ("HTTPS://mlflow.example", "mlflow-artifacts:/1", ""),
        ("https://mlflow.example", "https://mlflow.example@other.example/1", "in that address"),
        ("https://mlflow.example", "https://bob:hunter-3@files.example/1", "in that address out"),
        ("https://mlflow.example", "https://files.example?token=hunter-3", "in that address out"),
        ("https://mlflow.example", "https://files.example:1/1?t=hunter-3", "'https://files.exam"),
    ],
)
def test_where_files_are_is_told_from_the_server_by_its_host_and_said_without_a_login(
    tracking: str, place: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheme may be written in capitals, and another host's address may hold a password."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "hunter-2")
    store = find_store(MlflowPolicy(tracking_uri=tracking), tmp_path)
    places = need("mlflow.store.artifact.artifact_repository_registry")
    files = places.get_artifact_repository(place, tracking_uri=store.uri)
    if not told:
        refuse_elsewhere(store, files, "a run")
        return
    with pytest.raises(ConfigError, match=told) as found:
        refuse_elsewhere(store, files, "a run")
    assert "hunter" not in str(found.value)


def test_where_there_is_no_login_another_server_is_asked(
    opened: tuple[Registry, str], tmp_path: Path
) -> None:
    """As one of MLflow's that has files alone."""
    registry, source = opened
    with answering(200, NO_FILES, "application/json") as (place, seen):
        registry.bring(version_at(registry, source.format(place)), tmp_path)
    assert set(seen) == {""}


UNUSABLE = {
    "no path of MLflow's": ("http://{}/a", NO_FILES),
    "a file without a name": (PROXY, b'{"files": [{"is_dir": false}]}'),
    "a name that is none": (PROXY, b'{"files": [{"path": "a\\ud800", "is_dir": false}]}'),
    "a name that is a number": (PROXY, b'{"files": [{"path": 1, "is_dir": false}]}'),
    "a list": (PROXY, b"[]"),
}


@pytest.mark.parametrize("what", UNUSABLE)
@pytest.mark.parametrize("opened", ["server"], indirect=True)
def test_what_cannot_be_used_is_no_silence(
    what: str, opened: tuple[Registry, str], tmp_path: Path
) -> None:
    """The server answered: it is not told to be started."""
    source, body = UNUSABLE[what]
    with answering(200, body, "application/json") as (place, _):
        uri = version_at(opened[0], source.format(place))
        with pytest.raises(ConfigError, match="cannot be used") as found:
            opened[0].bring(uri, tmp_path)
    assert "not answer" not in str(found.value)
