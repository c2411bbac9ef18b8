"""A commit that wants a secret sent to it, or a program run, by what it says of remotes."""

import contextlib
import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lockproof.errors import ConfigError, LockproofError, UsageError
from lockproof.model.verdict import Verdict
from lockproof.steps.affected import affected
from lockproof.steps.init.survey import survey

from .pipelines import Project, copy_of, new_project, prove

PIPELINE = (
    "stages:\n  copy:\n    cmd: cp raw.txt copy.txt\n    deps: [raw.txt]\n    outs: [copy.txt]\n"
)


@dataclass
class Listener:
    """A web server of somebody else, which keeps what it is told."""

    url: str = ""
    heard: list[tuple[str, str]] = field(default_factory=list)
    """Path and Authorization of every request."""


@contextlib.contextmanager
def listening(folder: Path) -> Iterator[Listener]:
    """A server that hands out the files of a folder."""
    found = Listener()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def send_head(self) -> Any:
            found.heard.append((self.path, self.headers.get("Authorization", "")))
            return super().send_head()

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    """Where a hostile commit wants to be heard."""
    with listening(tmp_path / "nothing") as found:
        yield found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("made"))
    project.write({"raw.txt": "data\n", "dvc.yaml": PIPELINE})
    project.dvc("add", "-q", "raw.txt")
    project.repro()
    return project


@pytest.fixture
def store(made: Project, tmp_path: Path) -> Iterator[Listener]:
    """The remote of the project, as a web server."""
    with listening(tmp_path / made.remote.name) as found:
        yield found


@pytest.fixture
def project(
    made: Project, store: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A clone whose user keeps a password in `config.local` and keys in the environment."""
    found = copy_of(made, tmp_path)
    found.write({".dvc/config": config(store.url, *AUTH)})
    found.commit("a server")
    found.write({".dvc/config.local": "['remote \"store\"']\n    password = s3cret\n"})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "GITHUB_BASE_REF"):
        monkeypatch.delenv(name, raising=False)
    return found


def hostile(project: Project, config: str, **files: str) -> str:
    """A commit with another `.dvc/config`, which is not the one checked out."""
    project.git("checkout", "-q", "-b", "theirs")
    project.write({".dvc/config": config, **files})
    commit = project.commit("theirs")
    project.git("checkout", "-q", "main")
    return commit


def without_cache(project: Project) -> None:
    shutil.rmtree(project.root / ".dvc" / "cache")


AUTH = ("auth = custom", "custom_auth_header = Authorization")
SECRET = "s3cret"


def config(url: str, *options: str, name: str = "store") -> str:
    lines = [f"[core]\n    remote = {name}\n['remote \"{name}\"']\n    url = {url}"]
    return "\n".join([*lines, *(f"    {option}" for option in options), ""])


def test_a_commit_that_moves_a_remote_is_not_followed(
    project: Project, store: Listener, listener: Listener
) -> None:
    commit = hostile(project, config(listener.url, *AUTH))
    without_cache(project)
    assert prove(project, revision=commit).verdict is Verdict.PASSED, "from the user's own remote"
    assert {auth for _, auth in store.heard} == {SECRET}, "so this test can fail"
    assert listener.heard == []


def test_the_base_decides_where_one_is_named(
    project: Project, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hostile(project, config(listener.url, *AUTH))
    base = project.git("rev-parse", "main").strip()
    project.git("checkout", "-q", "theirs")  # As CI has it.
    without_cache(project)
    assert prove(project, revision=commit, base=base).verdict is Verdict.PASSED
    project.git("update-ref", "refs/remotes/origin/main", base)
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    assert prove(project, revision=commit).verdict is Verdict.PASSED
    monkeypatch.setenv("GITHUB_BASE_REF", "gone")
    with pytest.raises(LockproofError, match=r"no commit 'refs/remotes/origin/gone'"):
        prove(project, revision=commit)
    assert listener.heard == []


@pytest.mark.parametrize("how", ["default", "output"])
def test_a_remote_that_only_the_commit_knows_is_not_asked(
    project: Project, listener: Listener, how: str
) -> None:
    text = config(listener.url, name="other")
    raw = (project.root / "raw.txt.dvc").read_text()
    named = {"raw.txt.dvc": raw + "  remote: other\n"}
    project.write({".dvc/config": ""} if how == "default" else {})
    if how == "default":
        project.commit("no remote")
        (project.root / ".dvc" / "config.local").unlink()
    commit = hostile(project, text, **(named if how == "output" else {}))
    without_cache(project)
    with pytest.raises(ConfigError, match=r"'other' is defined by the commit alone.*--local other"):
        prove(project, revision=commit)
    assert listener.heard == []
    # The advice, taken.
    project.dvc("remote", "add", "-q", "--local", "other", str(project.remote))
    assert prove(project, revision=commit).verdict is Verdict.PASSED


def test_a_folder_of_the_commit_needs_nobodys_word(project: Project) -> None:
    project.write({".dvc/config": ""})
    (project.root / ".dvc" / "config.local").unlink()
    project.commit("no remote")
    project.git("checkout", "-q", "-b", "inside")
    project.write({".dvc/config": config("../kept", name="kept")})
    project.dvc("push", "-q")
    commit = project.commit("inside")
    project.git("checkout", "-q", "main")
    without_cache(project)
    assert prove(project, revision=commit).verdict is Verdict.PASSED


def test_a_link_of_the_commit_out_of_it_is_no_folder_of_the_commit(project: Project) -> None:
    project.write({".dvc/config": ""})
    (project.root / ".dvc" / "config.local").unlink()
    project.commit("no remote")
    (project.root / "kept").symlink_to(project.remote)
    commit = hostile(project, config("../kept", name="kept"))
    without_cache(project)
    with pytest.raises(ConfigError, match="defined by the commit alone"):
        prove(project, revision=commit)


AWS = "[default]\ncredential_process = sh -c 'touch CANARY; echo {}'\n"
OPTIONS = ("configpath", "credentialpath")


def program(project: Project) -> tuple[Path, str]:
    canary = project.root.parent / "canary"
    return canary, AWS.replace("CANARY", str(canary))


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("place", ["../aws", "/proc/self/cwd/aws"])
def test_a_file_of_the_commit_is_no_configuration_of_aws(
    project: Project, listener: Listener, monkeypatch: pytest.MonkeyPatch, option: str, place: str
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.chdir(project.root)
    canary, text = program(project)
    settings = (f"endpointurl = {listener.url}", f"{option} = {place}")
    project.write({"aws": text})
    commit = hostile(project, config("s3://bucket/dvc", *settings), aws=text)
    without_cache(project)
    assert prove(project, revision=commit).verdict is Verdict.PASSED
    # Checked out, it is the user's own configuration, and is refused as the gate refuses it.
    project.git("checkout", "-qf", "theirs")
    with pytest.raises(ConfigError, match=option):
        prove(project, revision=commit)
    assert not canary.exists()
    assert listener.heard == []
    assert "AWS_CONFIG_FILE" not in os.environ


@pytest.mark.parametrize("kind", ["deps", "outs"])
@pytest.mark.parametrize("option", OPTIONS)
def test_fs_config_of_a_dvc_file_is_no_way_around_it(
    project: Project, kind: str, option: str
) -> None:
    canary, text = program(project)
    import_ = (
        "deps:\n- path: s3://bucket/x\n  fs_config: {FS}\nouts:\n- path: x\n"
        if kind == "deps"
        else "outs:\n- path: s3://bucket/x\n  fs_config: {FS}\n"
    ).replace("FS", f'"{option}": "{project.root}/aws"')
    commit = hostile(
        project,
        (project.root / ".dvc/config").read_text(),
        **{
            "aws": text,
            "x.dvc": import_,
        },
    )
    for look in (
        lambda: prove(project, revision=commit),
        lambda: affected(project.root, commit, None),
    ):
        refused = pytest.RaisesExc(ConfigError, match=rf"x\.dvc: fs_config sets {option}")
        with pytest.RaisesGroup(refused, allow_unwrapped=True):
            look()
    project.git("checkout", "-q", "theirs")
    with pytest.raises(ConfigError, match=rf"fs_config sets {option}"):
        survey(project.root)
    assert not canary.exists()
    assert not {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} & set(os.environ)


def test_a_cache_of_the_commits_own_is_not_opened(project: Project) -> None:
    """DVC makes the file system of `cache.local` before anything else."""
    canary, text = program(project)
    lines = config("s3://bucket/dvc", f"configpath = {project.root}/aws", name="evil")
    commit = hostile(project, lines + "[cache]\n    local = evil\n    s3 = evil\n", aws=text)
    assert affected(project.root, commit, None).stages
    assert prove(project, revision=commit, base="main").verdict is Verdict.PASSED
    assert "AWS_CONFIG_FILE" not in os.environ
    assert not canary.exists()


def test_an_import_that_only_the_commit_knows_is_not_followed(
    project: Project, listener: Listener, tmp_path: Path
) -> None:
    """Another repository brings a configuration of its own, and may name any server in it."""
    source = new_project(tmp_path / "beside", "source")
    source.write({"x": "x"})
    source.dvc("add", "-q", "x")
    source.write({".dvc/config": config(listener.url)})
    source.commit("x")
    project.git("checkout", "-q", "-b", "theirs")
    project.dvc("import", "-q", str(source.root), "x")
    uses = PIPELINE + "  use:\n    cmd: cp x y\n    deps: [x]\n    outs: [y]\n"
    project.write({"dvc.yaml": uses})
    project.dvc("repro", "-q")
    commit = project.commit("theirs")
    project.git("checkout", "-q", "main")
    without_cache(project)
    without_cache(source)
    listener.heard.clear()
    report = prove(project, revision=commit)
    assert listener.heard == []
    assert {f.rule for f in report.findings} >= {"LP201"}
    project.git("checkout", "-q", "theirs")
    prove(project, revision=commit)
    assert listener.heard, "the user's own import is followed: this test can fail"


@pytest.mark.parametrize("link", [False, True])
def test_config_local_in_git_counts_for_nothing(
    project: Project, listener: Listener, link: bool
) -> None:
    (project.root / ".dvc" / ".gitignore").unlink()
    project.write({".dvc/config": config(f"../../{project.remote.name}")})
    local = project.root / ".dvc" / "config.local"
    text = config(listener.url, *AUTH, "password = s3cret")
    if link:
        project.write({"mine": text})
        local.unlink()
        local.symlink_to("../mine")
        project.git("add", "mine")
    else:
        local.write_text(text)
        project.git("add", "-f", ".dvc/config.local")
    project.git("commit", "-qm", "local")
    without_cache(project)
    assert prove(project).verdict is Verdict.PASSED
    assert listener.heard == []


def test_a_sibling_with_the_name_of_a_scratch_folder_is_the_users(
    made: Project, tmp_path: Path
) -> None:
    """A remote at ../dvc must not be taken for lockproof's own folder of that name."""
    found = copy_of(made, tmp_path)
    found.remote.rename(found.remote.with_name("dvc"))
    moved = Project(found.root, found.remote.with_name("dvc"))
    moved.dvc("remote", "modify", "-q", "store", "url", "../dvc")
    moved.commit("moved")
    without_cache(moved)
    assert prove(moved).verdict is Verdict.PASSED


@pytest.mark.parametrize("name", [".dvc", ".dvc/tmp", ".dvc/cache"])
def test_a_link_in_place_of_dvcs_folder_is_not_written_behind(
    project: Project, tmp_path: Path, name: str
) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(project.root / ".dvc", outside, ignore=shutil.ignore_patterns("cache", "tmp"))
    before = sorted(outside.rglob("*"))
    project.git("checkout", "-q", "-b", "theirs")
    link = project.root / name
    kept = tmp_path / "kept"
    if link.exists():
        link.rename(kept)
    link.symlink_to(outside)
    project.git("add", "-f", name)
    project.git("commit", "-qm", "link")
    commit = project.git("rev-parse", "HEAD").strip()
    project.git("checkout", "-qf", "main")
    if kept.exists() and not link.exists():
        kept.rename(link)
    refused = pytest.RaisesExc(ConfigError, match=rf"^{name} is a link")
    with pytest.RaisesGroup(refused, allow_unwrapped=True):
        prove(project, revision=commit)
    with contextlib.suppress(UsageError):
        affected(project.root, commit, None)  # It has DVC do nothing.
    assert sorted(outside.rglob("*")) == before


def test_the_commit_does_not_say_where_runs_are_logged(
    project: Project, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cret")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    text = f'[mlflow]\ntracking-uri = "{listener.url}"\n'
    commit = hostile(project, config(f"../../{project.remote.name}"), **{"lockproof.toml": text})
    prove(project, revision=commit, log_mlflow=True)
    assert listener.heard == []


@pytest.mark.parametrize(
    "files",
    [
        {"p.py": "open('CANARY', 'w').close()\nX = 1\n", "params": "[{p.py: [X]}]"},
        {
            "p.yaml": "X: !!python/object/apply:os.system ['touch CANARY']\n",
            "params": "[{p.yaml: [X]}]",
        },
        {"p.yaml": "X: &a [*a]\n", "params": "[{p.yaml: [X]}]"},
        {"p.py": "open('CANARY', 'w').close()\nX = 1\n", "vars": "[p.py]"},
        {"dvc.lock": "!!python/object/apply:os.system ['touch CANARY']\n"},
        {"raw.txt.dvc": "!!python/object/apply:os.system ['touch CANARY']\n"},
        {"lockproof.toml": "[record]\ndirectory = 'r'\n", "r/a.json": '{"__reduce__": "CANARY"}'},
        {
            ".dvc/config": "[hydra]\n    enabled = true\n    plugins_path = .\n",
            "hydra_plugins/x.py": "open('CANARY', 'w').close()\n",
        },
        {
            "sitecustomize.py": "open('CANARY', 'w').close()\n",
            "usercustomize.py": "open('CANARY', 'w').close()\n",
            "dvc.py": "open('CANARY', 'w').close()\n",
        },
    ],
    ids=lambda files: next(iter(files)),
)
def test_what_is_read_is_not_run(
    project: Project, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    monkeypatch.chdir(project.root)
    mark = project.root.parent / "canary"
    extra = {k: files.pop(k) for k in ("params", "vars") if k in files}
    text = PIPELINE
    if "params" in extra:
        text = text.replace("    outs", f"    params: {extra['params']}\n    outs")
    if "vars" in extra:
        text = f"vars: {extra['vars']}\n{text}"
    written = {k: v.replace("CANARY", str(mark)) for k, v in files.items()}
    commit = hostile(
        project,
        written.pop(".dvc/config", config(str(project.remote))),
        **{"dvc.yaml": text, **written},
    )
    project.git("checkout", "-q", "theirs")
    for look in (
        lambda: affected(project.root, commit, None),
        lambda: survey(project.root),
        lambda: prove(project, revision=commit, base="main"),
    ):
        with contextlib.suppress(LockproofError, ExceptionGroup):
            look()
    assert not mark.exists()
