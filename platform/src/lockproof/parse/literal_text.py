"""Literal block text of YAML, `|`, as it is mostly written."""

from collections.abc import Sequence
from itertools import islice


def literal(header: str, lines: Sequence[str], start: int, outer: int) -> tuple[str, int] | None:
    """The text of a literal block, and how many lines it took; None for what only PyYAML reads.

    That is: another header, an empty first line, and lines less far in than the first, such as
    comments at its end.

    Args:
        header: `|`, `|-` or `|+`.
        lines: of the file, printable and without tabs.
        start: where the block begins, from 0.
        outer: how far in the container is that it stands in; the block ends before what is no
            further in.
    """
    first = lines[start] if start < len(lines) else ""
    further = len(first) - len(first.lstrip(" "))
    if header not in ("|", "|-", "|+") or further == len(first) or further <= outer:
        return None
    margin = first[:further]
    found: list[str] = []
    for line in islice(lines, start, None):
        if line.startswith(margin):
            found.append(line[further:])
        elif not line.strip(" "):
            found.append("")
        elif len(line) - len(line.lstrip(" ")) <= outer:
            break
        else:
            return None
    text = "\n".join(found)
    if header != "|+":
        text = text.rstrip("\n")
    return (text if header == "|-" else f"{text}\n"), len(found)
