"""Additions to files that are the user's own: everything in them stays as it is."""

import json

import yaml

from lockproof.errors import ConfigError


def with_lines(text: str, lines: tuple[str, ...], heading: str) -> str:
    """The text with those of the lines at its end that it lacks."""
    have = {line.strip() for line in text.splitlines()}
    missing = [line for line in lines if line not in have]
    if not missing:
        return text
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}{heading}\n" + "".join(f"{line}\n" for line in missing)


def with_item(text: str, key: str, item: str, *, present: str, name: str) -> str:
    """A YAML mapping with one more item at the end of the list under `key`.

    Args:
        text: the file; may be empty.
        key: a key at the top.
        item: the item in block style, its first line starting with `- `.
        present: what the file holds when the item is there.
        name: the file's name, for messages.

    Raises:
        ConfigError: the file is no YAML mapping, or the list is not written in block style.
    """
    if present in text:
        return text
    node = _mapping(text, name)
    pair = next(((k, v) for k, v in node.value if k.value == key), None) if node else None
    if pair is None:
        gap = "" if not text.strip() else text.rstrip("\n") + "\n\n"
        return f"{gap}{key}:\n{_indented(item, 2)}\n"
    listed = pair[1]
    if not isinstance(listed, yaml.SequenceNode) or listed.flow_style or not listed.value:
        raise ConfigError(
            f"{name}: cannot add to {key}, which is not a list with an item a line; add to it:"
            f" {' '.join(item.split())}"
        )
    last = listed.value[-1]
    lines = text.splitlines(keepends=True)
    # The end mark of a block item stands at the start of what follows it.
    end = last.end_mark.line + (1 if last.end_mark.column else 0)
    while end > last.start_mark.line + 1 and not lines[end - 1].split("#", 1)[0].strip():
        end -= 1
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    lines.insert(end, _indented(item, listed.start_mark.column) + "\n")
    return "".join(lines)


def listed(text: str, key: str, name: str) -> tuple[str, ...]:
    """The plain items of the list under a key at the top of a YAML mapping.

    Raises:
        ConfigError: the file is no YAML mapping.
    """
    node = _mapping(text, name)
    found = [value for k, value in node.value if k.value == key] if node else []
    items = [i for value in found if isinstance(value, yaml.SequenceNode) for i in value.value]
    return tuple(item.value for item in items if isinstance(item, yaml.ScalarNode))


def included(text: str, name: str) -> tuple[str | None, ...]:
    """The files of the repository that a GitLab file includes by their paths, in its order.

    None stands for what is not here, or may be several: a template, a component, another project's
    file, an address, a glob.

    Raises:
        ConfigError: the file is no YAML mapping.
    """
    node = _mapping(text, name)
    found = [value for k, value in node.value if k.value == "include"] if node else []
    lists = [value.value if isinstance(value, yaml.SequenceNode) else [value] for value in found]
    paths = []
    for item in (item for items in lists for item in items):
        path = item.value if isinstance(item, yaml.ScalarNode) else ""
        if isinstance(item, yaml.MappingNode):
            keys = {k.value: v.value for k, v in item.value if isinstance(v, yaml.ScalarNode)}
            path = keys.get("local", "")
        is_here = path and "://" not in path and not set("*$") & set(path)
        paths.append(path.lstrip("/") if is_here else None)
    return tuple(paths)


def _mapping(text: str, name: str) -> yaml.MappingNode | None:
    try:
        # With CI files' own tags (`!reference`) it could not be loaded, but it can be composed.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is not valid YAML: {error}") from error
    if node is not None and not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{name} is not a YAML mapping")
    return node


def _indented(item: str, column: int) -> str:
    return "\n".join(" " * column + line if line else "" for line in item.splitlines())


def with_toolchain(text: str, name: str, source: str) -> str:
    """A `dagger.json` that has one more toolchain, unless it is one already or the blueprint.

    Raises:
        ConfigError: it is not a JSON object with a list of toolchains.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"dagger.json is not valid JSON: {error}") from error
    toolchains = content.setdefault("toolchains", []) if isinstance(content, dict) else None
    if not isinstance(toolchains, list) or not all(isinstance(t, dict) for t in toolchains):
        raise ConfigError("dagger.json is not a module's configuration: its toolchains are no list")
    if any(each.get("name") == name for each in [*toolchains, _blueprint(content)]):
        return text
    toolchains.append({"name": name, "source": source})
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _blueprint(content: dict[str, object]) -> dict[str, object]:
    found = content.get("blueprint")
    return found if isinstance(found, dict) else {}
