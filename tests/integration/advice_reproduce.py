"""Cases of the rules of a reproduction, and of the causes that it names."""

import shutil
from collections.abc import Sequence

from lockproof.model.finding import Finding

from .advice import DELETED, Case, Look, Step, commit, run, said
from .good_project import Edit, append, both, put, swap
from .pipelines import Project, prove
from .remotes import Remote
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
"""
FILES = {
    "clean.py": CLEAN,
    "fit.py": FIT + 'open("weights.bin", "wb").write(bytes(int(v) for v in values))\n',
    "scale.py": "FACTOR = 2\n",
    "params.json": '{"weight": 1.5}\n',
    "raw.csv": "a,1\nb,2\nbroken\nc,4\n",
    "dvc.yaml": PIPELINE,
    "requirements.lock": "alpha==1.0\n",
    "lockproof.toml": '[environment]\nrequirements = "requirements.lock"\n',
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


def _objects(suffix: str, content: bytes | None) -> Edit:
    """Spoil the remote's objects that end so."""

    def edit(project: Project, remote: Remote) -> None:
        for path in sorted(project.remote.rglob("*")):
            if path.is_file() and path.read_bytes() == suffix.encode():
                path.chmod(0o644)
                if content is None:
                    path.unlink()
                else:
                    path.write_bytes(content)

    return edit


def _tampered(project: Project, _: Remote) -> None:
    project.write({"model.json": '{"mean": 99}'})
    project.dvc("commit", "-q", "-f", "fit")
    project.dvc("push", "-q")


def policy(text: str) -> Edit:
    """Add to the policy, and commit."""
    return both(append("lockproof.toml", text), _commit_all)


VARYING = swap("fit.py", "mean = ", "import time\nmean = 1e-9 * (time.time_ns() % 1000) + ")
VARYING_BYTES = append("fit.py", 'open("weights.bin", "ab").write(__import__("os").urandom(8))\n')
CLEANED = "a,1\nb,2\nc,4\n"
PUSHED = (run("dvc repro -f -s"), run("dvc repro"), run("dvc push"), commit())
JUDGED = '[[judged-by]]\npaths = ["weights.bin"]\nby = ["model.json"]\nreason = "varies"\n'

CASES = (
    _own(
        "LP201",
        "input that was not pushed",
        _objects(CLEANED, None),
        run("dvc push"),
        look=_by_somebody_else,
    ),
    _own(
        "LP202",
        "input that is corrupted",
        _objects(CLEANED, b"?" * len(CLEANED)),
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
        swap("fit.py", '"weights.bin"', '"weight.bin"'),
        said(
            "declare what it writes",
            both(swap("dvc.yaml", "weights.bin", "weight.bin"), _ran(), _commit_all),
        ),
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
            append("lockproof.toml", '[run]\ntimeout = "3s"\n'),
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
    ),
    _own(
        "LP705",
        "bytes that vary",
        _ran(VARYING_BYTES),
        said("stand for it with [[judged-by]]", policy(JUDGED)),
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
            both(swap("fit.py", '"clean.csv", "a"', '"model.json", "a"'), _ran(), _commit_all),
        ),
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
        said("accept frozen stages", policy('[reproduce]\nfrozen = "accept"\n')),
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
        "LP709",
        "no environment",
        put("lockproof.toml", ""),
        said(
            "requirements.lock", both(put("lockproof.toml", FILES["lockproof.toml"]), _commit_all)
        ),
    ),
)
