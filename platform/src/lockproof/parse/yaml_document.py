"""YAML as data: strict, bounded, and with the line of every entry.

Two readers stand behind this. `block_yaml` knows the part of YAML that files are mostly made of and
reads it line by line; it declines everything else, which `composed_yaml` then reads or refuses.
"""

from .block_yaml import read_blocks
from .document import ParseError, YamlDocument, nearest_line

__all__ = ["ParseError", "YamlDocument", "nearest_line", "read_yaml"]

_LARGEST = 8 << 20
"""Bytes of one file."""
_LARGEST_PLAIN = 32 << 20
"""Bytes of a lock as DVC writes it: that of some 20,000 stages, which is read line by line."""


def read_yaml(
    content: bytes, name: str, *, many: bool = False, core: bool = False
) -> list[YamlDocument]:
    """The documents of a file; with `many` false there must be just one.

    Values are those of JSON: dates stay text, keys are text. With `core` plain words are read as
    YAML 1.2's core schema says, which is how DVC reads its files; else as kubectl and Argo
    CD read manifests, by YAML 1.1.

    Raises:
        ParseError: it is no UTF-8, no YAML or too large, holds a key twice or a tag of a
            programming language, or its anchors expand without end.
    """
    if len(content) > (_LARGEST_PLAIN if core else _LARGEST):
        raise ParseError(f"larger than {_LARGEST >> 20} MiB", name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ParseError("is not UTF-8", name, line) from None
    documents = read_blocks(text, core=core)
    if documents is None:
        from .composed_yaml import compose

        if len(content) > _LARGEST:
            raise ParseError(f"larger than {_LARGEST >> 20} MiB, and not as DVC writes it", name)
        documents = compose(text, name, core=core)
    if not many and len(documents) != 1:
        raise ParseError(f"has {len(documents)} documents, must have one", name)
    return documents
