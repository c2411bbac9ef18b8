"""The transformations of a kustomization, in the terms of its fields."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .fields import (
    ANNOTATIONS,
    CLUSTER_KINDS,
    METADATA_LABELS,
    NOT_RENAMED,
    REPLICAS,
    SELECTORS,
    TEMPLATE_LABELS,
    Field,
    spots,
)
from .marks import Map, Mark, Seq
from .resource import Resource


def set_namespace(resources: Iterable[Resource], namespace: str, mark: Mark) -> None:
    """Put every namespaced resource into a namespace."""
    for resource in resources:
        if resource.kind == "Namespace" and resource.group == "":
            resource.rename(namespace)
        elif resource.kind not in CLUSTER_KINDS:
            resource.move(namespace, mark)
        if resource.kind in ("RoleBinding", "ClusterRoleBinding"):
            for subject in resource.value.get("subjects") or ():
                if isinstance(subject, Map) and subject.get("name") == "default":
                    subject.put("namespace", namespace, mark)
        if resource.kind == "APIService":
            for holder, key in spots(resource.value, "spec/service/namespace", mark):
                holder.put(key, namespace, mark)


def add_affixes(resources: Iterable[Resource], prefix: str, suffix: str) -> None:
    """Put a prefix and a suffix around every name."""
    for resource in resources:
        if resource.kind not in NOT_RENAMED and (prefix or suffix):
            resource.rename(f"{prefix}{resource.name}{suffix}")


def add_labels(
    resources: Iterable[Resource],
    pairs: Map,
    *,
    selectors: bool,
    templates: bool,
    extra: Iterable[Field] = (),
) -> None:
    """Add labels to objects, and on request to pod templates and selectors."""
    fields = [*METADATA_LABELS, *extra]
    if selectors or templates:
        fields += TEMPLATE_LABELS
    if selectors:
        fields += SELECTORS
    _add_pairs(resources, pairs, fields)


def add_annotations(resources: Iterable[Resource], pairs: Map, extra: Iterable[Field] = ()) -> None:
    """Add annotations to objects and pod templates."""
    _add_pairs(resources, pairs, [*ANNOTATIONS, *extra])


def _add_pairs(resources: Iterable[Resource], pairs: Map, fields: Iterable[Field]) -> None:
    if not pairs:
        return
    default = next(iter(pairs.marks.values()), None)
    for resource in resources:
        for field in fields:
            if not field.covers(resource):
                continue
            mark = default if field.create else None
            for holder, key in spots(resource.value, field.path, mark):
                found = holder[key] if isinstance(holder, Seq) else holder.get(key)
                if found is None and field.create:
                    found = Map()
                    holder.put(key, found, default)
                if isinstance(found, Map):
                    for name, text in pairs.items():
                        found.put(name, text, pairs.marks.get(name))


def set_replicas(
    resources: Iterable[Resource], name: str, count: Any, mark: Mark, extra: Iterable[Field] = ()
) -> bool:
    """Set the number of replicas; False where nothing has that name."""
    done = False
    for resource in resources:
        if name not in (resource.name, *resource.names):
            continue
        for field in (*REPLICAS, *extra):
            if field.covers(resource):
                for holder, key in spots(resource.value, field.path, mark):
                    holder.put(key, count, mark)
                    done = True
    return done


def set_images(
    resources: Iterable[Resource],
    image: Mapping[str, Any],
    mark: Mark,
    extra: Iterable[Field] = (),
) -> None:
    """Replace name, tag or digest of an image in every list of containers.

    Raises:
        re.error: the image's name is no regular expression, which it is to kustomize.
    """
    name = str(image.get("name", ""))
    pattern = re.compile(f"^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$")

    def update(holder: Any, key: Any) -> None:
        text = holder[key] if isinstance(holder, Seq) else holder.get(key)
        if isinstance(text, str) and pattern.search(text):
            holder[key] = _with_image(text, image)
            if isinstance(holder, Map):
                holder.marks[key] = mark
            else:
                holder.marks[key] = mark

    for resource in resources:
        if resource.kind == "CustomResourceDefinition":
            continue
        _each_container(resource.value, lambda container: update(container, "image"))
        for field in extra:
            if field.covers(resource):
                for holder, key in list(spots(resource.value, field.path)):
                    update(holder, key)


def _each_container(value: Any, act: Callable[[Map], None]) -> None:
    if isinstance(value, Map):
        for key, inner in value.items():
            _each_container(inner, act)
            if key in ("containers", "initContainers") and isinstance(inner, Seq):
                for item in inner:
                    if isinstance(item, Map):
                        act(item)
    elif isinstance(value, Seq):
        for item in value:
            _each_container(item, act)


def split_image(text: str) -> tuple[str, str, str]:
    """Name, tag and digest; a colon before the last slash belongs to a registry's port."""
    rest, _, digest = text.partition("@")
    slash = rest.find("/")
    colon = rest.find(":", max(slash, 0))
    if colon < 0:
        return rest, "", digest
    return rest[:colon], rest[colon + 1 :], digest


def _with_image(text: str, image: Mapping[str, Any]) -> str:
    name, tag, digest = split_image(text)
    name = str(image.get("newName") or name)
    new_tag, new_digest = image.get("newTag"), image.get("digest")
    if new_tag or new_digest:
        tag, digest = str(new_tag or ""), str(new_digest or "")
    elif image.get("tagSuffix"):
        tag, digest = f"{tag}{image['tagSuffix']}", ""
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
