"""The reference page of `lockproof.toml`, made from its schema."""

import json
from typing import Any

EXAMPLE = """\
[environment]
requirements = "data-plane/dvc/requirements.lock"
python = "3.12"

[run]
timeout = "30m"
pass-env = ["OMP_NUM_THREADS"]

[reproduce]
jobs = 2
frozen = "accept"

[[tolerance]]
paths = ["data-plane/models/*.npz"]
rtol = 1e-6
atol = 1e-9

[[tolerance]]
paths = ["data-plane/dvc/metrics.json"]
fields = ["*.accuracy", "*.f1.*"]
atol = 0.005

[[judged-by]]
paths = ["data-plane/models/*.skops"]
by = ["data-plane/models/*.npz"]
reason = "a zip archive holds the time at which it was written"
"""

_INTRODUCTION = """\
# The policy: lockproof.toml

<!-- Made by `python -m lockproof.render.schema` from the policy's schema: change the field's
docstring, then run that. A test compares. -->

The file `lockproof.toml` at the DVC root says what a proof takes. Every key is optional unless
its table says otherwise, and a key that is not listed here is an error. Globs match whole POSIX
paths below the DVC root; `*` also matches `/`. Where several `[[tolerance]]` tables match, the
first one in the file wins.

Editors that know JSON Schema for TOML check the file against
[policy.schema.json](policy.schema.json) if its first line is `#:schema` and the path to that
schema.

## Example

```toml
{example}```
"""


def policy_page(schema: dict[str, Any]) -> str:
    """The page, in Markdown.

    Args:
        schema: what `lockproof.render.schema.policy_schema` returns.
    """
    parts = [_INTRODUCTION.format(example=EXAMPLE)]
    for key, section in schema["properties"].items():
        named = next(iter(section.get("patternProperties", {}).values()), None)
        reference = (named or section.get("items", section))["$ref"]
        definition = schema["$defs"][reference.rpartition("/")[2]]
        repeated = section.get("type") == "array"
        title = f"{key}.LPxxx" if named else key
        parts.append(_section(title, definition, repeated=repeated))
        for name, field in definition["properties"].items():
            one = field.get("items", field)
            if "$ref" in one:  # A table in the table, or several.
                inner = schema["$defs"][one["$ref"].rpartition("/")[2]]
                parts.append(_section(f"{key}.{name}", inner, repeated="items" in field))
    return "\n".join(parts)


def _section(key: str, definition: dict[str, Any], *, repeated: bool) -> str:
    title = f"[[{key}]]" if repeated else f"[{key}]"
    lines = [f"## `{title}`", "", definition["description"], ""]
    if repeated:
        lines += ["There may be several of these tables.", ""]
    lines += ["| Key | Type | Default | Meaning |", "| --- | --- | --- | --- |"]
    required = definition.get("required", [])
    for name, field in definition["properties"].items():
        default = "required" if name in required else _default(field)
        cells = [f"`{name}`", _type(field), default, field.get("description", "")]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _default(field: dict[str, Any]) -> str:
    return f"`{json.dumps(field['default'])}`" if "default" in field else "none"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return "table, below"
    if "anyOf" in field:
        return " or ".join(_type(choice) for choice in field["anyOf"])
    if "enum" in field:
        return " or ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    if field["type"] == "array":
        least = ", at least one" if field.get("minItems") else ""
        if "$ref" in field["items"]:
            return f"array of tables, below{least}"
        return f"array of {_type(field['items'])}s{least}"
    if field["type"] == "string" and "smhd" in field.get("pattern", ""):
        return "duration"
    if field["type"] == "string" and "iB" in field.get("pattern", ""):
        return "size"
    if field.get("format") == "date":
        return "date"
    return str(field["type"]) + _range(field)


def _range(field: dict[str, Any]) -> str:
    bounds = [
        f"{word} {field[keyword]:g}"
        for keyword, word in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
        )
        if keyword in field
    ]
    return " " + " ".join(bounds) if bounds else ""
