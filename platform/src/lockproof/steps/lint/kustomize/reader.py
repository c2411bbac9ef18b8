"""What a build reads, and what it has to tell."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from lockproof.errors import ConfigError
from lockproof.parse.yaml_document import read_yaml

from .layer import FILE_NAMES, Layer, join
from .marks import Mark, marked
from .resource import Resource


class Files(Protocol):
    """The files of a tree, by POSIX path relative to its root."""

    def read(self, path: str) -> bytes | None:
        """Content; None where there is no such file."""
        ...

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder."""
        ...


@dataclass(frozen=True)
class Trouble:
    """Something in a kustomization that does not work."""

    mark: Mark
    subject: str
    text: str
    idle: bool = False
    """It does no harm: a patch that changes nothing, say."""


@dataclass
class Built:
    """What a kustomization makes."""

    root: str
    """The kustomization file."""
    resources: list[Resource] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """Every file that was read."""


def kustomization_in(files: Files, folder: str) -> str | None:
    """The kustomization file of a folder."""
    for name in FILE_NAMES:
        path = join(folder, name)
        if path and files.read(path) is not None:
            return path
    return None


class Reader:
    """Reads the files of a build, and takes down what does not work."""

    def __init__(self, files: Files, built: Built) -> None:
        """`built` takes the troubles and what is not checked."""
        self.files, self.built = files, built

    def trouble(self, mark: Mark, text: str, *, idle: bool = False) -> None:
        """Something does not work."""
        self.built.troubles.append(Trouble(mark, mark[0], text, idle))

    def skip(self, mark: Mark, text: str) -> None:
        """Something is not followed."""
        self.built.not_checked.append(f"{mark[0]}:{mark[1]}: {text}")

    def documents(self, path: str, mark: Mark) -> list[Any] | None:
        """The marked documents of a file; None, and a trouble, where it cannot be read."""
        content = self.files.read(path)
        if content is None:
            self.trouble(mark, f"there is no file {path}")
            return None
        self.built.used.add(path)
        try:
            read = read_yaml(content, path, many=True)
        except ConfigError as error:
            line = getattr(error, "line", None)
            text = str(error).removeprefix(path).removeprefix(f", line {line}")
            self.trouble((path, line), text.removeprefix(": "))
            return None
        return [marked(document, path) for document in read if document.value is not None]

    def beside(self, layer: Layer) -> Callable[[str, Mark], list[Any] | None]:
        """A reader of documents by their path beside a kustomization."""

        def read(entry: str, mark: Mark) -> list[Any] | None:
            path = join(layer.folder, entry)
            if path is None:
                self.trouble(mark, f"{entry} leads out of the repository")
                return None
            return self.documents(path, mark)

        return read
