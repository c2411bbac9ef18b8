"""Paths, names and defaults of the containers, in one place."""

from typing import Final

BASE_IMAGE: Final = "python:3.13-slim"
"""Where lockproof runs by default. A tag: who wants a digest passes `--base-image`."""
PROMETHEUS_IMAGE: Final = "prom/prometheus:v3.5.0"
"""Where promtool comes from, which runs the unit tests of Prometheus rules for lint."""

USER: Final = "65532:65532"
"""The user and group that steps run as; no image needs to know them by name."""
HOME: Final = "/home/lockproof"
VENV: Final = "/opt/lockproof"
REPOSITORY: Final = "/work"
"""Where the caller's repository lies in the container."""
POLICY: Final = "lockproof.toml"
"""Beside `.dvc`."""
REPORTS: Final = "/reports"
GIVEN: Final = "/given"
"""Where files lie that a call is given beside the repository."""
CACHE: Final = f"{HOME}/.cache"
SECRETS: Final = "/run/secrets"

REPORT_FILES: Final = (
    "report.json",
    "report.html",
    "report.txt",
    "report.md",
    "report.xml",
    "report.sarif",
    "report.codequality.json",
)
"""What every step writes; the command tells the format by the suffix."""
EXIT_CODE_FILE: Final = "exit-code"

NOT_UPLOADED: Final = [
    "**/.venv",
    "**/.dvc/cache",
    "**/.dvc/tmp",
    "**/mlruns",
    "**/node_modules",
    "**/__pycache__",
    "**/.mypy_cache",
    "**/.pytest_cache",
    "**/.ruff_cache",
]
"""Parts of a work tree that no step reads, and that can be large."""
BUT_GIT: Final = [
    "**",
    "!.git",
    "!**/lockproof.toml",
    "!**/.gitignore",
    "!.gitattributes",
    "!.pre-commit-config.yaml",
    "!.gitlab-ci.yml",
    "!.gitlab/*.yml",
    "!.github/workflows/lockproof*.yaml",
    "!dagger.json",
    ".git/index",
    *NOT_UPLOADED,
]
"""All of a repository's folder but Git's objects, from which the checkout comes, and the files that
`init` may add to, as they are in the work tree. Git writes its index anew when it is asked."""
