"""Stages on machines: how long a pipeline takes, by what its stages were measured to take.

A stage starts when a machine is free and what it waits for is done; machines are taken in the order
of the pipeline (list scheduling, Graham, "Bounds on Multiprocessing Timing Anomalies", 1969, by
which no schedule of that kind takes more than 2 - 1/machines times the best).
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """A stage, or what stands for one."""

    name: str
    seconds: float
    """Of work, on one machine."""
    after: tuple[str, ...] = ()
    """What has to be done before it; in isolated mode nothing."""
    fetched: int = 0
    """Bytes that it needs and that its machine does not have."""


@dataclass(frozen=True)
class Course:
    """What a simulation came to."""

    makespan: float
    """Seconds from the start to the end of the last."""
    work: float
    """Seconds that machines were at it, together."""
    critical: float
    """Seconds of the longest chain: no number of machines takes less."""
    moved: int
    """Bytes fetched."""


def simulate(
    jobs: Sequence[Job], machines: int, overhead: float = 0.0, bandwidth: float = float("inf")
) -> Course:
    """Run jobs in their order on so many machines.

    Args:
        jobs: each after those that it waits for.
        machines: how many work side by side, one job at a time each.
        overhead: seconds that each job takes beside its own.
        bandwidth: bytes in a second that one machine gets.
    """
    cost = {job.name: job.seconds + overhead + job.fetched / bandwidth for job in jobs}
    waits = {job.name: len(job.after) for job in jobs}
    then: dict[str, list[int]] = {}
    for number, job in enumerate(jobs):
        for name in job.after:
            then.setdefault(name, []).append(number)
    ready = [number for number, job in enumerate(jobs) if not job.after]
    running: list[tuple[float, int]] = []
    now = 0.0
    done = 0
    while ready or running:
        while ready and len(running) < machines:
            number = heapq.heappop(ready)
            heapq.heappush(running, (now + cost[jobs[number].name], number))
        now, number = heapq.heappop(running)
        done += 1
        for later in then.get(jobs[number].name, ()):
            waits[jobs[later].name] -= 1
            if not waits[jobs[later].name]:
                heapq.heappush(ready, later)
    assert done == len(jobs), "jobs wait for each other"
    moved = sum(job.fetched for job in jobs)
    return Course(now, sum(cost.values()), _longest(jobs, cost), moved)


def _longest(jobs: Iterable[Job], cost: Mapping[str, float]) -> float:
    ends: dict[str, float] = {}
    for job in jobs:
        ends[job.name] = cost[job.name] + max((ends[name] for name in job.after), default=0.0)
    return max(ends.values(), default=0.0)


def pipeline(stages: int, chain: int, seconds: float, fetched: int, *, apart: bool) -> list[Job]:
    """Stages in chains of so many, all alike; `apart`: as in isolated mode, none waits."""
    return [
        Job(
            f"s{number}",
            seconds,
            () if apart or number % chain == 0 else (f"s{number - 1}",),
            fetched,
        )
        for number in range(stages)
    ]


def main() -> None:
    """Print the plan of docs/scale.md."""
    import argparse
    import random

    parser = argparse.ArgumentParser(description="1,000 stages on 100 machines, by simulation")
    parser.add_argument("--overhead", type=float, default=30.0, help="seconds of each pod")
    parser.add_argument("--here", type=float, default=2.0, help="seconds of each stage on a host")
    parser.add_argument("--bandwidth", type=float, default=100e6, help="bytes in a second")
    args = parser.parse_args()
    gigabyte, mean = 10**9, 600.0
    chance = random.Random(17)
    uneven = [chance.lognormvariate(0.0, 1.0) for _ in range(1000)]
    scale = mean * len(uneven) / sum(uneven)
    print("shape | one machine | 100 machines | work / 100 | longest stage | longest chain | GB")
    for name, chain in (("1,000 alone", 1), ("100 chains of 10", 10), ("10 chains of 100", 100)):
        for kind in ("alike", "uneven"):
            jobs = [
                Job(j.name, mean if kind == "alike" else scale * u, j.after, gigabyte)
                for j, u in zip(
                    pipeline(1000, chain, mean, gigabyte, apart=False), uneven, strict=True
                )
            ]
            apart = [Job(job.name, job.seconds, (), job.fetched) for job in jobs]
            one = simulate([Job(j.name, j.seconds, j.after) for j in jobs], 1, args.here)
            many = simulate(apart, 100, args.overhead, args.bandwidth)
            figures = (one.makespan, many.makespan, many.work / 100, many.critical, one.critical)
            hours = " | ".join(f"{seconds / 3600:.2f} h" for seconds in figures)
            print(f"{name}, {kind} | {hours} | {many.moved / gigabyte:,.0f}")


if __name__ == "__main__":
    main()
