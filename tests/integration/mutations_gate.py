"""Single mutations of a good repository as data: each is caught by one rule of the gate alone.

`test_gate_mutations.py` holds the gate to the table; `tests/bench/gate_answers.py` asks DVC's own
commands about the same mutations.
"""

import bz2
import pickle
from typing import NamedTuple

import numpy as np
import yaml

from lockproof.cli.main import main

from .good_project import (
    RECORD,
    TRAIN,
    Document,
    Edit,
    append,
    both,
    dvc,
    fit_record,
    flipped,
    forged,
    git,
    in_data_file,
    in_lock,
    made_metrics,
    put,
    recorded,
    spoilt,
    swap,
)
from .pipelines import Project
from .remotes import Remote, digest_of

OTHER = "0123456789abcdef" * 2
"""The digest of nothing that was ever pushed."""
BASE = ("--base", "base")
PR = ("--pr", *BASE)
CONFLICT = "<<<<<<< ours\nstages:\n=======\nstages: {}\n>>>>>>> theirs\n"
GHOST = {"cmd": "true", "outs": [{"path": "ghost", "hash": "md5", "md5": OTHER, "size": 3}]}
DOCKER = "docker run --rm python:3.12 true"
# Put together here, so that no scanner takes this file for a leak.
TOKEN = "ghp" + "_wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO2n5QpD"
BODY = "".join(
    f"{digest_of(bytes([n])).value}{digest_of(bytes([n, n])).value}\n" for n in range(12)
)
PEM = f"-----BEGIN RSA {'PRIVATE'} KEY-----\n{BODY}-----END RSA {'PRIVATE'} KEY-----\n"
ENVIRONMENT = '[environment]\nrequirements = "requirements.txt"\n'
WORKFLOW = """\
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    container: python:3.12
    steps: [{run: ls}]
"""
WAIVER = '\n[[waiver]]\nrule = "LP104"\nsubject = "train*"\nreason = "known"\nexpires = {0}\n'


class Mutation(NamedTuple):
    """One change of the good repository."""

    name: str
    rule: str
    """The only rule that may find something."""
    edit: Edit
    asked: tuple[str, ...] = ()
    """Further arguments of `lockproof gate`."""
    fits: bool = True
    """Whether the run record is made to fit, since it is another rule's business if it does not."""
    committed: bool = True
    needs: str | None = None
    """A module without which the rule does not look."""

    def apply(self, project: Project, remote: Remote) -> None:
        """Change a copy of the good repository, and commit what was changed."""
        self.edit(project, remote)
        if not self.committed:
            return
        project.git("add", "-A")
        if self.fits and (project.root / RECORD).exists():
            fit_record(project)
        if project.git("status", "--porcelain"):
            project.commit(self.name)


def _no_listing(project: Project, remote: Remote) -> None:
    digest = digest_of(b"{}").value
    remote.put(f"files/md5/{digest[:2]}/{digest[2:]}.dir", b"{}")
    in_data_file("images.dvc", md5=f"{digest}.dir", size=None, nfiles=None)(project, remote)


def _by_version(project: Project, remote: Remote) -> None:
    files = [
        {"relpath": name, "size": 1, "cloud": {"store": {"etag": OTHER, "version_id": OTHER}}}
        for name in ("x.txt", "y.txt")
    ]
    edit = in_data_file("images.dvc", md5=None, hash=None, size=None, nfiles=None, files=files)
    edit(project, remote)


def _write_baseline(project: Project, _: Remote) -> None:
    project.write({"src/train.py": "print()\n"})
    project.commit("bad code")
    assert main(["-C", str(project.root), "gate", "--baseline"]) == 0
    project.write({"src/train.py": TRAIN})


def _undigested(stage: str, kind: str, path: str) -> Edit:
    """Let the lock name a dependency or an output and not say what it was."""

    def change(stages: Document) -> None:
        entries = stages[stage][kind]
        entries[:] = [{"path": path} if e["path"] == path else e for e in entries]

    return in_lock(change)


def _reads(stage: str, old: str, new: str, md5: str) -> Edit:
    """Let the lock name another dependency in place of one."""

    def change(stages: Document) -> None:
        entries = stages[stage]["deps"]
        entries[:] = [
            {"path": new, "hash": "md5", "md5": md5} if e["path"] == old else e for e in entries
        ]

    return in_lock(change)


_NEW_CODE = digest_of(f"{TRAIN}# new\n".encode()).value


def _named_twice(stages: Document) -> None:
    deps = stages["train"]["deps"]
    (old,) = (entry for entry in deps if entry["path"] == "src/train.py")
    deps.append({**old, "md5": _NEW_CODE})


def _of_dvc_1(project: Project, _: Remote) -> None:
    path = project.root / "dvc.lock"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text())["stages"], sort_keys=False))


def _environment(line: str) -> Edit:
    return swap("lockproof.toml", 'requirements = "requirements.txt"', line)


def _command(command: str) -> Edit:
    """Another command of the last stage, as if it had been run: pipeline and lock have it."""
    old = "cp model.txt report.txt && echo end >> report.txt"
    return both(swap("dvc.yaml", old, command), swap("dvc.lock", old, command))


_M = Mutation

LOCK = (
    _M("lock missing", "LP101", git("rm", "-q", "dvc.lock")),
    _M(
        "stage never run",
        "LP101",
        append("dvc.yaml", "  more:\n    cmd: wc model.txt\n    deps: [model.txt]\n"),
    ),
    _M(".dvc file without a digest", "LP101", in_data_file("images.dvc", md5=None)),
    _M(
        "code changed, and its digest taken out of the lock",
        "LP101",
        both(append("src/train.py", "# new\n"), _undigested("train", "deps", "src/train.py")),
    ),
    _M(
        "metric edited, and its digest taken out of the lock",
        "LP101",
        both(swap("metrics.json", "0.8", "0.9"), _undigested("train", "outs", "metrics.json")),
    ),
    _M(
        "code changed, and its digest emptied in the lock",
        "LP101",
        both(append("src/train.py", "# new\n"), forged("train", "deps", "src/train.py", md5="")),
    ),
    _M(
        "code changed, and its digest called one of another kind",
        "LP101",
        both(
            append("src/train.py", "# new\n"),
            forged("train", "deps", "src/train.py", hash="sha256"),
        ),
    ),
    _M(
        "code changed, and locked by a checksum that nobody computes",
        "LP101",
        both(
            append("src/train.py", "# new\n"),
            forged("train", "deps", "src/train.py", hash="etag", etag="abc"),
        ),
    ),
    _M(
        "output of a stage without a digest",
        "LP101",
        _undigested("report", "outs", "report.txt"),
    ),
    _M(
        "command changed",
        "LP102",
        swap("dvc.yaml", "python src/train.py", "python -O src/train.py"),
    ),
    _M(
        "command of two lines, locked as two commands",
        "LP102",
        both(
            swap("dvc.yaml", "python src/train.py", '"false\\npython src/train.py"'),
            swap("dvc.lock", "python src/train.py", '["false", python src/train.py]'),
        ),
    ),
    _M(
        "empty line more in the text of a command",
        "LP102",
        both(
            swap("dvc.yaml", "python src/train.py", '"cat <<E\\n\\nE\\npython src/train.py"'),
            swap("dvc.lock", "python src/train.py", '"cat <<E\\nE\\npython src/train.py"'),
        ),
    ),
    _M("parameter changed", "LP103", swap("params.yaml", "0.1", "0.2")),
    _M("parameter removed", "LP103", swap("params.yaml", "lr: 0.1", "rate: 0.1")),
    _M(
        "parameter removed everywhere but from the pipeline",
        "LP103",
        both(
            swap("params.yaml", "lr: 0.1", "rate: 0.1"),
            in_lock(lambda stages: stages["train"]["params"].update({"params.yaml": {}})),
        ),
    ),
    _M(
        "parameter that is equal to the locked one and of another type",
        "LP103",
        both(
            swap("params.yaml", "lr: 0.1", "lr: true"),
            in_lock(lambda stages: stages["train"]["params"].update({"params.yaml": {"lr": 1}})),
        ),
    ),
    _M("code changed", "LP104", append("src/train.py", "# new\n")),
    _M(
        "code moved, changed, and a link put in its place",
        "LP104",
        both(
            git("mv", "src/train.py", "src/real.py"),
            append("src/real.py", "# new\n"),
            lambda project, _: (project.root / "src/train.py").symlink_to("real.py"),
        ),
    ),
    _M(
        "code changed in a folder that holds a link as well",
        "LP104",
        both(
            _reads("train", "src/train.py", "src", f"{OTHER}.dir"),
            swap("dvc.yaml", "[clean, src/train.py]", "[clean, src]"),
            lambda project, _: (project.root / "src/link.py").symlink_to("train.py"),
        ),
    ),
    _M(
        "line ends of the code converted in a checkout",
        "LP104",
        put(".gitattributes", "src/train.py text eol=crlf\n"),
    ),
    _M(
        "size of the code forged in the lock",
        "LP104",
        forged("train", "deps", "src/train.py", size=1),
    ),
    _M(
        "size of what another stage makes forged in the lock of its reader",
        "LP104",
        forged("report", "deps", "model.txt", size=1),
    ),
    _M(
        "size of a metric in Git forged in the lock",
        "LP104",
        forged("train", "outs", "metrics.json", size=1),
    ),
    _M(
        "code replaced by a link out of the repository",
        "LP107",
        both(
            git("rm", "-q", "src/train.py"),
            lambda project, _: (project.root / "src/train.py").symlink_to("/tmp/train.py"),
        ),
    ),
    _M(
        "other data added than the lock was made from",
        "LP105",
        both(
            put("raw.csv", "5,6\n;7,8\n"), dvc("add", "-q", "raw.csv"), dvc("push", "-q", "raw.csv")
        ),
    ),
    _M(
        ".dvc file changed by hand to an older version",
        "LP105",
        both(
            put("raw.csv", "0,0\n;0,0\n"),
            dvc("add", "-q", "raw.csv"),
            dvc("push", "-q", "raw.csv"),
            git("restore", "raw.csv.dvc"),
            in_data_file("raw.csv.dvc", md5=digest_of(b"0,0\n;0,0\n").value),
        ),
    ),
    _M(
        "dependency that its producer did not make",
        "LP105",
        forged("report", "deps", "model.txt", md5=OTHER),
    ),
    _M(
        "older file of a directory that another stage makes",
        "LP105",
        both(
            _reads("train", "clean", "clean/a.csv", OTHER),
            swap("dvc.yaml", "[clean, src/train.py]", "[clean/a.csv, src/train.py]"),
        ),
    ),
    _M("metric in Git edited", "LP106", swap("metrics.json", "0.8", "0.9")),
    _M(
        "lock names another metric than Git has",
        "LP106",
        forged("train", "outs", "metrics.json", md5=OTHER),
    ),
    _M("dependency that nothing tracks", "LP107", git("rm", "-q", "src/prepare.py")),
    _M(
        "output that the lock lacks",
        "LP108",
        swap("dvc.yaml", "outs: [report.txt]", "outs: [report.txt, page.txt]"),
    ),
    _M(
        "dependency that only the lock still has",
        "LP108",
        swap("dvc.yaml", "[clean, src/train.py]", "[clean]"),
    ),
    _M(
        "parameter that only the lock still has",
        "LP108",
        swap("dvc.yaml", "params: [lr]", "params: []"),
    ),
    _M(
        "parameter of a file that only the lock still has",
        "LP108",
        both(
            swap("dvc.yaml", "params: [lr]", "params: [depth]"),
            swap("params.yaml", "lr: 0.1", "lr: 0.2\ndepth: 1"),
            in_lock(lambda stages: stages["train"]["params"]["params.yaml"].update(depth=1)),
        ),
    ),
    _M(
        "lock entry of a stage that is no more",
        "LP109",
        in_lock(lambda stages: stages.update(ghost=GHOST)),
    ),
    _M("conflict markers in the lock", "LP110", swap("dvc.lock", "stages:\n", CONFLICT)),
    _M("conflict markers in the pipeline", "LP110", swap("dvc.yaml", "stages:\n", CONFLICT)),
    _M("conflict markers in a .dvc file", "LP110", swap("images.dvc", "outs:\n", CONFLICT)),
    _M("conflict markers in the parameters", "LP110", swap("params.yaml", "lr: 0.1\n", CONFLICT)),
    _M("stage defined twice", "LP111", append("dvc.yaml", "  report:\n    cmd: 'true'\n")),
    _M("pull request hides a .dvc file", "LP112", put(".dvcignore", "images.dvc\n"), PR),
    _M(
        "pull request makes a folder a project of its own",
        "LP112",
        both(
            git("mv", "images.dvc", "control-plane/images.dvc"),
            put("control-plane/.dvc/config", ""),
            git("add", "-f", "control-plane/.dvc/config"),
        ),
        PR,
    ),
    _M(
        "change names code outside of the repository",
        "LP112",
        both(
            swap("dvc.yaml", "[clean, src/train.py]", "[clean, /opt/train.py]"),
            swap("dvc.lock", "path: src/train.py", "path: /opt/train.py"),
        ),
        BASE,
    ),
    _M(
        "code changed, and the lock names it twice",
        "LP111",
        both(append("src/train.py", "# new\n"), in_lock(_named_twice)),
    ),
    _M(
        "code changed, and the lock has another digest for each remote",
        "LP111",
        both(
            append("src/train.py", "# new\n"),
            forged("train", "deps", "src/train.py", cloud={"store": {"md5": _NEW_CODE}}),
        ),
    ),
    _M(
        "another document in the lock",
        "LP111",
        append("dvc.lock", "---\nschema: '2.0'\nstages: {}\n"),
    ),
    _M(
        "parameter twice in a JSON file",
        "LP111",
        both(
            swap("dvc.yaml", "params: [lr]", "params: [p.json: [lr]]"),
            put("p.json", '{"lr": 0.1, "lr": 0.9}'),
            in_lock(lambda stages: stages["train"].update(params={"p.json": {"lr": 0.9}})),
        ),
    ),
    _M("output that .dvcignore hides", "LP111", put(".dvcignore", "/images\n")),
    _M("directory that .dvcignore hides", "LP111", put(".dvcignore", "clean/\n")),
    _M(
        ".dvcignore that is a link",
        "LP111",
        both(
            put("hidden.txt", "*.dvc\n"),
            lambda project, _: (project.root / ".dvcignore").unlink(missing_ok=True),
            lambda project, _: (project.root / ".dvcignore").symlink_to("hidden.txt"),
        ),
    ),
    _M("lock of DVC 1, which has no schema", "LP111", _of_dvc_1),
    _M("lock with a schema that DVC refuses", "LP111", swap("dvc.lock", "'2.0'", "2.0")),
    _M("lock cut off", "LP111", put("dvc.lock", "schema: '2.0'\nstages:\n  train:\n    cmd: [")),
)

REMOTE = (
    _M(
        "final output forged and never pushed",
        "LP201",
        forged("report", "outs", "report.txt", md5=OTHER),
    ),
    _M("data in a .dvc file never pushed", "LP201", in_data_file("images.dvc", md5=f"{OTHER}.dir")),
    _M("object missing", "LP201", spoilt("report.txt", None)),
    _M("directory object (.dir) missing", "LP201", spoilt("clean", None)),
    _M("file of a directory missing", "LP201", spoilt("clean/a.csv", None)),
    _M("object corrupted, same size", "LP202", spoilt("report.txt", flipped), ("--deep",)),
    _M(
        "file of a directory corrupted, same size",
        "LP202",
        spoilt("images/x.txt", flipped),
        ("--deep",),
    ),
    _M(
        "object emptied, and the lock says that it has no bytes",
        "LP202",
        both(spoilt("report.txt", lambda _: b""), forged("report", "outs", "report.txt", size=0)),
    ),
    _M("file of a directory emptied", "LP202", spoilt("clean/a.csv", lambda _: b"")),
    _M("directory object emptied", "LP202", spoilt("clean", lambda _: b"[]")),
    _M("object cut off", "LP203", spoilt("report.txt", lambda content: content[:-1])),
    _M("size forged", "LP203", forged("report", "outs", "report.txt", size=1)),
    _M(
        "object replaced, and its size taken out of the lock",
        "LP203",
        both(
            spoilt("images/x.txt", lambda content: content * 2),
            in_data_file("images.dvc", size=None, nfiles=None),
        ),
    ),
    _M("number of files forged", "LP203", in_data_file("images.dvc", nfiles=3)),
    _M("directory object that is no listing", "LP204", _no_listing),
    _M("no remote", "LP205", dvc("remote", "remove", "-q", "store")),
    _M(
        "output names a remote that nobody configured",
        "LP205",
        in_data_file("images.dvc", remote="nowhere"),
    ),
    _M("lock names versions, the remote keeps none", "LP206", _by_version),
    _M(
        "pull request moves the remote",
        "LP207",
        dvc("remote", "modify", "-q", "store", "url", "../else"),
        PR,
    ),
    _M(
        "pull request exempts an output, which is missing",
        "LP209",
        both(
            swap("dvc.yaml", "outs: [report.txt]", "outs: [report.txt: {push: false}]"),
            spoilt("report.txt", None),
        ),
        PR,
    ),
    _M(
        "change exempts an output under another name",
        "LP209",
        both(
            swap("dvc.yaml", "outs: [report.txt]", "outs: [page.txt: {push: false}]"),
            swap("dvc.lock", "path: report.txt", "path: page.txt"),
            swap(".gitignore", "/report.txt", "/page.txt"),
        ),
        BASE,
    ),
    _M(
        "pull request says that its data are imported from elsewhere",
        "LP209",
        both(
            append("images.dvc", "deps: [{path: x, repo: {url: /nowhere, rev_lock: abc}}]\n"),
            spoilt("images/x.txt", None),
        ),
        PR,
    ),
    _M(
        "local configuration in Git",
        "LP208",
        both(put(".dvc/config.local", "[core]\n"), git("add", "-f", ".dvc/config.local")),
    ),
)

GIT = (
    _M("DVC-tracked file in Git as well", "LP301", git("add", "-f", "raw.csv")),
    _M("file of a DVC-tracked directory in Git as well", "LP301", git("add", "-f", "images/x.txt")),
    _M("large file outside DVC", "LP302", put("notes.txt", "x" * 200_001)),
    _M("big binary outside DVC", "LP303", put("weights.dat", bytes(20_001))),
    _M("requirement without a version", "LP304", put("requirements.txt", "numpy\n")),
    _M("no environment", "LP304", swap("lockproof.toml", ENVIRONMENT, "")),
    _M("environment by interpreter", "LP304", _environment('interpreter = "/usr/bin/python3"')),
    _M("environment by image without digest", "LP304", _environment('image = "python:3.12"')),
    _M("environment by a uv.lock that is not in Git", "LP304", _environment('uv-lock = "uv.lock"')),
    _M(
        "environment by a uv.lock that is no TOML",
        "LP304",
        both(_environment('uv-lock = "uv.lock"'), put("uv.lock", "["), put("pyproject.toml", "")),
    ),
    _M("base image without digest", "LP305", put("Dockerfile", "FROM python:3.12\n")),
    _M("image in a compose file", "LP305", put("compose.yaml", "services: {db: {image: mysql}}\n")),
    _M(
        "image in GitLab CI",
        "LP305",
        put(".gitlab-ci.yml", "test: {image: alpine, script: [ls]}\n"),
    ),
    _M("image in a GitHub workflow", "LP305", put(".github/workflows/ci.yml", WORKFLOW)),
    _M("image in a stage's docker run", "LP305", _command(DOCKER)),
    _M("secret", "LP306", put("deploy.env", f"GITHUB_TOKEN={TOKEN}\n"), needs="kingfisher_sdk"),
    _M("private key", "LP306", put("id_rsa", PEM), needs="kingfisher_sdk"),
    _M("model that runs code, by content", "LP307", put("m.bin", pickle.dumps(np.arange(3)))),
    _M(
        "model that runs code, of the oldest protocol and under another name",
        "LP307",
        put("notes.txt", pickle.dumps(np.arange(3), 0)),
    ),
    _M(
        "model that runs code, compressed and under another name",
        "LP307",
        put("src/table.csv", bz2.compress(pickle.dumps({"a": np.arange(3)}))),
    ),
    _M(
        "model that runs code, with something after it",
        "LP307",
        put("m.dat", b"cos\nsystem\n(S'ls'\ntR.and more"),
    ),
    _M("model that runs code, by name", "LP307", put("m.pkl", b"x")),
    _M("parameters not committed", "LP308", put("params.yaml", "lr: 0.3\n"), committed=False),
    _M("pipeline not committed", "LP308", append("dvc.yaml", "# new\n"), committed=False),
    _M(
        "lock not committed",
        "LP308",
        forged("report", "outs", "report.txt", md5=OTHER),
        committed=False,
    ),
    _M(".dvc file not added", "LP308", put("new.dvc", "outs: []\n"), committed=False),
)

RECORD_AND_METRICS = (
    _M("run record missing", "LP401", git("rm", "-q", RECORD)),
    _M("run record of another lock", "LP402", recorded(lock_digest="0" * 64), fits=False),
    _M(
        "run record with another parameter",
        "LP403",
        recorded(params={"params.yaml": {"lr": 1}}),
        fits=False,
    ),
    _M(
        "run record with a better metric",
        "LP404",
        recorded(metrics={"metrics.json": {"accuracy": 0.99, "loss": 0.5}}),
        fits=False,
    ),
    _M("run record that is none", "LP406", put("runs/x.json", "{}")),
    _M("metric that a threshold asks for gone", "LP501", made_metrics('{"loss": 0.5}'), fits=True),
    _M("metric that is no number", "LP502", made_metrics('{"accuracy": 0.8, "loss": NaN}')),
    _M("metric below its threshold", "LP503", made_metrics('{"accuracy": 0.4}')),
    _M("metric worse than at the base", "LP504", made_metrics('{"accuracy": 0.7}'), BASE),
    _M("metrics file cut off", "LP505", made_metrics("{")),
)

OTHERS = (
    _M(
        "misspelt field in a manifest",
        "LP604",
        append("control-plane/settings.yaml", "datta: {}\n"),
    ),
    _M(
        "reproduction demanded and not given",
        "LP710",
        swap("lockproof.toml", "[gate]\n", '[gate]\nreproduction = "required"\n'),
    ),
    _M("waiver expired", "LP801", append("lockproof.toml", WAIVER.format("2020-01-01"))),
    _M("waiver of nothing", "LP802", append("lockproof.toml", WAIVER.format("2999-01-01"))),
    _M(
        "pull request edits the policy",
        "LP803",
        swap("lockproof.toml", "min = 0.5", "min = 0.1"),
        PR,
    ),
    _M("pull request edits the baseline", "LP804", _write_baseline, PR),
    _M("pull request breaks the policy", "LP805", append("lockproof.toml", "nonsense = 1\n"), PR),
)

MUTATIONS = (*LOCK, *REMOTE, *GIT, *RECORD_AND_METRICS, *OTHERS)

ON_S3 = tuple(
    # There its ETag says that its content is another.
    mutation._replace(asked=(), rule={"LP203": "LP202"}.get(mutation.rule, mutation.rule))
    for mutation in REMOTE
    if mutation.name.startswith(("object ", "file of a directory", "directory object"))
)
"""Those of the remote that S3 shows by listing and asking alone."""
