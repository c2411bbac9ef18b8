"""The order of stages, and who needs whom."""

from dataclasses import replace
from itertools import combinations
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.model.digest import Digest
from lockproof.model.pipeline import Dep, Out, Params, Pipeline, Stage, inside, overlap

PARTS = st.lists(st.sampled_from(["a", "b", "ab", "a.b", ".a", "ä b"]), min_size=1, max_size=4)
PATHS = PARTS.map("/".join)


def stage(address: str, deps: str = "", outs: str = "", **more: object) -> Stage:
    return Stage(
        address=address,
        kind="stage",
        file="dvc.yaml",
        deps=tuple(Dep(path=path, locked=None) for path in deps.split()),
        outs=tuple(Out(path=path, locked=None) for path in outs.split()),
        **more,
    )


def addresses(pipeline: Pipeline) -> list[str]:
    return [s.address for s in pipeline.stages]


@given(PATHS)
@settings(deadline=None)
def test_a_path_is_inside_itself_and_everything_inside_the_root(path: str) -> None:
    assert inside(path, path)
    assert inside(path, ".")
    assert not inside(".", path)


@given(PATHS, PARTS)
@settings(deadline=None)
def test_what_lies_below_a_folder_is_inside_it_and_not_the_other_way(
    folder: str, below: list[str]
) -> None:
    path = "/".join([folder, *below])
    assert inside(path, folder)
    assert not inside(folder, path)


@given(PATHS, PATHS, PATHS)
@settings(deadline=None)
def test_inside_is_transitive(a: str, b: str, c: str) -> None:
    assert not (inside(a, b) and inside(b, c)) or inside(a, c)


@given(PATHS, PATHS)
@settings(deadline=None)
def test_inside_goes_by_whole_parts(path: str, folder: str) -> None:
    parts, prefix = path.split("/"), folder.split("/")
    assert inside(path, folder) == (parts[: len(prefix)] == prefix)


@given(PATHS, PATHS)
@settings(deadline=None)
def test_overlap_is_symmetric_and_means_one_inside_the_other(one: str, other: str) -> None:
    assert overlap(one, other) == overlap(other, one)
    assert overlap(one, other) == (inside(one, other) or inside(other, one))


@pytest.mark.parametrize(
    ("path", "folder"), [("data2/x", "data"), ("data", "data/x"), ("x/data", "data"), ("a", "b")]
)
def test_a_common_beginning_is_no_folder(path: str, folder: str) -> None:
    assert not inside(path, folder)


def test_each_comes_after_what_it_needs_else_by_address() -> None:
    found = Pipeline.ordered(
        [
            stage("a-last", "metrics model/w"),
            stage("evaluate", "model", "metrics"),
            stage("z-first", "", "data"),
            stage("train", "data/x.csv", "model"),
            stage("b-alone"),
        ]
    )
    assert addresses(found) == ["b-alone", "z-first", "train", "evaluate", "a-last"]
    assert found.upstream["a-last"] == ("train", "evaluate")
    assert found.upstream["train"] == ("z-first",)


def test_stages_that_become_ready_together_are_sorted() -> None:
    stages = [stage("y", "p"), stage("x", "q"), stage("a", "", "p"), stage("b", "", "q")]
    assert addresses(Pipeline.ordered(stages)) == ["a", "b", "x", "y"]


def test_a_dependency_on_a_folder_needs_all_who_write_in_it() -> None:
    found = Pipeline.ordered(
        [stage("use", "out"), stage("p", "", "out/p"), stage("q", "", "out/q/deep"), stage("r")]
    )
    assert found.upstream["use"] == ("p", "q")
    made = found.inputs(found.by_address["use"])
    assert [(s.address, o.path) for s, o in made] == [("p", "out/p"), ("q", "out/q/deep")]


def test_inputs_leave_out_other_outputs_of_the_same_producer() -> None:
    found = Pipeline.ordered([stage("make", "", "x y"), stage("use", "y z")])
    assert [o.path for _, o in found.inputs(found.by_address["use"])] == ["y"]


def test_two_makers_of_one_output_are_named() -> None:
    with pytest.raises(ValueError, match=r"^a and b both make data/x$"):
        Pipeline.ordered([stage("b", "", "data/x"), stage("a", "", "y data/x")])


def test_stages_that_need_each_other_are_named() -> None:
    circle = [stage("a", "z", "x"), stage("b", "x", "y"), stage("c", "y", "z"), stage("d")]
    with pytest.raises(ValueError, match=r"^stages need each other: ") as caught:
        Pipeline.ordered(circle)
    walk = str(caught.value).removeprefix("stages need each other: ").split(" -> ")
    assert walk[0] == walk[-1]
    assert set(walk) == {"a", "b", "c"}


def test_nothing_is_a_pipeline_too() -> None:
    assert Pipeline.ordered([]).stages == ()


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Stage], set[tuple[int, int]]]:
    """Stages that each write their own file, and the edges (producer, consumer)."""
    count = draw(st.integers(1, 8))
    names = draw(st.permutations([f"s{n}" for n in range(count)]))
    pairs = list(combinations(range(count), 2))
    edges = draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    deps = [" ".join(f"out/{one}/f" for one, other in edges if other == n) for n in range(count)]
    stages = [stage(names[n], deps[n], f"out/{n}") for n in range(count)]
    return stages, edges


@given(graphs(), st.data())
@settings(max_examples=60, deadline=None)
def test_any_graph_without_circles_is_put_in_order(
    graph: tuple[list[Stage], set[tuple[int, int]]], data: st.DataObject
) -> None:
    stages, edges = graph
    found = Pipeline.ordered(data.draw(st.permutations(stages)))
    place = {address: index for index, address in enumerate(addresses(found))}
    assert sorted(place) == sorted(s.address for s in stages)
    assert all(place[stages[one].address] < place[stages[other].address] for one, other in edges)
    assert found == Pipeline.ordered(stages), "the order depends on the order given"
    assert Pipeline.ordered(found.stages) == found
    for other, consumer in enumerate(stages):
        needs = {stages[one].address for one, to in edges if to == other}
        assert set(found.upstream[consumer.address]) == needs
        assert {maker.address for maker, _ in found.inputs(consumer)} == needs


@given(graphs(), st.data())
@settings(max_examples=60, deadline=None)
def test_ancestors_are_the_transitive_closure(
    graph: tuple[list[Stage], set[tuple[int, int]]], data: st.DataObject
) -> None:
    stages, edges = graph
    pipeline = Pipeline.ordered(stages)
    start = data.draw(st.sets(st.integers(0, len(stages) - 1)))
    reached: set[int] = set()
    while more := {one for one, other in edges if other in start | reached} - reached:
        reached |= more
    found = pipeline.ancestors(stages[n].address for n in start)
    assert found == {stages[n].address for n in reached}


@given(graphs(), st.data())
@settings(max_examples=40, deadline=None)
def test_one_edge_back_is_a_circle(
    graph: tuple[list[Stage], set[tuple[int, int]]], data: st.DataObject
) -> None:
    stages, edges = graph
    if not edges:
        return
    one, other = data.draw(st.sampled_from(sorted(edges)))
    circular = (*stages[one].deps, Dep(path=f"out/{other}", locked=None))
    back = replace(stages[one], deps=circular)
    with pytest.raises(ValueError, match="need each other"):
        Pipeline.ordered([back, *(s for s in stages if s is not stages[one])])


def test_the_algorithm_of_an_item_is_that_of_its_lock() -> None:
    legacy = Digest(algorithm="md5-dos2unix", value="0" * 32)
    assert Out(path="x", locked=legacy).algorithm == "md5-dos2unix"
    assert Dep(path="x", locked=None).algorithm == "md5"


@pytest.mark.parametrize(
    ("kind", "frozen", "runs"),
    [("stage", False, True), ("stage", True, False), ("data", False, False), ("import", 0, False)],
)
def test_only_stages_that_are_not_frozen_run(
    kind: Literal["stage", "data", "import"], frozen: bool, runs: bool
) -> None:
    one = Stage(address="a", kind=kind, file="f", frozen=bool(frozen))
    assert one.runs is runs


def test_the_entry_digest_is_of_what_the_lock_says_and_nothing_else() -> None:
    zero, one = Digest(value="0" * 32), Digest(value="1" * 32)
    params = Params(path="p", keys=("a",), locked={"a": 1}, current={"a": 1})
    out = Out(path="o", locked=zero)
    base = Stage(
        address="a",
        kind="stage",
        file="dvc.yaml",
        command=("x",),
        locked_command=("x",),
        deps=(Dep(path="d", locked=zero),),
        outs=(out,),
        params=(params,),
    )

    def digest(**changes: Any) -> str:
        return replace(base, **changes).entry_digest

    same = [
        digest(command=("y",)),
        digest(frozen=True),
        digest(params=(replace(params, current={"a": 2}),)),
        digest(outs=(replace(out, size=3, kind="metric"),)),
    ]
    assert set(same) == {digest()}
    others = [
        digest(locked_command=("y",)),
        digest(locked_command=None),
        digest(deps=(Dep(path="d", locked=one),)),
        digest(deps=(Dep(path="e", locked=zero),)),
        digest(outs=(Out(path="o", locked=None),)),
        digest(outs=()),
        digest(params=(replace(params, locked={"a": "1"}),)),
        digest(params=(replace(params, locked=None),)),
    ]
    assert len({digest(), *others}) == 1 + len(others)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([stage("a", outs="d"), stage("b", outs="d/x")], "a makes d, and b makes d/x in it"),
        ([stage("a", outs="d d/x")], "a makes d, and a makes d/x in it"),
        ([stage("a", deps="d", outs="d/x")], "stages need each other"),
    ],
)
def test_outputs_in_outputs_are_refused_as_by_dvc(stages: list[Stage], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pipeline.ordered(stages)
