"""The layout of the stage graph."""

import re
from itertools import combinations, pairwise, product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lockproof.render.graph import (
    LAYER_GAP,
    MARGIN,
    NODE_GAP,
    Layout,
    lay_out,
    longest_path_layers,
    without_cycles,
)
from lockproof.render.ordering import closest_places, crossings, order_layers

WIDTH, HEIGHT = 170, 46


@st.composite
def graphs(draw: st.DrawFn, most: int = 12) -> list[list[int]]:
    """Any directed graph: with cycles, loops, repeated edges and edges to nowhere."""
    size = draw(st.integers(0, most))
    return [draw(st.lists(st.integers(-1, size), max_size=4)) for _ in range(size)]


def laid(upstream: list[list[int]]) -> Layout:
    return lay_out(upstream, WIDTH, HEIGHT)


def reaches(before: list[list[int]], start: int, goal: int) -> bool:
    return start == goal or any(reaches(before, other, goal) for other in before[start])


@given(graphs())
@example([[0]])
@example([[1], [0]])
@example([[1], [2], [0]])
def test_cycles_are_opened_and_nothing_else_is_lost(upstream: list[list[int]]) -> None:
    before = without_cycles(upstream)
    layers = longest_path_layers(before)  # ends, so there is no cycle
    for node, others in enumerate(before):
        assert len(set(others)) == len(others)
        assert all(layers[other] < layers[node] for other in others)
        for lost in {o for o in upstream[node] if 0 <= o < len(upstream)} - set(others):
            assert reaches(before, lost, node)


def test_a_layer_follows_the_longest_path() -> None:
    #      0 -> 1 -> 2 -> 4, 0 -> 4, 3 -> 4
    assert longest_path_layers([[], [0], [1], [], [2, 0, 3]]) == [0, 1, 2, 2, 3]


@given(graphs())
def test_nodes_stand_apart_and_within_the_picture(upstream: list[list[int]]) -> None:
    layout = laid(upstream)
    assert [node.index for node in layout.nodes] == list(range(len(upstream)))
    for node in layout.nodes:
        assert node.x == MARGIN + node.layer * (WIDTH + LAYER_GAP)
        assert node.y >= MARGIN - 0.1
        assert node.x + WIDTH + MARGIN <= layout.width
        assert node.y + HEIGHT + MARGIN <= layout.height + 1
    for one, other in combinations(layout.nodes, 2):
        if one.layer == other.layer:
            assert abs(one.y - other.y) >= HEIGHT + NODE_GAP - 0.2


@given(graphs())
def test_every_edge_arrives_from_the_left(upstream: list[list[int]]) -> None:
    layout = laid(upstream)
    arriving = [edge for edge in layout.edges if edge.arrives]
    assert len(arriving) == sum(map(len, without_cycles(upstream)))
    middles = {(node.x, round(node.y + HEIGHT / 2)) for node in layout.nodes}
    for edge in arriving:
        x0, _, *_, x1, y1 = map(float, re.findall(r"-?[\d.]+", edge.path))
        assert x1 - x0 == LAYER_GAP
        assert any(x == x1 and abs(y - y1) <= 1 for x, y in middles)


def test_an_edge_over_a_layer_keeps_clear_of_the_stage_in_it() -> None:
    layout = laid([[], [0], [1, 0]])
    through = [edge for edge in layout.edges if not edge.arrives]
    assert len(through) == 1
    y = float(re.findall(r"-?[\d.]+", through[0].path)[-2])
    between = layout.nodes[1]
    assert not between.y - 1 < y < between.y + HEIGHT + 1


def test_two_chains_do_not_cross() -> None:
    # Written so that the order of the report would cross them.
    assert crossings([[0, 1], [2, 3]], [[], [], [1], [0]]) == 1
    order = order_layers([[0, 1], [2, 3]], [[], [], [1], [0]])
    assert crossings(order, [[], [], [1], [0]]) == 0


@given(st.lists(st.lists(st.integers(0, 4), max_size=4, unique=True), max_size=5))
def test_crossings_are_those_one_counts_by_hand(ends: list[list[int]]) -> None:
    before: list[list[int]] = [[] for _ in range(5)] + ends
    order = [list(range(5)), list(range(5, 5 + len(ends)))]
    edges = [(start, end) for end, starts in enumerate(ends) for start in starts]
    by_hand = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(edges, 2))
    assert crossings(order, before) == by_hand


@given(graphs(8))
def test_ordering_keeps_the_points_of_a_layer_and_adds_no_crossing(
    upstream: list[list[int]],
) -> None:
    before = [
        [other for other in others if other < node]
        for node, others in enumerate(without_cycles(upstream))
    ]
    layers: list[list[int]] = [[] for _ in before]
    for node, layer in enumerate(longest_path_layers(before)):
        layers[layer].append(node)
    close = [
        [other for other in others if other in layers[max(0, layer - 1)]]
        for node, others in enumerate(before)
        for layer in [next(i for i, members in enumerate(layers) if node in members)]
    ]
    order = order_layers(layers, close)
    assert [sorted(layer) for layer in order] == layers
    assert crossings(order, close) <= crossings(layers, close)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=4), st.integers(0, 2))
def test_places_are_the_closest_there_are(wanted: list[int], distance: int) -> None:
    distances = [distance] * (len(wanted) - 1)
    places = closest_places(wanted, distances)
    assert all(b - a >= distance - 1e-9 for a, b in pairwise(places))

    def cost(candidate: tuple[float, ...]) -> float:
        return sum((a - b) ** 2 for a, b in zip(candidate, wanted, strict=True))

    for shift in product((-0.25, 0.0, 0.25), repeat=len(places)):
        moved = tuple(place + by for place, by in zip(places, shift, strict=True))
        if all(b - a >= distance - 1e-9 for a, b in pairwise(moved)):
            assert cost(moved) >= cost(tuple(places)) - 1e-9


def test_a_hub_stands_where_a_reader_starts_and_not_amid_its_fan() -> None:
    fan = 40
    layout = laid([[], *([0] for _ in range(fan)), list(range(1, fan + 1))])
    leaves = sorted(node.y for node in layout.nodes[1:-1])
    for hub in (layout.nodes[0], layout.nodes[-1]):
        assert leaves[2] < hub.y < leaves[5]
    few = laid([[], *([0] for _ in range(4))])
    assert few.nodes[0].y == pytest.approx(sum(n.y for n in few.nodes[1:]) / 4, abs=0.2)


@pytest.mark.parametrize("size", [0, 1])
def test_a_graph_of_almost_nothing(size: int) -> None:
    layout = laid([[]] * size)
    assert len(layout.nodes) == size
    assert layout.edges == ()


def test_a_deep_and_a_dense_graph_need_no_recursion() -> None:
    laid([[index - 1] if index else [] for index in range(400)])
    laid([list(range(index)) for index in range(80)])
