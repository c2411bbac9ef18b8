"""What of the conditions that a result can depend on was excluded."""

from collections.abc import Mapping

from lockproof.model.condition import CONDITIONS, condition_noun

_UNTRIED = "not varied here"


def open_conditions(excluded: Mapping[str, str], reasons: Mapping[str, str]) -> dict[str, str]:
    """Conditions that were not excluded -> why not.

    Args:
        excluded: condition -> how it was excluded.
        reasons: condition -> why it could not be, where that is known.
    """
    names = [*CONDITIONS, *(name for name in reasons if name not in CONDITIONS)]
    return {name: reasons.get(name, _UNTRIED) for name in names if name not in excluded}


def listed(title: str, found: Mapping[str, str]) -> list[str]:
    """Lines for people: conditions that share a reason stand together."""
    grouped: dict[str, list[str]] = {}
    for name, reason in found.items():
        grouped.setdefault(reason, []).append(condition_noun(name))
    return [f"{title}: {', '.join(names)} ({reason})" for reason, names in grouped.items()]
