"""The stage graph as a Mermaid flow chart, coloured by verdict."""

import string
from collections.abc import Sequence

from lockproof.model.report import StageReport
from lockproof.model.verdict import Verdict
from lockproof.render import words
from lockproof.render.foreign import brief

MOST_STAGES = 80
MOST_EDGES = 300
"""Mermaid itself stops at 500 edges; a reader does earlier."""
_LABEL_LIMIT = 60
_PLAIN = frozenset(string.ascii_letters + string.digits + " _-./@,")
_COLOURS = {
    Verdict.PASSED: "fill:#dafbe1,stroke:#1a7f37,color:#1f2328",
    Verdict.INCONCLUSIVE: "fill:#fff8c5,stroke:#9a6700,color:#1f2328",
    Verdict.FAILED: "fill:#ffebe9,stroke:#cf222e,color:#1f2328",
}


def stage_graph(stages: Sequence[StageReport]) -> list[str]:
    """The lines of a flow chart, from left to right; none where it would be too large to read."""
    index = {stage.address: number for number, stage in enumerate(stages)}
    edges = [
        f"  s{index[other]} --> s{number}"
        for number, stage in enumerate(stages)
        for other in stage.upstream
        if other in index and index[other] != number
    ]
    if not stages or len(stages) > MOST_STAGES or len(edges) > MOST_EDGES:
        return []
    shared = words.common_file(tuple(stages))
    lines = ["flowchart LR"]
    for number, stage in enumerate(stages):
        lines.append(f'  s{number}["{_label(words.stage_label(stage.address, shared), stage)}"]')
    lines += edges
    for verdict, colours in _COLOURS.items():
        members = [f"s{n}" for n, stage in enumerate(stages) if stage.verdict is verdict]
        if members:
            lines.append(f"  classDef {verdict.value} {colours}")
            lines.append(f"  class {','.join(members)} {verdict.value}")
    return lines


def _label(name: str, stage: StageReport) -> str:
    """The name, and the verdict where a colour alone would say that something is wrong."""
    verdict = "" if stage.verdict is Verdict.PASSED else f" ({stage.verdict.value})"
    return escaped(brief(name, _LABEL_LIMIT) + verdict)


def escaped(text: str) -> str:
    """A text for a quoted Mermaid label: all but plain ASCII as `#code;`.

    Beyond quotes and brackets this covers what Mermaid makes of a label later: HTML, Markdown
    between backticks, line breaks from backslashes, and its own marks for such codes.
    """
    return "".join(c if c in _PLAIN else f"#{ord(c)};" for c in text)
