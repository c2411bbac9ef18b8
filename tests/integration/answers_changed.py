"""Repositories whose commit no longer says what made the lock: somebody changed something."""

from pathlib import Path

from lockproof.model.cause import CauseKind, Certainty

from .answer_case import (
    UNKNOWN,
    Case,
    Reason,
    cloned,
    failed,
    inconclusive,
    made,
    new,
    passed,
    proven,
    remake,
)
from .pipelines import Project

FIT = """\
import json
import scale
p = json.load(open("params.json"))
rows = [float(x) for x in open("clean.csv")]
json.dump({"w": sum(rows) * p["lr"] * scale.FACTOR + p.get("depth", 0)}, open("model.json", "w"))
"""
YAML = """\
stages:
  clean: {cmd: sort raw.csv > clean.csv, deps: [raw.csv], outs: [clean.csv]}
  fit:
    cmd: python3 fit.py
    deps: [fit.py, clean.csv]
    params: [params.json: [lr]]
    outs: [model.json]
"""


def usual(base: Path) -> Project:
    files = {
        "raw.csv": "3\n1\n2\n",
        "fit.py": FIT,
        "scale.py": "FACTOR = 2\n",
        "params.json": '{"lr": 0.5, "depth": 1}\n',
        "dvc.yaml": YAML,
        ".gitignore": "__pycache__/\n",
    }
    return made(base, files, "raw.csv")


def changed(base: Path, **files: str) -> Project:
    """The usual one with other text in files, committed without `dvc repro`."""
    project = usual(base)
    project.write({name.replace("_", "."): text for name, text in files.items()})
    project.commit("change")
    return project


def code(base: Path) -> Project:
    return changed(base, fit_py=FIT.replace("sum(rows)", "max(rows)"))


def comment(base: Path) -> Project:
    return changed(base, fit_py=FIT + "# no more than words\n")


def broken(base: Path) -> Project:
    return changed(base, fit_py=FIT + "raise SystemExit(3)\n")


def parameter(base: Path) -> Project:
    return changed(base, params_json='{"lr": 0.25, "depth": 1}\n')


def undeclared_key(base: Path) -> Project:
    return changed(base, params_json='{"lr": 0.5, "depth": 4}\n')


def command(base: Path) -> Project:
    return changed(base, dvc_yaml=YAML.replace("sort raw", "sort -r raw"))


def module(base: Path) -> Project:
    return changed(base, scale_py="FACTOR = 3\n")


def module_shallow(base: Path) -> Project:
    return cloned(module(base), "--depth", "1")


def two_at_once(base: Path) -> Project:
    return changed(
        base,
        fit_py=FIT.replace("sum(rows)", "max(rows)"),
        params_json='{"lr": 0.25, "depth": 1}\n',
    )


def data(base: Path) -> Project:
    project = usual(base)
    project.write({"raw.csv": "3\n1\n20\n"})
    project.dvc("add", "-q", "raw.csv")
    project.dvc("push", "-q")
    project.commit("more data")
    return project


def digest_by_hand(base: Path) -> Project:
    """The only commit there is: nothing else can be known."""
    project = usual(base)
    lock = (project.root / "dvc.lock").read_text()
    digest = lock.split("model.json")[1].split("md5: ")[1].split()[0]
    project.edit_lock(digest, "deadbeef" * 4)
    project.git("add", "-A")
    project.git("commit", "-q", "--amend", "-m", "first")
    return project


def blessed(base: Path) -> Project:
    project = usual(base)
    project.write({"model.json": '{"w": 99.0}'})
    project.dvc("commit", "-q", "-f")
    project.dvc("push", "-q")
    project.commit("a better model")
    return project


def stale_file(base: Path) -> Project:
    """Left in the folder by an older script, and committed with `dvc commit`."""
    yaml = """\
stages:
  split:
    cmd: mkdir -p parts && head -n 1 raw.csv > parts/new.csv
    deps: [raw.csv]
    outs: [parts]
"""
    project = made(base, {"raw.csv": "1\n2\n", "dvc.yaml": yaml}, "raw.csv")
    project.write({"parts/old.csv": "of last year\n"})
    project.dvc("commit", "-q", "-f")
    project.dvc("push", "-q")
    project.commit("commit")
    return project


def rewrites(base: Path) -> Project:
    yaml = """\
stages:
  clean: {cmd: sort raw.csv > clean.csv, deps: [raw.csv], outs: [clean.csv]}
  fit:
    cmd: wc -l < clean.csv > n.txt && echo 9 >> clean.csv
    deps: [clean.csv]
    outs: [n.txt]
"""
    return made(base, {"raw.csv": "2\n1\n", "dvc.yaml": yaml}, "raw.csv")


def persisted(base: Path) -> Project:
    yaml = """\
stages:
  log: {cmd: cat new.txt >> log.txt, deps: [new.txt], outs: [log.txt: {persist: true}]}
"""
    project = made(base, {"new.txt": "monday\n", "dvc.yaml": yaml})
    project.write({"new.txt": "tuesday\n"})
    remake(project, "tuesday")
    return project


def frozen(base: Path) -> Project:
    yaml = """\
stages:
  fetch: {cmd: cp in.txt raw.txt, deps: [in.txt], outs: [raw.txt], frozen: true}
  use: {cmd: sort raw.txt > out.txt, deps: [raw.txt], outs: [out.txt]}
"""
    project = new(base, {"in.txt": "b\na\n", "dvc.yaml": yaml.replace(", frozen: true", "")})
    remake(project)
    project.write({"dvc.yaml": yaml})
    project.commit("freeze")
    return project


def frozen_accepted(base: Path) -> Project:
    project = frozen(base)
    project.write({"lockproof.toml": '[reproduce]\nfrozen = "accept"\n'})
    project.commit("accept")
    return project


def byte_code(base: Path) -> Project:
    """The author's interpreter wrote its byte code into the folder that the stage depends on."""
    yaml = "stages:\n  fit: {cmd: python3 src/fit.py, deps: [src], outs: [w.txt]}\n"
    files = {
        "src/fit.py": "import part\nopen('w.txt', 'w').write(str(part.N))\n",
        "src/part.py": "N = 3\n",
        "dvc.yaml": yaml,
        ".gitignore": "__pycache__/\n",
    }
    project = made(base, files)
    assert "nfiles: 3" in (project.root / "dvc.lock").read_text()
    return cloned(project)


def windows(base: Path) -> Project:
    """Made where Git turned line ends of the work tree, which it does not do here."""
    yaml = "stages:\n  count: {cmd: wc -l < in.txt > n.txt, deps: [in.txt], outs: [n.txt]}\n"
    project = new(base, {"dvc.yaml": yaml})
    (project.root / "in.txt").write_bytes(b"one\r\ntwo\r\n")
    project.dvc("repro", "-q")
    project.dvc("push", "-q")
    project.write({"in.txt": "one\ntwo\n"})
    project.commit("first")
    return project


def too_far(base: Path) -> Project:
    fit = """\
import json, random
p = json.load(open("params.json"))
json.dump({"score": p["lr"] + random.random() * 1e-9}, open("score.json", "w"))
"""
    yaml = """\
stages:
  fit: {cmd: python3 fit.py, deps: [fit.py], params: [params.json: [lr]], outs: [score.json]}
"""
    files = {
        "fit.py": fit,
        "params.json": '{"lr": 0.5}',
        "dvc.yaml": yaml,
        "lockproof.toml": '[[tolerance]]\npaths = ["score.json"]\natol = 1e-6\n',
    }
    project = made(base, files)
    project.write({"params.json": '{"lr": 0.6}'})
    project.commit("faster")
    return project


def never_run(base: Path) -> Project:
    project = usual(base)
    more = "  extra: {cmd: cp model.json copy.json, deps: [model.json], outs: [copy.json]}\n"
    project.write({"dvc.yaml": YAML + more})
    project.commit("one more stage")
    return project


K = CauseKind
_CODE, _DATA = proven(K.CODE, r"fit\.py"), proven(K.DATA, r"raw\.csv")
_RATE = proven(K.PARAMETER, r"\blr\b")
_STALE = Reason(
    (K.STATE, K.UNKNOWN, K.UNDECLARED_OUTPUT),
    r"old\.csv",
    at_most=Certainty.LIKELY,
)
_GIVEN = (K.UNDECLARED_INPUT, K.PARAMETER)
_OUTSIDE = (K.UNDECLARED_INPUT, K.UNKNOWN)
_STATE = (K.STATE, K.UNDECLARED_INPUT, K.NONDETERMINISM, K.REWRITTEN_INPUT, K.UNKNOWN)

CHANGED = tuple(
    Case(name, done, build, answer, author={"PYTHONDONTWRITEBYTECODE": None})
    for name, done, build, answer in (
        ("two stages", "code changed without repro", code, failed(_CODE, rules=("LP104",))),
        ("two stages", "comment added without repro", comment, failed(rules=("LP104",))),
        (
            "two stages",
            "code changed so that it fails",
            broken,
            failed(_CODE, rules=("LP104", "LP703")),
        ),
        ("two stages", "parameter changed", parameter, failed(_RATE, rules=("LP103",))),
        ("two stages", "data changed", data, failed(_DATA, rules=("LP105",))),
        (
            "two stages",
            "command changed",
            command,
            failed(proven(K.COMMAND, "clean|sort"), rules=("LP102",)),
        ),
        (
            "two stages",
            "code and parameter changed",
            two_at_once,
            failed(_CODE, _RATE, rules=("LP103", "LP104")),
        ),
        (
            "undeclared module",
            "the module changed",
            module,
            failed(proven(K.UNDECLARED_INPUT, r"scale\.py")),
        ),
        (
            "undeclared module",
            "the module changed; cloned with --depth 1",
            module_shallow,
            failed(Reason(_OUTSIDE, r"scale\.py", at_most=Certainty.LIKELY)),
        ),
        (
            "key of a parameters file that is not declared",
            "its value changed",
            undeclared_key,
            failed(Reason(_GIVEN, "depth", at_least=Certainty.LIKELY)),
        ),
        (
            "two stages, one commit",
            "a digest in the lock changed by hand",
            digest_by_hand,
            failed(UNKNOWN),
        ),
        ("two stages", "an output replaced, then dvc commit", blessed, failed(UNKNOWN)),
        (
            "directory made",
            "a stale file in it, then dvc commit",
            stale_file,
            failed(_STALE),
        ),
        (
            "stage that rewrites its input",
            "nothing",
            rewrites,
            failed(
                Reason((K.REWRITTEN_INPUT,), r"clean\.csv", at_least=Certainty.PROVEN),
                rules=("LP707",),
            ),
        ),
        (
            "persisted log that a stage appends to",
            "two honest runs",
            persisted,
            failed(Reason(_STATE, r"log\.txt.*(persist|append|earlier|former|left)")),
        ),
        ("frozen stage", "nothing", frozen, inconclusive(rules=("LP708",))),
        ("frozen stage, accepted by the policy", "nothing", frozen_accepted, passed()),
        (
            "folder of code",
            "byte code in its digest; cloned",
            byte_code,
            failed(rules=("LP104",), told="__pycache__|byte.?code"),
        ),
        (
            "text from a work tree with CRLF",
            "locked on Windows",
            windows,
            failed(rules=("LP104",), told="line end|CRLF"),
        ),
        ("noise under a tolerance", "parameter changed", too_far, failed(_RATE, rules=("LP103",))),
        ("two stages", "a third added, never run", never_run, failed(rules=("LP101",))),
    )
)
