"""List the values that a Helm chart knows: `chart_keys.py CHART_DIR`.

A key is known if the chart's values.yaml has it or a template reads it; below a key that a
template hands on whole (`toYaml`), the chart allows anything. Tests hold our values against this
list, so that a misspelt key, which Helm ignores, is noticed.

    helm pull oci://registry.dagger.io/dagger-helm --version 0.20.0 --untar
    .venv/bin/python scripts/chart_keys.py dagger-helm > control-plane/dagger/chart-keys.json
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

_READ = re.compile(r"\.Values\.([A-Za-z][\w.]*)")
_WHOLE = re.compile(
    r"toYaml \.Values\.([\w.]+)|with \.Values\.([\w.]+) [^}]*}}\s*(?:\w+:\s*)?{{-? toYaml \."
)


def keys_of(content: object, prefix: str = "") -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield f"{prefix}{key}"
            yield from keys_of(value, f"{prefix}{key}.")


def chart_keys(chart: Path) -> dict[str, Any]:
    about = yaml.safe_load((chart / "Chart.yaml").read_text("utf-8"))
    known = set(keys_of(yaml.safe_load((chart / "values.yaml").read_text("utf-8"))))
    whole = set()
    for template in sorted((chart / "templates").iterdir()):
        text = template.read_text("utf-8")
        known.update(_READ.findall(text))
        # `with .Values.x … toYaml .`: the next line of the template.
        text = re.sub(r"}}\s*\n\s*", "}} ", text)
        for direct, scoped in _WHOLE.findall(text):
            whole.add(direct or scoped)
    return {
        "chart": about["name"],
        "version": about["version"],
        "keys": sorted(known),
        "whole": sorted(whole & known),
    }


if __name__ == "__main__":
    print(json.dumps(chart_keys(Path(sys.argv[1])), indent=2))
