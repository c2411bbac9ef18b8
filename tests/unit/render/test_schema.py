"""The published schemas and the policy's reference page."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import lockproof
from lockproof.config import parse_policy
from lockproof.config.policy import PARTS, file_model
from lockproof.errors import ConfigError
from lockproof.model.canary import ArmSeen, CanarySeen, Measured
from lockproof.model.canary_statement import CanaryPredicate, canary_payload
from lockproof.model.lineage import Lineage, ModelLineage, VersionLineage
from lockproof.model.report import MetricValue, Report
from lockproof.model.verdict import Verdict
from lockproof.render import descriptions, policy_page, schema
from lockproof.render.json_report import json_report
from lockproof.render.lineage import lineage_json
from unit.render import sample

REFERENCE = Path(lockproof.__file__).parents[3] / "docs" / "reference"

REPORTS = Draft202012Validator(schema.report_schema())
POLICIES = Draft202012Validator(schema.policy_schema())
POLICY = file_model(PARTS.values())


@pytest.mark.parametrize("name", schema.PUBLISHED)
def test_the_published_file_is_what_the_models_say(name: str) -> None:
    published = (REFERENCE / name).read_text("utf-8")
    assert published == schema.PUBLISHED[name](), "run `python -m lockproof.render.schema`"


@pytest.mark.parametrize(
    "made",
    [
        schema.report_schema(),
        schema.policy_schema(),
        schema.verdict_schema(),
        schema.lineage_schema(),
        schema.revisions_schema(),
        schema.canary_checks_schema(),
        schema.canary_schema(),
    ],
)
def test_a_schema_is_sound_and_says_what_everything_means(made: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(made)
    assert made["$id"].startswith("https://")
    assert made["title"].startswith("lockproof ")
    for name, definition in {"": made, **made["$defs"]}.items():
        assert definition["description"], name
        for field, shown in definition.get("properties", {}).items():
            assert shown.get("description"), f"{name}.{field}"


@pytest.mark.parametrize("root", [Report, POLICY])
def test_what_a_field_means_is_said_once(root: schema.Kind) -> None:
    for name, model in schema.models_in(root).items():
        documented = schema.field_docstrings(model)
        doubled = [field for field in documented if f"{name}.{field}" in descriptions.FIELDS]
        assert doubled == [], f"{name} says it itself: remove it from descriptions.py"


def test_no_description_is_of_a_field_that_is_not_there() -> None:
    models = schema.models_in(Report) | schema.models_in(POLICY)
    for key in descriptions.FIELDS:
        model, field = key.split(".")
        assert field in schema.fields_in(models[model])


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_reports_follow_the_schema(name: str) -> None:
    REPORTS.validate(json.loads(json_report(sample.SAMPLES[name]())))


def test_what_lineage_writes_follows_its_schema() -> None:
    lineages = Draft202012Validator(schema.lineage_schema())
    whole = VersionLineage(
        number=2,
        uri="models:/m/2",
        created="2026-01-01T00:00:00Z",
        aliases=("candidate",),
        served_by=("rollout.yaml",),
        commit="a" * 40,
        outputs={"m": "md5:1"},
        problems=("its verdict is 'failed'",),
        reach="not known",
    )
    bare = VersionLineage(number=1, uri="models:/m/1", created="2026-01-01T00:00:00Z")
    model = ModelLineage(name="m", versions=(whole, bare), missing=("r.yaml: models:/m/3",))
    for models in ((), (model,)):
        lineage = Lineage(tool="lockproof 1", registry="sqlite:///m.db", models=models)
        lineages.validate(json.loads(lineage_json(lineage)))
    said = json.loads(lineage_json(lineage))
    for spoil in ({"verdict": "maybe"}, {"schema_version": "2"}, {"more": 1}):
        assert not lineages.is_valid({**said, **spoil})


def test_what_is_signed_of_a_canary_follows_its_schema() -> None:
    measured = Measured(
        name="errors",
        verdict=Verdict.FAILED,
        reason="worse",
        what="ratio",
        method="intervals",
        worse="higher",
        canary=ArmSeen(requests=9000.0, value=0.4),
        upper=0.5,
    )
    seen = CanarySeen(
        checks="web",
        digest="0" * 64,
        source="samples.json",
        since="2026-11-29T12:00:00Z",
        until="2026-11-29T13:00:00Z",
        interval=60,
        false_abort=0.05,
        false_promote=0.05,
        measures=(measured,),
    )
    predicate = CanaryPredicate(
        version="1",
        model="m",
        served="models:/m/1",
        key="1" * 64,
        proof="2" * 64,
        verdict=Verdict.FAILED,
        canary=seen,
        report="3" * 64,
        tool="lockproof 1",
        signed_at="2026-11-29T13:01:00Z",
    )
    made = json.loads(canary_payload((), predicate))
    assert made["predicateType"].endswith("/canary.schema.json#1")
    Draft202012Validator(schema.canary_schema()).validate(made["predicate"])
    assert CanaryPredicate.model_validate_json(json.dumps(made["predicate"])) == predicate


def test_a_number_that_json_cannot_say_follows_the_schema() -> None:
    metric = MetricValue(path="m", key="k", locked=float("inf"), observed=float("nan"))
    REPORTS.validate(json.loads(json_report(sample.report((), metrics=(metric,)))))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda report: report.update(extra=1),
        lambda report: report.update(verdict="probably"),
        lambda report: report.pop("subject"),
        lambda report: report["stages"][0].update(command="not a list"),
        lambda report: report["host"]["metrics"][0].update(observed="high"),
        lambda report: report["subject"].update(mode="both"),
    ],
)
def test_what_is_no_report_does_not_follow_it(spoil: Any) -> None:
    report = json.loads(json_report(sample.failed()))
    spoil(report)
    assert not REPORTS.is_valid(report)


POLICY_TEXTS = {
    "": True,
    policy_page.EXAMPLE: True,
    "[environment]\nrequirements = 'r.txt'\n": True,
    "[environment]\nimage = 'python@sha256:0'\npython = '3.12'\n": True,
    "[environment]\n": False,
    "[environment]\nrequirements = 'r.txt'\nuv-lock = 'uv.lock'\n": False,
    "[environment]\npython = '3.12'\n": False,
    "[run]\ntimeout = 90\n": True,
    "[run]\ntimeout = 0.5\n": True,
    "[run]\ntimeout = '90s'\n": True,
    "[run]\ntimeout = ' 1.5 h '\n": True,
    "[run]\ntimeout = 0\n": False,
    "[run]\ntimeout = '0s'\n": False,
    "[run]\ntimeout = '0.0m'\n": False,
    "[run]\ntimeout = 'soon'\n": False,
    "[run]\ntimeout = '90'\n": False,
    "[run]\nnetwork = true\npass-env = ['A_*']\nshell = '/bin/bash'\n": True,
    "[run]\npass_environment = []\n": False,
    "[reproduce]\nmode = 'chain'\njobs = 1\nruns = 10\nexplain = false\n": True,
    "[reproduce]\nmode = 'fast'\n": False,
    "[reproduce]\njobs = 0\n": False,
    "[reproduce]\nruns = 11\n": False,
    "[reproduce]\nfrozen = 'accept'\nnot-comparable = 'accept'\n": True,
    "[reproduce]\nfrozen = 'ignore'\n": False,
    "[[tolerance]]\npaths = ['a']\nrtol = 0.1\n": True,
    "[[tolerance]]\npaths = ['a']\natol = 1\n": True,
    "[[tolerance]]\npaths = ['a']\n": False,
    "[[tolerance]]\npaths = ['a']\nrtol = 0\natol = 0.0\n": False,
    "[[tolerance]]\npaths = ['a']\nrtol = -1\natol = 1\n": False,
    "[[tolerance]]\npaths = []\nrtol = 0.1\n": False,
    "[[tolerance]]\nrtol = 0.1\n": False,
    "[[judged-by]]\npaths = ['a']\nby = ['b']\nreason = 'c'\n": True,
    "[[judged-by]]\npaths = ['a']\nby = ['b']\nreason = ''\n": False,
    "[[judged-by]]\npaths = ['a']\nby = ['b']\n": False,
    "[record]\ndirectory = 'runs'\n": True,
    "[mlflow]\ntracking-uri = 'http://localhost:5000'\nexperiment = 'x'\n": True,
    "[mlfow]\n": False,
}


@pytest.mark.parametrize(("text", "is_policy"), POLICY_TEXTS.items())
def test_the_schema_and_the_reader_of_policies_agree(text: str, is_policy: bool) -> None:
    try:
        parse_policy(text)
        accepted = True
    except ConfigError:
        accepted = False
    assert accepted == is_policy
    assert POLICIES.is_valid(tomllib.loads(text)) == is_policy


def test_the_page_has_every_key() -> None:
    page = schema.PUBLISHED["policy.md"]()
    for section, field in POLICY.model_fields.items():
        title = field.alias or section
        titles = (f"[{title}]", f"[[{title}]]", f"[{title}.LPxxx]")
        assert any(f"## `{heading}`" in page for heading in titles)
    for model in schema.models_in(POLICY).values():
        for name, info in schema.fields_in(model).items():
            if model is not POLICY:
                assert f"\n| `{info.alias or name}` | " in page


def test_the_files_are_written_where_one_asks(tmp_path: Path) -> None:
    schema.main([str(tmp_path / "new")])
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(schema.PUBLISHED)
