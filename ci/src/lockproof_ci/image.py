"""Builds lockproof's container from its own source and lock: small, non-root, with an SBOM."""

import dataclasses
import posixpath
import shutil
from pathlib import Path

import dagger
from dagger import dag

from .sdk import InputError
from .settings import CACHE, HOME, REPOSITORY, USER, VENV

_PINS = "/build/requirements"
_SOURCE = "/build/source"
_BESIDE = "/opt/beside"
_USED = "/build/used"
SBOM_PATH = "/usr/share/lockproof/sbom.cdx.json"

# Only constant text goes through a shell.
_NEED_GIT = (
    "command -v git >/dev/null 2>&1 || {"
    " apt-get update -qq && apt-get install -y -qq --no-install-recommends git ca-certificates"
    " && rm -rf /var/lib/apt/lists/*; }"
)

# Official images of Python come without its bytecode, and steps may not write it: each start of
# lockproof, and of a stage, would compile what it imports anew, a second or two of it.
_COMPILE_PYTHON = (
    "import compileall, os, re; compileall.compile_dir(os.path.dirname(os.__file__), quiet=2,"
    " rx=re.compile('/(site-packages|dist-packages|test|tests|idlelib|ensurepip|lib2to3)/'))"
)
_COMPILE = "import compileall, {0} as one; assert compileall.compile_dir(one.__path__[0], quiet=1)"
_GATE = "import boto3.session, jinja2, pathspec, pydantic, promql_parser, ruamel.yaml"
_VERIFY = "import cryptography, mlflow.artifacts, pydantic, sigstore.verify"
_IMPORTED = {
    "gate.txt": _GATE,
    "verify.txt": _VERIFY,
    "run.txt": f"{_GATE}, anyio._backends._asyncio, dvc.cli.parser, dvc.daemon, dvc.repo.index"
    ", dvc.repo.open_repo, dvc_s3, google.protobuf, kubernetes.client, mlflow, numpy"
    ", pyarrow.parquet, s3fs, sigstore.sign, sigstore.verify\n"
    "dvc.cli.parser.get_main_parser()\n"
    f"from scmrepo.git import Git; Git.init('{_USED}'); dvc.repo.Repo.init('{_USED}').close()",
}
"""File of pins -> Python that imports what steps import of these packages, which compiles it.

DVC imports much of what it takes only where it meets a repository.
"""


@dataclasses.dataclass(frozen=True)
class Packages:
    """Where Python packages come from."""

    index: str | None = None
    """The address of a package index; None: PyPI."""
    netrc: dagger.Secret | None = None
    """The text of a `.netrc` file with the index's user and password."""
    scope: str = "default"
    """Part of the names of the cache volumes, which runs with the same scope share."""

    def volume(self, name: str) -> dagger.CacheVolume:
        """The cache volume of this name and scope."""
        return dag.cache_volume(f"lockproof-{name}-{self.scope}")

    def configure(self, container: dagger.Container, *, home: str, owner: str) -> dagger.Container:
        """Tell pip and uv about the index.

        `home` is the home folder of the user who will run them, `owner` that user.
        """
        container = (
            container.with_env_variable("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .with_env_variable("PIP_NO_INPUT", "1")  # A wrong password is an error, not a question.
            .with_env_variable("UV_SYSTEM_CERTS", "1")
            .with_env_variable("UV_LINK_MODE", "copy")
        )
        if self.index is not None:
            container = container.with_env_variable("PIP_INDEX_URL", self.index).with_env_variable(
                "UV_DEFAULT_INDEX", self.index
            )
        if self.netrc is not None:
            container = container.with_mounted_secret(f"{home}/.netrc", self.netrc, owner=owner)
        return container

    def keep(self, container: dagger.Container) -> dagger.Container:
        """Give pip and uv volumes for what they download, where a step runs."""
        return (
            container.with_env_variable("PIP_CACHE_DIR", f"{CACHE}/pip")
            .with_env_variable("UV_CACHE_DIR", f"{CACHE}/uv")
            .with_mounted_cache(f"{CACHE}/pip", self.volume("pip"), owner=USER)
            .with_mounted_cache(f"{CACHE}/uv", self.volume("uv"), owner=USER)
        )


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What lockproof's image is built from."""

    library: dagger.Directory
    """lockproof's own repository, as much of it as its package is built from."""
    base_image: str
    packages: Packages
    pins: str = "run.txt"
    """The file of `requirements/` that says what is beside lockproof: all extras, or what the gate
    takes, or a serving pod's first step."""

    def installed(self) -> dagger.Directory:
        """The virtual environment with lockproof in it, to be put at `VENV`.

        The pins come first, so that a change of the source does not install them again. Every
        package is checked against its hash. What steps import is compiled, since they may not
        write there; all of it would be 14,000 files, which took most of the time. What installs
        them stays outside: the gate builds no environment, and is a quarter smaller without.
        """
        python = f"{VENV}/bin/python"
        uv = [f"{_BESIDE}/bin/uv", "pip", "install", "--quiet", "--python", python, "--no-deps"]
        uv += ["--no-build-isolation"]
        container = self._beside("image.txt").with_env_variable("PYTHONDONTWRITEBYTECODE", "")
        container = container.with_exec(["python3", "-m", "venv", "--without-pip", VENV])
        builder = ("image.txt",) if self.pins == pins(gate=False) else ()
        for file in ("build.txt", self.pins, *builder):
            container = self._with_pins(container, [*uv, "--require-hashes"], file)
        container = container.with_env_variable("MLFLOW_DISABLE_TELEMETRY", "true")
        container = container.with_exec([python, "-c", _IMPORTED[self.pins]])
        container = container.with_mounted_directory(_SOURCE, self.library)
        container = container.with_exec([*uv, _SOURCE])
        return container.with_exec([python, "-c", _COMPILE.format("lockproof")]).directory(VENV)

    def _base(self) -> dagger.Container:
        """Without volumes: the engine keeps each result by what went into it, for every scope.

        So no code that is built here can leave something to another build.
        """
        base = dag.container().from_(self.base_image)
        return (
            self.packages.configure(base, home="/root", owner="0:0")
            .with_env_variable("PIP_NO_CACHE_DIR", "1")
            .with_env_variable("UV_NO_CACHE", "1")
        )

    def _with_pins(
        self, container: dagger.Container, install: list[str], pins: str
    ) -> dagger.Container:
        """Install what one file pins; a change in another does not install it again.

        Mounted, as the source is: an engine copies anew in each session what it puts in.
        """
        place = f"{_PINS}/{pins}"
        file = self.library.file(f"requirements/{pins}")
        return container.with_mounted_file(place, file).with_exec([*install, "-r", place])

    def _beside(self, pins: str) -> dagger.Container:
        """A container with a virtual environment in `_BESIDE` that has the packages of a file."""
        container = self._base().with_exec(["python3", "-m", "venv", _BESIDE])
        pip = [f"{_BESIDE}/bin/python", "-m", "pip", "install", "--quiet", "--no-deps"]
        return self._with_pins(container, [*pip, "--require-hashes"], pins)

    def sbom(self) -> dagger.File:
        """The packages of lockproof's environment as CycloneDX JSON.

        The packages of the base image's operating system are not in it.
        """
        return (
            self._beside("sbom.txt")
            .with_mounted_directory(VENV, self.installed())
            .with_exec(
                [
                    *(f"{_BESIDE}/bin/cyclonedx-py", "environment", "--output-reproducible"),
                    *("--of", "JSON", "-o", "/sbom.cdx.json", f"{VENV}/bin/python"),
                ]
            )
            .file("/sbom.cdx.json")
        )

    def store(self) -> dagger.Container:
        """SeaweedFS's `weed`, an S3 server in one program, run by a user without rights."""
        weed = self._beside("store.txt").file(f"{_BESIDE}/bin/weed")
        return (
            dag.container()
            .from_(self.base_image)
            .with_file("/usr/local/bin/weed", weed)
            .with_env_variable("HOME", HOME)
            .with_directory(HOME, _home(), owner=USER)
            .with_workdir(HOME)
            .with_user(USER)
        )

    def tool(self) -> dagger.Container:
        """lockproof in a container, ready to run as a user without rights.

        It is mounted, since an engine copies what it puts in, once more in each session.
        """
        return self.ready().with_mounted_directory(VENV, self.installed())

    def release(self, version: str) -> dagger.Container:
        """The image as it is published: with its SBOM, labels and the command as entry point."""
        return (
            self.ready()
            .with_directory(VENV, self.installed())
            .with_file(SBOM_PATH, self.sbom())
            .with_label("org.opencontainers.image.title", "lockproof")
            .with_label("org.opencontainers.image.version", version)
            .with_label("org.opencontainers.image.licenses", "Apache-2.0")
            .with_entrypoint([f"{VENV}/bin/lockproof"])
        )

    def ready(self) -> dagger.Container:
        """The base image with all but lockproof: Python is there, Git is or comes by apt-get.

        A serving pod has no clone, so its first step goes without Git.
        """
        base = dag.container().from_(self.base_image).with_user("root")
        if self.pins != pins(gate=False, verify=True):
            base = base.with_exec(["sh", "-c", _NEED_GIT])
        base = base.with_exec(["python3", "-c", _COMPILE_PYTHON])
        return prepared(base.with_env_variable("PATH", f"{VENV}/bin:$PATH", expand=True))


def pins(*, gate: bool, verify: bool = False) -> str:
    """The file that pins what is beside lockproof in its image.

    Raises:
        InputError: both are asked for.
    """
    if gate and verify:
        raise InputError("--gate and --verify are two images: ask for one")
    return "verify.txt" if verify else "gate.txt" if gate else "run.txt"


def own_source() -> dagger.Directory:
    """lockproof's own repository, as `include` in dagger.json has brought it into this module.

    So it is this module's commit wherever the module was loaded from. A default path would be
    looked for in the caller's repository where that has the module as a toolchain.
    """
    root = Path(__file__).resolve().parents[3]
    copy = Path("library")  # Only what is in a function's working folder can become a directory.
    if not copy.exists():
        own = {"ci", "dagger.json"}
        shutil.copytree(
            root, copy, symlinks=True, ignore=lambda folder, _: own if Path(folder) == root else ()
        )
    return dag.current_module().workdir(str(copy))


def _home() -> dagger.Directory:
    """A home folder that can be given an owner: an empty one stays root's."""
    cache = posixpath.relpath(CACHE, HOME)
    return dag.directory().with_new_directory(cache, permissions=0o755)


def prepared(container: dagger.Container) -> dagger.Container:
    """Give a container that has lockproof a home, a place to work and a user without rights."""
    return (
        container.with_directory(HOME, _home(), owner=USER)
        .with_directory(REPOSITORY, dag.directory(), owner=USER)
        .with_env_variable("HOME", HOME)
        .with_env_variable("USER", "lockproof")
        .with_env_variable("CI", "true")
        .with_workdir(REPOSITORY)
        .with_user(USER)
        .with_entrypoint([])
    )
