"""The stage graph laid out in layers, from left to right.

The method is the layered one of Sugiyama, Tagawa and Toda (1981): layers by longest path,
bends where an edge crosses a layer, order within a layer by barycentres, and then places that
are as close to a node's neighbours as order and spacing allow (isotonic regression).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lockproof.render.ordering import closest_places, order_layers

MARGIN = 8
LAYER_GAP = 52
NODE_GAP = 12
BEND_HEIGHT = 4
"""How much room an edge takes where it crosses a layer, in pixels."""
_SWEEPS = 12
_HUB = 8
"""A node with more neighbours on one side stands by the uppermost of them, and does not draw
them to it: the middle of a fan of a hundred would be far from where a reader starts."""


@dataclass(frozen=True)
class Node:
    """Where a stage stands: its upper left corner, in pixels."""

    index: int
    layer: int
    x: float
    y: float


@dataclass(frozen=True)
class Edge:
    """A piece of one or more edges, as an SVG path."""

    path: str
    arrives: bool
    """Whether it ends at a stage, where an arrow head belongs."""


@dataclass(frozen=True)
class Layout:
    """A graph ready to draw, in pixels."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    """In the order of the stages."""
    edges: tuple[Edge, ...]


def lay_out(upstream: Sequence[Sequence[int]], width: float, height: float) -> Layout:
    """Lay out a graph.

    Args:
        upstream: for each stage the stages whose outputs it reads, as indices; what is out of
            range is left out, and so is the last edge of a cycle.
        width: of a node, in pixels.
        height: of a node, in pixels.
    """
    before = without_cycles(upstream)
    layers = longest_path_layers(before)
    points = _Points(before, layers)
    order = order_layers(points.layers, points.before)
    heights = [height if point < len(before) else BEND_HEIGHT for point in range(points.number)]
    middle = _vertical_places(order, points.before, heights)
    lowest = min((middle[p] - heights[p] / 2 for p in range(points.number)), default=0.0)
    middle = [MARGIN + place - lowest for place in middle]
    left = [MARGIN + layer * (width + LAYER_GAP) for layer in range(len(order))]
    nodes = tuple(
        Node(index, layer, left[layer], round(middle[index] - height / 2, 1))
        for index, layer in enumerate(layers)
    )
    return Layout(
        width=MARGIN + (left[-1] + width if left else MARGIN),
        height=round(
            MARGIN + max((m + h / 2 for m, h in zip(middle, heights, strict=True)), default=MARGIN)
        ),
        nodes=nodes,
        edges=_edges(points, layers, left, middle, width),
    )


def without_cycles(upstream: Sequence[Sequence[int]]) -> list[list[int]]:
    """The graph without loops, repeated edges, edges to nowhere and edges that close a cycle."""
    kept: list[list[int]] = [[] for _ in upstream]
    state = [0] * len(upstream)
    for start in range(len(upstream)):
        if state[start]:
            continue
        stack = [(start, iter(dict.fromkeys(upstream[start])))]
        state[start] = 1
        while stack:
            node, following = stack[-1]
            for other in following:
                if not 0 <= other < len(upstream) or state[other] == 1:
                    continue
                kept[node].append(other)
                if state[other] == 0:
                    state[other] = 1
                    stack.append((other, iter(dict.fromkeys(upstream[other]))))
                    break
            else:
                state[node] = 2
                stack.pop()
    return kept


def longest_path_layers(before: Sequence[Sequence[int]]) -> list[int]:
    """The layer of each node of an acyclic graph: one more than the highest before it.

    A node that nothing stands before moves right as far as its readers allow, which keeps
    edges short.
    """
    layers = [-1] * len(before)
    for start in range(len(before)):
        stack = [start]
        while stack:
            node = stack[-1]
            open_ones = [other for other in before[node] if layers[other] < 0]
            if open_ones and layers[node] < 0:
                stack.extend(open_ones)
                continue
            stack.pop()
            layers[node] = 1 + max((layers[other] for other in before[node]), default=-1)
    nearest: dict[int, int] = {}
    for node, others in enumerate(before):
        for other in others:
            nearest[other] = min(nearest.get(other, layers[node]), layers[node])
    return [
        layer if before[node] or node not in nearest else nearest[node] - 1
        for node, layer in enumerate(layers)
    ]


class _Points:
    """Nodes, and bends where an edge crosses a layer; edges of one origin share their bends."""

    def __init__(self, before: Sequence[Sequence[int]], layers: Sequence[int]) -> None:
        self.number = len(before)
        self.before: list[list[int]] = [[] for _ in before]
        self.layers: list[list[int]] = [[] for _ in range(max(layers, default=-1) + 1)]
        for node, layer in enumerate(layers):
            self.layers[layer].append(node)
        bends: dict[tuple[int, int], int] = {}
        for node, others in enumerate(before):
            for origin in others:
                previous = origin
                for layer in range(layers[origin] + 1, layers[node]):
                    bend = bends.get((origin, layer))
                    if bend is None:
                        bend = bends[origin, layer] = self.number
                        self.number += 1
                        self.layers[layer].append(bend)
                        self.before.append([previous])
                    previous = bend
                self.before[node].append(previous)


def _vertical_places(
    order: Sequence[Sequence[int]], before: Sequence[Sequence[int]], heights: Sequence[float]
) -> list[float]:
    after: list[list[int]] = [[] for _ in before]
    for point, others in enumerate(before):
        for other in others:
            after[other].append(point)
    places = [0.0] * len(heights)
    for layer in order:
        top = 0.0
        for point in layer:
            places[point] = top + heights[point] / 2
            top += heights[point] + NODE_GAP
    for sweep in range(_SWEEPS):
        neighbours, opposite = (before, after) if sweep % 2 == 0 else (after, before)
        for layer in order if sweep % 2 == 0 else reversed(order):
            wanted = []
            for point in layer:
                drawing = [o for o in neighbours[point] if len(opposite[o]) <= _HUB]
                near = sorted(places[other] for other in drawing)[:_HUB]
                wanted.append(sum(near) / len(near) if near else places[point])
            distances = [
                (heights[one] + heights[other]) / 2 + NODE_GAP for one, other in pairwise(layer)
            ]
            for point, place in zip(layer, closest_places(wanted, distances), strict=True):
                places[point] = place
    return places


def _edges(
    points: _Points,
    layers: Sequence[int],
    left: Sequence[float],
    middle: Sequence[float],
    width: float,
) -> tuple[Edge, ...]:
    layer_of = list(layers) + [0] * (points.number - len(layers))
    for layer, members in enumerate(points.layers):
        for point in members:
            layer_of[point] = layer
    edges = []
    for point, others in enumerate(points.before):
        for other in others:
            start, end = left[layer_of[other]] + width, left[layer_of[point]]
            half = (start + end) / 2
            y0, y1 = round(middle[other], 1), round(middle[point], 1)
            through = f" H{end + width:g}" if point >= len(layers) else ""
            curve = f"M{start:g} {y0:g} C{half:g} {y0:g} {half:g} {y1:g} {end:g} {y1:g}"
            edges.append(Edge(curve + through, arrives=not through))
    return tuple(edges)
