r"""Foreign text that CI systems would take for commands, made text again.

GitHub's runner obeys a line that begins with `::name` and one that holds `##[name]` anywhere,
Azure's one with `##vso[name]`; both read all that a step prints. What folds a line can bring any
part of it to the front. GitLab's section marks need control characters, which nobody prints here.
"""

import re

_COMMANDS = (
    "add-mask|add-matcher|add-path|debug|echo|endgroup|error|group|internal-set-repo-path|notice"
    "|remove-matcher|save-state|set-env|set-output|stop-commands|warning"
)
_OBEYED = re.compile(
    rf"(?P<colon>(?<=:):(?=(?:{_COMMANDS})\b)|(?<=\A:):|(?<=\s:):)|(?P<hash>(?<=#)#(?=\w*\[))",
    re.IGNORECASE,
)


def inert(text: str) -> str:
    r"""The text with the second character of each mark as an escape: `:\x3aerror`, `#\x23[`."""
    if "::" not in text and "##" not in text:
        return text
    return _OBEYED.sub(lambda match: rf"\x{ord(match[0]):02x}", text)


def inert_json(text: str) -> str:
    """JSON that says the same and holds no such mark; its lines begin with none."""
    return re.sub(r"(?<=#)#(?=\w*\[)", r"\\u0023", text)
