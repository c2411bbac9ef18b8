"""The objects of a bundle, as references look for them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from operator import itemgetter

from lockproof.model.manifest import Manifest, items

from .arguments import together
from .pods import Pod
from .selectors import all_pods
from .targets import Target

_SPECIAL = frozenset("*?[")


class Globs:
    """Names and patterns of them; most are names."""

    def __init__(self, globs: Iterable[str]) -> None:
        stated = tuple(globs)
        self._patterns = tuple(glob for glob in stated if not _SPECIAL.isdisjoint(glob))
        self._names = frozenset(stated).difference(self._patterns)

    def match(self, name: str) -> bool:
        """Whether one of them matches, as `fnmatchcase` does."""
        return name in self._names or any(fnmatchcase(name, one) for one in self._patterns)


@dataclass(frozen=True)
class Known:
    """The objects of a bundle by kind, and what will exist besides them."""

    objects: Mapping[str, Sequence[Manifest]]
    made: frozenset[tuple[str, str]]
    """Kind and name of what other objects make once they run."""

    @cached_property
    def names(self) -> Mapping[str, Sequence[str]]:
        """The names of the objects of each kind, each once."""
        return {
            kind: tuple(dict.fromkeys(one.name for one in manifests))
            for kind, manifests in self.objects.items()
        }

    @cached_property
    def _by_namespace(self) -> Mapping[str, Sequence[Pod]]:
        found: dict[str, list[Pod]] = {}
        for manifests in self.objects.values():
            for manifest in manifests:
                # What Crossplane applies stands in a namespace of its own.
                space = "" if manifest.kind == "Object" else manifest.namespace
                found.setdefault(space, []).extend(all_pods(manifest))
        return found

    def pods(self, namespace: str) -> Sequence[Pod]:
        """The pods that may stand in a namespace; in any where it is not stated."""
        spaces = (namespace, "") if namespace else tuple(self._by_namespace)
        return [pod for space in spaces for pod in self._by_namespace.get(space, ())]

    @cached_property
    def named(self) -> Mapping[tuple[str, str], Sequence[Manifest]]:
        """The objects by kind and name."""
        found: dict[tuple[str, str], list[Manifest]] = {}
        for manifests in self.objects.values():
            for manifest in manifests:
                found.setdefault((manifest.kind, manifest.name), []).append(manifest)
        return found

    @cached_property
    def _placed(self) -> Mapping[tuple[str, str, str], Sequence[tuple[int, Manifest]]]:
        """The objects by kind, name and namespace, each with its place among all of its name."""
        found: dict[tuple[str, str, str], list[tuple[int, Manifest]]] = {}
        for key, manifests in self.named.items():
            for place, manifest in enumerate(manifests):
                found.setdefault((*key, manifest.namespace), []).append((place, manifest))
        return found

    def find(self, manifest: Manifest, target: Target) -> Manifest | None:
        """The object that a manifest means by a target; None where there is none."""
        key, space = (target.kind, target.name), _space(manifest, target)
        candidates = self.named.get(key, ())
        if space and len(candidates) > 1:
            near = (*self._placed.get((*key, space), ()), *self._placed.get((*key, ""), ()))
            candidates = [one for _, one in sorted(near, key=itemgetter(0))]
        return find_among(manifest, target, candidates)

    @cached_property
    def _together(self) -> Mapping[tuple[str, str], set[tuple[str, str]]]:
        found: dict[tuple[str, str], set[tuple[str, str]]] = {}
        for rollout in self.objects.get("Rollout", ()):
            for _, beside in together(rollout):
                for key in beside:
                    found.setdefault(key, set()).update(beside)
        return found

    @cached_property
    def _declared(self) -> dict[tuple[str, str], set[str]]:
        return {}  # Filled as it is asked.

    def declared_beside(self, template: Manifest) -> set[str] | None:
        """The arguments of all templates that run together with one; None if one is not here."""
        found: set[str] = set()
        for key in self._together.get((template.kind, template.name), ()):
            others = self.named.get(key)
            if others is None:
                return None
            if key not in self._declared:
                self._declared[key] = {
                    name for other in others for name in declared_arguments(other)
                }
            found |= self._declared[key]
        return found


def _space(manifest: Manifest, target: Target) -> str:
    return target.namespace if target.namespace is not None else manifest.namespace


def find_among(
    manifest: Manifest, target: Target, candidates: Iterable[Manifest]
) -> Manifest | None:
    """The one of some objects that a manifest means by a target; None where there is none."""
    space = _space(manifest, target)
    fitting = [
        candidate
        for candidate in candidates
        if candidate.name == target.name
        and (not target.group or candidate.group == target.group)
        and (not space or not candidate.namespace or candidate.namespace == space)
    ]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    # Loose files may declare an object each: what is in the same file is meant.
    path, _ = manifest.locate(())
    return next((one for one in fitting if one.locate(())[0] == path), fitting[0])


def declared_arguments(template: Manifest) -> set[str]:
    """The names of the arguments that a template or a rollout's analysis declares."""
    return {str(argument.get("name")) for _, argument in items(template.spec.get("args"), ())}
