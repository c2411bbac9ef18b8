"""What `verify` is asked about: a file, a revision or a model version, and never two of them."""

import os
from contextlib import suppress
from pathlib import Path

from lockproof.adapters.dvc.root import find_root
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.mlflow.registry import Registry
from lockproof.config import FILE_NAME, load_policy
from lockproof.errors import ExitCode, LockproofError, UsageError
from lockproof.model.registration import ModelVersion, aliased, version_uri
from lockproof.steps.registered import version_named
from lockproof.steps.standing import Standing

from .request import VerifyRequest


class NotStandingError(LockproofError):
    """What a model version says of itself does not hold against Git."""

    exit_code = ExitCode.FAILED


def path_of(request: VerifyRequest) -> Path | None:
    """The file or folder that is meant; None where it is a revision or a version.

    Raises:
        UsageError: it may be either.
    """
    text = request.subject
    path = Path(os.path.abspath(Path(request.directory, text)))
    plain = not text.startswith(("./", "../", "/"))
    if text == "HEAD" or text.startswith("models:/") or not os.path.exists(path):
        return None
    if plain and (aliased(text) is not None or is_revision(request, text)):
        raise UsageError(
            f"{text} is a file here, and may be a revision or a model version: write ./{text} for"
            f" the file, 'refs/heads/{text}' for a branch, 'models:/{text}' for a version"
        )
    return path


def is_revision(request: VerifyRequest, text: str) -> bool:
    """Whether Git knows a revision of that name."""
    git = GitRepository.discover(request.directory.absolute())
    with suppress(UsageError):
        return bool(git.resolve(text))
    return False


def version_of(request: VerifyRequest) -> ModelVersion | None:
    """The model version that is meant; None where it is something else.

    Raises:
        UsageError: there is no such version, or nothing says of which commit it is.
    """
    text = request.subject
    if version_uri(text) is None and (text.startswith("@") or aliased(text) is None):
        return None
    git = GitRepository.discover(request.directory.absolute())
    if not text.startswith("models:/") and is_revision(request, text):
        if "@{" in text:
            return None  # Git's `main@{1}`.
        raise UsageError(
            f"{text} is a revision of Git and may be a model version: write 'refs/heads/{text}' or"
            f" 'refs/tags/{text}', or 'models:/{text}'"
        )
    root = find_root(Path(os.path.realpath(request.directory)), git.root)
    version = version_named(text, Registry.open(load_policy(root / FILE_NAME).mlflow, root))
    problems = Standing(git).problems(version)
    if problems:
        raise NotStandingError(f"{version.uri}: {problems[0]}")
    return version
