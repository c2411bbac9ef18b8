"""Good repositories of every shape: the gate passes each and has nothing to say of it."""

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lockproof.cli.main import main

from .pipelines import Project, new_project, new_repository
from .remotes import Bucket
from .s3 import S3Server, s3_server

SCANNER = "true" if importlib.util.find_spec("kingfisher_sdk") else "false"
POLICY = f"""\
[environment]
requirements = "requirements.txt"
[gate]
off = ["record"]
[git]
secrets = {SCANNER}
"""
COMMON = {"lockproof.toml": POLICY, "requirements.txt": "numpy==2.0.0\n", "raw.txt": "raw\n"}


def passes(project: Project) -> dict[str, Any]:
    """Gate the last commit; what the families looked at."""
    before = project.state()
    report = project.remote.parent / "report.json"
    code = main(["-C", str(project.root), "gate", "--output", str(report)])
    found: dict[str, Any] = json.loads(report.read_text())
    assert found["findings"] == []
    assert (code, found["verdict"]) == (0, "passed")
    assert project.state() == before
    return {check["name"]: check for check in found["checks"]}


def started(base: Path, files: dict[str, str]) -> Project:
    project = new_project(base)
    project.write({**COMMON, **files})
    project.dvc("add", "-q", "raw.txt")
    return project


def templates(base: Path) -> Project:
    """Vars, foreach over lists and mappings, matrix, parameters in four formats."""
    project = started(
        base,
        {
            "params.yaml": "sizes: [1, 2]\nname: all\ndeep: {a: {b: 1}}\n",
            "more.yaml": "suffix: txt\n",
            "settings.json": '{"seed": 1, "unused": 2}',
            "settings.toml": "[train]\nrate = 0.5\n",
            "settings.py": "LAYERS = 3\nclass Train:\n    EPOCHS = 4\n",
            "dvc.yaml": """\
vars:
  - more.yaml
  - local: {word: hi}
stages:
  each:
    foreach: ${sizes}
    do:
      cmd: head -c ${item} raw.txt > each-${item}.${suffix}
      deps: [raw.txt]
      outs: ["each-${item}.${suffix}"]
  named:
    foreach:
      one: {text: a}
      two: {text: b}
    do:
      cmd: echo ${local.word} ${item.text} ${key} > ${key}.txt
      outs: ["${key}.txt"]
  pair:
    matrix:
      size: ${sizes}
      way: [up, down]
    cmd: echo ${item.way} > pair-${item.size}-${item.way}.txt
    deps: ["each-${item.size}.txt"]
    params:
      - name
      - deep.a
      - settings.json: [seed]
      - settings.toml: [train.rate]
      - settings.py: [LAYERS, Train.EPOCHS]
    outs: ["pair-${item.size}-${item.way}.txt"]
""",
        },
    )
    project.repro()
    return project


def many_files(base: Path) -> Project:
    """Several `dvc.yaml`, working folders, what Git keeps, plots, stages of every kind."""
    project = started(
        base,
        {
            "code.sh": "cat raw.txt raw.txt\n",
            "lib/a.txt": "a",
            "dvc.yaml": """\
stages:
  first:
    cmd:
      - sh code.sh > mid.txt
      - mkdir -p parts/deep && cp raw.txt parts/one && cp raw.txt "parts/deep/zwei ü"
    deps: [code.sh, raw.txt, lib]
    outs:
      - mid.txt
      - parts
    desc: makes the parts
    meta: {owner: me}
  kept:
    cmd: echo x >> kept.txt
    outs: [kept.txt: {persist: true}]
  check:
    cmd: test -f parts/one
    deps: [parts/one]
    always_changed: true
  private:
    cmd: cp mid.txt private.txt
    deps: [mid.txt]
    outs: [private.txt: {push: false}]
  held:
    cmd: cp mid.txt held.txt
    deps: [mid.txt]
    outs: [held.txt]
    frozen: true
artifacts:
  model: {path: mid.txt, type: model}
plots:
  - sub/p.csv: {x: a, y: b}
""",
            "sub/dvc.yaml": """\
stages:
  second:
    wdir: work
    cmd:
      - wc -c < ../../mid.txt > n.txt
      - echo '{"n":' $(cat n.txt)'}' > ../m.json && printf 'a,b\\n1,2\\n' > ../p.csv
    deps: [../../mid.txt, "../../parts/deep/zwei ü"]
    outs: [n.txt]
    metrics: [../m.json: {cache: false}]
    plots: [../p.csv: {cache: false}]
""",
            "sub/work/.keep": "",
            ".dvcignore": "scratch\n",
            "scratch/dvc.yaml": "nonsense\n",
        },
    )
    text = (project.root / "dvc.yaml").read_text()
    project.write({"dvc.yaml": text.replace("    frozen: true\n", "")})
    project.dvc("repro", "-q", "-P")
    project.write({"dvc.yaml": text})
    project.dvc("push", "-q")
    project.commit()
    return project


def only_data(base: Path) -> Project:
    """No pipeline: files and folders, one of them in a remote of its own, and nothing else."""
    project = started(base, {"images/x": "x", "images/deep/y": "y", "big.bin": "big"})
    project.remote.with_name("other").mkdir()
    project.dvc("remote", "add", "-q", "other", "../other")
    project.dvc("add", "-q", "images", "big.bin")
    data = project.root / "big.bin.dvc"
    data.write_text(f"{data.read_text()}  remote: other\n")
    project.dvc("push", "-q")
    project.commit()
    return project


def of_dvc_2(base: Path) -> Project:
    """Entries without `hash:`: MD5 after CRLF became LF, at another place in the remote."""
    project = started(base, {"dvc.yaml": "", "raw.txt": "raw\n"})
    old, new = (hashlib.md5(text).hexdigest() for text in (b"a\nb\n", b"x\ny\n"))
    listing = json.dumps([{"md5": old, "relpath": "a"}]).encode()
    folder = f"{hashlib.md5(listing).hexdigest()}.dir"
    project.write(
        {
            "dvc.yaml": "stages: {first: {cmd: make new, deps: [old.txt, code.py], outs: [new.txt,"
            " parts]}}\n",
            "code.py": "a\nb\n",
            "dvc.lock": "schema: '2.0'\nstages:\n  first:\n    cmd: make new\n    deps:\n"
            f"    - path: code.py\n      md5: '{old}'\n      size: 4\n"
            f"    - path: old.txt\n      md5: '{old}'\n      size: 6\n    outs:\n"
            f"    - path: new.txt\n      md5: '{new}'\n      size: 5\n"
            f"    - path: parts\n      md5: {folder}\n      size: 6\n      nfiles: 1\n",
            "old.txt.dvc": f"outs:\n- md5: '{old}'\n  size: 6\n  path: old.txt\n",
        }
    )
    (project.root / ".gitignore").write_text("/raw.txt\n/old.txt\n/new.txt\n/parts\n")
    for name, content in ((old, b"a\r\nb\r\n"), (new, b"x\r\ny\n"), (folder, listing)):
        stored = project.remote / name[:2] / name[2:]
        stored.parent.mkdir(exist_ok=True)
        stored.write_bytes(content)
    project.dvc("push", "-q", "raw.txt")
    project.commit()
    return project


def imports(base: Path) -> Project:
    """Data from another project, and from a file outside."""
    source = new_project(base / "elsewhere", "source")
    source.write({"shared.txt": "shared\n"})
    source.dvc("add", "-q", "shared.txt")
    source.dvc("push", "-q")
    source.commit()
    (base / "outside.txt").write_text("outside\n")
    project = started(
        base,
        {
            "dvc.yaml": "stages: {first: {cmd: cat shared.txt in.txt > out.txt,"
            " deps: [shared.txt, in.txt], outs: [out.txt]}}\n"
        },
    )
    project.dvc("import", "-q", str(source.root), "shared.txt")
    project.dvc("import-url", "-q", str(base / "outside.txt"), "in.txt")
    project.repro()
    return project


def in_a_subfolder(base: Path) -> Project:
    """A DVC project below the Git root, with names that need quoting, and another beside it."""
    outer = new_repository(base, "outer")
    inner = Project(outer.root / "ml & co", outer.remote)
    for project in (inner, Project(outer.root / "other", outer.remote)):
        project.root.mkdir()
        project.dvc("init", "-q", "--subdir")
        project.dvc("remote", "add", "-q", "-d", "store", str(outer.remote))
        project.write({**COMMON, "rå w.txt": "more\n"})
        project.write(
            {
                "dvc.yaml": """\
stages:
  first:
    cmd: "cp 'rå w.txt' 'öut #1.txt'"
    deps: ["rå w.txt"]
    outs: ["öut #1.txt"]
"""
            }
        )
        project.dvc("add", "-q", "rå w.txt", "raw.txt")
        project.repro()
    return inner


SHAPES: tuple[Callable[[Path], Project], ...] = (
    templates,
    many_files,
    only_data,
    of_dvc_2,
    imports,
    in_a_subfolder,
)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_nothing_is_said(shape: Callable[[Path], Project], tmp_path: Path) -> None:
    checks = passes(shape(tmp_path))
    assert checks["lock"]["checked"] > 1
    assert checks["remote"]["checked"] > 1


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.mark.s3
@pytest.mark.xdist_group("remote")
def test_a_version_aware_remote(server: S3Server, tmp_path: Path) -> None:
    client: Any = server.client()
    client.create_bucket(Bucket="versions")
    versioning = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket="versions", VersioningConfiguration=versioning)
    bucket = Bucket(server, "versions", "ml")
    project = started(
        tmp_path,
        {
            "images/x": "x",
            "images/y": "y",
            "dvc.yaml": "stages: {first: {cmd: cp -r images out && cp raw.txt new.txt,"
            " deps: [images, raw.txt], outs: [out, new.txt]}}\n",
        },
    )
    project.dvc("add", "-q", "images")
    options = bucket.config.options
    project.dvc("remote", "modify", "-q", "store", "url", bucket.config.url)
    project.dvc("remote", "modify", "-q", "store", "endpointurl", options["endpointurl"])
    project.dvc("remote", "modify", "-q", "store", "version_aware", "true")
    for name in ("access_key_id", "secret_access_key", "region"):
        project.dvc("remote", "modify", "-q", "--local", "store", name, options[name])
    project.repro()
    assert "version_id" in (project.root / "dvc.lock").read_text()
    assert passes(project)["remote"]["summary"] == "by version id: 6"
