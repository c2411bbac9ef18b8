"""The README and the onboarding guide, followed to the letter."""

import itertools
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from lockproof.adapters.environment.interpreters import find_uv
from lockproof.cli.main import VERBS, build_parser

ROOT = Path(__file__).parents[2]
PARSER = build_parser(list(VERBS))
CHANGED = " # changed"
pytestmark = pytest.mark.xdist_group("setup")


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a Markdown page."""
    text = (ROOT / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def steady(text: str) -> list[str]:
    """Lines without what differs from run to run or from processor to processor."""
    kept = []
    for line in text.splitlines():
        line = re.sub(r"reproduce [0-9a-f]{12}", "reproduce COMMIT", line)
        # Where the machine lets stages have no namespaces, the line says so.
        line = re.sub(r"; stages not isolated \(\w+\)(; network on)?$", "", line)
        line = re.sub(r"(\d+ min \d+|\d+\.\d) s$", "N s", line)
        line = re.sub(r"\d+ outputs? identical(, \d+ within tolerance)?", "N outputs agree", line)
        line = re.sub(r"(identical|within tolerance) +([0-9a-f]{8})", r"agrees \2", line)
        if line.strip() and "─" not in line and not line.startswith("    "):
            kept.append(" ".join(line.split()))
    return kept


def _uv(base: Path) -> Path:
    """A folder with uv in it, where there is one."""
    folder = base / "bin"
    folder.mkdir()
    if found := find_uv():
        (folder / "uv").symlink_to(found)
    return folder


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every command of the guide in order, in one new folder -> what it printed."""
    base = tmp_path_factory.mktemp("a stranger's desk")
    environment = {
        **os.environ,
        "LOCKPROOF_CACHE_DIR": str(base / "cache"),
        "COLUMNS": "90",
        # What takes minutes with pip, which .ci/run itself sets up with.
        "PATH": f"{_uv(base)}{os.pathsep}{os.environ['PATH']}",
        "UV_CACHE_DIR": str(base / "uv"),
        "CI": "true",
        "DVC_NO_ANALYTICS": "1",
        **{
            f"GIT_{who}_{what}": "a@b.example"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    printed: dict[str, str] = {}
    cwd = base
    for block in blocks("docs/reproduce-in-3-steps.md", "bash"):
        for line in block.splitlines():
            # The one thing that is not literal: the clone comes from here.
            command = line.replace("https://github.com/lockproof/lockproof", f"'{ROOT}' lockproof")
            if command.startswith("cd "):
                cwd = cwd / command.removeprefix("cd ")
                continue
            done = subprocess.run(
                ["/bin/sh", "-c", command], cwd=cwd, env=environment, capture_output=True, text=True
            )
            # The second time a line was changed.
            is_wrong = line in printed and line.endswith("reproduce")
            said = f"{command}: {done.stdout}{done.stderr}"
            assert done.returncode == (1 if is_wrong else 0), said
            printed[line + CHANGED if is_wrong else line] = done.stdout
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=cwd, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""
    return printed


def test_the_three_steps_end_as_the_guide_says(followed: dict[str, str]) -> None:
    assert "didn't change, skipping" in followed[".venv/bin/dvc repro -P"]
    expected = blocks("docs/reproduce-in-3-steps.md", "text")[-1]
    said = followed[".venv/bin/lockproof reproduce"].splitlines()[-1]
    assert steady(said) == steady(expected)


def test_what_to_try_next_shows_the_change_and_proves_it(followed: dict[str, str]) -> None:
    said = followed[".venv/bin/lockproof reproduce" + CHANGED]
    assert said.splitlines()[-1].startswith("FAILED: "), said
    assert "code, proven: " in said
    assert "data-plane/dvc/src/train.py" in said
    for line in (
        "-        classifier.fit(features.astype(float), labels)",
        "+        classifier.fit(features.astype(float) + 1, labels)",
    ):
        assert line in said


def test_the_readme_shows_what_reproduce_prints(followed: dict[str, str]) -> None:
    assert steady(blocks("README.md", "text")[0]) == steady(
        followed[".venv/bin/lockproof reproduce"]
    )


def test_the_readme_names_the_two_commands() -> None:
    commands = blocks("README.md", "bash")[0]
    targets = re.findall(r"^make (\w+)", commands, re.MULTILINE)
    assert targets == ["reproduce", "test"]
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def anchors(page: Path) -> set[str]:
    """What a link may name after `#`, as GitHub makes it of a page's headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = [
        re.sub(r"[`*]|\]\(.*?\)", "", h) for h in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    ]
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def pages() -> list[str]:
    """Every Markdown page of the repository."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(name for name in set(listed.stdout.split("\0")) if (ROOT / name).is_file())


SHELL = {"|", "||", "&&", ";", ">", "2>"}
"""Words after which it is no longer lockproof's command."""


def accepted(words: list[str]) -> bool:
    """Whether lockproof would run this."""
    try:
        PARSER.parse_args(words)
    except SystemExit as ended:
        return not ended.code
    return True


@pytest.mark.parametrize("page", pages())
def test_every_command_of_a_page_is_one_that_lockproof_takes(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    fenced = re.findall(r"^ *```(?:bash|sh)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    for line in "".join(fenced).replace("\\\n", " ").splitlines():
        if found := re.match(r"\s*(?:\.venv/bin/)?lockproof (.*)", line):
            words = shlex.split(found[1], comments=True)
            own = list(itertools.takewhile(lambda word: word not in SHELL, words))
            assert accepted(own), line


@pytest.mark.parametrize("page", pages())
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)\s]*)?\)", text):
        if not target.startswith(("http:", "https:", "mailto:")):
            to = (ROOT / page).parent / target if target else ROOT / page
            assert to.exists(), target
            if anchor and to.suffix == ".md":
                assert anchor[1:] in anchors(to), f"{target}{anchor}"
