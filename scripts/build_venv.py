"""Build `.venv` from the hashed pins in requirements/: `build_venv.py gate|run|dev`.

Run by scripts/setup, with the Python that it found. Standard library only.

`uv sync --frozen` is not used: it fetches the addresses in uv.lock and ignores the index the user
has configured. `uv pip` and pip both honour it, and both check the same hashes.

A finished `.venv` carries a mark that says what it was made from. The mark is written last; a
`.venv` without one is made anew. While a new one is being made, a finished older one waits in
`.venv.old`, and comes back if the new one cannot be finished.
"""

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType, ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parent))
from package_index import for_pip, for_uv, pip_settings

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLD = ROOT / ".venv.old"
MARK = "lockproof-setup.json"
LOG = "lockproof-setup.log"
PINS = {kind: ROOT / "requirements" / f"{kind}.txt" for kind in ("build", "gate", "run", "dev")}
MORE = {"gate": ("run", "dev"), "run": ("dev",)}
"""Kind -> those whose pins contain its own."""
FORMAT = 1
TELLS = ROOT / "platform/src/lockproof/adapters/environment/installing.py"
LINES = 40
"""How many of the last lines are printed of an installer that failed."""


class SetupError(Exception):
    """Setup cannot go on; the message is one line that says what to do."""


def key(kind: str) -> str:
    """What a `.venv` of this kind is made from; it is current while this is its mark."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    made_from = {
        "format": FORMAT,
        "place": os.fsencode(ROOT).hex(),  # scripts in .venv hold absolute paths
        "project": project["project"],
        "build": [project["build-system"], project.get("tool", {}).get("hatch")],
        "pins": [PINS[name].read_text("utf-8") for name in ("build", kind)],
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def base_python() -> str:
    """The interpreter under any virtual environment this one runs in."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def python_version(python: Path | str) -> str | None:
    """`3.11` for an interpreter that runs, else None."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, timeout=60)
        if done.returncode == 0:
            return done.stdout.decode().strip()
    return None


def mark(venv: Path) -> dict[str, str]:
    """What a finished virtual environment says of itself; empty for an unfinished one."""
    with contextlib.suppress(OSError, ValueError):
        content = json.loads((venv / MARK).read_text("utf-8"))
        if isinstance(content, dict):
            return content
    return {}


def write_mark(venv: Path, content: Mapping[str, str]) -> None:
    beside = venv / f"{MARK}.new"
    beside.write_text(json.dumps(content), "utf-8")
    os.replace(beside, venv / MARK)


def is_current(kind: str) -> bool:
    """Whether `.venv` has all that `kind` needs, as pinned now, and its Python still runs."""
    found = mark(VENV)
    kind = next((more for more in MORE.get(kind, ()) if found.get(more) == key(more)), kind)
    if found.get(kind) != key(kind):
        return False
    if os.environ.get("PYTHON") and found.get("base") != base_python():
        return False
    return python_version(VENV / "bin" / "python") == found.get("version")


class Installer:
    """The one of uv and pip that is used, with the index that the user configured for either."""

    def __init__(self, uv: str | None, venv: Path = VENV) -> None:
        self.uv = uv
        self.venv = venv
        self.temporary = venv.with_name(f"{venv.name}.tmp")
        settings = pip_settings(os.environ)
        given = dict(os.environ)
        for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX"):
            given.pop(name, None)
        self.environ = for_uv(given, settings) if uv else for_pip(given)
        self.environ["TMPDIR"] = str(self.temporary)
        self.name = "uv" if uv else "pip"

    @contextlib.contextmanager
    def temporary_files(self) -> Iterator[None]:
        """A folder for them: stopped, pip leaves one for each package, and uv a whole cache."""
        remove(self.temporary)
        self.temporary.mkdir()
        try:
            yield
        finally:
            remove(self.temporary)

    def run(self, *command: str | Path) -> None:
        # A group of its own would outlive Ctrl-C; the same group gets the same signal.
        with self.temporary_files():
            done = subprocess.run(command, env=self.environ, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise SetupError(f"{Path(command[0]).name} failed; what it printed is above")

    def install_by(self, packages: int, *command: str | Path) -> None:
        """Run an installer, and tell how far it is; its last words are printed if it fails."""
        telling = tells()
        log = self.venv / LOG
        with self.temporary_files(), log.open("wb") as file, telling.Pulse(say) as pulse:
            telling_of = telling.Installing(log, packages, pulse, self.venv, "asking the index")
            with subprocess.Popen(
                command, env=self.environ, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            ) as process:
                try:
                    while process.poll() is None:
                        telling_of("")
                        with contextlib.suppress(subprocess.TimeoutExpired):
                            process.wait(0.3)
                except BaseException:  # As `subprocess.run` does.
                    process.kill()
                    raise
        if process.returncode:
            said = log.read_text("utf-8", "replace").splitlines()
            sys.stderr.write("\n".join([*said[-LINES:], ""]))
            raise SetupError(f"{self.name} failed; what it printed last is above")

    def create(self) -> None:
        if self.uv:
            python = ("--python", base_python())
            self.run(self.uv, "venv", "--quiet", "--no-project", *python, self.venv)
        else:
            self.run(base_python(), "-I", "-m", "venv", self.venv)

    def install(self, *what: str | Path, packages: int = 1) -> None:
        python = self.venv / "bin" / "python"
        options = ["--no-deps", "--no-build-isolation"]
        if self.uv:
            install: list[str | Path] = [self.uv, "pip", "install", "--python", python]
        else:
            # Compiling 170 packages takes longer than installing them, and few modules are used.
            options += ["--no-compile", "--use-pep517"]
            install = [python, "-I", "-m", "pip", "install"]
        self.install_by(packages, *install, *options, *what)

    def install_pins(self, pins: Path) -> None:
        self.install("--require-hashes", "-r", pins, packages=count(pins))


def count(pins: Path) -> int:
    """How many packages a file of pins has."""
    return sum(line[:1].isalnum() for line in pins.read_text("utf-8").splitlines())


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def tells() -> ModuleType:
    """lockproof's own module that tells how far an installer is: there is no lockproof yet."""
    spec = importlib.util.spec_from_file_location("installing", TELLS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


def build(kind: str, installer: Installer) -> None:
    """Make `.venv` anew, or add the pins to a `.venv` that has fewer."""
    fewer = any(kind in more and is_current(less) for less, more in MORE.items())
    adds = fewer and "unfinished" not in mark(VENV)
    pins = count(PINS[kind])
    version = python_version(base_python()) or ""
    print(
        f"setup: {'adding to' if adds else 'making'} .venv with {installer.name}, "
        f"Python {version}; {pins} pinned packages",
        flush=True,
    )
    began = time.monotonic()
    if adds:
        add_pins(kind, installer)
    else:
        with old_one_aside():
            installer.create()
            install_all(kind, installer)
            made = {"base": base_python(), "version": version, kind: key(kind)}
            write_mark(VENV, made)
    print(f"setup: done in {time.monotonic() - began:.0f} s", flush=True)


def add_pins(kind: str, installer: Installer) -> None:
    """Add to a finished `.venv`: its marks stay true, whatever becomes of the addition."""
    before = mark(VENV)
    write_mark(VENV, before | {"unfinished": kind})
    installer.install_pins(PINS[kind])
    write_mark(VENV, before | {kind: key(kind)})


def install_all(kind: str, installer: Installer) -> None:
    # Build backends first: what has no wheel, and lockproof itself, are built with these.
    for pins in (PINS["build"], PINS[kind]):
        installer.install_pins(pins)
    installer.environ |= {"PIP_REQUIRE_HASHES": "0", "UV_REQUIRE_HASHES": "0"}
    installer.install("--editable", ROOT)
    point_at_source()


def point_at_source() -> None:
    """Make the path file of the editable install relative.

    Python reads path files in the encoding of the locale: with an absolute path that has an `é`
    in it, no Python of this `.venv` would start under LC_ALL=C.
    """
    source = os.fsencode(ROOT / "platform" / "src")
    for file in VENV.glob("lib/python*/site-packages/*lockproof*.pth"):
        if file.read_bytes().strip() == source:
            file.write_bytes(os.path.relpath(source, os.fsencode(file.parent)) + b"\n")
            return
    raise SetupError("the editable install of lockproof has no path file; a newer hatchling?")


@contextlib.contextmanager
def old_one_aside() -> Iterator[None]:
    """Keep a finished `.venv` while the new one is made; put it back if that fails."""
    if VENV.is_symlink():
        VENV.unlink()
    elif mark(VENV) or (VENV.exists() and not OLD.exists()):
        remove(OLD)
        VENV.rename(OLD)
    else:
        remove(VENV)
    try:
        yield
    except BaseException:
        remove(VENV)
        if OLD.exists():
            OLD.rename(VENV)
        raise
    remove(OLD)


def remove(folder: Path) -> None:
    """Remove a folder by way of another name, so that no half of it keeps the first."""
    if folder.exists():
        doomed = folder.with_name(f"{folder.name}.{os.getpid()}.gone")
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold a lock on the checkout's folder: two setups at once would undo each other."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("setup: waiting for another setup of this checkout", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def stop(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build .venv from the pins in requirements/.")
    parser.add_argument("kind", choices=["gate", "run", "dev"])
    parser.add_argument("--is-current", action="store_true", help="only say so, by the exit code")
    arguments = parser.parse_args()
    if arguments.is_current:
        return 0 if is_current(arguments.kind) else 1
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        with only_one():
            if not is_current(arguments.kind):
                build(arguments.kind, Installer(os.environ.get("LOCKPROOF_SETUP_UV") or None))
    except (SetupError, OSError) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
