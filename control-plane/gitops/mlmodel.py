"""Whether an MLmodel has MLflow load one file, by code of MLflow's alone.

So it is where it is as `lockproof register` writes it (flavours.py there): canonical JSON, where
all that MLflow loads by is known here. Free are versions, which types of a .skops file may be
loaded, and the signature of the inputs, by which MLflow orders, casts or refuses columns.
"""

import json
from pathlib import Path

MLMODEL = "MLmodel"
PICKLE = "data/pickle_module_info.txt"
# What `register` writes beside it; `--env-manager=local` installs none of it.
KIT = (MLMODEL, "requirements.txt", "python_env.yaml", "input_example.json", PICKLE)
FREE = {
    "python_function": {"python_version"},
    "sklearn": {"sklearn_version", "skops_trusted_types"},
    "pytorch": {"pytorch_version"},
    "xgboost": {"xgb_version"},
    "onnx": {"onnx_version"},
}


def loads_only(path: str, files: dict[str, Path]) -> bool:
    """Whether the MLmodel at the top loads the file at `path`, and no other.

    Args:
        path: a file of the model, POSIX, below the top.
        files: all of them, by their path.
    """
    try:
        text = files[MLMODEL].read_text("utf-8")
        about = json.loads(text)
        # MLflow reads it as YAML, which says the same of JSON in this form.
        if text != json.dumps(about, indent=2, sort_keys=True) + "\n":
            return False
        said = {
            flavour: {k: v for k, v in keys.items() if k not in FREE[flavour]}
            for flavour, keys in about["flavors"].items()
        }
        signature = about.get("signature") or {}
        free = about.keys() <= {"flavors", "signature", "saved_input_example_info"}
        inputs = {key for key, value in signature.items() if value is not None} <= {"inputs"}
        loader = files[PICKLE].read_bytes() if PICKLE in files else b"mlflow.pytorch.pickle_module"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    known = said in _layouts(path) and loader == b"mlflow.pytorch.pickle_module"
    return known and free and inputs


def _layouts(path: str) -> list[dict]:
    """What the flavours that load the file say."""
    suffix = path.rpartition(".")[2].lower()
    booster, providers = "xgboost.core.Booster", ["CUDAExecutionProvider", "CPUExecutionProvider"]
    if path in ("data/model.pth", "data/model.pt2"):
        ways = [("pytorch", {"data": "data"}, {"model_data": "data"})]
    elif "/" in path:
        ways = []
    else:
        skops = {"pickled_model": path, "serialization_format": "skops"}
        boosted = {"data": path, "model_class": booster, "model_format": suffix}
        ways = [
            ("sklearn", {"model_path": path, "predict_fn": "predict"}, skops),
            ("xgboost", {"data": path}, boosted),
            ("onnx", {"data": path}, {"data": path, "providers": providers}),
        ]
    env = {"virtualenv": "python_env.yaml"}
    return [
        {
            name: {**flavour, "code": None},
            "python_function": {"loader_module": f"mlflow.{name}", "env": env, **pyfunc},
        }
        for name, pyfunc, flavour in ways
    ]
