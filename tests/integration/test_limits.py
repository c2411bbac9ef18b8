"""What a stage may take of the machine: small bombs, level by level, and what the report says."""

import hashlib
import os
import sys
from pathlib import Path

import anyio
import pytest

from integration.pipelines import new_project, prove, stage
from lockproof.adapters.sandbox.isolation import Isolated, Level
from lockproof.adapters.sandbox.job import Limits
from lockproof.adapters.sandbox.quota import Quota
from lockproof.adapters.sandbox.run import Completed, run_programs
from lockproof.adapters.sandbox.view import Mount, readable, system_view
from lockproof.model.verdict import Verdict

from .test_isolation import level_or_skip

PYTHON = os.path.realpath(sys.executable)
MIB = 1 << 20
# Bombs that go out by themselves: what they should show must not cost the machine.
FORKS = "f() { if [ $1 -gt 9 ]; then sleep 60; else f $(($1+1)) & f $(($1+1)) & wait; fi; }; f 0"
DEAF = "trap '' TERM; i=0; while [ $i -lt 900 ]; do setsid sleep 60 & i=$((i+1)); done; wait"
TOUCHES = f"{PYTHON} -I -S -c 'import time; held = bytes(200 << 20).upper(); time.sleep(60)'"
HIDES = (
    f'{PYTHON} -I -S -c \'import os, time; f = os.memfd_create("x")\n'
    "for _ in range(150): os.write(f, bytes(1 << 20))\ntime.sleep(60)'"
)
FILLS = "i=0; while :; do head -c 1000000 /dev/zero > f$i; i=$((i+1)); done"
UNLINKS = (
    'i=3; while [ $i -lt 9 ]; do eval "exec $i>f"; rm f; head -c 9000000 /dev/zero >&$i;'
    " i=$((i+1)); done; sleep 60"
)
HARMLESS = "echo x > greedy # and no more\n"
BOMBS = {
    "forks": (FORKS, Quota(processes=64), "processes", tuple(Level)),
    "deaf": (DEAF, Quota(processes=64), "processes", (Level.NAMESPACES, Level.NONE)),
    "memory": (TOUCHES, Quota(memory=128 * MIB), "memory", (Level.BUBBLEWRAP, Level.LANDLOCK)),
    "files": (FILLS, Quota(disk=16 * MIB), "disk", (Level.BUBBLEWRAP, Level.NONE)),
}


def blow(level: Level, script: str, quota: Quota, tmp_path: Path) -> tuple[Completed, str]:
    folders = {name: tmp_path / name for name in ("checkout", "home", "tmp")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    names = ("/workspace", "/home/stage", "/tmp")
    mounts = [Mount(n, str(f), "write") for n, f in zip(names, folders.values(), strict=True)]
    view = system_view(network=False).showing([*mounts, *readable([Path(sys.base_prefix)])])

    async def main() -> Completed:
        return await run_programs(
            [["/bin/sh", "-c", script]],
            cwd=Path("/workspace") if level.own_root else folders["checkout"],
            env={"PATH": "/usr/bin:/bin"},
            log=tmp_path / "log",
            limits=Limits(50, network=False, quota=quota),
            isolated=Isolated(level, view),
        )

    done = anyio.run(main)
    return done, (tmp_path / "log").read_text("utf-8", "replace")


def left(tmp_path: Path) -> list[str]:
    """What still runs in the folders of a test, wherever it thinks it is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            place = os.readlink(process / "cwd")
            top = os.readlink(process / "root")
        except OSError:
            continue
        if str(tmp_path) in place or (top != "/" and place == "/workspace"):
            found.append(process.name)
    return found


@pytest.mark.parametrize(("name", "level"), [(n, each) for n in BOMBS for each in BOMBS[n][3]])
def test_a_bomb_ends_for_what_it_takes_and_leaves_nothing(
    name: str, level: Level, tmp_path: Path
) -> None:
    script, quota, what, _ = BOMBS[name]
    done, _ = blow(level_or_skip(level).level, script, quota, tmp_path)
    assert (done.exit_code, done.timed_out) == (137, False)
    assert done.over is not None
    assert done.over[0] == what
    assert done.over[1] > getattr(quota, what)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("script", "quota", "what"),
    [
        (HIDES, Quota(memory=64 * MIB), "memory"),
        ("head -c 150m /dev/zero > /dev/shm/x; sleep 60", Quota(memory=64 * MIB), "memory"),
        (UNLINKS, Quota(disk=16 * MIB), "disk"),
        ("yes", Quota(disk=4 * MIB), "disk"),
    ],
    ids=["file without a name in memory", "/dev/shm", "deleted files", "log"],
)
def test_what_stands_in_no_folder_counts_too(
    script: str, quota: Quota, what: str, tmp_path: Path
) -> None:
    level = level_or_skip(Level.NAMESPACES).level
    done, _ = blow(level, script, quota, tmp_path)
    assert done.over is not None
    assert done.over[0] == what


@pytest.mark.parametrize("level", [Level.BUBBLEWRAP, Level.NONE])
def test_one_file_cannot_be_larger_than_all_may(level: Level, tmp_path: Path) -> None:
    level_or_skip(level)
    done, _ = blow(level, "truncate -s 8T f || exit 7", Quota(disk=64 * MIB), tmp_path)
    assert done.exit_code == 7
    assert not (tmp_path / "checkout" / "f").stat().st_size


def test_pages_that_processes_share_count_once(tmp_path: Path) -> None:
    script = (
        f"{PYTHON} -I -S -c 'import os, time; held = bytes(40 << 20).upper()\n"
        "for _ in range(5):\n  if os.fork() == 0: time.sleep(0.5); os._exit(0)\n"
        "for _ in range(5): os.wait()'"
    )
    done, _ = blow(Level.NONE, script, Quota(memory=120 * MIB), tmp_path)
    assert (done.exit_code, done.over) == (0, None)


@pytest.mark.parametrize("level", [Level.BUBBLEWRAP, Level.LANDLOCK])
def test_honest_programs_notice_nothing(level: Level, tmp_path: Path) -> None:
    level_or_skip(level)
    script = "echo a > f; (echo b > g) & wait; cat f g"
    done, said = blow(level, script, Quota(64, 256 * MIB, 64 * MIB), tmp_path)
    assert (done.exit_code, done.over, said) == (0, None, "a\nb\n")


def test_no_commit_alone_raises_a_limit_and_the_report_says_which_held(tmp_path: Path) -> None:
    """The user's work tree has the lower ones. No experiments: each would be a bomb again."""
    project = new_project(tmp_path)
    project.write(
        {
            "dvc.yaml": "stages:\n"
            "  greedy:\n    cmd: sh greedy.sh\n    deps: [greedy.sh]\n    outs: [greedy]\n"
            "  modest:\n    cmd: echo x > modest\n    outs: [modest]\n",
            "greedy.sh": HARMLESS,
        }
    )
    project.repro()
    # A lock that is true of its inputs, and a command that makes its output before it bursts.
    bomb = f"echo x > greedy; {FORKS}\n"
    md5 = [hashlib.md5(t.encode(), usedforsecurity=False).hexdigest() for t in (HARMLESS, bomb)]
    project.edit_lock(*md5)
    project.edit_lock(f"size: {len(HARMLESS)}", f"size: {len(bomb)}")
    policy = '[reproduce]\nexplain = false\n[run]\nmemory = "4 GiB"\n'
    project.write(
        {
            "greedy.sh": bomb,
            "lockproof.toml": f'{policy}processes = 4096\ntimeout = "9h"\ndisk = "9 GiB"\n',
        }
    )
    project.commit()
    own = f'{policy}processes = 64\ntimeout = "5m"\ndisk = "1 GiB"\n'
    project.write({"lockproof.toml": own})
    report = prove(project)
    found = stage(report, "greedy")
    assert (found.verdict, stage(report, "modest").verdict) == (Verdict.FAILED, Verdict.PASSED)
    (finding,) = (f for f in report.findings if f.rule == "LP704")
    assert finding.message.startswith("greedy was ended for its processes: ")
    assert "where 64 are allowed: raise [run] processes" in finding.message
    host = report.host.stages["greedy"]
    assert host.over is not None
    assert host.limits == {
        "processes": "64",
        "memory": "4 GiB",
        "disk": "1 GiB",
        "timeout": "300 s",
    }
