"""DVC's templates: `${…}` in a `dvc.yaml`, filled from `vars` and parameter files.

As `dvc.parsing` of DVC 3 does it, without importing it; a test compares the two.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from posixpath import join, normpath
from shlex import quote
from typing import Any

_EXPRESSION = re.compile(r"(?<!\\)\$\{(?P<inner>[^}\n]*+)(?P<end>\}?)")
"""Without its end it is none, and matched so that no text is read twice."""
_PATH = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[[^.\[\]]+\])*")
_LONGEST = 1 << 20
_MOST_WORK = 1 << 26
"""Characters filled in and values taken over, in one `dvc.yaml`."""
DEFAULT_PARAMS = "params.yaml"

Load = Callable[[str], Any]
"""Path below the DVC root -> the values of a parameter file; None where there is none."""


class TemplateError(ValueError):
    """A template that DVC would refuse, too."""


@dataclass(frozen=True)
class Style:
    """How a dictionary becomes arguments of a command: `[parsing]` in DVC's configuration."""

    boolean_optional: bool = False
    append: bool = False


@dataclass
class Budget:
    """What filling the templates of one file may still cost: a few lines can ask for years."""

    left: int = _MOST_WORK

    def take_over(self, values: int) -> None:
        """Take off a number of values, each as much as a short text; raises as `spend`."""
        self.spend(16 * values)

    def spend(self, count: int) -> None:
        """Take off a number of characters.

        Raises:
            TemplateError: nothing is left.
        """
        self.left -= count
        if self.left < 0:
            raise TemplateError(
                "its stages are too many, or take too much from templates: use fewer of them"
            )


@dataclass
class Context:
    """The values that templates are filled from."""

    load: Load
    style: Style = field(default_factory=Style)
    values: dict[str, Any] = field(default_factory=dict)
    imports: dict[str, list[str] | None] = field(default_factory=dict)
    """File -> the keys loaded from it; None means all of them."""
    reserved: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)

    def clone(self) -> "Context":
        """A copy that can be changed."""
        self.budget.take_over(len(self.values))
        return Context(
            self.load,
            self.style,
            dict(self.values),
            dict(self.imports),
            self.reserved,
            self.budget,
        )

    def load_vars(self, items: object, folder: str, *, default: bool = False) -> None:
        """Take in a `vars` section.

        Raises:
            TemplateError: a file or key is not there, or a value is there already.
        """
        if default and self.load(normpath(join(folder, DEFAULT_PARAMS))) is not None:
            self._load_file(DEFAULT_PARAMS, folder)
        if items is None:
            return
        if not isinstance(items, list):
            raise TemplateError("vars must be a list")
        for item in items:
            if isinstance(item, str):
                self._load_file(item, folder)
            elif isinstance(item, dict):
                self._merge(item)
            else:
                raise TemplateError("vars must be a list of files and mappings")

    def _load_file(self, item: str, folder: str) -> None:
        name, _, listed = item.partition(":")
        path = normpath(join(folder, name))
        keys = [key for key in listed.split(",") if key] or None
        if path in self.imports:
            before = self.imports[path]
            if keys is None and before is None:
                return
            if keys is None or before is None or set(keys) & set(before):
                raise TemplateError(f"vars load {item} more than once")
        values = self.load(path)
        if values is None:
            raise TemplateError(f"vars name {path}, which is not there")
        if not isinstance(values, dict):
            raise TemplateError(f"{path} holds no mapping")
        if keys:
            lost = [key for key in keys if key not in values]
            if lost:
                raise TemplateError(f"{path} has no key {lost[0]}")
            values = {key: values[key] for key in keys}
        self._merge(values)
        if path not in self.imports:
            self.imports[path] = keys
        elif keys:
            before = self.imports[path]
            self.imports[path] = [*(before or ()), *keys]

    def _merge(self, update: dict[str, Any]) -> None:
        taken = [key for key in self.reserved if key in update]
        if taken:
            raise TemplateError(f"vars set {taken[0]}, which the loop sets")
        self._put(self.values, update, "")

    def _put(self, into: dict[str, Any], update: Mapping[str, Any], path: str) -> None:
        """Add what is not there; only `into` itself is changed, what it holds may be others'."""
        self.budget.take_over(len(update))
        for key, value in update.items():
            if isinstance(into.get(key), dict) and isinstance(value, dict):
                self.budget.take_over(len(into[key]))
                into[key] = dict(into[key])
                self._put(into[key], value, f"{path}{key}.")
            elif key in into:
                raise TemplateError(f"vars set {path}{key} a second time")
            else:
                into[key] = value

    @contextmanager
    def with_values(self, extra: Mapping[str, Any]) -> Iterator[None]:
        """Set `item` and `key` of a loop for a while."""
        reserved = self.reserved
        before = {key: self.values[key] for key in extra if key in self.values}
        self.values.update(extra)
        self.reserved = (*reserved, *extra)
        try:
            yield
        finally:
            for key in extra:
                self.values.pop(key, None)
            self.values.update(before)
            self.reserved = reserved

    def select(self, expression: str) -> Any:
        """The value that `a.b[0]` names.

        Raises:
            TemplateError: there is none.
        """
        value: Any = self.values
        for part in expression.replace("[", ".").replace("]", "").split("."):
            name = part.strip()
            try:
                value = value[int(name)] if isinstance(value, list) else _entry(value, name)
            except (LookupError, ValueError):
                raise TemplateError(f"could not find '{expression[:80]}'") from None
        return value

    def resolve(self, source: Any, key: str | None = None) -> Any:
        """Fill every template in nested data; `key` is the stage's key that it stands under.

        Raises:
            TemplateError: a template is not valid, or names what is not there.
        """
        if isinstance(source, Mapping):
            filled = {}
            for name, value in source.items():
                resolved = self.resolve(name, key)
                _hashable(resolved)
                filled[resolved] = self.resolve(value, key)
            return filled
        if isinstance(source, list):
            return [self.resolve(value, key) for value in source]
        return self.text(source, key) if isinstance(source, str) and "${" in source else source

    def text(self, source: str, key: str | None = None) -> Any:
        """Fill the templates of one text; the value itself where it is nothing but a template."""
        matches = _expressions(source)
        for match in matches:
            if not _PATH.fullmatch(match["inner"]):
                raise TemplateError(f"not an expression: {match[0][:80]}")
        if len(matches) == 1 and matches[0][0] == source:
            return _checked(self.select(matches[0]["inner"]), key)
        parts, index, length = [], 0, 0
        for match in matches:
            value = _checked(self.select(match["inner"]), key)
            parts += [source[index : match.start()], as_text(value, self.style)]
            length += len(parts[-1])
            if length > _LONGEST:
                raise TemplateError("a template grows beyond 1 MiB")
            index = match.end()
        parts.append(source[index:])
        self.budget.spend(length + len(source))
        return "".join(parts).replace(r"\${", "${")


def _entry(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise KeyError(name)
    return value[name]


def _hashable(name: object) -> None:
    if isinstance(name, list | dict):
        raise TemplateError("a key that is no text")


def _checked(value: Any, key: str | None) -> Any:
    if value is None or isinstance(value, str | int | float) or key is None or "foreach" in key:
        return value
    if isinstance(value, dict) and key == "cmd":
        return value
    raise TemplateError(f"cannot put a {type(value).__name__} into a template")


def as_text(value: Any, style: Style = Style()) -> str:
    """A value inside a text; a mapping as the arguments of a command."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return " ".join(_arguments(value, style)).rstrip()
    return str(value)


def _arguments(value: Mapping[str, Any], style: Style) -> Iterator[str]:
    for name, item in _flat(value, ""):
        if isinstance(item, bool):
            if item:
                yield f"--{name}"
            elif style.boolean_optional:
                yield f"--no-{name}"
        elif isinstance(item, str):
            yield f"--{name} {quote(item)}"
        elif isinstance(item, list):
            for number, part in enumerate(item):
                if isinstance(part, list | dict):
                    raise TemplateError(f"cannot put the nested list {name} into a command")
                shown = quote(part) if isinstance(part, str) else str(part)
                yield f"--{name} {shown}" if style.append or number == 0 else shown
        else:
            yield f"--{name} {item}"


def _flat(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def check_expressions(data: Any) -> None:
    """Refuse what is no expression inside `${…}`, as DVC does before it fills anything.

    Raises:
        TemplateError: there is one.
    """
    if isinstance(data, Mapping):
        for key, value in data.items():
            check_expressions(key)
            check_expressions(value)
    elif isinstance(data, list):
        for value in data:
            check_expressions(value)
    elif isinstance(data, str) and "${" in data:
        for match in _expressions(data):
            if not _PATH.fullmatch(match["inner"]):
                raise TemplateError(f"not an expression: {match[0][:80]}")


def _expressions(text: str) -> list[re.Match[str]]:
    return [match for match in _EXPRESSION.finditer(text) if match["end"]]


def has_template(data: Any) -> bool:
    """Whether anything in nested data is a template."""
    if isinstance(data, Mapping):
        return any(has_template(k) or has_template(v) for k, v in data.items())
    if isinstance(data, list):
        return any(map(has_template, data))
    return isinstance(data, str) and bool(_expressions(data))
