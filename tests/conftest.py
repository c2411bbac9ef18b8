"""What all tests share: the groups that need something outside Python, and why one is skipped."""

import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from unproved import unproved

# No test measures time, since machines are busy; in CI this is hypothesis's own choice.
settings.register_profile(
    "untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")

# A shell without job control starts what is in its background with SIGINT ignored, and so would be
# every process that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # As `nohup` leaves it.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _no_s3() -> str | None:
    beside = Path(sys.executable).with_name("weed")
    if beside.exists() or shutil.which("weed"):
        return None
    return "no S3 server: SeaweedFS's `weed` is neither in this environment nor on PATH"


def _no_cluster() -> str | None:
    # Never the cluster of a kubeconfig that happens to be here: it may be somebody's production.
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets:
        return "no Kubernetes API server: KUBEBUILDER_ASSETS is not set"
    if not Path(assets, "kube-apiserver").exists():
        return f"no Kubernetes API server: no kube-apiserver in KUBEBUILDER_ASSETS={assets}"
    return None


def _no_engine() -> str | None:
    if not shutil.which("dagger"):
        return "no Dagger engine: the dagger command is not on PATH"
    if not os.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST") and not shutil.which("docker"):
        return "no Dagger engine: neither _EXPERIMENTAL_DAGGER_RUNNER_HOST nor docker"
    return None


def _no_node() -> str | None:
    named = os.environ.get("LOCKPROOF_TEST_NODE")
    if not named:
        return "no cluster with nodes: LOCKPROOF_TEST_NODE is not set"
    return None if shutil.which("kubectl") else "no cluster with nodes: kubectl is not on PATH"


MISSING: dict[str, Callable[[], str | None]] = {
    "s3": _no_s3,
    "cluster": _no_cluster,
    "engine": _no_engine,
    "node": _no_node,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require",
        action="append",
        choices=sorted(MISSING),
        default=[],
        help="fail, not skip, the tests of this marker when what they need is not here",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse what cannot run before everything is collected, which takes a while."""
    for name in config.getoption("--require"):
        if reason := MISSING[name]():
            raise pytest.UsageError(f"--require {name}: {reason}")


def _shares(item: pytest.Item) -> bool:
    """Whether it is given what other tests of its module are given too."""
    made = getattr(item, "_fixtureinfo", None)
    return bool(made) and any(
        one.scope == "module" for each in made.name2fixturedefs.values() for one in each
    )


@pytest.hookimpl(tryfirst=True)  # Before xdist reads the groups.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = {name: missing() for name, missing in MISSING.items()}
    for item in items:
        # Each worker would make it once more: minutes, where it is a pipeline that is explained.
        if _shares(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        for name, reason in reasons.items():
            if reason and item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish() -> None:
    """Keep ten thousand tests out of each garbage collection: a sixth of the time without it."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which parts nothing was proved of: a skipped test is no proof."""
    skipped = terminalreporter.stats.get("skipped", [])
    lines = unproved(one.longrepr[2] for one in skipped if isinstance(one.longrepr, tuple))
    if lines:
        terminalreporter.section("not proved here")
        terminalreporter.write_line("\n".join(lines))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Leave nothing in the folder for temporary files, unless a test failed: somebody may look.

    pytest's own way, `tmp_path_retention_policy`, would remove each test's files at its end.
    """
    chosen = session.config.getoption("basetemp")
    factory = getattr(session.config, "_tmp_path_factory", None)
    if exitstatus == 0 and factory and not chosen and "PYTEST_XDIST_WORKER" not in os.environ:
        base = factory.getbasetemp()
        shutil.rmtree(base, ignore_errors=True)
        with suppress(OSError):  # Another run may be at work there.
            current = base.parent / "pytest-current"
            if not current.exists():
                current.unlink()
            base.parent.rmdir()
