"""Honest locks whose outputs hang on something that the repository does not say.

What is another at every run on one machine is `inconclusive`: the lock is neither confirmed nor
refuted. What is the same at every run here, and another than on the author's machine, is `failed`:
here the commit does not make what its lock says.
"""

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

from lockproof.model.cause import CauseKind

from .answer_case import Answer, Case, Reason, cloned, depends, failed, inconclusive, made, varies
from .answers_forms import old_lock
from .pipelines import Project

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa"


def python(base: Path, code: str, out: str = "out.txt", **files: str) -> Project:
    """One stage that runs `code`."""
    yaml = f"stages:\n  make: {{cmd: python3 make.py, deps: [make.py], outs: [{out}]}}\n"
    return made(base, {"make.py": code, "dvc.yaml": yaml, **files})


def shell(base: Path, command: str, **files: str) -> Project:
    """One stage that runs a command whose output is `out.txt`."""
    yaml = f"stages:\n  make:\n    cmd: '{command}'\n    outs: [out.txt]\n"
    return made(base, {"dvc.yaml": yaml, **files})


def second_passed(project: Project, step: int = 1) -> Project:
    """Not before another second begins, or another step of so many since the epoch."""
    made_in = int((project.root / "dvc.lock").stat().st_mtime) // step
    while int(time.time()) // step <= made_in:
        time.sleep(0.05)
    return project


def clock(base: Path) -> Project:
    return shell(base, "date +%s%N > out.txt")


def day(base: Path) -> Project:
    return second_passed(shell(base, "LC_ALL=C date > out.txt"))


def gzipped(base: Path) -> Project:
    code = "import gzip\ngzip.open('out.gz', 'wb').write(b'the same')\n"
    return second_passed(python(base, code, "out.gz"))


def zipped(base: Path) -> Project:
    """A zip file counts in steps of two seconds."""
    code = "import zipfile\nzipfile.ZipFile('out.zip', 'w').writestr('a', 'the same')\n"
    return second_passed(python(base, code, "out.zip"), 2)


def uuids(base: Path) -> Project:
    return python(base, "import uuid\nopen('out.txt', 'w').write(str(uuid.uuid4()))\n")


def uuids_dvc2(base: Path) -> Project:
    yaml = """\
stages:
  make:
    cmd: (cat a.txt; cat /proc/sys/kernel/random/uuid) > b.txt
    deps: [a.txt]
    outs: [b.txt]
"""
    return old_lock(made(base, {"a.txt": "a\n", "dvc.yaml": yaml}))


def set_order(base: Path) -> Project:
    return python(base, f"open('out.txt', 'w').write(' '.join(set('{WORDS}'.split())))\n")


def pickled_set(base: Path) -> Project:
    code = f"import pickle\npickle.dump(set('{WORDS}'.split()), open('out.pkl', 'wb'))\n"
    return python(base, code, "out.pkl")


def random_model(base: Path) -> Project:
    code = """\
import json, random
json.dump({"w": [random.gauss(0, 1) for _ in range(9)]}, open("out.txt", "w"))
"""
    return python(base, code)


SHUFFLED = """\
import os
_listdir = os.listdir
def listdir(*argv):
    return sorted(_listdir(*argv), key=lambda name: hash_of(name))
def hash_of(name):
    import hashlib
    return hashlib.md5(os.fsencode(name)).hexdigest()
os.listdir = listdir
"""
"""Another file system, for the author: entries in an order that none here is likely to give."""


def listing(base: Path) -> Project:
    code = "import os\nopen('out.txt', 'w').write(' '.join(os.listdir('data')))\n"
    yaml = "stages:\n  make: {cmd: python3 make.py, deps: [make.py, data], outs: [out.txt]}\n"
    files = {f"data/{word}.csv": word for word in WORDS.split()}
    (base / "author").mkdir()
    (base / "author" / "sitecustomize.py").write_text(SHUFFLED)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(base / "author")
    try:
        project = made(base, {"make.py": code, "dvc.yaml": yaml, **files}, "data")
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    names = sorted(files, key=lambda f: hashlib.md5(f[5:].encode()).hexdigest())
    assert (project.root / "out.txt").read_text() == " ".join(name[5:] for name in names)
    return cloned(project)


def path(base: Path) -> Project:
    return shell(base, "pwd > out.txt")


def path_inside(base: Path) -> Project:
    code = "import json, os\njson.dump({'data': os.path.abspath('d')}, open('out.txt', 'w'))\n"
    return python(base, code)


def zone(base: Path) -> Project:
    return shell(base, "date -d @1700000000 +%H > out.txt")


def locale(base: Path) -> Project:
    return shell(base, "wc -m < in.txt > out.txt", **{"in.txt": "é ü ö\n"})


def umask(base: Path) -> Project:
    before = os.umask(0o077)
    try:
        return shell(base, "touch tmp && stat -c %a tmp > out.txt && rm tmp")
    finally:
        os.umask(before)


THREADS = """\
import os
n = int(os.environ.get("OMP_NUM_THREADS", "1"))
rows = [1 / i for i in range(1, 2000)]
open("out.txt", "w").write(repr(sum(sum(rows[k::n]) for k in range(n))))
"""


def threads(base: Path) -> Project:
    return python(base, THREADS)


def user(base: Path) -> Project:
    return shell(base, "echo by $USER > out.txt")


def variable(base: Path) -> Project:
    policy = '[run]\npass-env = ["MODEL_SIZE"]\n'
    return shell(base, r"echo size \${MODEL_SIZE:-1} > out.txt", **{"lockproof.toml": policy})


def secret_variable(base: Path) -> Project:
    return shell(base, r"echo seed \${MY_SEED:-0} > out.txt")


def home_file(base: Path) -> Project:
    home = base / "home"
    home.mkdir()
    (home / ".myconfig").write_text("lr=3\n")
    before = os.environ.get("HOME", "/")
    os.environ["HOME"] = str(home)
    try:
        return shell(base, "(cat ~/.myconfig 2>/dev/null || echo lr=1) > out.txt")
    finally:
        os.environ["HOME"] = before


def ignored_file(base: Path) -> Project:
    """It is still there, in the work tree of whoever asks, and Git has never seen it."""
    files = {"local.cfg": "lr=3\n", ".gitignore": "/local.cfg\n"}
    return shell(base, "(cat local.cfg 2>/dev/null || echo lr=1) > out.txt", **files)


def ignored_file_needed(base: Path) -> Project:
    files = {"local.cfg": "lr=3\n", ".gitignore": "/local.cfg\n"}
    return shell(base, "cat local.cfg > out.txt", **files)


K = CauseKind
_CLOCK = r"clock|time of day|mtime|SOURCE_DATE_EPOCH|another (day|second)\b"
_HASH = "hash.?seed"
_BOTH = f"{_CLOCK}|{_HASH}"
_TIME, _CHANCE = (
    inconclusive(varies("clock", _CLOCK, _HASH)),
    inconclusive(varies("random", "", _BOTH)),
)
_FILE = (K.UNDECLARED_INPUT, K.ENVIRONMENT)
_NO: Mapping[str, str | None] = {}
_UNSEEN = (K.UNKNOWN, K.ENVIRONMENT)
_NO_TOLERANCE = ("altered", "was changed after the run", "state a tolerance")
_Row = tuple[str, str, object, Answer, Mapping[str, str | None], Mapping[str, str | None]]
_ROWS: tuple[_Row, ...] = (
    ("time in nanoseconds", "nothing", clock, _TIME, _NO, _NO),
    ("date in the output", "nothing", day, _TIME, _NO, _NO),
    ("gzip with its time inside", "nothing", gzipped, _TIME, _NO, _NO),
    ("zip with times inside", "nothing", zipped, _TIME, _NO, _NO),
    ("random UUID", "nothing", uuids, _CHANCE, _NO, _NO),
    ("unseeded random weights", "nothing", random_model, _CHANCE, _NO, _NO),
    (
        "order of a set",
        "nothing",
        set_order,
        inconclusive(varies("hash-seed", _HASH, _CLOCK)),
        _NO,
        _NO,
    ),
    (
        "pickle of a set",
        "nothing",
        pickled_set,
        inconclusive(varies("hash-seed", _HASH, _CLOCK), never=_NO_TOLERANCE),
        _NO,
        _NO,
    ),
    (
        "order of os.listdir",
        "locked on another file system; cloned",
        listing,
        failed(
            depends(r"listdir|director(y|ies)|entries|order of (the |its )?files", "file-order")
        ),
        _NO,
        _NO,
    ),
    (
        "pwd in the output",
        "nothing",
        path,
        failed(depends(r"\bpath\b|folder|pwd", "path")),
        _NO,
        _NO,
    ),
    (
        "absolute path in JSON",
        "nothing",
        path_inside,
        failed(depends(r"\bpath\b|folder|pwd", "path")),
        _NO,
        _NO,
    ),
    (
        "hour of a fixed time",
        "locked in Tokyo, asked in UTC",
        zone,
        failed(depends(r"\bTZ\b|time.?zone", "timezone")),
        {"TZ": "Asia/Tokyo"},
        {"TZ": "UTC"},
    ),
    (
        "count of characters",
        "locked under C.UTF-8, asked under C",
        locale,
        failed(depends(r"locale|LC_ALL|\bLANG\b", "locale")),
        {"LC_ALL": "C.UTF-8"},
        {"LC_ALL": "C"},
    ),
    (
        "mode of a new file",
        "locked under umask 077",
        umask,
        failed(depends("umask", "umask")),
        _NO,
        _NO,
    ),
    (
        "sum in as many parts as threads",
        "locked with 7 threads, asked with 2",
        threads,
        failed(depends("thread", "threads")),
        {"OMP_NUM_THREADS": "7"},
        {"OMP_NUM_THREADS": "2"},
    ),
    (
        "name of the user",
        "locked by another",
        user,
        failed(depends(r"\buser\b", "user")),
        {"USER": "amelie"},
        {"USER": "bruno"},
    ),
    (
        "variable that the policy passes on",
        "locked with another value",
        variable,
        failed(depends("MODEL_SIZE", "variable MODEL_SIZE")),
        {"MODEL_SIZE": "3"},
        {"MODEL_SIZE": "5"},
    ),
    (
        "variable that nobody passes on",
        "locked with it set, asked without",
        secret_variable,
        failed(Reason(_UNSEEN)),
        {"MY_SEED": "7"},
        {"MY_SEED": None},
    ),
    (
        "file below HOME",
        "locked where it was",
        home_file,
        failed(depends(r"\bhome\b")),
        _NO,
        _NO,
    ),
    (
        "ignored file, with a default without it",
        "locked where it was",
        ignored_file,
        failed(Reason(_FILE, r"local\.cfg")),
        _NO,
        _NO,
    ),
    (
        "ignored file that is needed",
        "locked where it was",
        ignored_file_needed,
        failed(Reason(_FILE, r"local\.cfg"), rules=("LP703",)),
        _NO,
        _NO,
    ),
)
CONDITIONS = (
    *(
        Case(name, done, build, answer, author=author, here=here)  # type: ignore[arg-type]
        for name, done, build, answer, author, here in _ROWS
    ),
    *(
        Case(
            f"random UUID under a lock of DVC 2, {mode}",
            "nothing",
            uuids_dvc2,
            _CHANCE,
            request={"mode": mode},
        )
        for mode in ("isolated", "chain")
    ),
)
