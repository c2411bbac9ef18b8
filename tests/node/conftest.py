"""A cluster whose nodes run pods: of the kubeconfig in $LOCKPROOF_TEST_NODE, to be played with.

Never the one of a kubeconfig that happens to be here. Its image $LOCKPROOF_TEST_NODE_IMAGE (default
`localhost/lockproof:1`) has this lockproof with its extra `dvc`, Git and Python.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.files import kubectl


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    return Path(os.environ["LOCKPROOF_TEST_NODE"])


@pytest.fixture(scope="session")
def image() -> str:
    return os.environ.get("LOCKPROOF_TEST_NODE_IMAGE", "localhost/lockproof:1")


@pytest.fixture(scope="module")
def namespace(kubeconfig: Path) -> Iterator[str]:
    """A fresh one, deleted at the end."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kubectl(kubeconfig, "create", "namespace", name)
    yield name
    kubectl(kubeconfig, "delete", "namespace", name, "--wait=false")
