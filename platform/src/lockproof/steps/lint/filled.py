"""Whether what stands as `${NAME}` in a manifest is filled in before a cluster gets it."""

import json
import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from lockproof.adapters.git.tree import Tree
from lockproof.model.manifest import Manifest, mapping
from lockproof.rules.manifests.secret_values import variables

from .flux import is_below, is_flux
from .gather import Gathered
from .schema_locations import DEFINING

_OPTS_OUT = "kustomize.toolkit.fluxcd.io/substitute"
_HIDDEN = (".circleci", ".ci", ".forgejo", ".gitea", ".github", ".gitlab", ".woodpecker")
"""Folders of CI systems that lie beside what is looked through."""
_SCRIPT = re.compile(
    r"(?:^|/)(?:(?:GNU)?[Mm]akefile|[Jj]ustfile|Jenkinsfile|[Tt]askfile[^/]*|\.[^/]+\.ya?ml"
    r"|azure-pipelines[^/]*|bitbucket-pipelines[^/]*|[^/]+\.(?:sh|bash|mk|ps1))$"
)
_FILLS_IN = re.compile(rb"\benvsubst\b")
_LARGEST = 1 << 20
"""Bytes of a script that are looked through."""


class FilledIn:
    """What of a tree is known to have variables filled in."""

    def __init__(self, tree: Tree, gathered: Gathered, manifests: Sequence[Manifest]) -> None:
        """Nothing is looked for before something is asked about."""
        self.tree, self.gathered, self.manifests = tree, gathered, manifests

    def unknown(self, manifest: Manifest) -> Iterator[str]:
        """Secrets of a manifest that are variables which nothing known here fills in."""
        for at, what in variables(manifest):
            if self._is_by_flux(manifest) or self._is_by_script:
                return
            path, line = manifest.locate(at)
            yield (
                f"{path}:{line}: {manifest.label}: whether {what} is a variable, or the secret: no"
                " postBuild of Flux's and no envsubst in a script or in CI is here that fills it in"
            )

    def _is_by_flux(self, manifest: Manifest) -> bool:
        metadata = manifest.metadata
        stated = (mapping(metadata.get(part)).get(_OPTS_OUT) for part in ("labels", "annotations"))
        if "disabled" in stated:
            return False
        place = manifest.locate(())
        return place in self._built or any(is_below(place[0], path) for path in self._paths)

    @cached_property
    def _paths(self) -> Collection[str]:
        """The folders that Flux fills in; all, where something may have it do so anywhere."""
        found = set()
        for one in self.manifests:
            spec = dict(one.spec) if one.kind not in DEFINING else {}
            post = mapping(spec.pop("postBuild", None)) if is_flux(one) else {}
            if post.get("substitute") or post.get("substituteFrom"):
                found.add(posixpath.normpath(str(spec.get("path") or ".").lstrip("/") or "."))
            if "postBuild" in json.dumps(spec, default=str):
                found.add(".")  # Such as by a patch that it lays on what it makes.
        return found

    @cached_property
    def _built(self) -> Collection[tuple[str, int | None]]:
        """Where what kustomizations in these folders make was written, be it outside of them."""
        return {
            made.locate(())
            for bundle in self.gathered.bundles
            if any(bundle.name == path or is_below(bundle.name, path) for path in self._paths)
            for made in bundle.manifests
        }

    @cached_property
    def _is_by_script(self) -> bool:
        for folder in (".", *_HIDDEN):
            for path in self.tree.walk(folder) if self.tree.is_folder(folder) else ():
                in_ci = folder != "." and path.endswith((".yml", ".yaml"))
                if not in_ci and not _SCRIPT.search(path):
                    continue
                if _FILLS_IN.search((self.tree.read(path) or b"")[:_LARGEST]):
                    return True
        return False
