"""Which container images files and commands name, and what is pinned."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.parse.container_images import ImageUse, images_in, images_run_by, may_name_images
from lockproof.parse.yaml_document import ParseError

PIN = "@sha256:" + "a" * 64


def found(path: str, text: str) -> list[tuple[str, int | None]]:
    """Images with their lines."""
    return [(use.image, use.line) for use in images_in(path, text.encode())]


def test_dockerfiles() -> None:
    text = f"""# syntax=docker/dockerfile:1
ARG BASE=python:3.12
ARG TAG
FROM --platform=$BUILDPLATFORM ${{BASE}} AS build
RUN --mount=type=bind,from=busybox:1,target=/b echo \\
    # a comment in between
    --from=nothing
RUN <<HERE
FROM not:this
HERE
COPY --from=build /a /b
COPY --from=ghcr.io/astral-sh/uv:0.9 /uv /bin/
COPY --from=0 /a /c
FROM scratch
FROM debian:${{TAG}}
FROM alpine{PIN} as last
FROM BUILD
"""
    assert found("docker/Dockerfile", text) == [
        ("python:3.12", 4),
        ("busybox:1", 5),
        ("nothing", 5),
        ("ghcr.io/astral-sh/uv:0.9", 12),
        ("debian:${TAG}", 15),
        (f"alpine{PIN}", 16),
    ]


def test_compose_github_and_gitlab() -> None:
    compose = "services:\n  db: {image: 'postgres:17'}\n  app: {build: ., image: ours}\n"
    assert found("compose.yaml", compose) == [("postgres:17", 2)]
    workflow = """jobs:
  one: {container: node:22, services: {db: {image: redis}}, steps: [{uses: actions/checkout@v4}]}
  two:
    container: {image: python}
    steps:
      - uses: docker://alpine:3
"""
    names = [("node:22", 2), ("redis", 2), ("python", 4), ("alpine:3", 6)]
    assert found(".github/workflows/ci.yml", workflow) == names
    gitlab = """image: {name: python:3.12}
default: {image: ruby}
test:
  services: [redis:7, {name: postgres}]
  image: $CI_REGISTRY_IMAGE
"""
    assert found(".gitlab-ci.yml", gitlab) == [
        ("python:3.12", 1),
        ("ruby", 2),
        ("$CI_REGISTRY_IMAGE", 5),
        ("redis:7", 4),
        ("postgres", 4),
    ]


def test_other_files_name_none() -> None:
    for path in ("dvc.yaml", "k8s/deployment.yaml", "README.md", "Dockerfile.d/x", "docs/x.yml"):
        assert not may_name_images(path)
        assert images_in(path, b"FROM x\nimage: y\n") == []


@pytest.mark.parametrize(
    ("command", "images"),
    [
        ("docker run --rm -it -v $PWD:/w -w /w python:3.12 python x.py", ["python:3.12"]),
        ("docker run --gpus all --name=x -e A=b -u 1:1 nvcr.io/cuda:12", ["nvcr.io/cuda:12"]),
        ("cd x && /usr/bin/podman container run -d img; docker create -- other", ["img", "other"]),
        ("docker build -t x . && docker images", []),
        ("echo 'unbalanced docker run x", ["x"]),
        ("docker run", []),
        ("docker run -v", []),
    ],
)
def test_commands(command: str, images: list[str]) -> None:
    assert images_run_by(command) == images


def test_pinned_and_open() -> None:
    assert ImageUse(f"python:3{PIN}").is_pinned
    assert not ImageUse("python@sha256:abc").is_pinned
    assert not ImageUse(f"python{PIN}0").is_pinned
    assert ImageUse("$IMAGE").is_open
    assert ImageUse("${{ matrix.image }}").is_open


@settings(deadline=None)
@given(st.sampled_from(("Dockerfile", "compose.yml", ".gitlab-ci.yml")), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(path: str, content: bytes) -> None:
    with contextlib.suppress(ParseError):
        assert all(use.image for use in images_in(path, content))
