"""What serve.py of control-plane/gitops counts of a model's answers, whatever these are."""

import importlib.util
import logging
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

CONTROL = Path(__file__).resolve().parents[2] / "control-plane"
CODE = CONTROL / "gitops" / "serve.py"


@pytest.fixture(scope="module")
def code() -> ModuleType:
    """The module, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("serve_in_pods", CODE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def figures(counts: Any) -> dict[str, float]:
    pairs = (line.rpartition(" ") for line in counts.text().splitlines() if line[0] != "#")
    return {name: float(value) for name, _, value in pairs}


@pytest.mark.parametrize(
    ("answered", "threes", "others"),
    [
        (np.array([3, 3, 1, 7]), 2, 1),
        (np.array([3.0, 3.5, np.nan, np.inf]), 1, 3),
        ([3, "3", "x", None], 2, 2),
        (pd.Series([3, 1]), 1, 0),
        (pd.DataFrame({"digit": [3, 1]}), 1, 0),
        (np.array([[0.1, 0.9], [0.5, 0.5]]), 0, 2),
        ([], 0, 0),
    ],
)
def test_each_prediction_is_one_of_its_class_or_of_others(
    answered: Any, threes: int, others: int, code: ModuleType
) -> None:
    counts = code.Counts(["1", "3"], {}, [])
    counts.add([[0]] * len(answered), answered)
    seen = figures(counts)
    assert seen['model_predictions_total{class="3"}'] == threes
    assert seen['model_predictions_total{class="other"}'] == others
    assert sum(seen.values()) == len(answered)


@pytest.mark.parametrize("kind", [list, np.array, pd.DataFrame])
def test_inputs_are_in_the_bucket_that_they_end_in_and_what_is_no_number_in_the_last(
    kind: Any, code: ModuleType
) -> None:
    counts = code.Counts(["1"], {"x": 1}, [0.0, 4.0])
    rows = [[9, -1], [9, 0], [9, 0.5], [9, 4], [9, 4.5], [9, float("nan")]]
    counts.add(kind(rows), [1] * 6)
    counts.add([[9, "many"]], [1])
    seen = figures(counts)
    for end, wanted in (("0.0", 2), ("4.0", 4), ("+Inf", 7)):
        assert seen[f'model_inputs_bucket{{input="x",le="{end}"}}'] == wanted
    assert seen['model_inputs_count{input="x"}'] == 7


@pytest.mark.parametrize(
    "answered",
    [
        {"label": ["1"] * 3}, [[1, 2], [3], 1], [1, 1], [1] * 4, 1, "111", None, np.array(1),
        [[[1], [2, 3]]] * 3, object(),
    ],
)  # fmt: skip
def test_an_answer_that_has_no_prediction_for_each_row_hides_none(
    answered: Any, code: ModuleType
) -> None:
    """They went uncounted, so that the classes of the rest looked as ever."""
    counts = code.Counts(["1", "3"], {"x": 0}, [0.0])
    counts.add([[5]] * 3, answered)
    seen = figures(counts)
    assert sum(n for name, n in seen.items() if name.startswith("model_predictions")) == 3
    assert seen['model_predictions_total{class="other"}'] >= 1
    assert seen['model_inputs_count{input="x"}'] == 3


@pytest.mark.parametrize("asked", [[[5]], [[5, 6], [7]], {"a": [1]}, "rows", None, [1], [{"a": 1}]])
def test_inputs_that_are_not_there_hide_no_prediction(asked: Any, code: ModuleType) -> None:
    counts = code.Counts(["1"], {"x": 1}, [0.0])
    rows = len(asked) if isinstance(asked, list) else 1
    counts.add(asked, [1] * rows)
    seen = figures(counts)
    assert seen['model_predictions_total{class="1"}'] == rows
    assert seen['model_inputs_bucket{input="x",le="+Inf"}'] == rows
    assert seen['model_inputs_bucket{input="x",le="0.0"}'] == 0


def test_what_cannot_be_counted_is_answered_and_told(
    code: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        """Stands in for counts with a fault."""

        def add(self, asked: Any, answered: Any) -> None:
            raise RuntimeError("broken")

    def predict(data: Any, params: Any = None) -> list[int]:
        return [1] * len(data)

    with caplog.at_level(logging.ERROR):
        assert code.counted(predict, Broken())([[5]], params=None) == [1]
    assert "not counted" in caplog.text


@pytest.mark.parametrize("text", ["p=-1", "p=1,p=2", "p", "=1", "p=x", ""])
def test_inputs_that_are_none_are_refused(text: str, code: ModuleType) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - argparse says the rest
        code._inputs(text)


@pytest.mark.parametrize("text", ["other", "1,1", "1,", '"'])
def test_classes_that_would_be_two_series_are_refused(text: str, code: ModuleType) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - argparse says the rest
        code._words(text)


@pytest.mark.parametrize(
    ("path", "setting", "idle"),
    [
        # Envoy's idle_timeout by default; envoy.yaml sets no other.
        ("gitops/serve.py", r"timeout_keep_alive=(\d+)", 3600),
        # What a cloud's load balancer keeps.
        ("mlflow/deployment.yaml", r"--timeout-keep-alive=(\d+)", 60),
    ],
)
def test_an_idle_connection_is_ended_by_what_stands_before_a_server(
    path: str, setting: str, idle: int
) -> None:
    """Else a request meets one that is just being closed: a 503, or the end of a port-forward."""
    assert "idle_timeout" not in (CONTROL / "gitops/envoy.yaml").read_text("utf-8")
    (seconds,) = re.findall(setting, (CONTROL / path).read_text("utf-8"))
    assert int(seconds) > idle
