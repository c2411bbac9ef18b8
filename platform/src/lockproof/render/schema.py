"""The published schemas, and the policy's reference page, made from the models.

`python -m lockproof.render.schema [FOLDER]` writes them; the default is docs/reference.
"""

import ast
import inspect
import json
import sys
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from lockproof.config.policy import PARTS, file_model
from lockproof.model.base import Frozen
from lockproof.model.canary_checks import CanaryChecks
from lockproof.model.canary_statement import CanaryPredicate
from lockproof.model.checked import Model, adapter, model_of
from lockproof.model.finding import HELP_ROOT
from lockproof.model.lineage import Lineage
from lockproof.model.report import Report
from lockproof.model.revisions import Revisions
from lockproof.model.statement import VerdictPredicate
from lockproof.model.verdict import Verdict
from lockproof.render.descriptions import FIELDS
from lockproof.render.json_report import NOT_FINITE
from lockproof.render.policy_page import policy_page

REFERENCE_ROOT = f"{HELP_ROOT.rpartition('/')[0]}/reference"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]
Kind = type[BaseModel] | type[Frozen]


class _OfValues(GenerateJsonSchema):
    """Of our values what their models say."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        kind = schema["cls"]
        if issubclass(kind, Frozen):
            schema = {**schema, "cls": model_of(kind)}
        return super().model_schema(schema)


class _AsWritten(_OfValues):
    """Floats as `json_report` writes them: JSON has no words for those that are not finite."""

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return {"anyOf": [super().float_schema(schema), {"enum": list(NOT_FINITE)}]}


def _schema(value: type[Frozen], mode: JsonSchemaMode) -> Schema:
    return adapter(value).json_schema(mode=mode, schema_generator=_OfValues)


def report_schema() -> Schema:
    """JSON Schema of what `json_report` writes."""
    schema = adapter(Report).json_schema(mode="serialization", schema_generator=_AsWritten)
    _describe(schema, Report)
    # A reader can rely on every field: `json_report` writes them all.
    for definition in (schema, *schema["$defs"].values()):
        if "properties" in definition:
            definition["required"] = list(definition["properties"])
            for field in definition["properties"].values():
                field.pop("default", None)
    return _headed(schema, "report.schema.json", "lockproof report")


def policy_schema() -> Schema:
    """JSON Schema of `lockproof.toml`, for editors; TOML has no null, so it has none either."""
    policy = file_model(PARTS.values())
    schema = policy.model_json_schema(mode="validation", schema_generator=_OfValues)
    _describe(schema, policy)
    definitions = schema["$defs"]
    for definition in (schema, *definitions.values()):
        for field in definition.get("properties", {}).values():
            _without_null(field)
    # What the validators of these two sections check.
    definitions["EnvironmentPolicy"]["oneOf"] = [
        {"required": [key]} for key in ("requirements", "uv-lock", "interpreter", "image")
    ]
    definitions["ToleranceRule"]["anyOf"] = [
        {"required": [key], "properties": {key: {"exclusiveMinimum": 0}}}
        for key in ("rtol", "atol")
    ]
    schema["properties"]["rules"]["additionalProperties"] = False
    return _headed(schema, "policy.schema.json", "lockproof policy")


def verdict_schema() -> Schema:
    """JSON Schema of the predicate in which `attest` states a verdict."""
    schema = _schema(VerdictPredicate, "validation")
    _describe(schema, VerdictPredicate)
    return _headed(schema, "verdict.schema.json", "lockproof verdict")


def canary_checks_schema() -> Schema:
    """JSON Schema of `canary-checks.yaml`, for editors."""
    schema = CanaryChecks.model_json_schema(mode="validation")
    _describe(schema, CanaryChecks)
    return _headed(schema, "canary-checks.schema.json", "lockproof canary checks")


def canary_schema() -> Schema:
    """JSON Schema of the predicate in which `canary record` states a verdict."""
    schema = _schema(CanaryPredicate, "validation")
    _describe(schema, CanaryPredicate)
    return _headed(schema, "canary.schema.json", "lockproof canary")


def lineage_schema() -> Schema:
    """JSON Schema of what `lineage_json` writes."""
    schema = _schema(Lineage, "serialization")
    _describe(schema, Lineage)
    schema["properties"]["verdict"] = {
        "enum": [verdict.value for verdict in Verdict],
        "description": "The answer to what was asked; it decides the exit code.",
    }
    for definition in (schema, *schema["$defs"].values()):
        definition["required"] = list(definition["properties"])
        for field in definition["properties"].values():
            field.pop("default", None)
    return _headed(schema, "lineage.schema.json", "lockproof lineage")


def revisions_schema() -> Schema:
    """JSON Schema of what `reproduce` writes of several revisions."""
    schema = _schema(Revisions, "serialization")
    _describe(schema, Revisions)
    for definition in (schema, *schema["$defs"].values()):
        if "properties" in definition:
            definition["required"] = list(definition["properties"])
            for field in definition["properties"].values():
                field.pop("default", None)
    return _headed(schema, "revisions.schema.json", "lockproof revisions")


def as_text(schema: Schema) -> str:
    """A schema as its file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


PUBLISHED: Mapping[str, Callable[[], str]] = {
    "report.schema.json": lambda: as_text(report_schema()),
    "policy.schema.json": lambda: as_text(policy_schema()),
    "verdict.schema.json": lambda: as_text(verdict_schema()),
    "canary.schema.json": lambda: as_text(canary_schema()),
    "lineage.schema.json": lambda: as_text(lineage_schema()),
    "revisions.schema.json": lambda: as_text(revisions_schema()),
    "canary-checks.schema.json": lambda: as_text(canary_checks_schema()),
    "policy.md": lambda: policy_page(policy_schema()),
}
"""File name in docs/reference -> what makes its content."""


def models_in(root: Kind) -> dict[str, Kind]:
    """`root` and every model that its fields lead to, by class name."""
    found: dict[str, Kind] = {}
    queue = [root]
    while queue:
        model = queue.pop()
        if model.__name__ in found:
            continue
        found[model.__name__] = model
        for field in fields_in(model).values():
            queue.extend(_models_of(field.annotation))
    return found


def fields_in(model: Kind) -> dict[str, FieldInfo]:
    """What pydantic knows of the fields of a model."""
    return (model_of(model) if issubclass(model, Frozen) else model).model_fields


def field_docstrings(model: Kind) -> dict[str, str]:
    """The docstrings under a model's own and inherited fields, each in one line.

    They are read from the source, since pydantic would have to do so at every import.
    """
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel | Frozen) or base in (BaseModel, Model, Frozen):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        for field, after in pairwise(getattr(definition, "body", [])):
            text = after.value.value if _is_text(after) else None
            if text and isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                found[field.target.id] = " ".join(text.split())
    return found


def _models_of(annotation: Any) -> Iterator[Kind]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel | Frozen):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_of(argument)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _describe(schema: Schema, root: Kind) -> None:
    for name, model in models_in(root).items():
        definition = schema if model is root else schema["$defs"][name]
        docstrings = field_docstrings(model)
        for field, info in fields_in(model).items():
            shown = definition["properties"][info.alias or field]
            shown.pop("title", None)
            text = docstrings.get(field) or FIELDS.get(f"{name}.{field}") or info.description
            if text and "description" not in shown:
                shown["description"] = text
    for definition in (schema, *schema["$defs"].values()):
        if "description" in definition:
            definition["description"] = " ".join(definition["description"].split())


def _without_null(field: Schema) -> None:
    choices = [choice for choice in field.get("anyOf", []) if choice.get("type") != "null"]
    if "anyOf" in field:
        field["anyOf"] = choices
    if len(choices) == 1:
        del field["anyOf"]
        field.update(choices[0])
    if field.get("default", ...) is None:
        del field["default"]


def _headed(schema: Schema, file: str, title: str) -> Schema:
    head = {"$schema": DIALECT, "$id": f"{REFERENCE_ROOT}/{file}", "title": title}
    return head | {key: value for key, value in schema.items() if key != "title"}


def main(arguments: list[str]) -> None:
    """Write the published files."""
    folder = Path(arguments[0] if arguments else "docs/reference")
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PUBLISHED.items():
        (folder / name).write_text(make(), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
