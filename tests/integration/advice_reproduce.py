"""Cases of the rules of a reproduction, and of the causes that it names."""

import shutil
from collections.abc import Sequence

from lockproof.cli.main import main
from lockproof.model.cause import CauseKind
from lockproof.model.finding import Finding

from .advice import DELETED, Case, CauseCase, Look, Step, commit, run, said
from .good_project import Edit, append, both, dvc, flipped, put, spoilt, swap
from .pipelines import Project, prove
from .remotes import Remote, digest_of
from .test_causes import CLEAN, FIT

PIPELINE = """\
stages:
  clean:
    cmd: python3 clean.py
    deps: [clean.py, raw.csv]
    outs: [clean.csv]
  fit:
    cmd: python3 fit.py
    deps: [fit.py, scale.py, clean.csv]
    params: [params.json: [weight]]
    outs: [model.json, weights.bin]
  use:
    cmd: head -c 3 weights.bin > head.bin
    deps: [weights.bin]
    outs: [head.bin]
"""
PINNED = '[environment]\nrequirements = "requirements.lock"\n'
FILES = {
    "clean.py": CLEAN,
    "fit.py": FIT + 'open("weights.bin", "wb").write(bytes(int(v) for v in values))\n',
    "scale.py": "FACTOR = 2\n",
    "params.json": '{"weight": 1.5}\n',
    "raw.csv": "a,1\nb,2\nbroken\nc,4\n",
    "dvc.yaml": PIPELINE,
    "requirements.lock": "alpha==1.0\n",
    # Looking for causes takes many runs, and is what the cases of causes are for.
    "lockproof.toml": f"{PINNED}[reproduce]\nexplain = false\n",
}


def reproduced(**request: object) -> Look:
    """Look with `lockproof reproduce`, without a search for causes."""

    def look(project: Project) -> Sequence[Finding]:
        return prove(project, **request).findings

    return look


def _by_somebody_else(project: Project) -> Sequence[Finding]:
    """Look in a clone whose cache has nothing."""
    clone = Project(project.root.with_name("clone"), project.remote)
    shutil.rmtree(clone.root, ignore_errors=True)
    project.run("git", "clone", "-q", str(project.root), str(clone.root))
    return prove(clone, mode="isolated").findings


def _own(
    rule: str,
    name: str,
    edit: Edit,
    *steps: Step,
    besides: tuple[str, ...] = (),
    look: Look | None = None,
) -> Case:
    whole = both(edit, _commit_all)
    return Case(rule, name, whole, steps, look or reproduced(), besides)


def _commit_all(project: Project, _: Remote) -> None:
    project.git("add", "-A")
    if project.git("status", "--porcelain"):
        project.commit("broken")


def _ran(*edits: Edit) -> Edit:
    """A change, and the pipeline run again with it."""
    return both(*edits, lambda project, _: _repro(project))


def _repro(project: Project) -> None:
    project.dvc("repro", "-q")
    project.dvc("push", "-q")


def _tampered(project: Project, _: Remote) -> None:
    project.write({"model.json": '{"mean": 99}'})
    project.dvc("commit", "-q", "-f", "fit")
    project.dvc("push", "-q")


def policy(text: str) -> Edit:
    """Add to the policy, and commit."""
    return both(append("lockproof.toml", text), _commit_all)


HOUR = "date -d @0 +%H >> head.bin"
LOCAL_TIME = swap("dvc.yaml", "> head.bin", f"> head.bin; {HOUR}")
VARYING = swap("fit.py", "mean = ", "import time\nmean = 1e-9 * (time.time_ns() % 1000) + ")
READ = "head -c 3 weights.bin > head.bin\n    deps: [weights.bin]"
UNREAD = "head -c 3 model.json > head.bin\n    deps: [model.json]"
VARYING_BYTES = append("fit.py", 'open("weights.bin", "ab").write(__import__("os").urandom(8))\n')
AGAIN = (run("dvc repro"), run("dvc push"), commit())
PUSHED = (run("dvc repro -f -s"), run("dvc repro"), run("dvc push"), commit())
JUDGED = '[[judged-by]]\npaths = ["weights.bin"]\nby = ["model.json"]\nreason = "varies"\n'

CASES = (
    _own(
        "LP201",
        "input that was not pushed",
        spoilt("clean.csv", None),
        run("dvc push"),
        look=_by_somebody_else,
    ),
    _own(
        "LP202",
        "input that is corrupted",
        spoilt("clean.csv", flipped),
        DELETED,
        run("dvc push"),
        look=_by_somebody_else,
    ),
    _own(
        "LP701",
        "changed code",
        append(
            "fit.py",
            "model = json.load(open('model.json'))\njson.dump([model], open('model.json', 'w'))\n",
        ),
        *PUSHED,
    ),
    _own("LP701", "output changed by hand", _tampered, *PUSHED),
    _own(
        "LP702",
        "output under another name",
        both(
            swap("dvc.yaml", READ, UNREAD), _ran(), swap("fit.py", '"weights.bin"', '"weight.bin"')
        ),
        said(
            "declare what it writes",
            swap("dvc.yaml", "weights.bin", "weight.bin"),
        ),
        *AGAIN,
    ),
    _own(
        "LP703",
        "command that fails",
        append("fit.py", "raise SystemExit(3)\n"),
        said("see its log", both(swap("fit.py", "raise SystemExit(3)\n", ""), _commit_all)),
    ),
    _own(
        "LP704",
        "command without end",
        both(
            append("fit.py", "__import__('time').sleep(600)\n"),
            # As long as the command without the sleep takes on a machine that is very busy.
            append("lockproof.toml", '[run]\ntimeout = "30s"\n'),
        ),
        said(
            "speed it up", both(swap("fit.py", "__import__('time').sleep(600)\n", ""), _commit_all)
        ),
    ),
    _own(
        "LP704",
        "command of three seconds",
        both(
            append("fit.py", "__import__('time').sleep(2)\n"),
            append("lockproof.toml", '[run]\ntimeout = "1s"\n'),
        ),
        said("raise [run] timeout", both(swap("lockproof.toml", "1s", "5m"), _commit_all)),
    ),
    _own(
        "LP705",
        "number that varies a little",
        _ran(VARYING),
        said(
            "state a [[tolerance]] for it",
            policy('[[tolerance]]\npaths = ["model.json"]\nrtol = 0.1\n'),
        ),
        look=reproduced(runs=2),
        besides=("dvc repro", "dvc push"),
    ),
    _own(
        "LP705",
        "bytes that vary",
        _ran(VARYING_BYTES),
        said("stand for it with [[judged-by]]", policy(JUDGED)),
        look=reproduced(runs=2),
        besides=("dvc repro", "dvc push"),
    ),
    _own(
        "LP706",
        "bytes that vary, which no stage reads",
        both(
            swap("dvc.yaml", READ, UNREAD),
            VARYING_BYTES,
            _ran(),
            policy(JUDGED),
        ),
        said("let a stage read it", both(swap("dvc.yaml", UNREAD, READ), _ran(), _commit_all)),
    ),
    _own(
        "LP706",
        "numbers whose locked content is not in the remote",
        both(
            _ran(VARYING),
            policy('[[tolerance]]\npaths = ["model.json"]\nrtol = 0.1\n'),
            spoilt("model.json", None),
        ),
        run("dvc push"),
        look=_by_somebody_else,
    ),
    _own(
        "LP706",
        "tolerance for bytes",
        both(
            _ran(VARYING_BYTES),
            append("lockproof.toml", '[[tolerance]]\npaths = ["weights.bin"]\nrtol = 0.1\n'),
        ),
        said("stand for it with [[judged-by]]", policy(JUDGED)),
        besides=("dvc push",),
    ),
    _own(
        "LP707",
        "input that is rewritten",
        _ran(append("fit.py", 'open("clean.csv", "a").write("z,9\\n")\n')),
        said(
            "write the result to an output",
            swap("fit.py", 'open("clean.csv", "a").write("z,9\\n")', ""),
        ),
        said("put clean.csv back", dvc("checkout", "-q", "-f", "clean.csv")),
        *AGAIN,
    ),
    _own(
        "LP708",
        "frozen stage",
        lambda project, _: project.dvc("freeze", "fit"),
        run("dvc unfreeze"),
        commit(),
    ),
    _own(
        "LP708",
        "frozen stage that is meant",
        lambda project, _: project.dvc("freeze", "fit"),
        said(
            "accept frozen stages",
            both(
                swap("lockproof.toml", "[reproduce]", '[reproduce]\nfrozen = "accept"'), _commit_all
            ),
        ),
        besides=("dvc unfreeze",),
    ),
    _own(
        "LP708",
        "stage after one that fails",
        append("clean.py", "raise SystemExit(3)\n"),
        said(
            "mend that one first", both(swap("clean.py", "raise SystemExit(3)\n", ""), _commit_all)
        ),
        look=reproduced(mode="chain"),
    ),
    _own(
        "LP711",
        "time zone of the machine",
        _ran(LOCAL_TIME),
        said("set TZ in the command", swap("dvc.yaml", HOUR, f"TZ=UTC {HOUR}")),
        said("`dvc repro`, commit, and vary again", both(lambda p, _: _repro(p), _commit_all)),
        look=reproduced(stages=("use",), vary=("timezone",)),
    ),
    _own(
        "LP709",
        "no environment",
        put("lockproof.toml", ""),
        said(
            "requirements.lock", both(put("lockproof.toml", FILES["lockproof.toml"]), _commit_all)
        ),
    ),
)


MADE = """\
stages:
  make:
    cmd: cat raw.txt code.txt p.yaml > out.txt; cat more.txt >> out.txt
    deps: [raw.txt, code.txt]
    params: [p.yaml: [k]]
    outs: [out.txt]
"""
MADE_FILES = {
    "dvc.yaml": MADE,
    "raw.txt": "raw\n",
    "code.txt": "code\n",
    "p.yaml": "k: 1\n",
    "more.txt": "more\n",
}
RANDOM = "cat /proc/sys/kernel/random/uuid > out.txt"


def _added(project: Project, remote: Remote) -> None:
    project.write({"raw.txt": "other\n"})
    project.dvc("add", "-q", "raw.txt")
    project.dvc("push", "-q")


def _blessed(project: Project, _: Remote) -> None:
    project.write({"out.txt": "better\n"})
    project.dvc("commit", "-q", "-f", "make")
    project.dvc("push", "-q")


def _forged(project: Project, _: Remote) -> None:
    """Another digest, and no history that knows better."""
    digest = digest_of((project.root / "out.txt").read_bytes()).value
    project.edit_lock(digest, "deadbeef" * 4)
    project.git("add", "-A")
    project.git("commit", "-q", "--amend", "-m", "first")


def _other_package(project: Project, remote: Remote) -> None:
    """An environment that was recorded, and another version of a package that is used."""
    swap("fit.py", '{"mean": mean}', '{"mean": mean, "by": alpha.VERSION}')(project, remote)
    swap("fit.py", "import json\n", "import json\n\nimport alpha\n")(project, remote)
    swap("lockproof.toml", "explain = false", "explain = true")(project, remote)
    project.write({"alpha.py": "VERSION = '1.0'\n"})  # As the pinned environment has it.
    _repro(project)
    (project.root / "alpha.py").unlink()
    project.commit("with a package")
    assert main(["-C", str(project.root), "record", "--no-mlflow"]) == 0
    project.commit("recorded")
    project.write({"requirements.lock": "alpha==2.0\n"})


_K = CauseKind
OTHER_PACKAGE = CauseCase(
    {_K.ENVIRONMENT},
    _other_package,
    (said("put back", put("requirements.lock", "alpha==1.0\n")), commit()),
)
CAUSES = (
    CauseCase({_K.CODE}, append("code.txt", "new\n"), PUSHED),
    CauseCase({_K.DATA}, _added, PUSHED),
    CauseCase(
        {_K.COMMAND}, swap("dvc.yaml", "cat raw.txt code", "cat code.txt raw.txt code"), PUSHED
    ),
    CauseCase({_K.PARAMETER}, swap("p.yaml", "1", "2"), PUSHED),
    CauseCase(
        {_K.UNDECLARED_INPUT},
        append("more.txt", "new\n"),
        (said("declare it", swap("dvc.yaml", "code.txt]", "code.txt, more.txt]")), *PUSHED),
    ),
    CauseCase(
        {_K.REWRITTEN_INPUT},
        _ran(swap("dvc.yaml", "more.txt >> out.txt", "more.txt >> out.txt; echo x >> raw.txt")),
        (
            said("write the result to an output", swap("dvc.yaml", ">> raw.txt", ">> out.txt")),
            said("put raw.txt back", dvc("checkout", "-q", "-f", "raw.txt.dvc")),
            *AGAIN,
        ),
    ),
    CauseCase(
        {_K.UNDECLARED_OUTPUT},
        both(
            swap("dvc.yaml", "p.yaml > out.txt", "p.yaml > o.txt"),
            swap("dvc.yaml", ">> out.txt", ">> o.txt"),
        ),
        (
            said("declare what it writes", swap("dvc.yaml", "[out.txt]", "[o.txt]")),
            *AGAIN,
        ),
    ),
    CauseCase({_K.UNKNOWN}, _blessed, PUSHED),
    CauseCase({_K.UNKNOWN}, _forged, PUSHED),
    CauseCase(
        {_K.NONDETERMINISM},
        _ran(swap("dvc.yaml", "cat raw.txt code.txt p.yaml > out.txt", RANDOM)),
        (said("seed its random numbers", swap("dvc.yaml", RANDOM, "echo 1 > out.txt")), *AGAIN),
    ),
)
