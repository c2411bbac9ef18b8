"""Every flavour as MLflow reads it back, from bytes that nothing here could load."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .models import downloaded, proof_of, register, registry_of, versions, without_settings
from .pipelines import Project, new_project

PIPELINE = """\
stages:
  train:
    cmd: >-
      mkdir own && cp raw.txt own/model.bin && printf 'flavors: {}\\n' > own/MLmodel
      && for f in a.skops b.pth c.ubj d.onnx e.pt2 f.txt; do cp raw.txt $f; done
    deps: [raw.txt]
    outs: [a.skops, b.pth, c.ubj, d.onnx, e.pt2, own, f.txt: {cache: false}]
"""
MODELS = {
    "sklearn": ("a.skops", 'skops-trusted = ["x.Y"]\ninput-example = "example.json"'),
    "pytorch": ("b.pth", ""),
    "xgboost": ("c.ubj", 'input-example = "rows.json"'),
    "onnx": ("d.onnx", ""),
    "exported": ("e.pt2", ""),
    "pyfunc": ("own", ""),
    "file": ("f.txt", ""),
}
WHERE = {
    "sklearn": "a.skops",
    "pytorch": "data/model.pth",
    "xgboost": "c.ubj",
    "onnx": "d.onnx",
    "exported": "data/model.pt2",
    "pyfunc": "model.bin",
    "file": "f.txt",
}
LOADER = {
    "sklearn": ("sklearn", "pickled_model", "a.skops"),
    "pytorch": ("pytorch", "model_data", "data"),
    "xgboost": ("xgboost", "data", "c.ubj"),
    "onnx": ("onnx", "data", "d.onnx"),
    "exported": ("pytorch", "model_data", "data"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with without_settings():
        project = new_project(tmp_path_factory.mktemp("flavours"))
        policy = "".join(
            f'[[model]]\nname = "{name}"\npaths = ["{path}"]\n'
            f'flavour = "{"pytorch" if name == "exported" else name}"\n{more}\n'
            for name, (path, more) in MODELS.items()
        )
        project.write({"dvc.yaml": PIPELINE, "lockproof.toml": policy, "raw.txt": "bytes\n"})
        project.write(
            {
                "example.json": '{"columns": ["x", "é"], "data": [[1.5, "a"], [2.5, "b"]]}',
                "rows.json": "[[1, 2], [3, 4]]",
            }
        )
        project.dvc("add", "-q", "raw.txt")
        project.repro()
        report = proof_of(project)
        for name in MODELS:
            assert register(project, report, model=name) == 0
        yield project


@pytest.mark.parametrize("name", MODELS)
def test_a_version_is_laid_out_as_mlflow_loads_it(name: str, made: Project, tmp_path: Path) -> None:
    (version,) = versions(made, name)
    files = downloaded(made, version, tmp_path)
    assert files[WHERE[name]] == b"bytes\n"
    assert json.loads(files["lockproof-model.json"])["name"] == name
    if name not in LOADER:
        assert ("MLmodel" in files) == (name == "pyfunc")
        return
    from mlflow.models import Model

    model = Model.load(str(tmp_path))
    flavour, key, value = LOADER[name]
    assert model.flavors[flavour][key] == value
    pyfunc = model.flavors["python_function"]
    assert pyfunc["loader_module"] == f"mlflow.{flavour}"
    place = pyfunc.get("model_path") or pyfunc["data"]
    assert (tmp_path / place).exists()
    assert pyfunc["env"] == {"virtualenv": "python_env.yaml"}
    assert b"python: " in files["python_env.yaml"]
    if name == "pytorch":
        assert files["data/pickle_module_info.txt"] == b"mlflow.pytorch.pickle_module"
    if name == "sklearn":
        assert model.flavors["sklearn"]["skops_trusted_types"] == ["x.Y"]
        assert model.signature.inputs.input_names() == ["x", "é"]
        with registry_of(made).store.settings():
            example = model.load_input_example(str(tmp_path))
        assert example["x"].tolist() == [1.5, 2.5]
    if name == "xgboost":
        assert model.signature.inputs.is_tensor_spec()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '[["a"]]', "[[1], [2, 3]]", '{"columns": ["x"], "data": [[1, 2]]}']
)
def test_what_is_no_example_is_refused(text: str, made: Project) -> None:
    from lockproof.adapters.mlflow.examples import read_example
    from lockproof.errors import ConfigError

    with pytest.raises(ConfigError, match=r"x\.json"):
        read_example(registry_of(made).store, text.encode(), "x.json")
