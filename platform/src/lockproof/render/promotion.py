"""The words of a promotion: its commit, and the body of its pull request."""

from collections.abc import Iterator, Sequence

from lockproof.model.registration import REVERTED, ModelVersion, Wanted
from lockproof.render.foreign import brief
from lockproof.render.markdown_text import code, prose

_NAME = 200


def commit_message(
    version: ModelVersion, before: Sequence[str], after: str, why: str | None
) -> str:
    """The message of the commit; `why` is that of a revert."""
    name, new = brief(version.name, 60), after.rpartition("/")[2]
    lines = [f"Serve version {new} of {name}" + (" again" if why is not None else "")]
    if why is not None:
        lines += ["", f"In place of {version.uri}: {brief(why, _NAME)}"]
    elif before and before[0]:
        lines += ["", f"In place of {brief(before[0], _NAME)}."]
    if why is None:
        lines.append("" if len(lines) == 1 else f"Proved at commit {version.commit}.")
        lines += [f"Proved at commit {version.commit}."] if not lines[-1] else []
    return "\n".join(lines) + "\n"


def pull_request_body(
    version: ModelVersion, before: Sequence[str], wanted: Wanted, why: str | None
) -> str:
    """The body of a pull request, in Markdown; `why` is that of a revert."""
    return "\n".join(_body(version, before, wanted, why)) + "\n"


def _canary(version: ModelVersion) -> str:
    """How the canary ended that it had before."""
    end = version.canary
    return f"{end.verdict}, {end.since} to {end.until} ({end.checks})" if end else ""


def _body(
    version: ModelVersion, before: Sequence[str], wanted: Wanted, why: str | None
) -> Iterator[str]:
    if why is not None:
        yield f"### Serve {code(wanted.uri, _NAME)} again"
        yield ""
        yield f"{code(version.uri, _NAME)} is taken back: {prose(why, 1000)}"
        return
    yield f"### Serve {code(wanted.uri, _NAME)}"
    yield ""
    rows = {
        "In place of": ", ".join(code(uri, _NAME) for uri in before if uri) or "nothing",
        "Digest": code(wanted.digest, 100),
        "Commit": code(version.commit or "", 64),
        "Lock": code(version.said("lock_digest") or "", 64),
        "Verdict": prose(version.said("verdict") or "", 40),
        "Evidence": code(version.said("evidence") or "", 100),
        "Environment": code(version.said("environment_digest") or "", 64),
        "Canary": prose(_canary(version), 300),
        "CI job": prose(version.said("ci_url") or "", 500),
    }
    yield "| | |"
    yield "|---|---|"
    for name, value in rows.items():
        if value and value != "``":
            yield f"| {name} | {value} |"
    data = version.digests("inputs") or {}
    if data:
        yield ""
        yield "| Data | Digest |"
        yield "|---|---|"
        for path, digest in list(data.items())[:20]:
            yield f"| {code(path, _NAME)} | {code(digest, 100)} |"
    reverted = version.tags.get(REVERTED)
    if reverted:
        yield ""
        yield f"It was taken back once: {prose(reverted, 1000)}"
