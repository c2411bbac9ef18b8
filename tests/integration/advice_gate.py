"""Cases of the gate: mutations of the good repository, and what mends them by their findings."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lockproof.cli.main import main
from lockproof.model.finding import Finding

from .advice import DELETED, Case, Look, Reader, Step, commands, commit, run, said
from .good_project import FILES as GOOD_FILES
from .good_project import (
    RECORD,
    Edit,
    append,
    both,
    fit_record,
    git,
    in_data_file,
    in_lock,
    made_metrics,
    put,
    swap,
)
from .mutations_gate import BASE, ENVIRONMENT, MUTATIONS, PEM, PR
from .pipelines import Project, prove
from .remotes import Remote, digest_of

REPORT = "reproduce.json"
"""Beside the repository: what the job that reproduces handed over."""
_BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}


def gated(*asked: str) -> Look:
    """Look with the gate."""

    def look(project: Project) -> Sequence[Finding]:
        with tempfile.TemporaryDirectory() as folder:
            file, proof = Path(folder, "report.json"), project.root.parent / REPORT
            given = ["--report", str(proof)] if proof.exists() else []
            main(["-C", str(project.root), "gate", *asked, *given, "--output", str(file)])
            said = json.loads(file.read_text())
        return [Finding.model_validate(found) for found in said["findings"]]

    return look


def _mutated(
    name: str,
    *steps: Step,
    besides: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
) -> Case:
    mutation = _BY_NAME[name]
    look = gated(*mutation.asked)
    return Case(mutation.rule, name, mutation.apply, steps, look, besides, after)


def _own(
    rule: str,
    name: str,
    edit: Edit,
    *steps: Step,
    asked: tuple[str, ...] = (),
    besides: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
) -> Case:
    whole = edit if edit is _untracked else both(edit, _commit_all)
    return Case(rule, name, whole, steps, gated(*asked), besides, after)


def _commit_all(project: Project, _: Remote) -> None:
    project.git("add", "-A")
    if project.git("status", "--porcelain"):
        project.commit("broken")


AGAIN = (run("dvc repro"), run("dvc push"), commit())
ANEW = (run("dvc repro -f -s"), run("dvc push"), commit())
UNLOCKED = said("delete the entry of train in dvc.lock", in_lock(lambda lock: lock.pop("train")))

ODD = "it's $HOME;x.py"
CODE = {"src/extra/a.py": "A = 1\n", "src/extra/b.py": "B = 1\n"}


def _byte_code(project: Project, remote: Remote) -> None:
    """A stage that depends on a folder whose byte code DVC counted when it locked it."""
    project.write(
        {**CODE, ".gitignore": (project.root / ".gitignore").read_text() + "__pycache__\n"}
    )
    swap("dvc.yaml", "[clean, src/train.py]", "[clean, src/train.py, src/extra]")(project, remote)
    put("src/extra/__pycache__/a.cpython-311.pyc", b"byte code")(project, remote)
    project.repro()


def _converted(project: Project, remote: Remote) -> None:
    """A file that a checkout has with other line ends than the work tree here has."""
    put(".gitattributes", "src/train.py text eol=crlf\n")(project, remote)


def _on_windows(project: Project, remote: Remote) -> None:
    """A lock from a machine whose Git turns line ends."""
    code = (project.root / "src/train.py").read_bytes()
    turned = code.replace(b"\n", b"\r\n")
    project.edit_lock(digest_of(code).value, digest_of(turned).value)
    in_lock(lambda lock: _sized(lock["train"]["deps"], len(turned)))(project, remote)


def _sized(deps: list[dict[str, object]], size: int) -> None:
    next(dep for dep in deps if dep["path"] == "src/train.py")["size"] = size


def _frozen(project: Project, remote: Remote) -> None:
    project.dvc("freeze", "train")
    append("src/train.py", "# new\n")(project, remote)


def _untracked(project: Project, remote: Remote) -> None:
    """A dependency of an odd name that was there when the stage ran, and was not added."""
    project.write({ODD: "# code\n"})
    swap("dvc.yaml", "[clean, src/train.py]", f'[clean, src/train.py, "{ODD}"]')(project, remote)
    project.repro()
    project.git("rm", "-q", "--cached", ODD)
    project.git("commit", "-qm", "forgotten")


def _left_in_ignore(project: Project, remote: Remote) -> None:
    """A metric that became one of Git's, while DVC's .gitignore still names it."""
    append(".gitignore", "/metrics.json\n")(project, remote)
    project.git("rm", "-q", "--cached", "metrics.json")


LOCK = (
    _mutated("lock missing", *AGAIN),
    _mutated("stage never run", *AGAIN),
    _mutated(".dvc file without a digest", run("dvc commit -f"), run("dvc push"), commit()),
    _mutated("code changed, and its digest taken out of the lock", UNLOCKED, *AGAIN),
    _mutated("code changed, and its digest emptied in the lock", UNLOCKED, *AGAIN),
    _mutated("code changed, and its digest called one of another kind", UNLOCKED, *AGAIN),
    _mutated("metric edited, and its digest taken out of the lock", UNLOCKED, *AGAIN),
    _mutated("command changed", *AGAIN),
    _mutated("parameter changed", *AGAIN),
    _mutated(
        "parameter removed",
        said("set the parameter back", swap("params.yaml", "rate: 0.1", "lr: 0.1")),
        commit(),
        besides=("dvc repro", "dvc push"),
    ),
    _mutated(
        "parameter removed everywhere but from the pipeline",
        said("give it a value", swap("params.yaml", "rate: 0.1", "lr: 0.2")),
        *AGAIN,
    ),
    _mutated("code changed", *AGAIN),
    _mutated("code moved, changed, and a link put in its place", *AGAIN),
    _own("LP104", "code changed of a frozen stage", _frozen, run("dvc unfreeze"), *AGAIN),
    _own(
        "LP104",
        "byte code in a folder",
        _byte_code,
        said("write them into .dvcignore", append(".dvcignore", "__pycache__\n")),
        *AGAIN,
    ),
    _own(
        "LP104",
        "line ends of the code converted in a checkout",
        _converted,
        run("rm"),
        run("git checkout"),
        *AGAIN,
    ),
    _own(
        "LP104",
        "line ends of Windows in the lock",
        _on_windows,
        said("into .gitattributes", put(".gitattributes", "* text=auto eol=lf\n")),
        run("git add --renormalize ."),
        *AGAIN,
    ),
    _mutated("other data added than the lock was made from", *AGAIN),
    _mutated(".dvc file changed by hand to an older version", *AGAIN),
    _mutated("dependency that its producer did not make", *AGAIN),
    _mutated("metric in Git edited", *AGAIN),
    _mutated("lock names another metric than Git has", *AGAIN),
    _own("LP106", "metric that Git ignores", _left_in_ignore, run("git add -f"), commit()),
    _own(
        "LP107",
        "code of an odd name that was not added",
        _untracked,
        run("git add -f"),
        commit(),
        besides=("dvc add", "dvc push"),
    ),
    _own(
        "LP107",
        "data of an odd name that was not added",
        _untracked,
        run("dvc add"),
        run("dvc push"),
        commit(),
        besides=("git add -f",),
    ),
    _mutated("dependency that only the lock still has", *ANEW),
    _mutated("parameter that only the lock still has", *ANEW),
    _own(
        "LP108",
        "output that the lock lacks",
        in_lock(lambda lock: lock["report"].pop("outs")),
        *AGAIN,
    ),
    _mutated(
        "lock entry of a stage that is no more",
        said("remove the entry", in_lock(lambda lock: lock.pop("ghost"))),
        commit(),
    ),
)


def _second_remote(project: Project, remote: Remote) -> None:
    """Another remote that must hold everything as well, and holds nothing."""
    project.dvc("remote", "add", "-q", "second", "../second")
    (project.root.parent / "second").mkdir()
    append("lockproof.toml", '\n[remote]\nalso = ["second"]\n')(project, remote)


def _own_remote(project: Project, remote: Remote) -> None:
    """An output with a remote of its own, beside another that must hold everything as well."""
    _second_remote(project, remote)
    project.dvc("remote", "add", "-q", "own", "../own")
    (project.root.parent / "own").mkdir()
    in_data_file("images.dvc", remote="own")(project, remote)
    project.dvc("push", "-q", "-r", "second", "raw.csv", "prepare", "train", "report")


def _looked_at_deeply(reader: Reader) -> None:
    """Run the quoted gate; where it finds the object to be wrong, do what it says then."""
    (command,) = (c for c in commands(reader.found.message) if c.startswith("lockproof gate"))
    reader.run.append(command)
    deeper = gated(*command.split()[2:])(reader.project)
    (found,) = (f for f in deeper if f.rule == "LP202")
    then = Reader(reader.project, reader.remote, found)
    for step in (DELETED, run("dvc push")):
        step.act(then)


DEEPLY = Step("lockproof gate --deep", _looked_at_deeply, True)
RELOCK = (run("dvc commit -f"), run("dvc push"), commit())
REMOTE = (
    _mutated("object missing", run("dvc push")),
    _mutated("directory object (.dir) missing", run("dvc push")),
    _mutated("file of a directory missing", DELETED, run("dvc push")),
    _own(
        "LP201",
        "second remote that has nothing",
        _second_remote,
        run("dvc push -r second"),
        after=("LP201",),
    ),
    _own(
        "LP201",
        "remotes of its own and for all, which have nothing",
        _own_remote,
        run("dvc push"),
        after=("LP201",),
    ),
    _mutated("object corrupted, same size", DELETED, run("dvc push")),
    _mutated("file of a directory corrupted, same size", DELETED, run("dvc push")),
    _mutated("file of a directory emptied", DELETED, run("dvc push")),
    _mutated("directory object emptied", DELETED, run("dvc push")),
    _mutated("object cut off", DEEPLY, besides=("dvc commit",)),
    _mutated("size forged", run("dvc commit -f"), commit(), besides=("lockproof gate",)),
    _mutated(
        "object replaced, and its size taken out of the lock",
        DEEPLY,
        run("dvc commit -f"),
        commit(),
    ),
    _mutated("number of files forged", run("dvc commit -f"), commit()),
    _mutated("directory object that is no listing", *RELOCK),
    _mutated(
        "no remote",
        run("dvc remote add -d", NAME="again", URL="../again"),
        commit(),
        run("dvc push"),
    ),
    _mutated(
        "output names a remote that nobody configured",
        run("dvc remote add nowhere", URL="../again"),
        commit(),
        run("dvc push"),
    ),
    _mutated(
        "lock names versions, the remote keeps none",
        run("rm"),
        run("dvc add"),
        run("dvc push"),
        commit(),
    ),
    _mutated("local configuration in Git", run("git rm --cached"), commit()),
)


def _undone(project: Project, remote: Remote) -> None:
    """Take the last commit back, as a person does by hand who knows what it was."""
    project.git("revert", "--no-edit", "HEAD")


def _retrained(project: Project, remote: Remote) -> None:
    project.dvc("repro", "-q", "-f", "-s", "train")
    project.dvc("push", "-q")


def _at_base(edit: Edit) -> Edit:
    """Make a change at the base, which the branch then has too."""

    def change(project: Project, remote: Remote) -> None:
        project.git("checkout", "-q", "base")
        edit(project, remote)
        project.git("commit", "-qam", "at the base")
        project.git("checkout", "-q", "main")
        project.git("merge", "-q", "base", "-m", "the base")

    return change


def _waived(rule: str, subject: str) -> Edit:
    waiver = f'\n[[waiver]]\nrule = "{rule}"\nsubject = "{subject}"\nreason = "meant"\n'
    return _at_base(append("lockproof.toml", f'{waiver}expires = "2999-01-01"\n'))


def _fitted(project: Project, _: Remote) -> None:
    project.git("add", "-A")
    fit_record(project)


def _merged(project: Project, _: Remote) -> None:
    """The reviewed change is merged, and the branch starts there."""
    project.git("branch", "-f", "base", "HEAD")


def _frozen_stage(project: Project, remote: Remote) -> None:
    accepting = append("lockproof.toml", '\n[reproduce]\nfrozen = "accept"\n')
    accepting(project, remote)
    project.commit("frozen stages are accepted")
    _merged(project, remote)
    project.dvc("freeze", "train")


def _idle_entry(project: Project, remote: Remote) -> None:
    """A baseline with an entry for what is mended."""
    append("src/train.py", "# new\n")(project, remote)
    project.commit("not run")
    main(["-C", str(project.root), "gate", "--baseline"])
    swap("src/train.py", "# new\n", "")(project, remote)


_REVIEWED = said("before merging", _merged)
_RETRAINED = said("run the stage again", both(_retrained, _commit_all))
_RECORD = (run("lockproof record"), commit())


def _without_waiver(project: Project, _: Remote) -> None:
    text = (project.root / "lockproof.toml").read_text()
    project.write({"lockproof.toml": text.partition("\n[[waiver]]")[0]})


FILES = (
    _mutated("conflict markers in the lock", run("git checkout COMMIT", COMMIT="HEAD~"), *AGAIN),
    _mutated("conflict markers in the pipeline", said("resolve it", _undone), commit()),
    _mutated("stage defined twice", said("mend the file", _undone)),
    _mutated("output that .dvcignore hides", said("mend the file", _undone)),
    _mutated("pull request hides a .dvc file", said("put that back", _undone)),
    _own(
        "LP112",
        "pull request hides a .dvc file, which is meant",
        put(".dvcignore", "images.dvc\n"),
        said("let a waiver of the base accept it", _waived("LP112", "images.dvc")),
        asked=PR,
    ),
    _mutated(
        "change names code outside of the repository",
        said("name the one in the repository", _undone),
    ),
    _own(
        "LP112",
        "stage frozen, where that is accepted",
        _frozen_stage,
        run("dvc unfreeze"),
        commit(),
        asked=BASE,
    ),
    _mutated("pull request moves the remote", _REVIEWED, after=("LP201",)),
    _mutated(
        "pull request exempts an output, which is missing",
        said(
            "take the exemption back", swap("dvc.yaml", "report.txt: {push: false}", "report.txt")
        ),
        run("dvc push"),
        commit(),
    ),
    _own(
        "LP209",
        "pull request exempts an output, which is meant",
        swap("dvc.yaml", "outs: [report.txt]", "outs: [report.txt: {push: false}]"),
        said("let a waiver of the base accept it", _waived("LP209", "report.txt")),
        besides=("dvc push",),
        asked=PR,
    ),
    _mutated("DVC-tracked file in Git as well", run("git rm -r --cached"), commit()),
    _mutated("file of a DVC-tracked directory in Git as well", run("git rm -r --cached"), commit()),
    _own(
        "LP302",
        "large file of an odd name",
        put(ODD, "x" * 200_001),
        run("git rm --cached"),
        run("dvc add"),
        run("dvc push"),
        commit(),
    ),
    _mutated(
        "big binary outside DVC", run("git rm --cached"), run("dvc add"), run("dvc push"), commit()
    ),
    _mutated(
        "requirement without a version",
        said("write numpy==VERSION", put("requirements.txt", "numpy==2.0.0\n")),
        said("commit the file", _commit_all),
    ),
    _own(
        "LP304",
        "package pinned without what it needs",
        put("requirements.txt", "scipy==1.14.0\n"),
        run("uv pip compile"),
        commit(),
    ),
    _mutated(
        "no environment",
        said("name requirements", append("lockproof.toml", f"\n{ENVIRONMENT}")),
        commit(),
    ),
    _mutated(
        "environment by image without digest",
        said(
            "write it as …@sha256:…",
            swap("lockproof.toml", "python:3.12", f"python@sha256:{'a' * 64}"),
        ),
        commit(),
    ),
    _mutated(
        "environment by a uv.lock that is not in Git",
        said(
            "commit it",
            both(
                put("uv.lock", "version = 1\n"),
                put("pyproject.toml", "[project]\nname = 'x'\n"),
                _commit_all,
            ),
        ),
    ),
    _mutated(
        "base image without digest",
        said(
            "write it as python:3.12@sha256:…",
            both(put("Dockerfile", f"FROM python:3.12@sha256:{'a' * 64}\n"), _commit_all),
        ),
        besides=("docker",),
    ),
    _own(
        "LP306",
        "private key",
        both(put("id_rsa", PEM), swap("lockproof.toml", "secrets = false", "secrets = true")),
        said("read it from the environment", both(git("rm", "-q", "id_rsa"), _commit_all)),
    ),
    _mutated(
        "model that runs code, by content",
        said("save it as", both(git("rm", "-q", "m.bin"), put("m.csv", "1\n2\n"), _commit_all)),
    ),
    _mutated("parameters not committed", said("put it back", git("restore", "params.yaml"))),
    _mutated("pipeline not committed", commit("commit it")),
)

RECORD_AND_METRICS = (
    _mutated(
        "run record missing", *_RECORD, besides=("dvc repro", "lockproof record -- dvc repro")
    ),
    _mutated("run record of another lock", *_RECORD),
    _mutated("run record with another parameter", *_RECORD),
    _mutated("run record with a better metric", *_RECORD),
    _mutated("run record that is none", run("git rm"), *_RECORD),
    _own("LP406", "run record cut off", put(RECORD, "{"), run("git rm"), *_RECORD),
    _mutated(
        "metric that a threshold asks for gone",
        said("let a stage write it", both(_retrained, _commit_all)),
    ),
    _mutated("metric that is no number", _RETRAINED),
    _mutated(
        "metric below its threshold",
        said("improve it", both(_retrained, _commit_all)),
    ),
    _own(
        "LP503",
        "metric below its threshold, which is meant",
        both(made_metrics('{"accuracy": 0.4}'), _fitted),
        said(
            "change [[metric]] at the base",
            _at_base(swap("lockproof.toml", "min = 0.5", "min = 0.3")),
        ),
        asked=("--pr", *BASE),
    ),
    _mutated(
        "metric worse than at the base",
        said("improve it", both(_retrained, _commit_all)),
    ),
    _mutated("metrics file cut off", said("run it again", both(_retrained, _commit_all))),
)

POLICY = (
    _mutated("waiver expired", said("remove it", both(_without_waiver, _commit_all))),
    _mutated("waiver of nothing", said("remove it", both(_without_waiver, _commit_all))),
    _mutated("pull request edits the policy", _REVIEWED),
    _mutated(
        "pull request edits the baseline",
        said("may only lose entries", git("checkout", "base", "--", "baseline.json")),
        said("entries", _commit_all),
    ),
    _mutated(
        "pull request breaks the policy",
        said("mend it", both(git("checkout", "base", "--", "lockproof.toml"), _commit_all)),
    ),
    _own(
        "LP806",
        "entry of the baseline for what is mended",
        _idle_entry,
        said("remove them", both(put("baseline.json", GOOD_FILES["baseline.json"]), _commit_all)),
    ),
)


def _proved(project: Project, _: Remote) -> None:
    report = prove(project)
    (project.root.parent / REPORT).write_text(report.model_dump_json())


PROOF = (
    _mutated(
        "reproduction demanded and not given",
        said("hand over the CI job's artifact with --report", _proved),
    ),
)

CASES = (*LOCK, *REMOTE, *FILES, *RECORD_AND_METRICS, *POLICY, *PROOF)
