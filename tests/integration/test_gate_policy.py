"""What the policy, waivers, the baseline and a pull request make of what the gate finds."""

import json
from pathlib import Path

import pytest

from lockproof.errors import ConfigError
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.steps.gate import Request, gate
from lockproof.steps.lint import Request as LintRequest
from lockproof.steps.lint import lint

from .good_project import Edit, append, both, in_lock, put, spoilt, swap
from .mutations_gate import GHOST, WAIVER, Mutation
from .pipelines import BIN, Project, Silence, copy_of
from .remotes import Folder

SEVERITY = 'LP109.severity = "error"\n'
CODE = append("src/train.py", "# new\n")
ALL_OFF = "lock", "remote", "git", "record", "metrics", "manifests"


@pytest.fixture
def project(good: Project, tmp_path: Path) -> Project:
    return copy_of(good, tmp_path)


def commit(project: Project, *edits: Edit) -> None:
    """Commit changes, and a record that fits them."""
    Mutation("change", "", both(*edits)).apply(project, Folder(project.remote))


def report_of(project: Project, **request: object) -> Report:
    """Run the gate in this process."""
    given = Request(directory=project.root, **request)  # type: ignore[arg-type]
    return gate(given, Silence()).report


def brief(report: Report) -> list[tuple[str, str]]:
    return [(f.rule, f.severity.value) for f in report.findings]


def test_an_orphan_entry_is_a_warning_by_default(project: Project) -> None:
    orphan = in_lock(lambda stages: stages.update(ghost=GHOST))
    commit(project, orphan, swap("lockproof.toml", SEVERITY, ""))
    report = report_of(project)
    assert brief(report) == [("LP109", "warning")]
    assert report.verdict is Verdict.PASSED


def test_only_what_is_staged_counts(project: Project) -> None:
    CODE(project, Folder(project.remote))
    assert report_of(project, staged=True).verdict is Verdict.PASSED
    project.git("add", "-A")
    assert brief(report_of(project, staged=True)) == [("LP104", "error")]


def test_a_waived_loss_proves_no_other_object(project: Project) -> None:
    """Less is proved of a repository with more wrong in it."""
    remote = Folder(project.remote)
    terms = '\n[remote]\nby-size = "inconclusive"\n'
    commit(project, append("lockproof.toml", terms))
    assert report_of(project).verdict is Verdict.INCONCLUSIVE
    spoilt("report.txt", None)(project, remote)
    assert report_of(project).verdict is Verdict.FAILED
    waiver = WAIVER.format("2100-01-01").replace("LP104", "LP201").replace("train*", "report.txt")
    commit(project, append("lockproof.toml", waiver))
    report = report_of(project)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [f.rule for f in report.findings if f.severity.value == "error"] == []


HOOK = """\
#!/bin/sh
exec {lockproof} gate --staged --format json > {said}
"""


def test_a_hook_looks_at_what_is_committed(project: Project) -> None:
    """`git commit -a` and `git commit PATH` make an index of their own."""
    hook, said = project.root / ".git" / "hooks" / "pre-commit", project.remote.parent / "said"
    hook.write_text(HOOK.format(lockproof=BIN / "lockproof", said=said))
    hook.chmod(0o755)

    def committed(*argv: str) -> tuple[bool, list[str]]:
        before = project.git("rev-parse", "HEAD")
        project.run("git", "commit", "-qm", "x", *argv, check=False)
        rules = [found["rule"] for found in json.loads(said.read_text())["findings"]]
        return project.git("rev-parse", "HEAD") != before, rules

    CODE(project, Folder(project.remote))
    project.write({"notes.txt": "x"})
    assert committed("-a") == (False, ["LP104"])
    assert committed("src/train.py") == (False, ["LP104"])
    project.git("add", "src/train.py", "notes.txt")
    assert committed() == (False, ["LP104"])
    assert committed("notes.txt") == (True, [])
    assert committed() == (False, ["LP104"])


def test_a_pull_request_cannot_switch_a_rule_off(project: Project) -> None:
    commit(project, CODE, swap("lockproof.toml", SEVERITY, f"{SEVERITY}LP104.off = true\n"))
    report = report_of(project, pull_request=True, base="base")
    assert brief(report) == [("LP104", "error"), ("LP803", "error")]
    assert report.verdict is Verdict.FAILED
    assert report_of(project).findings == ()


def test_a_waiver_holds_until_it_ends(project: Project) -> None:
    commit(project, CODE, append("lockproof.toml", WAIVER.format("2998-01-01")))
    report = report_of(project)
    assert brief(report) == [("LP104", "note")]
    assert report.findings[0].message.endswith("(waived until 2998-01-01: known)")
    assert report.verdict is Verdict.PASSED
    commit(project, swap("lockproof.toml", "2998", "2020"))
    report = report_of(project)
    assert brief(report) == [("LP104", "error"), ("LP801", "error")]
    assert report.verdict is Verdict.FAILED


def test_a_baseline_lets_pass_what_was_there_and_no_more(project: Project) -> None:
    commit(project, CODE)
    report_of(project, write_baseline=True)
    project.commit("adopted")
    report = report_of(project)
    assert brief(report) == [("LP104", "note")]
    assert report.verdict is Verdict.PASSED
    commit(project, swap("params.yaml", "0.1", "0.2"))
    assert brief(report_of(project)) == [("LP103", "error"), ("LP104", "note")]
    commit(project, swap("params.yaml", "0.2", "0.1"), CODE)
    (found,) = report_of(project).findings
    assert (found.rule, found.severity.value) == ("LP104", "error")
    assert found.message.endswith("(changed since the baseline was written)")


def test_a_baseline_may_only_lose_entries(project: Project) -> None:
    commit(project, CODE)
    report_of(project, write_baseline=True)
    project.commit("adopted")
    project.git("branch", "-f", "base")
    commit(project, swap("src/train.py", "# new\n", ""))
    report = report_of(project)
    assert brief(report) == [("LP806", "warning")]
    assert "1 of 1 entries of baseline.json" in report.findings[0].message
    commit(project, put("baseline.json", '{"schema_version": "1", "findings": []}'))
    assert brief(report_of(project)) == []
    # The base's own is used, and still has the entry; that the change takes it out is no finding.
    assert brief(report_of(project, pull_request=True, base="base")) == [("LP806", "warning")]
    commit(project, put("baseline.json", "{"))
    assert brief(report_of(project, pull_request=True, base="base"))[0] == ("LP804", "error")


def test_names_that_are_no_text_can_be_adopted(project: Project) -> None:
    with open(bytes(project.root / "a; b ") + b"\xff.pkl", "wb") as file:
        file.write(b"x")
    project.commit("a hostile name")
    (found,) = report_of(project).findings
    assert found.rule == "LP307"
    report_of(project, write_baseline=True)
    project.commit("adopted")
    assert brief(report_of(project)) == [("LP307", "note")]


def test_advice_can_be_pasted_into_a_shell(project: Project) -> None:
    project.write({"a; rm b": "x" * 300_000})
    project.commit("a hostile name")
    (found,) = report_of(project).findings
    assert "git rm --cached 'a; rm b'" in found.message


def test_what_is_not_committed_is_not_adopted(project: Project) -> None:
    swap("params.yaml", "0.1", "0.2")(project, Folder(project.remote))
    assert report_of(project, write_baseline=True).verdict is Verdict.FAILED
    assert json.loads((project.root / "baseline.json").read_text())["findings"] == []


def _off(*families: str) -> Edit:
    return swap("lockproof.toml", "[gate]\n", f"[gate]\noff = {list(families)}\n")


def test_with_every_family_off_nothing_passes(project: Project) -> None:
    commit(project, _off(*ALL_OFF))
    assert report_of(project).verdict is Verdict.INCONCLUSIVE


def test_what_cannot_be_read_does_not_pass_by_switching_the_lock_off(project: Project) -> None:
    commit(project, append("dvc.yaml", "  - ["), _off("lock"))
    report = report_of(project)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.findings == ()
    (git,) = (check for check in report.checks if check.name == "git")
    assert any(line.startswith("files that cannot be read: 1;") for line in git.not_checked)


def test_manifests_of_the_commit_are_linted(project: Project) -> None:
    commit(project, append("control-plane/settings.yaml", "datta: {}\n"))
    (project.root / "control-plane/settings.yaml").unlink()  # The work tree is not looked at.
    report = report_of(project)
    assert [(f.rule, f.path) for f in report.findings] == [("LP604", "control-plane/settings.yaml")]
    assert report.verdict is Verdict.FAILED


def test_lint_and_the_gate_let_the_same_manifests_pass(project: Project) -> None:
    rules = "".join(
        f'[[waiver]]\nrule = "{rule}"\nsubject = "*"\nreason = "x"\nexpires = {day}\n'
        for rule, day in (("LP604", "2999-01-01"), ("LP605", "2000-01-01"))
    )
    misspelt = append("control-plane/settings.yaml", "datta: {}\n")
    note = swap("lockproof.toml", SEVERITY, f'{SEVERITY}LP621.severity = "note"\n')
    commit(project, misspelt, note, append("lockproof.toml", rules))
    linted = lint(LintRequest(directory=project.root), Silence())
    assert len({found.severity for found in linted.findings}) > 1
    gated = report_of(project)
    assert {f for f in gated.findings if f.rule[:3] in ("LP6", "LP8")} == set(linted.findings)


def test_a_pull_request_cannot_bring_the_schemas_it_is_held_against(project: Project) -> None:
    commit(
        project,
        put("schemas/note.txt", "no schema"),
        append("lockproof.toml", '[lint]\nschema-locations = ["schemas"]\n'),
    )
    with pytest.raises(ConfigError, match="schemas lies in the work tree"):
        report_of(project, pull_request=True, base="HEAD")
    assert report_of(project).verdict is Verdict.INCONCLUSIVE
