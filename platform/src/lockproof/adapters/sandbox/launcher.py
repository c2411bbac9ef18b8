"""The small process between lockproof and the programs it runs; standard library only.

Started as `python -I -S launcher.py STATUS_FD [HELD_FD ...]` by `run.py` beside it, it reads a job
from standard input, cuts itself off from the network if the job says so, runs the job's programs
one after the other (kept apart from the machine if the job says how), and does not end before
every process they started has. On Linux it is a "subreaper": a process that left its session or
forked twice to get away becomes the launcher's child, and is found below it in /proc.

It is told to stop in two ways. SIGTERM: every descendant gets SIGTERM, `GRACE` seconds, SIGKILL.
Standard input closed, or the death signal of the parent: lockproof is gone, nobody waits for
results, so SIGKILL at once. A descriptor named as HELD_FD stays open as long as the launcher, so
that a file lock on it outlives a lockproof that was killed.

Status lines: `network off`, `network on REASON`, `isolation LEVEL`, `refused REASON`,
`started PID`, `failed WHAT ERRNO`, `unheld WHAT ...`, `over WHAT AMOUNT`, `exit CODE`, `stopped`.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Sequence

if __name__ == "__main__":
    # `-I` hides lockproof; at the end, where it shadows nothing, it may be found again.
    sys.path.append(os.path.abspath(f"{__file__}/../../../.."))

from lockproof.adapters.sandbox import landlock, namespaces
from lockproof.adapters.sandbox.offline import go_offline
from lockproof.adapters.sandbox.processes import descendants, finds_descendants
from lockproof.adapters.sandbox.quota import FREE, Gauge, Quota, come_first, hold

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
HOPELESS = 10.0
"""Seconds after which a process that SIGKILL does not end (a dead disk) is left alone."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LINUX = sys.platform.startswith("linux")
_DIED_WITH_LAUNCHER = 128 + signal.SIGKILL


class Job:
    """What to run: where, with which variables, which programs, offline or not, apart, as whom."""

    def __init__(self, content: bytes) -> None:
        """Take apart what `encode` put together."""
        fields = iter(content.split(b"\0"))
        self.cwd = next(fields)
        self.offline = next(fields) == b"1"
        pairs = [next(fields).partition(b"=") for _ in range(int(next(fields)))]
        self.env = {name: value for name, _, value in pairs}
        self.programs = [
            [next(fields) for _ in range(int(next(fields)))] for _ in range(int(next(fields)))
        ]
        self.apart = next(fields).decode()
        self.mounts = [(next(fields), next(fields), next(fields)) for _ in range(int(next(fields)))]
        self.devices = [next(fields) for _ in range(int(next(fields)))]
        self.read = [next(fields) for _ in range(int(next(fields)))]
        self.write = [next(fields) for _ in range(int(next(fields)))]
        self.places = [next(fields) for _ in range(int(next(fields)))]
        self.quota = Quota(*map(int, next(fields).split()))
        self.host_name, uid, gid, umask, cpus = fields
        self.ids = (int(uid), int(gid)) if uid else None
        self.umask = int(umask) if umask else None
        self.cpus = [int(number) for number in cpus.split()]

    @staticmethod
    def encode(
        cwd: bytes,
        env: dict[bytes, bytes],
        programs: list[list[bytes]],
        offline: bool,
        apart: str = "",
        mounts: Sequence[tuple[bytes, bytes, bytes]] = (),
        devices: Sequence[bytes] = (),
        paths: tuple[Sequence[bytes], Sequence[bytes]] = ((), ()),
        guise: Sequence[bytes] = (namespaces.HOST_NAME, b"", b"", b"", b""),
        places: Sequence[bytes] = (),
        quota: Quota = FREE,
    ) -> bytes:
        """Length, newline, fields separated by NUL, which none of them can contain.

        `guise` are host name, user, group, umask and CPUs; an empty one is left as it is. `places`
        are the folders that `quota.disk` is about.
        """
        fields = [cwd, b"1" if offline else b"0", b"%d" % len(env)]
        fields += [name + b"=" + value for name, value in env.items()]
        fields.append(b"%d" % len(programs))
        for program in programs:
            fields += [b"%d" % len(program), *program]
        fields += [apart.encode(), b"%d" % len(mounts)]
        for mount in mounts:
            fields += mount
        for part in (devices, *paths, places):
            fields += [b"%d" % len(part), *part]
        fields.append(b" ".join(b"%d" % bound for bound in quota))
        fields += guise
        content = b"\0".join(fields)
        return b"%d\n" % len(content) + content


class Launcher:
    """Runs programs and owns everything that descends from them."""

    def __init__(self, status: int) -> None:
        """Listen to signals and to standard input before anything is started."""
        self.status = status
        self.stopping = False
        self.abandoned = False
        self._gauge = Gauge(FREE, (), own_root=False)
        self._exceeded = False
        self._priority = os.getpriority(os.PRIO_PROCESS, 0)
        self._running = 0
        self._code = 0
        self._sessions: list[int] = []
        self._namespaced = False
        self._groups = not finds_descendants()
        self._signals, wake = os.pipe()
        for end in (self._signals, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, lambda *_: None)
        # A terminal that hangs up takes lockproof with it, and that is noticed by other means.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._poll = select.poll()
        self._poll.register(self._signals, select.POLLIN)
        self._poll.register(0, select.POLLIN)

    def report(self, line: str) -> None:
        """Write one status line; lockproof may be gone."""
        try:
            os.write(self.status, line.encode("utf-8", "surrogateescape") + b"\n")
        except OSError:
            self.abandoned = True

    def run(self, job: Job) -> None:
        """Run the programs until one fails, then end all that is left of them."""
        try:
            # A working directory in another root is entered there.
            os.chdir(b"/" if job.apart in ("bubblewrap", "namespaces") else job.cwd)
        except OSError as error:
            self.report(f"failed cwd {error.errno}")
            return
        if job.apart:
            self.report(f"isolation {job.apart}")
        self._namespaced = job.apart in ("bubblewrap", "namespaces")
        self._gauge = Gauge(job.quota, job.places, own_root=self._namespaced)
        if job.quota.processes:
            self._priority = come_first()
        if unheld := self._gauge.unheld():
            self.report(f"unheld {' '.join(unheld)}")
        for program in job.programs:
            self._run_one(program, job)
            if self._code or self._over():
                break
        self._sweep()
        self.report("stopped" if self.stopping else f"exit {self._code}")

    def _over(self) -> bool:
        return self.stopping or self.abandoned or self._exceeded

    def _look(self) -> None:
        """Notice what there is too much of; then all must end, and at once."""
        self._signal(self._gauge.overdue(self._running), signal.SIGKILL)
        found = self._gauge.over()
        if found and not self._exceeded:
            self._exceeded = True
            self.report(f"over {found[0]} {found[1]}")

    def _run_one(self, program: list[bytes], job: Job) -> None:
        self._wait(0)
        if self._over():
            return
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            self._become(program, job, parent)
        self._running = pid
        self._sessions.append(pid)
        while self._running:
            self._wait(self._gauge.pause() if self._gauge.watching else None)
            self._reap()
            if self._gauge.watching:
                self._look()
            if self._over():
                return

    def _become(self, program: list[bytes], job: Job, parent: int) -> None:
        try:
            signal.set_wakeup_fd(-1)
            for number in (
                *(signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP),
                *(signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ),
            ):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            # Its own session: `kill 0` in a script must not reach the launcher.
            os.setsid()
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(_DIED_WITH_LAUNCHER)
            # By itself, and before it can kill the launcher: lockproof then ends what it started.
            self.report(f"started {os.getpid()}")
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            if job.cpus:
                os.sched_setaffinity(0, job.cpus)
            if job.umask is not None:
                os.umask(job.umask)
            os.setpriority(os.PRIO_PROCESS, 0, self._priority)
            hold(job.quota)
            if job.apart == "landlock":
                landlock.restrict(job.read, job.write)
            if job.apart == "namespaces":
                namespaces.run_in(job, program, lambda reason: self.report(f"refused {reason}"))
            os.execve(program[0], program, job.env)  # noqa: S606 - that is the purpose
        except OSError as error:
            self.report(f"failed run {error.errno}")
        finally:
            os._exit(127)

    def _wait(self, seconds: float | None) -> None:
        for descriptor, _ in self._poll.poll(None if seconds is None else int(seconds * 1000)):
            try:
                content = os.read(descriptor, 4096)
            except BlockingIOError:
                continue
            if descriptor == self._signals:
                self.stopping |= signal.SIGTERM in content or signal.SIGINT in content
                self.abandoned |= signal.SIGUSR1 in content
            elif not content:
                self._poll.unregister(0)
                self.abandoned = True

    def _reap(self) -> bool:
        """Collect children that ended; whether any is left."""
        while True:
            try:
                pid, result = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._running:
                code = os.waitstatus_to_exitcode(result)
                self._running, self._code = 0, code if code >= 0 else 128 - code

    def _sweep(self) -> None:
        """SIGTERM to all that is left, and SIGKILL to what is left of that."""
        if self._exceeded:
            self._end_at_once()
        elif self._left():
            self._ask_to_end()
        deadline = time.monotonic() + GRACE
        while self._left() and not self._must_go() and time.monotonic() < deadline:
            self._wait(0.1)
            if self._gauge.watching:
                self._look()
        deadline = time.monotonic() + HOPELESS
        while self._left() and time.monotonic() < deadline:
            self._signal(self._targets(), signal.SIGKILL)
            time.sleep(0.005)

    def _must_go(self) -> bool:
        return self.abandoned or self._exceeded

    def _end_at_once(self) -> None:
        """A group in one go, before it can have more children than can be found."""
        for group in self._sessions:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)

    def _ask_to_end(self) -> None:
        if self._groups:
            self._signal(self._targets(), signal.SIGTERM)
            return
        # Stopped first, so that none is born unseen between the look and the signal; what a
        # process starts after the signal, to tidy up, is left to it.
        # What holds a namespace ends with what runs in it, or ends it at once.
        spared = [self._running] if self._namespaced else []
        found: list[int] = []
        while born := [t for t in descendants(os.getpid()) if t not in (*found, *spared)]:
            self._signal(born, signal.SIGSTOP)
            found += born
        self._signal(found, signal.SIGTERM)
        self._signal(found, signal.SIGCONT)

    def _left(self) -> bool:
        return self._reap() or (self._groups and bool(self._targets()))

    def _targets(self) -> list[int]:
        if self._groups:
            return [group for group in self._sessions if self._signal([group], 0)]
        return list(descendants(os.getpid()))

    def _signal(self, targets: list[int], number: int) -> bool:
        reached = False
        for target in targets:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                (os.killpg if self._groups else os.kill)(target, number)
                reached = True
        return reached


def _prctl(option: int, value: int) -> None:
    if _LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _read_job() -> Job | None:
    received = bytearray()
    total = sys.maxsize
    while len(received) < total:
        chunk = os.read(0, 1 << 16)
        if not chunk:
            return None
        received += chunk
        if total == sys.maxsize and b"\n" in received:
            length, _, rest = received.partition(b"\n")
            received, total = bytearray(rest), int(length)
    return Job(bytes(received))


def main() -> None:
    """Read the job, shut the network off, run."""
    for descriptor in map(int, sys.argv[1:]):
        os.set_inheritable(descriptor, False)
    launcher = Launcher(int(sys.argv[1]))
    job = _read_job()
    if job is None:
        return
    if job.apart in ("bubblewrap", "namespaces"):
        refusal = None if job.offline else "policy"  # Part of what is made for the program.
    else:
        refusal = go_offline() if job.offline else "policy"
    launcher.report("network off" if refusal is None else f"network on {refusal}")
    # After the namespace: a change of credentials clears the death signal.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGUSR1)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    launcher.run(job)


if __name__ == "__main__":
    main()
    os._exit(0)  # Taking the interpreter down takes half as long as its start.
