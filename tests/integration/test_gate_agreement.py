"""Of stages that agree with their lock no facts are gathered: gathering them would find nothing."""

import hashlib

import pytest

from lockproof.model.finding import Finding
from lockproof.parse.project import Reading
from lockproof.rules.lock import lock_findings, ordered
from lockproof.steps.gate.agreement import Agreement
from lockproof.steps.gate.interface import Request
from lockproof.steps.gate.lock import _Look, check
from lockproof.steps.gate.run import open_scene

from .pipelines import Project, Silence, new_project

FILES = {
    "params.yaml": "rate: 1\nname: a\ndeep: {x: [1, 2.0]}\n",
    "one.py": "print(1)\n",
    "two.py": "print(2)\n",
    "src/a.py": "a = 1\n",
    "src/b.py": "b = 2\n",
    "m.json": '{"a": 1}\n',
}
YAML = """\
stages:
  one:
    cmd: python one.py
    deps:
    - one.py
    - src
    params:
    - rate
    - deep.x
    outs:
    - data/one.bin
    metrics:
    - m.json:
        cache: false
  two:
    cmd: python two.py
    deps:
    - data/one.bin
    - m.json
    - two.py
    params:
    - name
    outs:
    - data/two.bin
"""


def locked(path: str, content: str | None = None, more: str = "") -> str:
    text = (FILES[path] if content is None else content).encode()
    md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
    return f"    - path: {path}\n      hash: md5\n      md5: {md5}\n      size: {len(text)}\n{more}"


def folder() -> str:
    md5 = [
        hashlib.md5(FILES[f"src/{name}"].encode(), usedforsecurity=False).hexdigest()
        for name in ("a.py", "b.py")
    ]
    listing = (
        f'[{{"md5": "{md5[0]}", "relpath": "a.py"}}, {{"md5": "{md5[1]}", "relpath": "b.py"}}]'
    )
    whole = hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest()
    said = f"hash: md5\n      md5: {whole}.dir\n      size: 12\n      nfiles: 2"
    return f"    - path: src\n      {said}\n"


ONE = locked("data/one.bin", "one")
LOCK = f"""\
schema: '2.0'
stages:
  one:
    cmd: python one.py
    deps:
{locked("one.py")}{folder()}    params:
      params.yaml:
        deep.x:
        - 1
        - 2.0
        rate: 1
    outs:
{ONE}{locked("m.json")}\
  two:
    cmd: python two.py
    deps:
{ONE}{locked("m.json")}{locked("two.py")}    params:
      params.yaml:
        name: a
    outs:
{locked("data/two.bin", "two")}"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    found = new_project(tmp_path_factory.mktemp("agreement"))
    found.write({"data/.gitignore": "*.bin\n"})
    return found


def looked(project: Project, files: dict[str, str]) -> tuple[list[str], tuple[Finding, ...]]:
    """The stages that agree, and the findings; these are the same where all are gathered."""
    project.write({**FILES, "dvc.yaml": YAML, "dvc.lock": LOCK, ".gitattributes": "", **files})
    project.git("add", "-A")
    scene, _ = open_scene(Request(project.root, staged=True), Silence())
    found = check(scene).findings
    look = _Look(scene)
    stages = scene.pipeline.stages
    look.prepare(stages)
    reading: Reading = scene.reading
    agreement = Agreement(scene.pipeline, look.blobs, look.made_sizes)
    agreeing = [s.address for s in stages if agreement.holds(s, reading.lines.get(s.address))]
    gathered = [f for s in stages for f in lock_findings(look.facts(s), locked=s.locked)]
    assert found == ordered([*look.problems(), *gathered])
    return agreeing, found


def test_where_all_is_as_locked_nothing_is_gathered(project: Project) -> None:
    assert looked(project, {}) == (["one", "two"], ())


MD5 = hashlib.md5(b"one", usedforsecurity=False).hexdigest()
OTHER = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("dvc.lock", MD5, OTHER),
        ("dvc.lock", f"{MD5}\n      size: 3", f"{MD5}\n      size: 4"),
        ("dvc.lock", f"{ONE}{locked('m.json')}  two", f"{ONE.replace(MD5, OTHER)}  two"),
        ("dvc.lock", locked("two.py"), ""),
        ("dvc.lock", locked("two.py"), locked("two.py", "other")),
        ("dvc.lock", locked("m.json"), locked("m.json", "other")),
        ("dvc.lock", "size: 12", "size: 13"),
        ("dvc.lock", "nfiles: 2", "nfiles: 2\n    - path: extra"),
        ("dvc.lock", "      hash: md5\n", ""),
        ("dvc.lock", "rate: 1", "rate: 1.0"),
        ("dvc.lock", "rate: 1", "rate: true"),
        ("dvc.lock", "        - 2.0", "        - 2"),
        ("dvc.lock", "        rate: 1\n", ""),
        ("dvc.lock", "name: a", "name: b"),
        ("dvc.lock", "python two.py", "python  two.py"),
        ("dvc.yaml", "cmd: python two.py", "cmd: [python two.py]"),
        ("dvc.yaml", "    - two.py\n", "    - two.py\n    - nowhere.py\n"),
        ("dvc.yaml", "    - two.py\n", "    - two.py\n    - data\n"),
        ("dvc.yaml", "    - rate\n", "    - rate\n    - nowhere\n"),
        ("dvc.yaml", "        cache: false", "        cache: true"),
        ("dvc.yaml", "  two:\n", "  two:\n    frozen: true\n"),
        ("params.yaml", "rate: 1", "rate: 2"),
        ("m.json", "1", "2"),
        ("two.py", "2", "3"),
        ("src/a.py", "1", "3"),
        (".gitattributes", "", "*.py text eol=crlf\n"),
        (".gitattributes", "", "*.py filter=other\n"),
    ],
)
def test_where_one_thing_is_other_the_same_is_found(
    project: Project, name: str, old: str, new: str
) -> None:
    whole = {**FILES, "dvc.yaml": YAML, "dvc.lock": LOCK, ".gitattributes": ""}[name]
    assert old in whole
    looked(project, {name: whole.replace(old, new, 1)})
