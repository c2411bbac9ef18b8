"""The description of a model version: what was proved of it, in Markdown."""

from collections.abc import Iterator, Mapping

from lockproof.model.registration import Registration
from lockproof.model.report import OutputReport, Report
from lockproof.render import words
from lockproof.render.markdown_text import code, prose

_ROWS = 20
_LIMIT = 5000
_NAME = 120


def model_card(
    registration: Registration, report: Report, metrics: Mapping[str, Mapping[str, float]]
) -> str:
    """The description, at most 5000 characters.

    Args:
        registration: what the version is.
        report: what proves it.
        metrics: metrics file -> dotted key -> value, of the commit.
    """
    blocks = list(_blocks(registration, report, metrics))
    text = ""
    for block in blocks:  # Whole blocks only: half a table is none.
        if len(text) + len(block) + 2 > _LIMIT:
            break
        text += f"{block}\n\n"
    return text.rstrip("\n") + "\n"


def _blocks(
    registration: Registration, report: Report, metrics: Mapping[str, Mapping[str, float]]
) -> Iterator[str]:
    proof = registration.proof
    yield (
        f"Commit {code(proof.commit[:12], 12)}, lock {code(proof.lock_digest[:12], 12)}:"
        f" reproduced, **{proof.verdict.value}**. {prose(words.outcome(report), 500)}"
    )
    environment = words.environment_line(report.host.environment, report.subject.environment)
    yield f"Environment {prose(environment, 300)}."
    said = {o.path: o for stage in report.stages for o in stage.outputs}
    rows = [_row(p, str(d), said.get(p)) for p, d in list(registration.outputs.items())[:_ROWS]]
    yield "\n".join(["| Output | Digest | Verdict |", "|---|---|---|", *rows])
    if registration.inputs:
        data = [
            f"| {code(item.path, _NAME)} | {code(str(item.digest), 60)} |"
            for item in registration.inputs[:_ROWS]
        ]
        yield "\n".join(["| Data | Digest |", "|---|---|", *data, *_more(registration.inputs)])
    values = [(file, key, value) for file, keys in metrics.items() for key, value in keys.items()]
    if values:
        lines = [f"| {code(f'{f}: {k}', _NAME)} | {v:g} |" for f, k, v in values[:_ROWS]]
        yield "\n".join(["| Metric | Value |", "|---|---:|", *lines, *_more(values)])


def _row(path: str, digest: str, output: OutputReport | None) -> str:
    verdict = output.verdict.value if output else "not in the report"
    return f"| {code(path, _NAME)} | {code(digest, 60)} | {verdict} |"


def _more(items: object) -> list[str]:
    left = len(items) - _ROWS  # type: ignore[arg-type]
    return [f"| and {left:,} more | |"] if left > 0 else []
