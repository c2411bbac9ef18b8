"""Parts of Helm templates that lie outside of a chart, told from YAML that is merely broken."""

import re

_BEFORE = re.compile(r"[^'\"#{]*+(?=\{\{)")
"""Of an action that stands in no string and no comment."""
_OF_HELM = re.compile(
    r"[\s({]\.(?:Values|Release|Chart|Capabilities|Files|Template)\b"
    r"|(?:\{\{-? ?|\| ?)(?:include|define|toYaml|tpl|nindent)\b"
)
_BLOCK = re.compile(r"(?:^|[\s:])[|>][+-]?\d?[+-]?$")
"""Of the end of a line that a text of several lines follows, further to the right."""


def is_helm_part(content: bytes) -> bool:
    """Whether a file that is no YAML has what makes no sense but in a template of Helm.

    Prometheus, Alertmanager, Grafana and Argo have templates of the same language, which stand in
    strings; a file with those alone is one of YAML, and broken.
    """
    above: int | None = None
    for line in content.decode("utf-8", "replace").splitlines():
        text = line.lstrip(" \t")
        indent = len(line) - len(text)
        if above is not None and (not text or indent > above):
            continue
        above = None
        before = _BEFORE.match(line)
        if before and (text.startswith("{{-") or _OF_HELM.search(line, before.end())):
            return True
        text = text.partition(" #")[0].rstrip()
        if _BLOCK.search(text):
            item = len(text) - len(text.lstrip("- ")) if ":" in text else 0
            above = indent + item
    return False
