"""Entries that are read alike, against the reader of each line and the reader of all YAML."""

from copy import deepcopy
from typing import Any

import pytest
from dvc.utils.serialize import dumps_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.parse.alike_yaml import read_alike
from lockproof.parse.block_yaml import read_blocks
from lockproof.parse.composed_yaml import compose
from lockproof.parse.document import ParseError

from .test_block_yaml import lines

BODY = "    cmd: x\n"
STAGE = """\
    cmd: {0}
    deps:
    - path: {1}
      hash: md5
      md5: {2}
      size: 7
    - {3}
    params:
      params.yaml:
        a: {4}
    outs:
    - {5}:
        cache: false
"""
WORDS = [
    "python a.py",
    "data/a.bin",
    "0123456789abcdef0123456789abcdef",
    "b",
    "1e-3",
    "metrics.json",
]


def file(bodies: list[str], before: str = "schema: '2.0'\n", after: str = "") -> str:
    """Of stages, as many of each as it takes to be read alike."""
    entries = [f"  s{number}:\n{bodies[number % len(bodies)]}" for number in range(70)]
    return f"{before}stages:\n{''.join(entries)}{after}"


def agrees(text: str, core: bool) -> bool:
    """Whether it is read alike; then the other two must say what this says."""
    found = read_alike(text, core=core)
    if found is None:
        return False
    for full in (read_blocks(text, core=core), compose(text, "f", core=core)):
        assert full is not None
        # As text: NaN is not itself, and True is 1.
        assert [repr(d.value) for d in found] == [repr(d.value) for d in full]
        assert [lines(d) for d in found] == [lines(d) for d in full]
        for mine, theirs in zip(found, full, strict=True):
            assert listed(mine) == listed(theirs)
    return True


def listed(document: Any) -> list[list[int | None]]:
    """The lines of all lists of stages."""
    return [
        list(stage.lines(key))
        for _, stages, _ in document.entries()
        for _, stage, _ in stages.entries()
        for key in ("deps", "outs", "nowhere", "cmd")
    ]


@pytest.mark.parametrize("core", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        file([STAGE.format(*WORDS)]),
        file([STAGE.format(*WORDS), "    cmd: x\n", "    cmd: y z\n      --more\n"], before=""),
        file(
            ["    cmd: x\n\n    # so\n    a: '1.0'\n"], after="# end\nvars:\n- a: 1\nb: {c: [1]}\n"
        ),
        file([STAGE.format(*WORDS)], before="---\nvars:\n- a\n").replace("\n", "\r\n"),
        file(["", "    deps: [a, b]\n", "    cmd: é è\n    b: .inf\n    c: -.5\n    d: .nan\n"]),
        # A word that is one only because of what stands above it.
        file([BODY, "    cmd: |-\n      5\n"]),
        file([BODY, "    cmd: >-\n      true\n"]),
        file([BODY, '    cmd: "\\\n      5\\\n      "\n']),
        file([BODY, "    cmd: '\n      5\n      '\n"]),
        file([BODY, "    - a:\n      b:\n"]).replace("    cmd: x\n", ""),
        file([BODY, "   [x, [y]]\n", "    cmd:\n     {a: [1]}\n"]),
        # More forms than are remembered.
        "stages:\n" + "".join(f"  s{n}:\n    a{n}: x\n" for n in range(300)),
    ],
)
def test_what_is_written_alike_is_read(text: str, core: bool) -> None:
    assert agrees(text, core)


@pytest.mark.parametrize(
    "text",
    [
        file([BODY])[:-1],
        file([BODY]).replace("s9:", "s8:"),
        file([BODY], after="stages:\n  a: 1\n"),
        file([BODY], before="stages: 1\n"),
        file([BODY], before="cmd: b: c\n"),
        file([BODY], after="- a\n"),
        file([BODY], after="---\na: 1\n"),
        file([BODY]).replace("  s9:", " s9:"),
        file([BODY, "    cmd: x\n    cmd: y\n"]),
        file([BODY, "    cmd: 5\n      --more\n"]),
        file([BODY, "    cmd: x # no\n      more\n"]),
        file([f"    a: [{'x, ' * 1000}x]\n"]),
    ],
)
def test_what_is_not_is_left_to_the_others(text: str) -> None:
    assert not agrees(text, core=True)


ODD = [
    *("true", "Null", "~", "1", "007", "1_000", "0x1f", "1e3", ".inf", "-.inf", ".nan", "-1"),
    *("on", "y", "12:30:45", "2026-01-02", "=", "<<", "-x", "--x y", "- x", "-", "---", "..."),
    *("x:", "x:y", "a: b", "a #b", "a#b", "it's", "'q'", '"q"', "'q", "[x]", "{x: 1}", "|", ">-"),
    *("&a x", "*a", "é", "x ", " x", "", "#", "x\\", "s3://b/k", "${a.b}", "a,b", "!!str 1", "% x"),
    *("9" * 40, "slot0"),
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([*ODD, *WORDS]), min_size=6, max_size=6).map(
            lambda words: STAGE.format(*words)
        ),
        min_size=1,
        max_size=3,
    ),
    st.booleans(),
)
def test_odd_words(bodies: list[str], core: bool) -> None:
    text = file([*bodies, STAGE.format(*WORDS)])
    agrees(text, core)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 9),
            st.sampled_from(["", "- ", "k: ", "- k: ", "k:", "- k:", "  "]),
            st.sampled_from([*ODD, *WORDS]),
        ).map(lambda line: f"{' ' * line[0]}{line[1]}{line[2]}\n"),
        max_size=5,
    ),
    st.booleans(),
)
def test_garbled_stages(garbled: list[str], core: bool) -> None:
    agrees(file(["".join(garbled), BODY]), core)


def test_a_lock_that_dvc_wrote_is_read_alike() -> None:
    md5 = "0" * 20 + "1e" + "1" * 10  # Which DVC puts into quotes.
    entry = {
        "cmd": f"python train.py --rate 0.1 --data a/b.csv {'--out models/one.bin ' * 4}-",
        "deps": [{"path": "a.py", "hash": "md5", "md5": md5, "size": 1}],
        "params": {"params.yaml": {"a.b": 1e-5, "c": [1, 2], "d": "yes", "e": None}},
    }
    stages = {f"s{n}": deepcopy(entry) for n in range(100)}
    text = dumps_yaml({"schema": "2.0", "stages": stages})
    assert agrees(text, core=True)
    with pytest.raises(ParseError):
        compose(text.replace("s9:", "s8:"), "f", core=True)
