"""The values for Dagger's chart: only keys that its version knows, and nodes that we have."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "control-plane" / "dagger"
CHART: dict[str, Any] = json.loads((FOLDER / "chart-keys.json").read_text())
FILES = ("values.yaml", "values-gpu.yaml")
VALUES = {name: yaml.safe_load((FOLDER / name).read_text()) for name in FILES}


def unknown(content: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Keys that the chart does not know; Helm itself ignores them."""
    for key, value in content.items():
        place = f"{prefix}{key}"
        if place not in CHART["keys"]:
            yield place
        elif place not in CHART["whole"] and isinstance(value, dict):
            yield from unknown(value, f"{place}.")


@pytest.mark.parametrize("name", VALUES)
def test_the_chart_knows_every_value(name: str) -> None:
    assert list(unknown(VALUES[name])) == []


def test_a_misspelt_value_is_noticed() -> None:
    wrong = {"engine": {"nodeSelectorr": {}, "statefulSet": {"pvc": 1}, "nodeSelector": {"a": 1}}}
    assert list(unknown(wrong)) == ["engine.nodeSelectorr", "engine.statefulSet.pvc"]


def test_chart_and_module_have_the_same_version() -> None:
    for name in VALUES:
        assert f"--version {CHART['version']} " in (FOLDER / name).read_text()
    gpu = VALUES["values-gpu.yaml"]["engine"]["image"]["ref"]
    assert gpu.endswith(f":v{CHART['version']}-gpu")


def test_the_engines_are_reached_where_they_listen_and_run_on_nodes_that_we_have() -> None:
    port = VALUES["values.yaml"]["engine"]["port"]
    services, policy = {}, None
    for document in yaml.safe_load_all((FOLDER / "network.yaml").read_text()):
        if document["kind"] == "Service":
            services[document["metadata"]["name"]] = document["spec"]
        else:
            policy = document["spec"]
    assert policy
    assert policy["ingress"][0]["ports"] == [{"protocol": "TCP", "port": port}]
    nodes = (ROOT / "control-plane" / "cluster" / "nodegroup.yaml").read_text()
    for values in VALUES.values():
        name = values["fullnameOverride"]
        assert services[name]["selector"] == {"name": f"{name}-engine"}
        assert [p["port"] for p in services[name]["ports"]] == [port]
        for key, value in values["engine"]["nodeSelector"].items():
            assert f"{key}: {value}\n" in nodes


def test_the_engine_configuration_is_json() -> None:
    assert json.loads(VALUES["values.yaml"]["engine"]["configJson"])["gc"]


def test_the_list_of_keys_is_made_from_a_chart(tmp_path: Path) -> None:
    """A small chart in the style of Dagger's."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("name: small\nversion: 1.2.3\n")
    (tmp_path / "values.yaml").write_text("engine:\n  kind: A\n  tree: {}\n")
    (tmp_path / "templates" / "a.yaml").write_text(
        "{{- with .Values.engine.selector }}\nnodeSelector:\n"
        "  {{- toYaml . | nindent 2 }}\n{{- end }}\n"
        "x: {{ toYaml .Values.engine.tree }}\ny: {{ .Values.engine.port }}\n"
    )
    assert script().chart_keys(tmp_path) == {
        "chart": "small",
        "version": "1.2.3",
        "keys": ["engine", "engine.kind", "engine.port", "engine.selector", "engine.tree"],
        "whole": ["engine.selector", "engine.tree"],
    }


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chart_keys", ROOT / "scripts" / "chart_keys.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
