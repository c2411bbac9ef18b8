"""Write the figures of docs/canary-beside-others.md, and its plots: `make canary-figures`.

Seeded. With an argument, so many canaries a case instead of 10,000. What was decided is kept in
`.canary-figures`, and not decided again.
"""

import hashlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import lockproof
from lockproof.model.canary_checks import Spec
from lockproof.stats.arrays import quantiles
from lockproof.stats.compared import WAYS
from lockproof.stats.traffic import CASES, Drawn, Traffic, draw, packed
from lockproof.steps.canary.outcomes import decided

DOCS = Path(__file__).resolve().parent.parent / "docs"
SOURCE = Path(lockproof.__file__).parent
DECIDES = (
    "stats/*.py",
    *(
        f"steps/canary/{name}.py"
        for name in ("bounds", "course", "judge", "many", "outcomes", "values")
    ),
)
PAGE = DOCS / "canary-beside-others.md"
BEGIN, END = "<!-- figures: made by `make canary-figures` -->", "<!-- end of figures -->"
SEED, INTERVALS, EFFECT, AT_ONCE = 15, 240, 0.02, 1_200_000
OURS = ("intervals", "bounded", "requests")
EVERY_15_S = "independent requests, intervals of 15 s"
ALL: dict[str, tuple[Traffic, int]] = {
    **{name: (traffic, INTERVALS) for name, traffic in CASES.items()},
    EVERY_15_S: (Traffic(canary=25, stable=75), 4 * INTERVALS),
}
COLOURS = ("#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#d62728", "#8c564b")


def spec_of(method: str, intervals: int, kind: str = "ratio", effect: float = EFFECT) -> Spec:
    parts = {"events": "e", "total": "t"} if kind == "ratio" else {"sum": "s", "count": "c"}
    measure = {"name": "m", kind: parts, "smallestEffect": effect, "method": method}
    return Spec.model_validate(
        {
            "horizon": intervals * 60,
            "arms": {"canary": "c", "stable": "s"},
            "comparisons": [measure],
        }
    )


Decisions = tuple[Any, Any]
"""After how many intervals each canary is aborted and promoted; 0: never."""


def drawn_in_parts(case: str, canaries: int, worse: float) -> Iterator[Drawn]:
    traffic, intervals = ALL[case]
    for done in range(0, canaries, AT_ONCE // intervals):
        part = min(AT_ONCE // intervals, canaries - done)
        random = np.random.default_rng((SEED, round(worse * 1000), done))
        yield draw(traffic, random, part, intervals, worse)


Asked = tuple[str, float]
"""A case, and what the canary is worse by."""


class Kept:
    """What was decided already, so that a run of an hour that ends early goes on where it was.

    Below `.canary-figures`, a folder for each state of the code that draws and decides.
    """

    def __init__(self, canaries: int) -> None:
        code = hashlib.sha256(f"{SEED} {EFFECT} {INTERVALS} {AT_ONCE}".encode())
        for path in sorted(path for files in DECIDES for path in SOURCE.glob(files)):
            code.update(path.read_bytes())
        self._folder = DOCS.parent / ".canary-figures" / f"{canaries}-{code.hexdigest()[:16]}"
        self._folder.mkdir(parents=True, exist_ok=True)

    def __contains__(self, key: object) -> bool:
        return self._path(key).exists()

    def put(self, key: object, found: Decisions) -> None:
        path = self._path(key)
        part = path.with_suffix(".part.npz")
        np.savez(part, aborts=found[0], promotes=found[1])
        part.rename(path)
        print(key, file=sys.stderr, flush=True)

    def get(self, key: object) -> Decisions:
        with np.load(self._path(key)) as found:
            return found["aborts"], found["promotes"]

    def _path(self, key: object) -> Path:
        return self._folder / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.npz"


def decide(kept: Kept, canaries: int, ways: tuple[str, ...], asked: Asked) -> None:
    """Keep what becomes of each canary by some ways; drawing takes as long as most of these."""
    case, worse = asked
    left = [way for way in ways if (way, *asked) not in kept]
    if not left:
        return
    parts: dict[str, list[Decisions]] = {way: [] for way in left}
    for drawn in drawn_in_parts(case, canaries, worse):
        for way in left:
            if way in WAYS:
                parts[way].append(WAYS[way](drawn, ALL[case][0].level, EFFECT))
            else:
                ours = decided(spec_of(way, drawn.intervals), [drawn])
                parts[way].append((ours.failed, ours.passed))
    for way, found in parts.items():
        aborts, promotes = (np.concatenate(each) for each in zip(*found, strict=True))
        kept.put((way, *asked), (aborts, promotes))


def share(numbers: Any) -> float:
    return float((numbers > 0).mean())


def percent(value: float) -> str:
    return f"{100 * value:.2f} %" if 0 < value < 0.01 else f"{100 * value:.1f} %"


Told = dict[tuple[str, str, float], tuple[float, float]]
"""Case, way and what the canary is worse by -> which part is aborted, and which promoted."""


def rates(kept: Kept, canaries: int) -> Told:
    found = {}
    for case, (traffic, _) in ALL.items():
        for worse in (0.0, EFFECT, 2 * EFFECT):
            if worse or not traffic.fault:
                decide(kept, canaries, (*OURS, *WAYS), (case, worse))
                for way in (*OURS, *WAYS):
                    aborts, promotes = kept.get((way, case, worse))
                    found[case, way, worse] = share(aborts), share(promotes)
    return found


def tables(told: Told) -> Iterator[str]:
    for title, worse, index in (
        ("False aborts: the canary is as good", 0.0, 0),
        ("False promotes: it is worse by just what matters", EFFECT, 1),
        ("Right aborts: it is worse by twice what matters", 2 * EFFECT, 0),
        ("Right promotes: it is as good", 0.0, 1),
    ):
        yield f"\n## {title}\n"
        yield "| Traffic | " + " | ".join((*OURS, *WAYS)) + " |"
        yield "| --- |" + " ---: |" * (len(OURS) + len(WAYS))
        for case in ALL:
            if (case, "intervals", worse) in told:
                row = [percent(told[case, way, worse][index]) for way in (*OURS, *WAYS)]
                yield f"| {case} | " + " | ".join(row) + " |"


DELAYS = ("independent requests", "1 % of the traffic", "bursts of 4 intervals, each arm its own")
SIZES = (1.0, 1.5, 2.0, 3.0, 5.0)


def delays(kept: Kept, canaries: int) -> Iterator[str]:
    yield "\n## How long until a bad canary is aborted, by *intervals*\n"
    yield "Intervals after which half of those that are aborted had been, and nine of ten.\n"
    yield "| Worse by, in what matters | " + " | ".join(DELAYS) + " |"
    yield "| --- |" + " ---: |" * len(DELAYS)
    for size in SIZES:
        row = []
        for case in DELAYS:
            asked = (case, size * EFFECT)
            decide(kept, canaries, ("intervals",), asked)
            aborts, _ = kept.get(("intervals", *asked))
            half, most = quantiles(aborts[aborts > 0], 0.5, 0.9)
            row.append(f"{half}, {most} ({percent(share(aborts))})")
        yield f"| {size:g} | " + " | ".join(row) + " |"


LATENCIES: dict[str, tuple[float, tuple[int, int], float | None]] = {
    "mean, sigma 1, 100 and 300 requests": (1.0, (100, 300), None),
    "mean, sigma 2, 100 and 300 requests": (2.0, (100, 300), None),
    "mean, sigma 2, 20 and 300 requests": (2.0, (20, 300), None),
    "95th percentile, sigma 1, 100 and 300 requests": (1.0, (100, 300), 0.95),
    "95th percentile, sigma 1, 20 and 300 requests": (1.0, (20, 300), 0.95),
}


def latency(
    canaries: int, sigma: float, requests: tuple[int, int], percentile: float | None
) -> Iterator[Decisions]:
    """Log-normal latencies with mean 1, whose level moves by a third with the hours.

    First of canaries that are as good, then of the same, worse by what matters.
    """
    random = np.random.default_rng(SEED)
    effect = 0.2 if percentile is None else 0.5
    level = np.exp(0.3 * np.sin(np.arange(INTERVALS) / 20) - sigma**2 / 2)
    arms = []
    for many in requests:
        values = np.empty((canaries, INTERVALS))
        for begin in range(0, canaries, 20):
            part = values[begin : begin + 20]
            each = random.standard_normal((*part.shape, many))
            np.exp(np.multiply(each, sigma, out=each), out=each)
            each *= level[:, None]
            part[:] = each.mean(axis=2) if percentile is None else np.quantile(
                each, percentile, axis=2, overwrite_input=True
            )  # fmt: skip
        arms.append((np.full(values.shape, float(many)), values * many))
    for worse in (0.0, effect):
        canary = arms[0][0], arms[0][1] + worse * requests[0]
        drawn: Drawn = packed(canary, arms[1], INTERVALS)
        ours = decided(spec_of("intervals", INTERVALS, "mean", effect), [drawn])
        yield ours.failed, ours.passed


def latencies(kept: Kept, canaries: int) -> Iterator[str]:
    yield "\n## Latencies\n"
    yield (
        "Log-normal, with mean 1; by *intervals*. 0.2 more of the mean matters, 0.5 more of the"
        " percentile. With sigma 1 one request of a hundred takes six"
        " times the mean, with sigma 2 fourteen times.\n"
    )
    yield "| Latencies | false aborts | false promotes | right promotes |"
    yield "| --- | ---: | ---: | ---: |"
    for title, about in LATENCIES.items():
        if (title, True) not in kept:
            for worse, decisions in zip((False, True), latency(canaries, *about), strict=True):
                kept.put((title, worse), decisions)
        good, bad = (kept.get((title, worse)) for worse in (False, True))
        shares = share(good[0]), share(bad[1]), share(good[1])
        yield f"| {title} | " + " | ".join(percent(each) for each in shares) + " |"


def dots(told: Told, worse: float, index: int) -> str:
    """A row for each kind of traffic, a dot for each way; the root of the share, to see small."""
    cases = [case for case in ALL if (case, "intervals", worse) in told]
    ways, left, width, row = (*OURS, *WAYS), 330, 420, 22
    height = row * len(cases) + 60

    def x(value: float) -> float:
        return left + math.sqrt(value) * width

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{left + width + 30}" height="{height}" fill="#fff"/>',
    ]
    for value in (0, 0.01, 0.05, 0.2, 0.5, 1):
        colour = "#c00" if value == 0.05 else "#ddd"
        lines += [
            f'<path d="M{x(value):.1f} 26V{height - 20}" stroke="{colour}"/>',
            f'<text x="{x(value):.1f}" y="{height - 6}" text-anchor="middle">{value:.0%}</text>',
        ]
    for place, (way, colour) in enumerate(zip(ways, COLOURS, strict=True)):
        at = 20 + place * 120
        lines.append(f'<circle cx="{at}" cy="12" r="5" fill="{colour}"/>')
        lines.append(f'<text x="{at + 9}" y="16">{way}</text>')
    for number, case in enumerate(cases):
        y = 40 + number * row
        lines.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{case}</text>')
        for way, colour in zip(ways, COLOURS, strict=True):
            value = told[case, way, worse][index]
            lines.append(
                f'<circle cx="{x(value):.1f}" cy="{y}" r="5" fill="{colour}" fill-opacity=".75"/>'
            )
    return "\n".join([*lines, "</svg>"]) + "\n"


def main() -> None:
    canaries = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    kept = Kept(canaries)
    late, told = list(delays(kept, canaries)), rates(kept, canaries)
    made = [
        BEGIN,
        f"\nSeed {SEED}; {canaries:,} canaries a case; {INTERVALS} intervals of a minute"
        f" ({4 * INTERVALS} of 15 s in the last case), and a look after each. Of {canaries:,} a"
        f" true 5 % shows as {percent(0.05 - 2.6 * math.sqrt(0.0475 / canaries))} to"
        f" {percent(0.05 + 2.6 * math.sqrt(0.0475 / canaries))}.\n",
        "![False aborts by traffic and way](canary-false-aborts.svg)\n",
        "![False promotes by traffic and way](canary-false-promotes.svg)",
        *tables(told),
        *late,
        *latencies(kept, canaries),
        "",
        END,
    ]
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + "\n".join(made) + after, "utf-8")
    (DOCS / "canary-false-aborts.svg").write_text(dots(told, 0.0, 0), "utf-8")
    (DOCS / "canary-false-promotes.svg").write_text(dots(told, EFFECT, 1), "utf-8")


if __name__ == "__main__":
    main()
