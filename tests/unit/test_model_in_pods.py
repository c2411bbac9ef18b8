"""What the first step of a serving pod leaves in /model: what the digest is about, and no more.

The download is a stand-in: what is there is what somebody who may write to the registry left.
Versions as MLflow brings them, test_folder_models has.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lockproof.config import ModelRule
from lockproof.steps.register.flavours import Kit, layout_of, write_kit

FETCH = Path(__file__).resolve().parents[2] / "control-plane" / "gitops" / "fetch.py"
BYTES = b"weights"
FILE = f"md5:{hashlib.md5(BYTES, usedforsecurity=False).hexdigest()}"
GOOD = {"MLmodel": b"flavors: {}\n", "data/weights": BYTES}
LISTED = [
    {"md5": hashlib.md5(content, usedforsecurity=False).hexdigest(), "relpath": path}
    for path, content in sorted(GOOD.items())
]
MANIFEST = json.dumps(LISTED).encode()
FOLDER = f"md5:{hashlib.md5(MANIFEST, usedforsecurity=False).hexdigest()}.dir"
BESIDE = {"lockproof-model.json": b"{}", "lockproof-proof.jsonl": b"", "registered_model_meta": b""}


def put(folder: Path, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def pod(base: Path, digest: str, bring: Callable[[Path], object]) -> tuple[int, str]:
    """What the step ends with and says last; the model is in the folder `model`."""
    model, said = base / "model", io.StringIO()
    model.mkdir()
    artifacts, mlflow = ModuleType("mlflow.artifacts"), ModuleType("mlflow")
    vars(artifacts)["download_artifacts"] = lambda artifact_uri, dst_path: bring(Path(dst_path))
    vars(mlflow)["artifacts"] = artifacts
    code: object = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_URI", "models:/toy/1")
        patch.setenv("MODEL_DIGEST", digest)
        patch.setitem(sys.modules, "mlflow", mlflow)
        patch.setitem(sys.modules, "mlflow.artifacts", artifacts)
        patch.setattr(sys, "argv", [str(FETCH), str(model), str(base / "trust")])
        patch.syspath_prepend(FETCH.parent)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                runpy.run_path(str(FETCH))
            except SystemExit as ended:
                code = ended.code
    assert isinstance(code, int)
    return code, said.getvalue().splitlines()[-1]


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert pod(tmp_path, FOLDER, lambda folder: put(folder, GOOD | BESIDE))[0] == 0
    assert tree(tmp_path / "model") == {*GOOD, *BESIDE, "data"}


def test_only_the_folder_that_was_proved_is_in_a_pod(tmp_path: Path) -> None:
    """The genuine one below, and another model where a server looks: at the top."""

    def bring(folder: Path) -> None:
        put(folder, BESIDE | {f"x/y/{path}": content for path, content in GOOD.items()})
        put(folder, {"MLmodel": b"evil", "code/evil.py": b"", "x/evil.py": b"", "x/MLmodel": b""})

    code, line = pod(tmp_path, FOLDER, bring)
    assert (code, f": x/y is {FOLDER}" in line) == (0, True), line
    genuine = {f"x/y/{path}" for path in tree_of(GOOD)}
    assert tree(tmp_path / "model") == {*BESIDE, *genuine, "x", "x/y"}


def tree_of(files: dict[str, bytes]) -> set[str]:
    return {*files, *(path.rpartition("/")[0] for path in files if "/" in path)}


NO_FILES: dict[str, Callable[[Path], object]] = {
    "a link to a folder": lambda folder: (folder / "code").symlink_to("/etc"),
    "a link to a file of the model": lambda folder: (folder / "more").symlink_to("MLmodel"),
    "a link to nothing": lambda folder: (folder / "more").symlink_to("/nowhere"),
    "a pipe": lambda folder: os.mkfifo(folder / "more"),
}


@pytest.mark.parametrize("what", NO_FILES)
def test_what_is_no_file_is_not_served(what: str, tmp_path: Path) -> None:
    def bring(folder: Path) -> None:
        put(folder, GOOD)
        NO_FILES[what](folder)

    code, line = pod(tmp_path, FOLDER, bring)
    assert (code, "is a link or no regular file" in line) == (1, True), line


def test_an_empty_folder_is_not_in_a_pod(tmp_path: Path) -> None:
    def bring(folder: Path) -> None:
        put(folder, GOOD)
        (folder / "code" / "deep").mkdir(parents=True)

    assert pod(tmp_path, FOLDER, bring)[0] == 0
    assert tree(tmp_path / "model") == tree_of(GOOD)


NAMES = {"sklearn": "a.skops", "pytorch": "b.pth", "xgboost": "c.ubj", "onnx": "d.onnx"}


def version(flavour: str, name: str) -> Callable[[Path], None]:
    """As `register` lays it out."""

    def bring(folder: Path) -> None:
        rule = ModelRule.model_validate({"name": "toy", "paths": [name], "flavour": flavour})
        layout = layout_of(rule, name, None)
        assert layout is not None
        signature = {"inputs": "[]", "outputs": None, "params": None}
        write_kit(folder, layout, Kit("x==1\n", None, signature, b"[]", {"type": "ndarray"}))
        put(folder, {layout.place: BYTES, **BESIDE})

    return bring


@pytest.mark.parametrize(("flavour", "name"), [*NAMES.items(), ("pytorch", "e.pt2")])
def test_a_file_is_taken_with_what_has_mlflow_load_it(
    flavour: str, name: str, tmp_path: Path
) -> None:
    """And what lies beside it is not: weights that a file names, code that Python would find."""
    (tmp_path / "whole").mkdir()
    version(flavour, name)(tmp_path / "whole")

    def bring(folder: Path) -> None:
        version(flavour, name)(folder)
        put(folder, {"weights.bin": b"", "code/evil.py": b"", "x/MLmodel": b""})

    code, line = pod(tmp_path, FILE, bring)
    assert (code, f" is {FILE}" in line) == (0, True), line
    assert tree(tmp_path / "model") == tree(tmp_path / "whole")


def _write(folder: Path, about: dict[str, Any]) -> None:
    (folder / "MLmodel").write_text(json.dumps(about, indent=2, sort_keys=True) + "\n")


def _flavour(flavour: str, **keys: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        about = json.loads((folder / "MLmodel").read_text())
        about["flavors"].setdefault(flavour, {}).update(keys)
        _write(folder, about)

    return change


def _about(**more: Any) -> Callable[[Path], None]:
    return lambda folder: _write(folder, {**json.loads((folder / "MLmodel").read_text()), **more})


def _twice(folder: Path) -> None:
    before = (folder / "MLmodel").read_text()
    text = re.sub('"code": null', '"code": "code", "code": null', before, count=1)
    assert text != before
    (folder / "MLmodel").write_text(text)


EVIL: dict[str, tuple[str, Callable[[Path], object]]] = {
    "another loader": ("sklearn", _flavour("python_function", loader_module="evil")),
    "MLflow's of any Python": (
        "sklearn", _flavour("python_function", loader_module="mlflow.pyfunc.model"),
    ),
    "code": ("sklearn", _flavour("python_function", code="code")),
    "code of the flavour": ("onnx", _flavour("onnx", code="code")),
    "another file": ("sklearn", _flavour("python_function", model_path="evil.pkl")),
    "another file of the flavour": ("sklearn", _flavour("sklearn", pickled_model="evil.pkl")),
    "a pickle": ("sklearn", _flavour("sklearn", serialization_format="cloudpickle")),
    "another answer": ("sklearn", _flavour("python_function", predict_fn="predict_proba")),
    "another class": ("xgboost", _flavour("xgboost", model_class="evil.Model")),
    "another booster": ("xgboost", _flavour("xgboost", data="evil.ubj")),
    "settings": ("onnx", _flavour("onnx", onnx_session_options={})),
    "one more flavour": ("onnx", _flavour("evil", data="x")),
    "what comes with each request": ("sklearn", _about(signature={"params": "[]"})),
    "more of MLflow's": ("sklearn", _about(metadata={"x": "y"})),
    "no flavour": ("sklearn", _about(flavors={})),
    "no object": ("sklearn", _about(flavors=["sklearn"])),
    "a key twice": ("sklearn", _twice),
    "YAML": ("onnx", lambda folder: (folder / "MLmodel").write_text("flavors: {}\n")),
    "no text": ("onnx", lambda folder: (folder / "MLmodel").write_bytes(b"\xff")),
    "another unpickler": (
        "pytorch", lambda folder: (folder / "data/pickle_module_info.txt").write_text("evil"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", EVIL)
def test_a_file_is_not_served_with_what_could_load_another(what: str, tmp_path: Path) -> None:
    flavour, tamper = EVIL[what]

    def bring(folder: Path) -> None:
        version(flavour, NAMES[flavour])(folder)
        tamper(folder)

    code, line = pod(tmp_path, FILE, bring)
    assert (code, "the MLmodel of models:/toy/1 is not as" in line) == (1, True), line
