"""A few lines of a `dvc.yaml` can stand for any number of stages: they are counted first."""

import pytest
from tests.fuzz.parsers import Files

from lockproof.model.pipeline import MOST_STAGES, Out, Pipeline, Stage
from lockproof.parse.project import Reading, read_project


def numbers(count: int) -> str:
    return f"[{', '.join(map(str, range(count)))}]"


def read(text: str, **files: bytes) -> Reading:
    return read_project(Files({"dvc.yaml": text.encode(), ".dvc/config": b"", **files}), "")


LOOP = "stages:\n  a:\n    foreach: {}\n    do:\n      cmd: x ${{item}}\n"
KEYS = "\n".join(f"k{n}: 1" for n in range(30_000)).encode()

TOO_MUCH = {
    "matrix": (
        f"stages:\n  a:\n    matrix: {{x: {numbers(300)}, y: {numbers(300)}}}\n    cmd: x\n",
        "a matrix of more than 20000 stages",
    ),
    "matrix without end": (
        f"stages:\n  a:\n    matrix: {{{', '.join(f'k{n}: [0, 1]' for n in range(500))}}}\n"
        "    cmd: x\n",
        "a matrix of more than 20000 stages",
    ),
    "foreach": (LOOP.format(numbers(MOST_STAGES + 1)), "a foreach of more than 20000 stages"),
    "loops": (
        LOOP.format(numbers(15_000)) + LOOP.format(numbers(15_000)).replace("  a:", "  b:")[8:],
        "more than 20000 stages: use fewer",
    ),
    "outputs that all depend on": (
        f"stages:\n  a:\n    cmd: x\n    outs: [{', '.join(f'd/{n}' for n in range(3000))}]\n"
        + f"  b:\n    foreach: {numbers(3000)}\n    do: {{cmd: x, deps: [d]}}\n",
        "depend on more than 2000000 outputs",
    ),
    "long text": (
        f"vars: [{{t: {'x' * 900_000}}}]\n" + LOOP.format(numbers(999)).replace("x $", "${t} $"),
        "take too much from templates",
    ),
    "vars": (LOOP.format(numbers(999)) + "      vars: [{u: 1}]\n", "take too much from templates"),
    "parameters": (
        LOOP.format(numbers(999)) + "      params: [params.yaml: ]\n",
        "take too much from templates",
    ),
    "a mapping for a command": (
        "vars: [{t: {a: 1}}]\nstages: {a: {cmd: '${t}'}}\n",
        "must be text",
    ),
}


@pytest.mark.parametrize("case", TOO_MUCH)
def test_too_much_is_told_and_not_tried(case: str) -> None:
    text, why = TOO_MUCH[case]
    reading = read(text, **({"params.yaml": KEYS} if case in ("vars", "parameters") else {}))
    (problem,) = reading.problems
    assert why in problem.message
    for stage in reading.pipeline.stages:  # What goes on with the rest may ask.
        assert reading.pipeline.inputs(stage) == ()


def test_as_many_as_are_allowed_are_read() -> None:
    reading = read(LOOP.format(numbers(MOST_STAGES)))
    assert reading.problems == []
    assert len(reading.pipeline.stages) == MOST_STAGES


def test_vars_of_one_stage_are_not_those_of_the_next() -> None:
    text = (
        "vars: [{v: {a: 1}}]\nstages:\n"
        "  x: {cmd: 'x ${v.a} ${v.b}', vars: [{v: {b: 2}}]}\n"
        "  y: {cmd: 'y ${v.a} ${v.b}', vars: [{v: {b: 3}}]}\n"
    )
    found = read(text).pipeline.by_address
    assert [found[name].command for name in "xy"] == [("x 1 2",), ("y 1 3",)]
    lost = read(text + "  z: {cmd: '${v.b}'}\n").problems
    assert "could not find 'v.b'" in lost[0].message


def test_inputs_of_wide_stages_are_found_by_name() -> None:
    """Every output against every dependency would be ten billion questions."""
    count = 30_000
    outs = ", ".join(f"d/{n}" for n in range(count))
    found = read(
        f"stages:\n  a: {{cmd: x, outs: [{outs}, e/f/g]}}\n  b: {{cmd: x, deps: [{outs}, e]}}\n"
    ).pipeline
    assert len(found.inputs(found.by_address["b"])) == count + 1


def test_stages_that_cannot_be_ordered_need_nothing() -> None:
    stages = [
        Stage(address=a, kind="stage", file="f", outs=(Out(path="o", locked=None),)) for a in "ab"
    ]
    with pytest.raises(ValueError, match="both make o"):
        Pipeline.ordered(stages)
    assert Pipeline.unlinked(stages).ancestors(["a", "b"]) == set()
