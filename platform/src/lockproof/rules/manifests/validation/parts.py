"""What objects of every kind are made of: names, labels, selectors, metadata."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lockproof.model.manifest import At, items, mapping, sequence


class Wrong(NamedTuple):
    """A value that is refused."""

    at: At
    text: str
    """What is wrong with it, to stand behind its place."""


_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WORD = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LARGEST_ANNOTATIONS = 256 << 10
"""Bytes of all together."""


def is_label(text: Any, most: int = 63) -> bool:
    """Whether a text is a DNS label."""
    return isinstance(text, str) and len(text) <= most and _LABEL.fullmatch(text) is not None


def is_subdomain(text: Any) -> bool:
    """Whether a text is a DNS subdomain."""
    return isinstance(text, str) and len(text) <= 253 and _SUBDOMAIN.fullmatch(text) is not None


def is_qualified(text: Any) -> bool:
    """Whether a text is a name with or without a prefix: `app`, `example.org/app`."""
    prefix, slash, name = str(text).rpartition("/")
    if slash and not is_subdomain(prefix):
        return False
    return len(name) <= 63 and _WORD.fullmatch(name) is not None


def is_value(text: Any) -> bool:
    """Whether a text is a label's value."""
    return text == "" or (
        isinstance(text, str) and len(text) <= 63 and _WORD.fullmatch(text) is not None
    )


def labels(value: Any, at: At) -> Iterator[Wrong]:
    """Labels, or a selector of them."""
    for key, text in mapping(value).items():
        if not is_qualified(key):
            yield Wrong((*at, str(key)), "is no label's name: [prefix/]name, of 63 characters")
        if isinstance(text, str) and not is_value(text):
            yield Wrong(
                (*at, str(key)),
                f"is {text[:70]!r}: a label has at most 63 letters, digits, '-', '_' and '.', and"
                " begins and ends with a letter or digit",
            )


def metadata(value: Any, at: At) -> Iterator[Wrong]:
    """The metadata of an object or of a template."""
    stated = mapping(value)
    yield from labels(stated.get("labels"), (*at, "labels"))
    size = 0
    for key, text in mapping(stated.get("annotations")).items():
        size += len(str(key).encode()) + len(str(text).encode("utf-8", "replace"))
        if not is_qualified(str(key).lower()):
            where = (*at, "annotations", str(key))
            yield Wrong(where, "is no annotation's name: [prefix/]name, of 63 characters")
    if size > _LARGEST_ANNOTATIONS:
        yield Wrong((*at, "annotations"), f"has {size} bytes, may have {_LARGEST_ANNOTATIONS}")
    # Those of a template are looked at when there is an object of it.
    for number, name in enumerate(sequence(stated.get("finalizers")) if len(at) == 1 else ()):
        if isinstance(name, str) and not is_qualified(name):
            where = (*at, "finalizers", number)
            yield Wrong(where, f"is {name[:70]!r}, no finalizer's name: [prefix/]name")


def selector(value: Any, at: At, *, needed: bool = False) -> Iterator[Wrong]:
    """A label selector."""
    stated = mapping(value)
    yield from labels(stated.get("matchLabels"), (*at, "matchLabels"))
    for where, one in items(stated.get("matchExpressions"), (*at, "matchExpressions")):
        yield from requirement(one, where)
    if needed and not stated.get("matchLabels") and not stated.get("matchExpressions"):
        yield Wrong(at, "selects everything: name labels")


def requirement(one: Mapping[str, Any], at: At, *, node: bool = False) -> Iterator[Wrong]:
    """One requirement of a selector."""
    sign, values = one.get("operator"), sequence(one.get("values"))
    signs = ("In", "NotIn", "Exists", "DoesNotExist", *(("Gt", "Lt") if node else ()))
    if not is_qualified(one.get("key") or ""):
        yield Wrong((*at, "key"), "is no label's name")
    if sign not in signs:
        yield Wrong((*at, "operator"), f"is {sign!r}, must be one of {', '.join(signs)}")
    elif sign in ("In", "NotIn") and not values:
        yield Wrong((*at, "values"), f"must name values for {sign}")
    elif sign in ("Exists", "DoesNotExist") and values:
        yield Wrong((*at, "values"), f"must be left out for {sign}")
    elif sign in ("Gt", "Lt") and len(values) != 1:
        yield Wrong((*at, "values"), f"must be one value for {sign}")
    for number, text in enumerate(values):
        if isinstance(text, str) and not is_value(text):
            yield Wrong((*at, "values", number), f"is {text[:70]!r}, no label's value")


def selects(selecting: Any, given: Any) -> bool:
    """Whether a selector takes what has these labels."""
    stated, have = mapping(selecting), mapping(given)
    for key, value in mapping(stated.get("matchLabels")).items():
        if have.get(key) != value:
            return False
    for _, one in items(stated.get("matchExpressions"), ()):
        name, values = str(one.get("key")), sequence(one.get("values"))
        there = name in have
        wanted = {
            "In": there and have.get(name) in values,
            "NotIn": not there or have.get(name) not in values,
            "Exists": there,
            "DoesNotExist": not there,
        }
        if not wanted.get(str(one.get("operator")), True):
            return False
    return True


def is_key(text: Any) -> bool:
    """Whether a text is a key of a ConfigMap or a Secret."""
    if not isinstance(text, str) or not 0 < len(text) <= 253 or text.startswith(".."):
        return False
    return text != "." and all(one.isascii() and (one.isalnum() or one in "-_.") for one in text)


def is_segment(text: Any) -> bool:
    """Whether a text can stand in a path, as the names of roles do."""
    return isinstance(text, str) and text not in (".", "..") and not set(text) & set("/%")


def subdomain(value: Mapping[str, Any], at: At, *names: str) -> Iterator[Wrong]:
    """Fields that name an object."""
    for name in names:
        text = value.get(name)
        if isinstance(text, str) and text and not is_subdomain(text):
            yield Wrong((*at, name), f"is {text[:70]!r}, no name of an object")


def natural(value: Mapping[str, Any], at: At, *names: str, least: int = 0) -> Iterator[Wrong]:
    """Fields that are numbers from 0, or another one, up."""
    for name in names:
        number = value.get(name)
        if isinstance(number, int) and not isinstance(number, bool) and number < least:
            yield Wrong((*at, name), f"is {number}, must be at least {least}")


def port(value: Any, at: At) -> Iterator[Wrong]:
    """A port by number or by name."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int):
        if not 1 <= value <= 65535:
            yield Wrong(at, f"is {value}, must be from 1 to 65535")
    elif isinstance(value, str) and not is_port_name(value):
        yield Wrong(
            at,
            f"is {value[:40]!r}: a port's name has at most 15 of a-z, 0-9 and single '-', and a"
            " letter among them",
        )


def is_port_name(text: str) -> bool:
    """Whether a text is the name of a service as IANA has them."""
    fits = is_label(text, 15) and "--" not in text
    return fits and any(one.isalpha() for one in text)


def percent(value: Any) -> int | None:
    """The number of `25%`; None for what is no percentage."""
    text = value if isinstance(value, str) else ""
    digits = text.removesuffix("%")
    if digits == text or not (digits.isascii() and digits.isdecimal()) or len(digits) > 6:
        return None
    return int(digits)


def share(value: Any, at: At) -> Iterator[Wrong]:
    """A number of pods, or a percentage of them."""
    if isinstance(value, str) and percent(value) is None:
        yield Wrong(at, f"is {value[:40]!r}, must be a number or a percentage such as 25%")
    elif isinstance(value, int) and not isinstance(value, bool) and value < 0:
        yield Wrong(at, f"is {value}, must not be negative")


def one_of(value: Mapping[str, Any], at: At, names: Sequence[str], what: str) -> Iterator[Wrong]:
    """A thing that is one of several."""
    stated = [name for name in names if value.get(name) is not None]
    if not stated:
        yield Wrong(at, f"is no {what}: state one of {', '.join(names[:6])}")
    elif len(stated) > 1:
        yield Wrong(at, f"is {' and '.join(stated)}: a {what} is one of them")


def choice(
    value: Mapping[str, Any], at: At, name: str, *allowed: str, needed: bool = False
) -> Iterator[Wrong]:
    """A field with a value of a list; where it is not needed, empty stands for left out."""
    stated = value.get(name)
    if isinstance(stated, str) and (stated or needed) and stated not in allowed:
        yield Wrong((*at, name), f"is {stated[:40]!r}, must be one of {', '.join(allowed)}")


def repeated(names: Sequence[tuple[At, Any]]) -> Iterator[Wrong]:
    """What may stand only once."""
    seen: set[Any] = set()
    for at, name in names:
        if name in seen:
            yield Wrong(at, f"repeats {name}")
        seen.add(name)
