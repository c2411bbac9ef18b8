"""Whether an MLmodel has MLflow load one file, by code of MLflow's alone.

So it is where it is as `lockproof register` writes it (steps/register/flavours.py): canonical JSON,
where all that MLflow loads by is known here. Free are versions, which types of a .skops file may be
loaded, and the signature of the inputs, by which MLflow orders, casts or refuses columns.
"""

import json
from typing import Any

MLMODEL = "MLmodel"
PICKLE = "data/pickle_module_info.txt"
EXAMPLE = "input_example.json"
REQUIREMENTS = "requirements.txt"
PYTHON = "python_env.yaml"
KIT = (MLMODEL, REQUIREMENTS, PYTHON, EXAMPLE, PICKLE)
"""What `register` writes beside a file; `--env-manager=local` installs none of it."""
UNPICKLER = "mlflow.pytorch.pickle_module"

_FREE = {
    "python_function": {"python_version"},
    "sklearn": {"sklearn_version", "skops_trusted_types"},
    "pytorch": {"pytorch_version"},
    "xgboost": {"xgb_version"},
    "onnx": {"onnx_version"},
}


def loads_only(path: str, content: bytes, unpickler: bytes | None) -> bool:
    """Whether an MLmodel at the top of a version loads one file, and no other.

    Args:
        path: that file: POSIX, below the top.
        content: the MLmodel.
        unpickler: the file `PICKLE`; None where there is none.
    """
    if unpickler not in (None, UNPICKLER.encode()):
        return False
    try:
        text = content.decode()
        about = json.loads(text)
        # MLflow reads it as YAML, which says the same of JSON in this form.
        if text != json.dumps(about, indent=2, sort_keys=True) + "\n":
            return False
        said = {
            flavour: {k: v for k, v in keys.items() if k not in _FREE[flavour]}
            for flavour, keys in about["flavors"].items()
        }
        signature = about.get("signature") or {}
        free = about.keys() <= {"flavors", "signature", "saved_input_example_info"}
        inputs = {key for key, value in signature.items() if value is not None} <= {"inputs"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return said in _layouts(path) and free and inputs


def _layouts(path: str) -> list[dict[str, Any]]:
    """What the flavours that load the file say."""
    suffix = path.rpartition(".")[2].lower()
    booster, providers = "xgboost.core.Booster", ["CUDAExecutionProvider", "CPUExecutionProvider"]
    ways: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    if path in ("data/model.pth", "data/model.pt2"):
        ways = [("pytorch", {"data": "data"}, {"model_data": "data"})]
    elif "/" not in path:
        skops = {"pickled_model": path, "serialization_format": "skops"}
        boosted = {"data": path, "model_class": booster, "model_format": suffix}
        ways = [
            ("sklearn", {"model_path": path, "predict_fn": "predict"}, skops),
            ("xgboost", {"data": path}, boosted),
            ("onnx", {"data": path}, {"data": path, "providers": providers}),
        ]
    env = {"virtualenv": PYTHON}
    return [
        {
            name: {**flavour, "code": None},
            "python_function": {"loader_module": f"mlflow.{name}", "env": env, **pyfunc},
        }
        for name, pyfunc, flavour in ways
    ]
