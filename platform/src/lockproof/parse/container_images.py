"""Container images that files name: Dockerfiles, compose files, CI configurations, commands."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from lockproof.parse.yaml_document import ParseError, YamlDocument, read_yaml

_PINNED = re.compile(r"@sha256:[0-9a-f]{64}$")
_DOCKERFILES = ("Dockerfile", "Dockerfile.*", "*.Dockerfile", "*.dockerfile", "Containerfile*")
_COMPOSE = ("compose*.y*ml", "docker-compose*.y*ml")
_VARIABLE = re.compile(r"\$\{?(\w+)(?::?-([^}]*))?\}?")
_MAX_BYTES = 1 << 20

_FLAG = re.compile(
    r"-[ditPq]+|--(detach|disable-content-trust|init|interactive|no-healthcheck|oom-kill-disable"
    r"|privileged|publish-all|quiet|read-only|replace|rm|sig-proxy|tty)|-.*=.*|-[a-zA-Z].+"
)
"""Options of `docker run` and `podman run` that are one word; every other one takes a value."""


@dataclass(frozen=True)
class ImageUse:
    """An image as a file names it."""

    image: str
    line: int | None = None
    """From 1."""

    @property
    def is_pinned(self) -> bool:
        """Whether it is named by digest."""
        return _PINNED.search(self.image) is not None

    @property
    def is_open(self) -> bool:
        """Whether a variable stands where the image should, so that the file does not say."""
        return "$" in self.image or "{{" in self.image


def may_name_images(path: str) -> bool:
    """Whether a file of this name is read by `images_in`. `dvc.yaml` is not: it has stages."""
    return _reader(path) is not None


def images_in(path: str, content: bytes) -> list[ImageUse]:
    """The images that a Dockerfile, compose file, GitHub workflow or GitLab CI file names.

    Stages of the same Dockerfile, `scratch`, and images that a compose file builds are none.

    Raises:
        ParseError: the file cannot be read as what its name says.
    """
    reader = _reader(path)
    if reader is None:
        return []
    if len(content) > _MAX_BYTES:
        raise ParseError(f"larger than {_MAX_BYTES >> 20} MiB", path)
    return list(reader(content, path))


def images_run_by(command: str) -> list[str]:
    """The images that a shell command starts with `docker run` or `podman run`."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        words = command.split()
    found = []
    for place, word in enumerate(words):
        if PurePosixPath(word).name not in ("docker", "podman", "nerdctl"):
            continue
        rest = words[place + 1 :]
        if rest[:1] == ["container"]:
            rest = rest[1:]
        if rest[:1] in (["run"], ["create"]):
            image = _first_argument(rest[1:])
            found += [image] if image else []
    return found


def _first_argument(words: list[str]) -> str | None:
    todo = iter(words)
    for word in todo:
        if not word.startswith("-"):
            return word
        if word != "--" and not _FLAG.fullmatch(word):
            next(todo, None)
    return None


def _reader(path: str) -> Any:
    name = PurePosixPath(path).name
    if any(fnmatchcase(name, glob) for glob in _DOCKERFILES):
        return _dockerfile
    if any(fnmatchcase(name, glob) for glob in _COMPOSE):
        return _compose
    if not name.endswith((".yaml", ".yml")):
        return None
    if fnmatchcase(path, "*.github/workflows/*") or name in ("action.yml", "action.yaml"):
        return _github
    if name.startswith(".gitlab-ci.") or fnmatchcase(path, ".gitlab/*"):
        return _gitlab
    return None


# --- Dockerfiles ----------------------------------------------------------------------------------


def _dockerfile(content: bytes, path: str) -> Iterator[ImageUse]:
    defaults: dict[str, str] = {}
    stages: set[str] = set()
    for line, text in _instructions(_text(content, path)):
        word, _, rest = text.partition(" ")
        instruction = word.upper()
        if instruction == "ARG":
            name, is_set, value = rest.strip().partition("=")
            if is_set:
                defaults.setdefault(name, value.strip("\"'"))
        elif instruction == "FROM":
            words = [w for w in rest.split() if not w.startswith("--")]
            if words:
                image = _expanded(words[0], defaults)
                if image.lower() not in stages and image != "scratch":
                    yield ImageUse(image, line)
            if len(words) == 3 and words[1].upper() == "AS":
                stages.add(words[2].lower())
        elif instruction in ("COPY", "RUN", "ADD"):
            for named in re.findall(r"(?:^|\s)--(?:from=|mount=\S*?\bfrom=)([^\s,]+)", rest):
                image = _expanded(named, defaults)
                if image.lower() not in stages and not image.isdigit():
                    yield ImageUse(image, line)


def _instructions(text: str) -> Iterator[tuple[int, str]]:
    """Each instruction on one line, with the line it starts in; heredocs are left out."""
    lines = text.splitlines()
    escape = "`" if re.match(r"#\s*escape\s*=\s*`", text, re.IGNORECASE) else "\\"
    number = 0
    while number < len(lines):
        start, parts = number + 1, list[str]()
        while number < len(lines):
            line = lines[number].strip()
            number += 1
            if line.startswith("#") or (not line and parts):
                continue
            parts.append(line.removesuffix(escape))
            if not line.endswith(escape):
                break
        joined = " ".join(parts).strip()
        heredocs = re.findall(r"<<-?[\"']?(\w+)[\"']?", joined)
        if re.match(r"(?:RUN|COPY|ADD)\s", joined, re.IGNORECASE):
            for word in heredocs:
                while number < len(lines) and lines[number].strip() != word:
                    number += 1
                number += 1
        if joined:
            yield start, joined


def _expanded(text: str, defaults: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return defaults.get(match[1]) or match[2] or match[0]

    return _VARIABLE.sub(value, text.strip("\"'"))


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError("is not UTF-8", path) from error


# --- YAML -----------------------------------------------------------------------------------------


def _compose(content: bytes, path: str) -> Iterator[ImageUse]:
    for document in read_yaml(content, path, many=True):
        for name, service in _mapping(_mapping(document.value).get("services")).items():
            if "build" not in _mapping(service):
                yield from _named(document, service, "services", name, key="image")


def _github(content: bytes, path: str) -> Iterator[ImageUse]:
    for document in read_yaml(content, path, many=True):
        value = _mapping(document.value)
        for job, body in _mapping(value.get("jobs")).items():
            yield from _named(document, body, "jobs", job, key="container", inner="image")
            for name, service in _mapping(_mapping(body).get("services")).items():
                yield from _named(document, service, "jobs", job, "services", name, key="image")
            yield from _steps(document, _mapping(body).get("steps"), "jobs", job, "steps")
        runs = _mapping(value.get("runs"))
        if str(runs.get("image", "")).startswith("docker://"):
            yield ImageUse(runs["image"].removeprefix("docker://"), document.line("runs", "image"))
        yield from _steps(document, runs.get("steps"), "runs", "steps")


def _steps(document: YamlDocument, steps: Any, *keys: str) -> Iterator[ImageUse]:
    for number, step in enumerate(steps if isinstance(steps, list) else ()):
        uses = _mapping(step).get("uses")
        if isinstance(uses, str) and uses.startswith("docker://"):
            line = document.line(*keys, number, "uses")
            yield ImageUse(uses.removeprefix("docker://"), line)


def _gitlab(content: bytes, path: str) -> Iterator[ImageUse]:
    for document in read_yaml(content, path, many=True):
        yield from _gitlab_job(document, document.value)
        for name, job in _mapping(document.value).items():
            if name not in ("image", "services", "variables", "include"):
                yield from _gitlab_job(document, job, name)


def _gitlab_job(document: YamlDocument, job: Any, *keys: str) -> Iterator[ImageUse]:
    yield from _named(document, job, *keys, key="image", inner="name")
    services = _mapping(job).get("services")
    for number, service in enumerate(services if isinstance(services, list) else ()):
        image = _mapping(service).get("name", service)
        if isinstance(image, str):
            yield ImageUse(image, document.line(*keys, "services", number))


def _named(
    document: YamlDocument, value: Any, *keys: str, key: str, inner: str | None = None
) -> Iterator[ImageUse]:
    """The image under a key: a text, or a mapping with the text under `inner`."""
    image = _mapping(value).get(key)
    if inner and isinstance(image, Mapping):
        image = image.get(inner)
    if isinstance(image, str) and image:
        yield ImageUse(image, document.line(*keys, key))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
