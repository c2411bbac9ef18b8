"""Order and places within the layers of a graph."""

from bisect import bisect_right, insort
from collections.abc import Sequence

_SWEEPS = 16


def order_layers(
    layers: Sequence[Sequence[int]], before: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Order each layer so that few edges cross, by barycentres in alternating sweeps.

    Args:
        layers: the points of each layer.
        before: for each point its neighbours in the layer to the left.
    """
    after: list[list[int]] = [[] for _ in before]
    for point, others in enumerate(before):
        for other in others:
            after[other].append(point)
    order = [list(layer) for layer in layers]
    best, fewest = [list(layer) for layer in order], crossings(order, before)
    for sweep in range(_SWEEPS):
        if fewest == 0:
            break
        neighbours = (before, after)[sweep % 2]
        at = [0] * len(before)
        for layer in order if sweep % 2 == 0 else reversed(order):
            for index, point in enumerate(layer):
                at[point] = index
            keys = {
                point: sum(at[other] for other in neighbours[point]) / len(neighbours[point])
                if neighbours[point]
                else float(at[point])
                for point in layer
            }
            layer.sort(key=keys.__getitem__)
            for index, point in enumerate(layer):
                at[point] = index
        crossed = crossings(order, before)
        if crossed < fewest:
            best, fewest = [list(layer) for layer in order], crossed
    return best


def crossings(order: Sequence[Sequence[int]], before: Sequence[Sequence[int]]) -> int:
    """How many pairs of edges between neighbouring layers cross."""
    total = 0
    at: dict[int, int] = {}
    for layer in order:
        ends: list[int] = []
        for point in layer:
            starts = sorted(at[other] for other in before[point])
            total += sum(len(ends) - bisect_right(ends, start) for start in starts)
            for start in starts:
                insort(ends, start)
        at = {point: index for index, point in enumerate(layer)}
    return total


def closest_places(wanted: Sequence[float], distances: Sequence[float]) -> list[float]:
    """Places closest to the wanted ones (least squares) that keep order and distances.

    Subtracting the summed distances leaves isotonic regression, which pooling adjacent
    violators solves exactly (Ayer, Brunk, Ewing, Reid and Silverman, 1955).

    Args:
        wanted: one place for each of n points, in their order.
        distances: the n - 1 least distances between neighbours.
    """
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=False):
        total, size = want - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / size:
            earlier = pools.pop()
            total, size = total + earlier[0], size + earlier[1]
        pools.append((total, size))
    level = [total / size for total, size in pools for _ in range(size)]
    return [base + offset for base, offset in zip(level, offsets, strict=False)]
