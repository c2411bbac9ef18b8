"""Cases of the gate's rules: mutations of the good repository, and how their findings are mended."""

import importlib.util
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lockproof.cli.main import main
from lockproof.model.finding import Finding

from .advice import Case, Look, Step, commit, run, said
from .good_project import (
    RECORD,
    TRAIN,
    Edit,
    append,
    both,
    dvc,
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
from .mutations_gate import BASE, CONFLICT, ENVIRONMENT, MUTATIONS, PR
from .pipelines import Project
from .remotes import Remote, digest_of

_BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}


def gated(*asked: str) -> Look:
    """Look with the gate."""

    def look(project: Project) -> Sequence[Finding]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "report.json")
            main(["-C", str(project.root), "gate", *asked, "--output", str(file)])
            said = json.loads(file.read_text())
        return [Finding.model_validate(found) for found in said["findings"]]

    return look


def _mutated(
    name: str,
    *steps: Step,
    besides: tuple[str, ...] = (),
    after: tuple[str, ...] = ("LP402",),
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
    after: tuple[str, ...] = ("LP402",),
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
    project.run("lockproof", "record", "--no-mlflow")


def _converted(project: Project, remote: Remote) -> None:
    """A file that a checkout has with other line ends than the work tree here has."""
    put(".gitattributes", "src/train.py text eol=crlf\n")(project, remote)


def _frozen(project: Project, remote: Remote) -> None:
    project.dvc("freeze", "train")
    append("src/train.py", "# new\n")(project, remote)


def _old_data(project: Project, remote: Remote) -> None:
    """The lock of a `.dvc` file as DVC 2 wrote it, beside one of DVC 3."""
    in_data_file("raw.csv.dvc", hash=None)(project, remote)
    project.dvc("push", "-q")


def _untracked(project: Project, remote: Remote) -> None:
    """A dependency of an odd name that was there when the stage ran, and was not added."""
    project.write({ODD: "# code\n"})
    swap("dvc.yaml", "[clean, src/train.py]", f'[clean, src/train.py, "{ODD}"]')(project, remote)
    project.repro()
    project.run("lockproof", "record", "--no-mlflow")
    project.git("rm", "-q", "--cached", ODD)
    project.git("add", "runs")
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
    _mutated("other data added than the lock was made from", *AGAIN),
    _mutated(".dvc file changed by hand to an older version", *AGAIN),
    _mutated("dependency that its producer did not make", *AGAIN),
    _own(
        "LP105", "data locked by DVC 2", _old_data, run("dvc commit -f"), run("dvc push"), commit()
    ),
    _mutated("metric in Git edited", *AGAIN, after=("LP402", "LP404")),
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
