"""Kustomizations built by kustomize itself, with the place of every field beside what it makes."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lockproof.adapters.git.tree import Tree
from lockproof.adapters.kustomize.program import Answer, Job, Kustomize
from lockproof.installed import how_to_add
from lockproof.model.manifest import Manifest, Place, mapping
from lockproof.parse.yaml_document import ParseError, read_yaml

from .idle import idle_patches
from .outline import Documents, documents_of, in_tree, outline
from .places import Trace
from .refusal import explained, is_out_of_reach, shortened
from .source import Outline, Source, Trouble

_NO_KUSTOMIZE = "kustomize, which builds it, is not here: put kustomize or kubectl on PATH, or {}"
_HASH = 10
"""Characters of the hash in a generated name."""


@dataclass
class Built:
    """What kustomize makes of a kustomization."""

    root: str
    """The kustomization file."""
    manifests: list[Manifest] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """Every file that is part of it."""
    in_force: set[Place] = field(default_factory=set)
    """Patches that mean something in it: one in a component may do so in other builds alone."""


@dataclass(frozen=True)
class Target:
    """What to build."""

    folder: str
    components: tuple[str, ...] = ()
    """Folders of components to put on top of it."""


def build(
    kustomize: Kustomize | None,
    tree: Tree,
    targets: Sequence[Target],
    documents: Documents | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Built]:
    """Build kustomizations: what works, what does not, and what was not looked at.

    Args:
        kustomize: the program; None where there is none, and nothing is built.
        tree: where files are read; kustomize gets copies of those that it needs.
        targets: what to build.
        documents: the tree's files as documents, where some were read already.
        say: is told how far it is, where it takes long.
    """
    documents = documents or documents_of(tree)
    outlines = [outline(tree, documents, one.folder, one.components) for one in targets]
    if kustomize is None:
        why = _NO_KUSTOMIZE.format(how_to_add("kustomize"))
        return [_unbuilt(one, why) for one in outlines]
    given = [one for one in outlines if not (one.barred or one.linked)]
    answers = iter(kustomize.build([Job(one.files, one.folder) for one in given], say))
    made = _Made()
    return [
        _kept_back(one) if one.barred or one.linked else _built(one, next(answers), documents, made)
        for one in outlines
    ]


def _kept_back(found: Outline) -> Built:
    """What kustomize is not started for."""
    if found.barred:
        troubles = list(dict.fromkeys([*found.barred, *found.troubles]))
        return Built(found.root, [], troubles, list(found.not_checked), found.used)
    link = f"{found.linked[0]} is reached by a link, which kustomize would follow"
    return _unbuilt(found, f"not built: {link}: name what it leads to")


def _unbuilt(found: Outline, why: str) -> Built:
    return Built(found.root, not_checked=[f"{found.root}: {why}"], used=found.used)


def _built(found: Outline, answer: Answer, documents: Documents, made: "_Made") -> Built:
    if not answer.finished:
        return _unbuilt(found, f"not built: kustomize {answer.refusal}")
    built = Built(found.root, not_checked=list(found.not_checked), used=found.used)
    if answer.output is None:
        said = in_tree(answer.refusal, found)
        # Kustomize decides, and stops at the first thing; the outline knows places and the rest.
        if found.troubles:
            built.troubles = found.troubles
        elif found.not_checked or is_out_of_reach(answer.refusal):
            built.not_checked.append(f"{found.root}: not built: {shortened(said)}")
        else:
            built.troubles = [explained(said, found)]
        return built
    by_kind = _by_kind(found.sources)
    try:
        for value in made.values(answer.output, found.root):
            sources = _sources(value, by_kind)
            built.manifests.append(Manifest(value, Trace(value, sources, documents, found.root)))
    except ParseError as error:
        return _unbuilt(found, f"what kustomize makes of it cannot be read: {error}")
    built.troubles, built.in_force = idle_patches(found)
    return built


class _Made:
    """What kustomize made, each document read once: overlays of one base make much alike."""

    def __init__(self) -> None:
        self.known: dict[bytes, list[Mapping[str, Any]]] = {}

    def values(self, output: bytes, root: str) -> Iterator[Mapping[str, Any]]:
        """The objects of a build.

        Raises:
            ParseError: a document cannot be read.
        """
        # Each by itself: together they may be larger than a file that is read.
        for part in re.split(rb"(?<=\n)---\n", output):
            if part not in self.known:
                read = read_yaml(part, f"what {root} makes", many=True)
                self.known[part] = [one.value for one in read if isinstance(one.value, dict)]
            yield from self.known[part]


def _by_kind(sources: Sequence[Source]) -> dict[tuple[str, str], list[Source]]:
    found: dict[tuple[str, str], list[Source]] = {}
    for source in sources:
        found.setdefault((source.group, source.kind), []).append(source)
    return found


def _sources(
    value: Mapping[str, Any], by_kind: Mapping[tuple[str, str], Sequence[Source]]
) -> list[Source]:
    """What a resource was made from: most likely first; generators may add to one another."""
    group = str(value.get("apiVersion") or "").rpartition("/")[0]
    metadata = mapping(value.get("metadata"))
    name, space = str(metadata.get("name") or ""), str(metadata.get("namespace") or "")
    version = str(value.get("apiVersion") or "").rpartition("/")[2]
    ranked: list[tuple[tuple[int, bool, bool, int], Source]] = []
    for source in by_kind.get((group, str(value.get("kind"))), ()):
        rank = _rank(name, source)
        if rank:
            here = space == source.namespaces[-1], version == source.version
            ranked.append(((rank, *here, len(source.names[0])), source))
    if not ranked:
        return []
    best = max(key for key, _ in ranked)
    if best[0] == 1 and len(ranked) > 1:
        return []  # A name that holds several others is that of none.
    return [source for key, source in ranked if key == best]


def _rank(name: str, source: Source) -> int:
    if name == source.names[-1]:
        return 4
    hashed = source.generated and len(name) == len(source.names[-1]) + 1 + _HASH
    if hashed and name.startswith(f"{source.names[-1]}-"):
        return 3
    # A kustomization that sets a namespace renames the Namespace too.
    if name in source.names or (source.kind == "Namespace" and name in source.namespaces):
        return 2
    return int(bool(source.names[0]) and source.names[0] in name)
