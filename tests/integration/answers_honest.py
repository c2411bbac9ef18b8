"""Honest repositories of many shapes: each lock is true, and `passed` is the right answer."""

import shutil
from pathlib import Path

from .answer_case import Case, cloned, made, passed
from .pipelines import Project

COUNT = "import sys\nprint(sum(len(open(p).read().split()) for p in sys.argv[1:]))\n"


def single(base: Path) -> Project:
    return made(
        base,
        {
            "in.txt": "one two\n",
            "dvc.yaml": "stages:\n  up:\n    cmd: tr a-z A-Z < in.txt > out.txt\n"
            "    deps: [in.txt]\n    outs: [out.txt]\n",
        },
    )


def chain(base: Path) -> Project:
    yaml = """\
stages:
  sort: {cmd: sort raw.csv > a.csv, deps: [raw.csv], outs: [a.csv]}
  head: {cmd: head -n 2 a.csv > b.csv, deps: [a.csv], outs: [b.csv]}
  count: {cmd: python3 count.py b.csv > c.txt, deps: [count.py, b.csv], outs: [c.txt]}
"""
    return cloned(
        made(base, {"raw.csv": "c\na\nb\n", "count.py": COUNT, "dvc.yaml": yaml}, "raw.csv")
    )


def diamond(base: Path) -> Project:
    yaml = """\
stages:
  top: {cmd: cp raw.csv top.csv, deps: [raw.csv], outs: [top.csv]}
  left: {cmd: head -n 1 top.csv > left.csv, deps: [top.csv], outs: [left.csv]}
  right: {cmd: tail -n 1 top.csv > right.csv, deps: [top.csv], outs: [right.csv]}
  join: {cmd: cat left.csv right.csv > join.csv, deps: [left.csv, right.csv], outs: [join.csv]}
"""
    return made(base, {"raw.csv": "1\n2\n3\n", "dvc.yaml": yaml}, "raw.csv")


def foreach(base: Path) -> Project:
    yaml = """\
vars: [{sets: {train: 3, test: 1}}]
stages:
  split:
    foreach: ${sets}
    do:
      cmd: head -n ${item} raw.csv > ${key}.csv
      deps: [raw.csv]
      outs: ['${key}.csv']
"""
    return made(base, {"raw.csv": "1\n2\n3\n4\n", "dvc.yaml": yaml}, "raw.csv")


def matrix(base: Path) -> Project:
    yaml = """\
stages:
  fit:
    matrix: {model: [a, b], size: [1, 2]}
    cmd: echo ${item.model} ${item.size} > ${item.model}-${item.size}.txt
    outs: ['${item.model}-${item.size}.txt']
"""
    return made(base, {"dvc.yaml": yaml})


def commands(base: Path) -> Project:
    yaml = """\
stages:
  several:
    cmd:
    - mkdir -p tmp && echo one > tmp/part
    - cat tmp/part in.txt > out.txt
    - |
      rm -r tmp
      echo end >> out.txt
    deps: [in.txt]
    outs: [out.txt]
"""
    return made(base, {"in.txt": "two\n", "dvc.yaml": yaml})


def parameters(base: Path) -> Project:
    yaml = """\
stages:
  show:
    cmd: cat params.yaml conf/p.json conf/p.toml p.py > out.txt
    params:
    - lr
    - conf/p.json: [net.depth]
    - conf/p.toml: [seed]
    - p.py: [RATE]
    - ./more.yaml:
    outs: [out.txt]
"""
    return made(
        base,
        {
            "params.yaml": "lr: 0.1\nother: 1\n",
            "conf/p.json": '{"net": {"depth": 3}}\n',
            "conf/p.toml": "seed = 7\n",
            "p.py": "RATE = 0.5\n",
            "more.yaml": "a: 1\n",
            "dvc.yaml": yaml,
        },
    )


def nested(base: Path) -> Project:
    first = "stages:\n  clean: {cmd: sort in.txt > out.txt, deps: [in.txt], outs: [out.txt]}\n"
    second = (
        "stages:\n  use: {cmd: wc -l < ../prepare/out.txt > n.txt,"
        " deps: [../prepare/out.txt], outs: [n.txt]}\n"
    )
    return made(
        base,
        {"prepare/in.txt": "b\na\n", "prepare/dvc.yaml": first, "train/dvc.yaml": second},
    )


def one_file_each(base: Path) -> Project:
    """Two stages that take one file each of one tracked directory, in a fresh clone."""
    yaml = """\
stages:
  one: {cmd: cp data/1.csv one.csv, deps: [data/1.csv], outs: [one.csv]}
  two: {cmd: cp data/2.csv two.csv, deps: [data/2.csv], outs: [two.csv]}
"""
    files = {"data/1.csv": "1\n", "data/2.csv": "2\n", "data/3.csv": "3\n", "dvc.yaml": yaml}
    return cloned(made(base, files, "data"))


def directories(base: Path) -> Project:
    split = """\
import pathlib
for n, line in enumerate(open("raw.csv")):
    place = pathlib.Path("parts", str(n % 2)); place.mkdir(parents=True, exist_ok=True)
    (place / f"{n}.csv").write_text(line)
"""
    yaml = """\
stages:
  split: {cmd: python3 split.py, deps: [split.py, raw.csv], outs: [parts]}
  join: {cmd: 'cat parts/0/*.csv > even.csv', deps: [parts/0], outs: [even.csv]}
  one: {cmd: cp parts/1/1.csv one.csv, deps: [parts/1/1.csv], outs: [one.csv]}
"""
    return cloned(
        made(base, {"raw.csv": "a\nb\nc\nd\n", "split.py": split, "dvc.yaml": yaml}, "raw.csv")
    )


def metrics(base: Path) -> Project:
    fit = """\
import json
json.dump({"loss": 0.5}, open("metrics.json", "w"))
open("roc.csv", "w").write("x,y\\n0,0\\n1,1\\n")
open("history.csv", "w").write("step,loss\\n0,1\\n1,0.5\\n")
json.dump({"last": 1}, open("live.json", "w"))
"""
    yaml = """\
stages:
  fit:
    cmd: python3 fit.py
    deps: [fit.py]
    outs: [history.csv, {live.json: {cache: false}}]
    metrics: [metrics.json: {cache: false}]
    plots: [roc.csv: {x: x, y: y, cache: false}]
metrics: [live.json]
plots: [{history.csv: {x: step, y: loss}}]
"""
    return made(base, {"fit.py": fit, "dvc.yaml": yaml})


def only_a_check(base: Path) -> Project:
    return made(
        base,
        {
            "in.txt": "fine\n",
            "dvc.yaml": "stages:\n  check: {cmd: grep -q fine in.txt, deps: [in.txt]}\n",
        },
    )


def working_directory(base: Path) -> Project:
    yaml = """\
stages:
  build:
    wdir: models/one
    cmd: cat ../../in.txt > model.txt
    deps: [../../in.txt]
    params: [../../params.yaml: [lr]]
    outs: [model.txt]
"""
    return made(
        base,
        {"models/one/.keep": "", "in.txt": "x\n", "params.yaml": "lr: 1\n", "dvc.yaml": yaml},
    )


def below_the_git_root(base: Path) -> Project:
    project = single(base)
    deep = project.root / "ml" / "project"
    deep.mkdir(parents=True)
    for entry in [*project.root.iterdir()]:
        if entry.name not in (".git", "ml"):
            shutil.move(entry, deep / entry.name)
    config = deep / ".dvc" / "config"
    config.write_text(config.read_text().replace("../../", "../../../../"))
    project.write({"README.md": "around it\n"})
    project.commit("into a folder")
    return Project(deep, project.remote)


def reverted(base: Path) -> Project:
    project = chain(base)
    project.git("config", "user.name", "Test")
    project.git("config", "user.email", "test@example.com")
    project.write({"count.py": "print(1)\n"})
    project.commit("another way")
    project.git("revert", "--no-edit", "-n", "HEAD")
    project.commit("back")
    return project


HONEST = tuple(
    Case(name, done, build, passed())
    for name, done, build in (
        ("single stage", "nothing", single),
        ("chain of three from a .dvc file", "cloned", chain),
        ("diamond", "nothing", diamond),
        ("foreach over a mapping", "nothing", foreach),
        ("matrix", "nothing", matrix),
        ("several commands, one of several lines", "nothing", commands),
        ("parameters in five files, YAML, JSON, TOML, Python", "nothing", parameters),
        ("dvc.yaml in two folders", "nothing", nested),
        ("one file each of a tracked directory", "cloned", one_file_each),
        ("directory made; a folder and a file of it taken", "cloned", directories),
        ("metrics and plots in stages and at the top, uncached", "nothing", metrics),
        ("stage without outputs", "nothing", only_a_check),
        ("stage with a wdir", "nothing", working_directory),
        ("DVC root below the Git root", "moved into a folder", below_the_git_root),
        ("chain of three", "code changed and changed back", reverted),
    )
)
