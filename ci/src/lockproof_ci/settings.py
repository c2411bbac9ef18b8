"""Paths, names and defaults of the containers, in one place."""

from typing import Final

# By digest, of all platforms: an engine that has the image asks no registry for it again. To renew:
# skopeo inspect --format '{{.Digest}}' docker://docker.io/library/python:3.13-slim
BASE_IMAGE: Final = (
    "python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b"
)
"""Where lockproof runs by default."""
PROMETHEUS_IMAGE: Final = (
    "prom/prometheus:v3.5.0@sha256:63805ebb8d2b3920190daf1cb14a60871b16fd38bed42b857a3182bc621f4996"
)
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
    ".git/hooks",
    *NOT_UPLOADED,
]
"""All of a repository's folder but Git's objects, from which the checkout comes, and the files that
`init` may add to, as they are in the work tree. Git writes its index anew when it is asked; nothing
runs hooks."""
