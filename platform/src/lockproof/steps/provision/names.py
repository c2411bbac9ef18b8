"""The names that a cloud gave to what Crossplane made, kept in Git for the next control plane.

Some resources are named by the cloud when it makes them (an association's id). Crossplane keeps
that name in an annotation of the object in its cluster; a second control plane, which has the
manifests alone, would make the resource again and be refused, since it is there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lockproof.adapters.files import write_whole
from lockproof.errors import UsageError
from lockproof.model.resource import Body, ResourceKey

from .session import Item, Session, side_by_side
from .wait import read

EXTERNAL_NAME = "crossplane.io/external-name"
MARK = "# By lockproof provision names: what the cloud named, by which this is taken over."
_DONE = "written: commit it"


@dataclass(frozen=True)
class Given:
    """A resource and its name in the cloud."""

    key: ResourceKey
    api_version: str
    name: str


@dataclass(frozen=True)
class Names:
    """What the managed resources of an overlay are called in the cloud."""

    given: tuple[Given, ...]
    """Those that neither the object's own name says nor Git, the file of names left aside."""
    known: int
    """How many others there are."""
    missing: tuple[str, ...]
    """Those without a name yet, each with its reason."""


def read_names(session: Session, kept: Mapping[ResourceKey, Given]) -> tuple[list[Item], Names]:
    """Look at every managed resource that is declared.

    Args:
        session: the run.
        kept: what the file of names has: an overlay that includes it says these through it alone.

    Raises:
        Refusal: one may not be read.
        UnavailableError: the API server does not answer.
    """
    items = [Item(one) for one in session.manifests if _is_managed(one.body)]

    def look(item: Item) -> Body | None:
        item.kind = session.kind_of(item.manifest)
        return read(session, item)

    live = side_by_side(look, items)
    given, known, missing = [], 0, []
    for item, body in zip(items, live, strict=True):
        name = _external_name(body) if body is not None else None
        item.action = "none" if body is not None else "missing"
        item.applied = body is not None
        if name is None:
            why = (
                "it is not in the cluster" if body is None else "its provider has named it not yet"
            )
            missing.append(f"{item.name}: {why}")
        elif item.key not in kept and name in (_external_name(item.body), item.key.name):
            known += 1
        else:
            given.append(Given(item.key, item.manifest.api_version, name))
    return items, Names(tuple(given), known, tuple(missing))


def kept_names(path: Path) -> dict[ResourceKey, Given]:
    """What an earlier run has written; empty where there is no file.

    Raises:
        UsageError: it cannot be read, is somebody's own, or was changed by hand.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    if not text:
        return {}
    if not text.startswith(MARK):
        raise UsageError(f"{path} was not written by this command: name another file with --to")
    try:
        patches = [yaml.safe_load(one["patch"]) for one in yaml.safe_load(text)["patches"]]
        kept = {ResourceKey.of(patch): _given(patch) for patch in patches}
        own = component(kept.values()) == text
    except (yaml.YAMLError, LookupError, TypeError, AttributeError, ValueError, RecursionError):
        own = False
    if not own:
        raise UsageError(
            f"{path} was changed by hand: have it as it was written, or name another file with --to"
        )
    return kept


def write_names(path: Path, names: Names) -> str:
    """Write them as a kustomize component that adds them to the overlays that include it.

    What the file has of other resources stays in it.

    Returns:
        What was done, in a few words.

    Raises:
        UsageError: as `kept_names`, or it cannot be written.
    """
    kept = kept_names(path)
    given = {one.key: one for one in names.given}
    text = component((kept | given).values())
    if kept and text == component(kept.values()):
        return "says this already"
    write_whole(path, text)
    other = sum(key in given and given[key].name != one.name for key, one in kept.items())
    return f"written, {other} with another name than before: commit it" if other else _DONE


def component(given: Iterable[Given]) -> str:
    """The text of the component."""
    patches = [{"patch": _yaml(_patch(one))} for one in sorted(given, key=_order)]
    body = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
    return f"{MARK}\n{_yaml(body | {'patches': patches})}"


def _order(one: Given) -> tuple[str, str, str, str]:
    kind = one.key.group_kind
    return kind.group, kind.kind, one.key.namespace or "", one.key.name


def _given(patch: Body) -> Given:
    name = str(patch["metadata"]["annotations"][EXTERNAL_NAME])
    return Given(ResourceKey.of(patch), str(patch["apiVersion"]), name)


def _patch(one: Given) -> Body:
    metadata: dict[str, Any] = {"name": one.key.name}
    if one.key.namespace is not None:
        metadata["namespace"] = one.key.namespace
    metadata["annotations"] = {EXTERNAL_NAME: one.name}
    return {"apiVersion": one.api_version, "kind": one.key.group_kind.kind, "metadata": metadata}


def _yaml(value: Any) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False))


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as blocks, as people write patches."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _is_managed(body: Body) -> bool:
    spec = body.get("spec")
    return isinstance(spec, dict) and "forProvider" in spec


def _external_name(body: Body) -> str | None:
    name = (body["metadata"].get("annotations") or {}).get(EXTERNAL_NAME)
    return str(name) if name else None
