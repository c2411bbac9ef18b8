"""The conditions: what each changes, how it is set here, and what usually mends a dependence."""

import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lockproof.adapters.environment.variables import selected
from lockproof.adapters.sandbox.isolation import Level
from lockproof.errors import UsageError
from lockproof.steps.reproduce.session import Session
from lockproof.steps.reproduce.world import Account, Disorder, own_account

from .clock import another_day, no_clock
from .devices import devices
from .neutral import SAME_CPU, SAME_SEED, SEED, same_locale, same_threads, same_user, same_zone

NAMES = (
    *("random", "clock", "hash-seed", "path", "file-order", "timezone", "locale", "umask"),
    *("user", "home", "host-name", "cpu-count", "threads", "cpu-features", "process-id"),
    *("gpu-algorithms", "tf32", "gpu-count", "pass-env", "network", "undeclared-files"),
)
"""In the order in which they are varied: what varies by itself, and the clock, come first."""
SEEDS = range(2, 9)
"""Judged runs have seed 1. Of two things in a set, one comes first with all 8 in 1 of 128."""


@dataclass(frozen=True, eq=False)
class Setting:
    """One value of a condition other than the usual one."""

    label: str
    changes: Mapping[str, object]
    """As `World.but` takes them."""
    control: "Setting | None" = None
    """It shows in the same variables and varies nothing; None: no such is known, or no variable has
    it. Its label is empty where nothing but lockproof sets these variables."""
    free: "Setting | None" = None
    """With it the condition is another in each run, and no variable says which."""

    @property
    def unheld(self) -> tuple[str, ...]:
        """Variables by which it is set and of which no value is known that varies nothing."""
        theirs = self.control.variables if self.control else {}
        return tuple(n for n, v in self.variables.items() if v is not None and n not in theirs)

    @property
    def variables(self) -> Mapping[str, str | None]:
        """What it sets variables to; None: not set."""
        found = self.changes.get("variables")
        return found if isinstance(found, dict) else {}


def _neutral(values: Mapping[str, str], among: Iterable[str] | None = None) -> Setting:
    """A setting of these variables (those `among` some) that varies nothing."""
    wanted = {n: v for n, v in values.items() if among is None or n in among}
    told = ", ".join(f"{name}={value}" for name, value in wanted.items())
    return Setting(f"{told}, which varies nothing", {"variables": wanted})


_SAME_SEED = _neutral({SEED: SAME_SEED})
_NO_SEED = Setting(f"{SEED} not set", {"variables": {SEED: None}})


@dataclass(frozen=True)
class Condition:
    """Something around a run that may be otherwise on another machine, or in the next run."""

    name: str
    mend: str
    """What usually makes outputs independent of just this."""
    settings: tuple[Setting, ...] = ()
    """Tried in order, until outputs differ."""
    obstacle: str = ""
    """Why it cannot be varied here; empty where it can."""
    artificial: bool = False
    """Whether a command may fail for how it is varied: then the next setting is tried."""
    drastic: bool = False
    """Whether honest stages fail with it: never varied together with others."""
    steadies: bool = False
    """Whether outputs that vary by themselves may come out the same each time with it."""


@dataclass(frozen=True)
class Site:
    """Where a stage's experiments take place."""

    session: Session
    reference: Path
    """The Git root of a checkout in which the stage has run."""
    held: Path
    """Where checkouts of experiments are laid out."""
    shelf: Path | None
    """A folder whose order of entries can be chosen; None: there is none."""
    patience: float
    """Seconds that an artificial condition may take."""

    @property
    def own_root(self) -> bool:
        """Whether stages have a root of their own here."""
        return self.session.surface.isolation.level.own_root


def parse_names(text: str) -> tuple[str, ...]:
    """Conditions by name, parted by commas; `all` names every one.

    Raises:
        UsageError: a name is none of them.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if "all" in names:
        names = [*NAMES, *(name for name in names if name != "all")]
    if not names:
        raise UsageError(f"--vary: names no condition; there are: all, {', '.join(NAMES)}")
    wrong = [name for name in names if name not in NAMES]
    if wrong:
        raise UsageError(
            f"--vary: no condition {wrong[0]!r} (a revision stands before it: 'lockproof reproduce"
            f" REVISION --vary'); there are: all, {', '.join(NAMES)}"
        )
    return tuple(name for name in NAMES if name in names)


def conditions(site: Site) -> tuple[Condition, ...]:
    """Every condition, as it can be varied at this site."""
    return tuple(_all(site))


def _all(site: Site) -> Iterator[Condition]:
    own = "" if site.own_root else _without_root(site.session)
    same = _neutral(same_zone(os.environ))
    yield Condition(
        "clock",
        "leave the time out of it, as by gzip's mtime=0, a fixed date in archives,"
        " or SOURCE_DATE_EPOCH",
        another_day(site.patience, lambda label, to, now: Setting(label, to, Setting("", now))),
        no_clock(),
        artificial=True,
    )
    yield Condition(
        "hash-seed",
        "sort what comes out of a set, sorted(…), or set PYTHONHASHSEED in the command",
        tuple(Setting(f"{SEED}={n}", {"seed": n}, _SAME_SEED, _NO_SEED) for n in SEEDS),
        "the policy passes PYTHONHASHSEED on"
        if selected(SEED, site.session.policy.run.pass_env) and SEED in os.environ
        else "",
    )
    yield _path(site)
    yield _file_order(site)
    yield Condition(
        "timezone",
        "reckon in UTC, as by datetime.fromtimestamp(…, timezone.utc), or set TZ in the command",
        # No tables are needed for these, and between them lies more than a day.
        tuple(
            Setting(f"TZ={zone}", {"variables": {"TZ": zone}}, same)
            for zone in ("LKP-13:45", "LKQ+11")
        ),
    )
    yield _locale(site)
    yield Condition(
        "umask",
        "set modes by hand, as by os.chmod, or put 'umask 022' into the command",
        tuple(Setting(f"umask {mask:03o}", {"guise": {"umask": mask}}) for mask in (0o077, 0o002)),
    )
    yield Condition(
        "user",
        "leave the user's name and id out of it",
        (
            Setting(
                "user somebody (4321)",
                {"account": Account(4321, 4321, "somebody"), "guise": {"ids": (4321, 4321)}},
                _neutral(same_user(os.environ, own_account().name)),
            ),
        ),
        own,
    )
    yield Condition(
        "home",
        "leave HOME out of it: write paths from the project's folder",
        (Setting("HOME=/home/somebody-else", {"home": Path("/home/somebody-else")}),),
    )
    yield Condition(
        "host-name",
        "leave the host's name out of it",
        (Setting("host name elsewhere", {"guise": {"host_name": "elsewhere"}}),),
        own,
    )
    yield from _processors(site)
    yield Condition(
        "process-id",
        "leave process ids, and names made of them, out of it",
        (Setting("other process ids", {"guise": {"spent": 23}}),),
        own and "process ids are never the same here: it counts as random",
    )
    for each in devices(site.session.described.gpus, os.environ):
        yield Condition(
            each.name,
            each.mend,
            (Setting(each.label, {"variables": each.variables}),),
            each.obstacle,
            artificial=each.artificial,
            steadies=True,
        )
    yield from _passed(site.session)
    yield _network(site.session)
    yield Condition(
        "undeclared-files",
        "declare under deps what it reads",
        (Setting("only declared files there", {"declared_only": True}),),
        "stages find only what they declare already (run.view)"
        if site.session.policy.run.view == "declared"
        else "",
        drastic=True,
    )


def _without_root(session: Session) -> str:
    level = session.surface.isolation.level
    how = "not isolated" if level is Level.NONE else f"kept apart by {level} only"
    return f"stages are {how}: install bubblewrap"


def _path(site: Site) -> Condition:
    other: dict[str, object] = {"checkout": Path("/srv/another-place/of-the-checkout")}
    if not site.own_root:
        other = {"folder": site.held.with_name("another-place")}
    return Condition(
        "path",
        "write paths from the project's folder (os.path.relpath), not pwd or __file__",
        (Setting("the checkout at another path", other),),
    )


def _file_order(site: Site) -> Condition:
    mend = "sort what a folder lists: sorted(os.listdir()), sorted(glob(…)), find … | sort"
    if site.shelf is None:
        return Condition("file-order", mend, (), "no file system here lists files in another order")
    if not site.own_root:
        why = "a folder in another order has another path where stages have no root of their own"
        return Condition("file-order", mend, (), why)
    changes = {
        "folder": site.shelf / site.held.name,
        "disorder": Disorder(site.reference),
    }
    return Condition("file-order", mend, (Setting("folders list files backwards", changes),))


@cache
def _locales() -> tuple[str, ...]:
    try:
        done = subprocess.run(
            ["locale", "-a"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip())


def _locale(site: Site) -> Condition:
    mend = 'set LC_ALL in the command (LC_ALL=C sort), and name encodings: encoding="utf-8"'
    known = {name.lower().replace("-", ""): name for name in _locales()}
    now = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or "C"
    wanted = [known[n] for n in ("c.utf8", "en_us.utf8", "de_de.utf8") if n in known]
    same = now.lower().replace("-", "")
    others = [n for n in ("C", *wanted) if n.lower().replace("-", "") != same]
    alike = _neutral(same_locale(os.environ))
    settings = tuple(Setting(f"LC_ALL={n}", {"variables": {"LC_ALL": n}}, alike) for n in others)
    return Condition("locale", mend, settings, "" if settings else "there is no other locale here")


def _processors(site: Site) -> Iterator[Condition]:
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    yield Condition(
        "cpu-count",
        "take the number of workers from a parameter, and join results in a fixed order",
        (Setting("one CPU", {"guise": {"cpus": tuple(usable[:1])}}),),
        "" if len(usable) > 1 else "there is one CPU only",
    )
    same = same_threads(os.environ, len(usable) or os.cpu_count() or 1)
    counts = [n for n in ("1", "3") if n != os.environ.get("OMP_NUM_THREADS")]
    yield Condition(
        "threads",
        "set OMP_NUM_THREADS=1 in the command, or state a tolerance",
        tuple(
            Setting(f"OMP_NUM_THREADS={n}", {"variables": dict.fromkeys(same, n)}, _neutral(same))
            for n in counts
        ),
    )
    intel = platform.machine() in ("x86_64", "AMD64")
    core = {
        "OPENBLAS_CORETYPE": "Nehalem",
        "MKL_CBWR": "COMPATIBLE",
        "ATEN_CPU_CAPABILITY": "default",
    }
    libc = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-FMA,-FMA_Usable,-AVX512F"}
    numpy = {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX X86_V3 X86_V4"}
    yield Condition(
        "cpu-features",
        "state a tolerance: another CPU rounds differently",
        tuple(
            Setting(f"an older CPU for {what}", {"variables": old}, _neutral(SAME_CPU, old))
            for what, old in (
                ("libraries", {**core, **libc, **numpy}),
                ("BLAS and libc", {**core, **libc}),
            )
        ),
        "" if intel else f"how to leave out features of {platform.machine()} is not known",
        artificial=True,
    )


def _passed(session: Session) -> Iterator[Condition]:
    globs = session.policy.run.pass_env
    for name in sorted(n for n in os.environ if n in globs or selected(n, globs)):
        if name == SEED:
            continue
        yield Condition(
            f"variable {name}",
            f"take it from a parameters file, or set {name} in the command",
            (Setting(f"{name} not set", {"variables": {name: None}}),),
        )


def _network(session: Session) -> Condition:
    return Condition(
        "network",
        "declare what it fetches as a dependency (dvc import-url)",
        (Setting("no network", {"cut": True}),),
        "" if session.policy.run.network else "the policy has it off already",
        drastic=True,
    )
