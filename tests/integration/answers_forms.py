"""Honest repositories whose locks, texts and outputs are of many forms: `passed` is right."""

import hashlib
import shutil
from pathlib import Path

from .answer_case import Case, cloned, made, new, passed, remake
from .pipelines import Project

FLOAT = """\
import json, random
noise = random.random() * 1e-9
json.dump({"score": 0.75 + noise}, open("score.json", "w"))
"""


def old_lock(project: Project, commit: str = "as DVC 2 wrote it") -> Project:
    """The lock and the store as DVC 2 left them: no `hash: md5`, objects in other places."""
    for path in project.root.rglob("*"):
        if path.name == "dvc.lock" or (path.suffix == ".dvc" and path.is_file()):
            lines = [x for x in path.read_text().splitlines() if x.strip() != "hash: md5"]
            path.write_text("\n".join(lines) + "\n")
    for store in (project.root / ".dvc" / "cache", project.remote):
        for folder in [*(store / "files" / "md5").iterdir()]:
            shutil.copytree(folder, store / folder.name, dirs_exist_ok=True)
        shutil.rmtree(store / "files")
    project.commit(commit)
    return project


def dvc2(base: Path) -> Project:
    yaml = """\
stages:
  sort: {cmd: sort raw.csv > a.csv, deps: [raw.csv], outs: [a.csv]}
  head: {cmd: head -n 2 a.csv > b.csv, deps: [a.csv], outs: [b.csv]}
"""
    return cloned(old_lock(made(base, {"raw.csv": "c\na\nb\n", "dvc.yaml": yaml}, "raw.csv")))


def dvc2_crlf(base: Path) -> Project:
    """DVC 2 took the digest of text with its line ends made one."""
    yaml = "stages:\n  copy: {cmd: cat in.txt > out.txt, deps: [in.txt], outs: [out.txt]}\n"
    project = new(base, {".gitattributes": "* -text\n", "dvc.yaml": yaml})
    (project.root / "in.txt").write_bytes(b"one\r\ntwo\r\n")
    remake(project)
    plain, normal = (hashlib.md5(t).hexdigest() for t in (b"one\r\ntwo\r\n", b"one\ntwo\n"))
    project.edit_lock(plain, normal)
    for store in (project.root / ".dvc" / "cache", project.remote):
        folder = store / "files" / "md5"
        (folder / normal[:2]).mkdir(exist_ok=True)
        shutil.move(folder / plain[:2] / plain[2:], folder / normal[:2] / normal[2:])
    return old_lock(project)


def crlf(base: Path) -> Project:
    yaml = "stages:\n  copy: {cmd: cat in.txt > out.txt, deps: [in.txt], outs: [out.txt]}\n"
    project = new(base, {".gitattributes": "* -text\n", "dvc.yaml": yaml})
    (project.root / "in.txt").write_bytes(b"one\r\ntwo\r\n")
    remake(project)
    return cloned(project)


def eol_attribute(base: Path) -> Project:
    """Git keeps `\\n`, every checkout has `\\r\\n`, and so had the author's."""
    yaml = "stages:\n  copy: {cmd: cat in.txt > out.txt, deps: [in.txt], outs: [out.txt]}\n"
    project = new(base, {".gitattributes": "in.txt text eol=crlf\n", "dvc.yaml": yaml})
    (project.root / "in.txt").write_bytes(b"one\r\ntwo\r\n")
    remake(project)
    return cloned(project)


def close_enough(base: Path) -> Project:
    policy = '[[tolerance]]\npaths = ["score.json"]\natol = 1e-6\n'
    yaml = "stages:\n  fit: {cmd: python3 fit.py, deps: [fit.py], outs: [score.json]}\n"
    return cloned(made(base, {"fit.py": FLOAT, "dvc.yaml": yaml, "lockproof.toml": policy}))


def judged(base: Path) -> Project:
    fit = """\
import json, time
json.dump({"weight": 2}, open("weights.json", "w"))
json.dump({"weight": 2, "at": time.time_ns()}, open("model.json", "w"))
"""
    use = """\
import json
json.dump({"s": json.load(open("model.json"))["weight"]}, open("score.json", "w"))
"""
    yaml = """\
stages:
  fit: {cmd: python3 fit.py, deps: [fit.py], outs: [model.json, weights.json]}
  use: {cmd: python3 use.py, deps: [use.py, model.json], outs: [score.json]}
"""
    policy = '[[judged-by]]\npaths = ["model.json"]\nby = ["weights.json"]\nreason = "time"\n'
    return cloned(
        made(base, {"fit.py": fit, "use.py": use, "dvc.yaml": yaml, "lockproof.toml": policy})
    )


def sorted_set(base: Path) -> Project:
    fit = "open('w.txt', 'w').write('\\n'.join(sorted(set(open('t.txt').read().split()))))\n"
    yaml = "stages:\n  fit: {cmd: python3 fit.py, deps: [fit.py, t.txt], outs: [w.txt]}\n"
    return made(base, {"fit.py": fit, "t.txt": "b a c a\n", "dvc.yaml": yaml})


def database(base: Path) -> Project:
    fit = """\
import sqlite3
with sqlite3.connect("d.sqlite") as db:
    db.execute("create table t (a text)")
    db.executemany("insert into t values (?)", [[x] for x in open("t.txt").read().split()])
"""
    yaml = "stages:\n  fit: {cmd: python3 fit.py, deps: [fit.py, t.txt], outs: [d.sqlite]}\n"
    return made(base, {"fit.py": fit, "t.txt": "b a c a\n", "dvc.yaml": yaml})


def not_a_number(base: Path) -> Project:
    yaml = """\
stages:
  fit:
    cmd: 'printf ''{"loss": NaN}'' > metrics.json'
    metrics: [metrics.json: {cache: false}]
"""
    return made(base, {"dvc.yaml": yaml})


def odd_names(base: Path) -> Project:
    yaml = """\
stages:
  größe:
    cmd: cat 'in put.txt' > 'aus gabe é.txt' && touch empty
    deps: ['./in put.txt']
    outs: ['aus gabe é.txt', empty]
"""
    return made(base, {"in put.txt": "x\n", "dvc.yaml": yaml})


FORMS = tuple(
    Case(name, done, build, passed())
    for name, done, build in (
        ("lock and store of DVC 2", "cloned", dvc2),
        ("lock of DVC 2 over CRLF text", "nothing", dvc2_crlf),
        ("CRLF text kept as it is", "cloned", crlf),
        ("text with eol=crlf", "cloned", eol_attribute),
        ("noise of 1e-9 under a tolerance of 1e-6", "cloned", close_enough),
        ("time in a model, judged by its weights", "cloned", judged),
        ("sorted set", "nothing", sorted_set),
        ("SQLite database without times", "nothing", database),
        ("NaN in a metric", "nothing", not_a_number),
        ("names with spaces and umlauts, empty output", "nothing", odd_names),
    )
)
