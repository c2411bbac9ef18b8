"""`lockproof explain`: the pages are the documented ones, and found wherever lockproof is."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lockproof.cli.main import main
from lockproof.model.finding import help_address
from lockproof.rules.catalog import RULES

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "rules"


@pytest.mark.parametrize("name", RULES)
def test_it_prints_the_page_and_its_address(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", name]) == 0
    page = (PAGES / f"{name}.md").read_text("utf-8")
    assert capsys.readouterr().out == f"{page}\n{help_address(name)}\n"


def test_case_does_not_matter(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "lp701"]) == 0
    assert capsys.readouterr().out.startswith("# LP701: ")


def test_the_list_has_every_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=2) for line in lines] == [
        [rule.id, rule.severity.value, rule.title] for rule in RULES.values()
    ]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["LP7O1"], "no rule 'LP7O1': did you mean LP7"),
        (["nonsense"], "no rule 'nonsense': '--list' lists those there are"),
        (["../../adr/template"], "no rule '../../adr/template': '--list'"),
        ([], "name one rule"),
        (["LP701", "--list"], "name one rule"),
    ],
)
def test_what_is_no_rule_is_refused(
    words: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"lockproof: {answer}")
    assert err.count("\n") == 1


def test_the_wheel_has_what_is_linked_to_also_when_built_from_the_sdist(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build"]
    subprocess.run(
        [*build, "-t", "sdist", "-d", tmp_path], cwd=ROOT, check=True, capture_output=True
    )
    (sdist,) = tmp_path.glob("*.tar.gz")
    subprocess.run(["tar", "-xzf", sdist, "-C", tmp_path], check=True)
    unpacked = tmp_path / sdist.name.removesuffix(".tar.gz")
    for folder, target in ((ROOT, "one"), (unpacked, "two")):
        command = [*build, "-t", "wheel", "-d", tmp_path / target]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        (wheel,) = (tmp_path / target).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for page in PAGES.glob("*.md"):
                assert archive.read(f"lockproof/rules/pages/{page.name}") == page.read_bytes()
            for source in (ROOT / "control-plane" / "ci-cd").glob("*.*"):
                assert archive.read(f"lockproof/render/ci/{source.name}") == source.read_bytes()
