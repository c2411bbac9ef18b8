"""Foreign text inside GitHub's and GitLab's Markdown, where it must stay text.

Characters with a meaning become HTML entities, which Markdown never reads as syntax. What such
sites do to finished text (links from `@name`, `#12` or addresses) is undone by a zero-width space.
"""

import re
from collections.abc import Sequence

from lockproof.render.foreign import brief

_PLAIN_CODE = re.compile(r"[\w./:=+,@%#~()\[\]{}'-]+( [\w./:=+,@%#~()\[\]{}'-]+)*", re.ASCII)
_IN_PROSE = re.compile(r"[\\`*_<&|~$^]|\[(?=\[)|\](?=[(\[])|^\d(?=\d*[.)])|^[^\w(/@#]", re.ASCII)
_IN_CODE = re.compile(r"[!-/:-@\[-`{-~]")
_LINKS = re.compile(r"(?<!\w)[@#]|(?<=:)(?=//)|(?<=www)(?=\.)", re.ASCII | re.IGNORECASE)
_GAP = "&#8203;"


def code(text: str, limit: int) -> str:
    """A name, command or value as code."""
    shown = brief(text, limit)
    if _PLAIN_CODE.fullmatch(shown):
        return f"`{shown}`"
    return f"<code>{_IN_CODE.sub(_entity, shown)}</code>"


def prose(text: str, limit: int) -> str:
    """A sentence that holds foreign names, on one line."""
    shown = _IN_PROSE.sub(_mark, brief(text, limit).strip())
    return _LINKS.sub(_unlinked, shown).replace("\0", "&#")


def fenced(lines: Sequence[str], language: str = "") -> list[str]:
    """Lines that are visible already, as a code block that none of them can end."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def _mark(match: re.Match[str]) -> str:
    # The number sign of an entity is put in last, so that it is not taken for one of the text.
    return f"\0{ord(match[0])};"


def _unlinked(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};{_GAP}" if match[0] else _GAP
