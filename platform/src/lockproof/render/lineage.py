"""The lineage of a registry as text, JSON and one page of HTML."""

import json
from collections.abc import Iterator

from lockproof.model.inert import inert_json
from lockproof.model.lineage import Lineage, VersionLineage
from lockproof.render.canary_end import canary_line
from lockproof.render.foreign import brief
from lockproof.render.words import count

_NAME = 160
_ROWS = 20


def lineage_text(lineage: Lineage) -> str:
    """A tree: model, its versions, and what each came from."""
    lines = []
    for model in lineage.models:
        lines.append(f"{brief(model.name, _NAME)} in {brief(lineage.registry, _NAME)}")
        for version in model.versions:
            lines += [f"  {line}" for line in _version(version)]
        lines += [f"  not there: {brief(each, _NAME)}" for each in model.missing]
    lines.append(outcome(lineage))
    return "\n".join(lines) + "\n"


def _version(version: VersionLineage) -> Iterator[str]:
    names = " ".join(f"@{brief(alias, 60)}" for alias in version.aliases)
    state = "not proved" if version.problems else version.verdict or ""
    yield "  ".join(filter(None, (f"version {version.number}", names, state, reach_of(version))))
    if version.commit:
        yield f"  commit  {version.commit[:12]}  {brief(version.title, _NAME)}".rstrip()
    for noun, items in (("model", version.outputs), ("data", version.inputs)):
        shown = list(items.items())
        for path, digest in shown[:_ROWS]:
            yield f"  {noun:<7} {brief(path, _NAME)}  {brief(digest, 60)}"
        if len(shown) > _ROWS:
            yield f"  {noun:<7} and {len(shown) - _ROWS:,} more"
    for file in version.served_by:
        yield f"  served  {brief(file, _NAME)}"
    if version.canary is not None:
        yield f"  canary  {canary_line(version.canary)}"
    for problem in version.problems:
        yield f"  problem {brief(problem, 400)}"


def reach_of(version: VersionLineage) -> str:
    """How the data that was asked for bears on it; empty where none was."""
    words = {"reached": "REACHED by it", "not reached": "not reached", "not known": "not known"}
    return words[version.reach] if version.reach else ""


def outcome(lineage: Lineage) -> str:
    """The answer in one line."""
    versions = [v for model in lineage.models for v in model.versions]
    said = f"{count(len(versions), 'version')} of {count(len(lineage.models), 'model')}"
    if lineage.asked is not None:
        reached = [v for v in versions if v.reach == "reached"]
        unknown = sum(v.reach == "not known" for v in versions)
        in_use = sum(v.in_use for v in reached)
        text = f"{brief(lineage.asked, 60)} led to {len(reached)} of {said}"
        text += f", {in_use} of them in use" if reached else ""
        text += f"; not known of {unknown}" if unknown else ""
        if not reached and not lineage.known:
            text += "; no lock names it (of a file in a folder, ask for the folder's digest)"
        return text
    unproved = [v for v in versions if v.problems]
    in_use = sum(v.in_use for v in unproved)
    text = f"{said}: {len(unproved)} not proved, {in_use} of these in use"
    missing = sum(len(model.missing) for model in lineage.models)
    return f"{text}; {missing} served and not in the registry" if missing else text


def lineage_json(lineage: Lineage) -> str:
    """The whole of it for programs."""
    content = {**lineage.model_dump(mode="json"), "verdict": lineage.verdict.value}
    return inert_json(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)) + "\n"


def lineage_html(lineage: Lineage) -> str:
    """A page that loads nothing."""
    from lockproof.render.html_report import page_from

    return page_from(
        "lineage.html.j2",
        lineage=lineage,
        outcome_line=outcome(lineage),
        reach_of=reach_of,
        canary_line=canary_line,
    )
