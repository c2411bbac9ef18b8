"""Regular expressions that manifests bring: RE2's, as API servers read them, in linear time.

Python's own reads another language, and can take years over a line that somebody wrote for that.
"""

from functools import lru_cache
from typing import Any

_LARGEST = 1 << 18
"""Bytes of a compiled pattern; what Kubernetes' own kinds have needs less than a quarter."""
_LONGEST = 1 << 14
"""Characters of a value: time grows with the product of both."""


def matches(text: str, pattern: str) -> bool | None:
    """Whether a text has a pattern; None where that is none of RE2's, or either is too large."""
    compiled = _compiled(pattern)
    if compiled is None or len(text) > _LONGEST:
        return None
    try:
        return compiled.search(text) is not None
    except UnicodeEncodeError:
        return None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    try:
        import re2  # Slow: loaded where a pattern is there.
    except ImportError:
        return None  # Left out where it has no wheel, such as on musl.
    options = re2.Options()
    options.max_mem = _LARGEST
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError):
        return None
