"""How the files of a model are laid out so that MLflow loads them, without loading any here.

What MLflow's own `save_model` writes of each flavour, from the names of the files and the versions
of the pipeline's environment alone: mlflow.sklearn, mlflow.pytorch, mlflow.xgboost, mlflow.onnx.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockproof.config import FILE_NAME, ModelRule
from lockproof.errors import ConfigError
from lockproof.model.environment import Environment
from lockproof.model.registration import Registration
from lockproof.parse.mlmodel import EXAMPLE, MLMODEL, PICKLE, PYTHON, REQUIREMENTS, UNPICKLER


@dataclass(frozen=True)
class Kit:
    """What goes beside the files of a model."""

    requirements: str
    """As pip takes it; empty where nothing is known."""
    environment: Environment | None
    signature: Mapping[str, Any] | None = None
    """MLflow's description of the input, from the example."""
    example: bytes | None = None
    example_info: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Layout:
    """How a flavour wants its file, and what it says of it."""

    place: str
    """Where the file that is loaded goes: POSIX, below the version's folder."""
    flavours: Mapping[str, Any]
    more: Mapping[str, str]
    """Further text files: path -> content."""


def layout_of(rule: ModelRule, loads: str | None, environment: Environment | None) -> Layout | None:
    """How the file that a flavour loads is laid out; None where files are taken as they are.

    Raises:
        ConfigError: the file is not of a kind that the flavour loads.
    """
    make = _LAYOUTS.get(rule.flavour)
    if make is None:
        return None
    assert loads is not None
    name = loads.rpartition("/")[2]
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    return make(rule, name, suffix, _Versions(environment))


@dataclass(frozen=True)
class _Versions:
    environment: Environment | None

    def of(self, package: str) -> str | None:
        return self.environment.packages.get(package) if self.environment else None

    @property
    def python(self) -> str | None:
        found = re.match(r"\d+\.\d+(\.\d+)?", (self.environment and self.environment.python) or "")
        return found[0] if found else None

    def pyfunc(self, loader: str, **more: Any) -> dict[str, Any]:
        """The part that `mlflow models serve` goes by."""
        said = {"loader_module": loader, "env": {"virtualenv": PYTHON}, **more}
        return {**said, "python_version": self.python} if self.python else said


def _sklearn(rule: ModelRule, name: str, suffix: str, versions: _Versions) -> Layout:
    if suffix != "skops":
        raise _refused(rule, name, "a .skops file ('skops.io.dump'): a pickle is never registered")
    flavour = {
        "pickled_model": name,
        "serialization_format": "skops",
        "skops_trusted_types": list(rule.skops_trusted),
        "sklearn_version": versions.of("scikit-learn"),
        "code": None,
    }
    pyfunc = versions.pyfunc("mlflow.sklearn", model_path=name, predict_fn="predict")
    return Layout(name, {"sklearn": flavour, "python_function": pyfunc}, {})


def _pytorch(rule: ModelRule, name: str, suffix: str, versions: _Versions) -> Layout:
    if suffix not in ("pt", "pth", "pt2"):
        raise _refused(rule, name, "a .pth, .pt or .pt2 file")
    flavour = {"model_data": "data", "pytorch_version": versions.of("torch"), "code": None}
    pyfunc = versions.pyfunc("mlflow.pytorch", data="data")
    exported = suffix == "pt2"
    # The module that whoever loads it unpickles with; nothing is unpickled to register it.
    more = {} if exported else {PICKLE: UNPICKLER}
    place = f"data/model.{'pt2' if exported else 'pth'}"
    return Layout(place, {"pytorch": flavour, "python_function": pyfunc}, more)


def _xgboost(rule: ModelRule, name: str, suffix: str, versions: _Versions) -> Layout:
    if suffix not in ("json", "ubj"):
        raise _refused(rule, name, "a .json or .ubj file ('Booster.save_model')")
    flavour = {
        "data": name,
        "model_class": "xgboost.core.Booster",
        "model_format": suffix,
        "xgb_version": versions.of("xgboost"),
        "code": None,
    }
    pyfunc = versions.pyfunc("mlflow.xgboost", data=name)
    return Layout(name, {"xgboost": flavour, "python_function": pyfunc}, {})


def _onnx(rule: ModelRule, name: str, suffix: str, versions: _Versions) -> Layout:
    if suffix != "onnx":
        raise _refused(rule, name, "an .onnx file")
    flavour = {
        "data": name,
        "onnx_version": versions.of("onnx"),
        "providers": ["CUDAExecutionProvider", "CPUExecutionProvider"],
        "code": None,
    }
    pyfunc = versions.pyfunc("mlflow.onnx", data=name)
    return Layout(name, {"onnx": flavour, "python_function": pyfunc}, {})


_LAYOUTS: Mapping[str, Callable[[ModelRule, str, str, _Versions], Layout]] = {
    "sklearn": _sklearn,
    "pytorch": _pytorch,
    "xgboost": _xgboost,
    "onnx": _onnx,
}


def _refused(rule: ModelRule, name: str, wanted: str) -> ConfigError:
    return ConfigError(
        f"[[model]] {rule.name}: {rule.flavour} takes {wanted}, and {name} is none: name it with"
        f' load, or say flavour = "file" in {FILE_NAME}'
    )


def write_kit(folder: Path, layout: Layout | None, kit: Kit) -> None:
    """Write what goes beside the model's files into their folder; nothing for plain files."""
    if layout is None:
        return
    texts = dict(layout.more)
    about: dict[str, Any] = {"flavors": layout.flavours}
    if kit.requirements:
        texts[REQUIREMENTS] = kit.requirements
    versions = _Versions(kit.environment)
    python = [f"python: {versions.python}"] if versions.python else []
    needed = [f"dependencies:\n- -r {REQUIREMENTS}"] if kit.requirements else []
    texts[PYTHON] = "\n".join([*python, *needed, ""])
    if kit.example is not None:
        (folder / EXAMPLE).write_bytes(kit.example)
        about["saved_input_example_info"] = kit.example_info
        about["signature"] = kit.signature
    # JSON is YAML: nothing in a name can be read as anything else.
    texts[MLMODEL] = json.dumps(about, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def statement(registration: Registration) -> bytes:
    """What is said of a version, as a file beside its model: the same bytes each time."""
    proof = registration.proof
    said = {
        "schema_version": "1",
        "name": registration.name,
        "key": registration.key,
        "flavour": registration.flavour,
        "commit": proof.commit,
        "root": registration.root,
        "lock_digest": proof.lock_digest,
        "stages": list(registration.stages),
        "outputs": {path: str(digest) for path, digest in registration.outputs.items()},
        "inputs": {item.path: str(item.digest) for item in registration.inputs},
        "environment_digest": registration.environment_digest,
        "image": registration.image,
    }
    return (json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
