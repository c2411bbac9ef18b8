"""The component by which the first step of the pods that serve is `lockproof verify`."""

import copy
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from packaging.requirements import Requirement

from lockproof.cli.main import main
from lockproof.steps.provision.manifests import load_manifests

from .mlflow_server import mlflow_server
from .models import POLICY, proof_of, toy_project, versions, without_settings
from .pipelines import Project
from .test_base_install import START, installed
from .test_proofs import pem_of, public_of

ROOT = Path(__file__).resolve().parents[2]
CONTROL = ROOT / "control-plane"
REPOSITORY = "registry.example:5000/team/lockproof"
DIGEST = f"sha256:{64 * 'a'}"
KEY = Ed25519PrivateKey.generate()
Body = dict[str, Any]


def advice() -> Body:
    """What the component says that an overlay has to say."""
    lines = (CONTROL / "components/verify/kustomization.yaml").read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("#   components:"))
    said = [line.removeprefix("#") for line in lines[start:] if line.startswith("#   ")]
    found: Body = yaml.safe_load("\n".join(said))
    return found


def clone(root: Path, *more: str) -> Path:
    """One whose local overlay takes the component, after others, as it says."""
    shutil.copytree(CONTROL, root / "control-plane", ignore=shutil.ignore_patterns("__pycache__"))
    text, line = (ROOT / "lockproof.toml").read_text(), '  "ConfigMap/model-trust",\n'
    assert text.count(line) == 1
    (root / "lockproof.toml").write_text(text.replace(line, ""))
    overlay = root / "control-plane/overlays/local"
    path = overlay / "kustomization.yaml"
    content = yaml.safe_load(path.read_text())
    said = advice()
    content["components"] += [*(f"../../components/{each}" for each in more), *said["components"]]
    image = {**said["images"][0], "newName": REPOSITORY, "digest": DIGEST}
    content |= {"images": [image], "configMapGenerator": said["configMapGenerator"]}
    path.write_text(yaml.safe_dump(content))
    (overlay / "trust").mkdir()
    (overlay / "trust/lockproof.toml").write_text('[[trust]]\nkey = "ci.pem"\n')
    (overlay / "trust/ci.pem").write_bytes(public_of(KEY))
    for argv in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *argv], cwd=root, check=True)
    return root


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def bodies(repository: Path) -> list[Body]:
    overlay = repository / "control-plane/overlays/local"
    return [dict(one.body) for one in load_manifests(repository, overlay)]


def named(bodies: list[Body], kind: str, name: str) -> Body:
    (found,) = [b for b in bodies if b["kind"] == kind and b["metadata"]["name"] == name]
    return found


def first_step(bodies: list[Body]) -> tuple[Body, Body]:
    """The step, and the volumes of its pod by name."""
    spec = named(bodies, "Rollout", "digits")["spec"]["template"]["spec"]
    (step,) = spec["initContainers"]
    return step, {volume["name"]: volume for volume in spec["volumes"]}


def test_the_image_is_named_once_and_the_policy_is_the_committed_one(bodies: list[Body]) -> None:
    step, volumes = first_step(bodies)
    assert step["image"] == f"{REPOSITORY}@{DIGEST}"
    assert named(bodies, "ConfigMap", "model-verifier")["data"] == {"image": step["image"]}
    assert volumes["trust"] == {"name": "trust", "configMap": {"name": "model-trust"}}
    trust = named(bodies, "ConfigMap", "model-trust")["data"]
    assert trust == {
        "lockproof.toml": '[[trust]]\nkey = "ci.pem"\n', "ci.pem": public_of(KEY).decode(),
    }  # fmt: skip
    assert {mount["name"] for mount in step["volumeMounts"]} == {"trust", "model", "tmp"}


def test_what_its_pods_mount_is_there(bodies: list[Body]) -> None:
    """The server of models is of the same ConfigMap as the step that is gone."""
    spec = named(bodies, "Rollout", "digits")["spec"]["template"]["spec"]
    (step,) = spec["initContainers"]
    assert "code" not in {mount["name"] for mount in step["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for container in (step, *spec["containers"]):
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys()
    known = {b["metadata"]["name"] for b in bodies if b["kind"] == "ConfigMap"}
    assert {v["configMap"]["name"] for v in volumes.values() if "configMap" in v} <= known


def test_the_step_may_do_no_more_than_the_one_that_it_replaces(bodies: list[Body]) -> None:
    step, _ = first_step(bodies)
    before = yaml.safe_load((CONTROL / "gitops/rollout-canary.yaml").read_text())
    (was,) = before["spec"]["template"]["spec"]["initContainers"]
    changed = {"image", "command", "args", "volumeMounts"}
    assert {k: v for k, v in step.items() if k not in changed} == {
        k: v for k, v in was.items() if k not in changed
    }
    assert step["securityContext"]["readOnlyRootFilesystem"] is True


def test_it_is_linted_as_it_is_applied(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["-C", str(repository), "lint", "--format", "json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    own = [f for f in found if "verif" in f["message"] or "components/verify" in (f["path"] or "")]
    assert (code, own) == (0, []), found


def test_an_overlay_that_brings_no_policy_is_refused(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(repository, tmp_path / "root", symlinks=True)
    path = root / "control-plane/overlays/local/kustomization.yaml"
    content = yaml.safe_load(path.read_text())
    del content["configMapGenerator"]
    path.write_text(yaml.safe_dump(content))
    assert main(["-C", str(root), "lint", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [f for f in found if "model-trust" in f["message"]], found


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with what the image of the step has, and nothing else; the files are links."""
    place = tmp_path_factory.mktemp("image") / "venv"
    venv.create(place, symlinks=True, with_pip=False)
    (site,) = place.glob("lib/python*/site-packages")
    lines = (ROOT / "requirements/verify.txt").read_text().splitlines()
    needed = [Requirement(line.rstrip(" \\")) for line in lines if re.match("[a-z]", line)]
    here = [each for each in needed if each.marker is None or each.marker.evaluate()]
    assert len(here) > 50, "nothing was read"
    for each in here:
        for path, file in installed(importlib.metadata.distribution(each.name)):
            target = site / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(file)
    (site / "lockproof.pth").write_text(f"{ROOT / 'platform' / 'src'}\n")
    return place / "bin" / "python"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A model that is proved, signed and registered with a server that hands out its files."""
    trust = '[[trust]]\nkey = "ci.pem"\n'
    (tmp_path / "mlflow").mkdir()
    with (
        without_settings(),
        mlflow_server(tmp_path / "mlflow") as uri,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "600")  # A slow machine is no fault.
        made = toy_project(tmp_path / "work", POLICY + trust)
        (made.root / "ci.pem").write_bytes(public_of(KEY))
        made.commit("trust")
        key = tmp_path / "ci.key"
        key.write_bytes(pem_of(KEY))
        here = ("-C", str(made.root))
        assert main([*here, "attest", "--report", str(proof_of(made)), "--key", str(key)]) == 0
        assert main([*here, "register", "--model", "toy"]) == 0
        yield made


class Node:
    """What a kubelet does of a pod: variables into arguments, volumes to their places.

    The places are below a folder, where no test can make `/model`; so paths in arguments are, too.
    """

    def __init__(self, python: Path, base: Path, bodies: list[Body], **variables: str) -> None:
        self.python = python
        self.step, self.volumes = copy.deepcopy(first_step(bodies))
        self.base = base
        self.env = {e["name"]: e["value"] for e in self.step["env"] if "value" in e} | variables
        for mount in self.step["volumeMounts"]:
            folder = self.place(mount["mountPath"])
            folder.mkdir(parents=True)
            if mount["name"] == "trust":
                name = self.volumes["trust"]["configMap"]["name"]
                # As the kubelet lays a ConfigMap out.
                (folder / "..2026").mkdir()
                (folder / "..data").symlink_to("..2026")
                for key, text in named(bodies, "ConfigMap", name)["data"].items():
                    (folder / "..2026" / key).write_text(text)
                    (folder / key).symlink_to(f"..data/{key}")

    def place(self, path: str) -> Path:
        return self.base / path.removeprefix("/")

    def run(self) -> subprocess.CompletedProcess[str]:
        command, *more = self.step["command"]
        assert command == "/opt/lockproof/bin/lockproof"
        argv = [*more, *self.step["args"]]
        for name, value in self.env.items():
            argv = [word.replace(f"$({name})", value) for word in argv]
        argv = [word.replace("=/", f"={self.base}/") for word in argv]
        # No PATH: there is no Git in the image.
        env = {**self.env, "HOME": str(self.place(self.env["HOME"])), "PATH": "/nowhere"}
        return subprocess.run(
            [str(self.python), "-I", "-c", START, *argv],
            env=env, cwd=self.base, capture_output=True, text=True, check=False,
        )  # fmt: skip


def test_a_pod_serves_what_is_proved_or_nothing(
    project: Project, bodies: list[Body], python: Path, tmp_path: Path
) -> None:
    (version,) = versions(project)
    given = {"MODEL_URI": version.uri, "MODEL_DIGEST": version.served_digest or ""}
    given["MLFLOW_TRACKING_URI"] = os.environ["MLFLOW_TRACKING_URI"]
    given["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "600"
    node = Node(python, tmp_path / "good", bodies, **given)
    done = node.run()
    assert done.returncode == 0, done.stderr
    assert "signed by ci.pem" in done.stdout
    assert (node.place("/model") / "model.txt").read_bytes() == b"a\nb\n"

    other = f"md5:{hashlib.md5(b'other', usedforsecurity=False).hexdigest()}"
    node = Node(python, tmp_path / "other", bodies, **{**given, "MODEL_DIGEST": other})
    done = node.run()
    assert (done.returncode, "not the model that Git names" in done.stdout) == (1, True)
    assert list(node.place("/model").iterdir()) == []

    revoked = copy.deepcopy(bodies)
    trust = named(revoked, "ConfigMap", "model-trust")["data"]
    trust["lockproof.toml"] += f'[[revoked]]\ncommit = "{version.commit}"\nreason = "bad labels"\n'
    node = Node(python, tmp_path / "revoked", revoked, **given)
    done = node.run()
    assert (done.returncode, "bad labels" in done.stdout) == (1, True)
    assert list(node.place("/model").iterdir()) == []

    secret = {"MLFLOW_TRACKING_USERNAME": "reader", "MLFLOW_TRACKING_PASSWORD": "hunter-2"}
    away = {**given, **secret, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    node = Node(python, tmp_path / "away", bodies, **away, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    done = node.run()
    assert (done.returncode, done.stdout) == (4, "")
    assert "hunter-2" not in done.stderr
    assert list(node.place("/model").iterdir()) == []
