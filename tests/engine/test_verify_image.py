"""The image of a serving pod's first step, built by the module, on a version in a real MLflow."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.conftest import dagger
from integration.mlflow_server import mlflow_server
from integration.models import without_settings
from integration.test_brought import MARK, Pod
from lockproof.adapters.mlflow.registry import Registry
from lockproof.config import MlflowPolicy
from unit.test_model_in_pods import BESIDE, BYTES, put, tree

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]
MODEL = "/home/lockproof/model"


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    """Files of a version with its proof, and the policy and the key that it is held against."""
    (tmp_path / "files").mkdir()
    made = Pod(tmp_path / "files", tmp_path)
    put(made.files, BESIDE | {"weights": BYTES})
    made.seal()
    return made


@pytest.fixture
def port(pod: Pod, tmp_path: Path) -> Iterator[str]:
    """Of an MLflow on this machine's loopback, which has that version: `models:/toy/1`."""
    folder = tmp_path / "mlflow"
    folder.mkdir()
    with without_settings(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_SERVER_ALLOWED_HOSTS", "*")  # The container calls it `mlflow`.
        with mlflow_server(folder) as uri:
            patch.setenv("MLFLOW_TRACKING_URI", uri)
            with Registry.open(MlflowPolicy(), folder).session() as session:
                session.make_model("toy")
                run = session.client.create_run(session.client.create_experiment("toy"))
                session.client.log_artifacts(run.info.run_id, str(pod.files), "model")
                place = f"{run.info.artifact_uri}/model"
                session.make_version("toy", place, run.info.run_id, {}, "")
            yield uri.rpartition(":")[2]


def test_a_first_step_brings_what_is_proved_alone(
    library: Path, tmp_path: Path, pod: Pod, port: str
) -> None:
    """As components/verify has it run: no clone, no Git, a policy and a key in a folder."""
    image = ("call", "image", "--verify")
    service = ("--alias", "mlflow", "--service", f"tcp://127.0.0.1:{port}")
    variable = ("--name", "MLFLOW_TRACKING_URI", "--value", f"http://mlflow:{port}")
    given = (*image, "with-service-binding", *service, "with-env-variable", *variable)
    given += ("with-directory", "--path", "/trust", "--source", str(pod.trust))

    def step(digest: str, end: str = "SUCCESS") -> tuple[str, ...]:
        words = f"verify,models:/toy/1,--digest,{digest},--policy,/trust/lockproof.toml"
        told = ("--use-entrypoint", "--expect", end, "--args", f"{words},--to,{MODEL}")
        return (*given, "with-exec", *told)

    out = ("directory", "--path", MODEL, "export", "--path", tmp_path / "out")
    dagger(library, *step(pod.digest), *out).expect()
    assert tree(tmp_path / "out") == {*BESIDE, "weights", *MARK}
    assert (tmp_path / "out" / "weights").read_bytes() == BYTES
    refused = dagger(library, *step(f"md5:{'0' * 32}", "FAILURE"), "exit-code").expect()
    assert refused.stdout.strip() == "1"
    git = ("with-exec", "--args", "sh,-c,command -v git || echo none", "stdout")
    assert dagger(library, *image, *git).expect().stdout.strip() == "none"
