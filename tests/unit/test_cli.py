"""The command line: help, shells, and what every ending means to the caller."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from lockproof import __version__
from lockproof.cli.canary import ACTIONS
from lockproof.cli.main import VERBS, build_parser, main
from lockproof.errors import ConfigError, LockproofError, UnavailableError, UsageError

RUN = "from lockproof.cli.main import main; raise SystemExit(main())"
PROBE = """
import sys, types
from lockproof.cli import main
probe = types.ModuleType("lockproof.cli.probe")
exec("def configure(parser): pass\\ndef run(args):\\n" + sys.argv.pop(1), probe.__dict__)
sys.modules[probe.__name__] = probe
main.VERBS["probe"] = "for tests"
raise SystemExit(main.main(["probe", *sys.argv[1:]]))
"""


def lockproof(*argv: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command as a process."""
    return subprocess.run(
        [sys.executable, "-c", RUN, *argv],
        capture_output=True,
        text=True,
        timeout=60,
        **options,  # type: ignore[call-overload]
    )


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[BaseException | int], None]]:
    """Register a verb `probe` that ends as it is told to."""
    before = signal.getsignal(signal.SIGTERM)

    def register(ending: BaseException | int) -> None:
        def run(args: object) -> int:
            if isinstance(ending, BaseException):
                raise ending
            return ending

        module = ModuleType("lockproof.cli.probe")
        module.configure = lambda parser: None  # type: ignore[attr-defined]
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(VERBS, "probe", "for tests")

    yield register
    signal.signal(signal.SIGTERM, before)


def test_help_names_every_verb_and_every_exit_code() -> None:
    done = lockproof("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: lockproof ")
    for name, summary in VERBS.items():
        assert re.search(rf"^    {name} +{re.escape(summary)}$", done.stdout, re.MULTILINE)
    for code in "012345":
        assert re.search(rf"(^|\s){code}  \w", done.stdout)


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_explains_itself(name: str) -> None:
    done = lockproof(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: lockproof {name} ")
    for option in ("-h, --help", "-C DIR", "-v, --verbose"):
        assert option in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_every_verb_has_one_file() -> None:
    folder = Path(main.__code__.co_filename).parent
    for name in VERBS:
        path = folder / name.replace("-", "_")
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_of_a_verb_explains_itself(action: str) -> None:
    done = lockproof("canary", action, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: lockproof canary {action} ")
    for option in ("-h, --help", "-C DIR", "-v, --verbose"):
        assert option in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_every_verb_about_a_commit_says_the_same_of_it() -> None:
    commands = build_parser(list(VERBS))._subparsers
    assert commands is not None
    verbs = commands._group_actions[0].choices
    assert isinstance(verbs, dict)
    actions = [(n, a) for n, v in verbs.items() for a in v._actions if a.metavar == "REV"]
    said = {n: a.help for n, a in actions if not a.option_strings}
    assert len(said) > 4
    assert len({str(text).partition(";")[0] for text in said.values()}) == 1, said


def test_version() -> None:
    done = lockproof("--version")
    assert (done.returncode, done.stdout) == (0, f"lockproof {__version__}\n")


def test_the_installed_command_is_this_one() -> None:
    command = Path(sys.executable).with_name("lockproof")
    if not command.exists():
        pytest.skip("lockproof is not installed beside this Python")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"lockproof {__version__}\n"


def test_without_a_verb_it_shows_help_and_fails() -> None:
    done = lockproof()
    assert done.returncode == 2
    assert done.stdout == lockproof("--help").stdout


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["bogus"], "invalid choice: 'bogus'"),
        (["repro"], "invalid choice: 'repro'"),
        (["--bogus"], "unrecognized arguments: --bogus"),
        (["reproduce", "--bogus"], "unrecognized arguments: --bogus"),
        (["verify", "one", "two"], "unrecognized arguments: two"),
        (["reproduce", "--mode", "fast"], "invalid choice: 'fast'"),
        (["reproduce", "--jobs", "0"], "must be from 1 to 1000"),
        (["reproduce", "--runs", "-1"], "must be from 1 to 1000"),
        (["reproduce", "--stage"], "expected one argument"),
        (["reproduce", "--output", "report.docx"], "argument --output: "),
        (["completion"], "required: shell"),
        (["completion", "fish2"], "invalid choice: 'fish2'"),
        (["-C"], "expected one argument"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    argv: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    verb: Callable[[BaseException | int], None],
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out == ""
    assert shown.err.startswith("usage: lockproof")


@pytest.mark.parametrize("name", ["reproduce", "record"])
@pytest.mark.parametrize("before", [True, False])
def test_c_says_where_to_work(
    name: str,
    before: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    verb: Callable[[BaseException | int], None],
) -> None:
    (tmp_path / "no repository").mkdir()
    place = ["-C", str(tmp_path / "no repository")]
    assert main([*place, name] if before else [name, *place]) == 2
    shown = capsys.readouterr()
    assert "no repository is not in a Git repository: run this in a clone, or use -C DIR" in (
        shown.err
    )
    assert main([name, "-C", str(tmp_path / "nope")]) == 2
    assert capsys.readouterr().err == f"lockproof: no such directory: {tmp_path / 'nope'}\n"


LONG = "a" * 300
"""More than any file system takes for a name."""


@pytest.mark.parametrize(
    "words",
    [
        *([verb, "-C", LONG] for verb in sorted(set(VERBS) - {"completion", "explain", "canary"})),
        *(["verify", LONG], ["verify", f"m@{LONG}"], ["verify", "--policy", LONG]),
        *(["lint", LONG], ["lint", "--schema-location", LONG], ["gate", "--policy", LONG]),
        ["promote", "m@a", "--to", f"{LONG}/x.yaml"],
    ],
    ids=lambda words: " ".join(words).replace(LONG, "LONG"),
)
def test_no_name_is_too_long_to_say_that_nothing_is_there(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    more = {
        "attest": ["--report", "r", "--key", "k"],
        "register": ["--model", "m"],
        "promote": ["m@a", "--to", "f"],
        "provision": ["status"],
    }
    assert main([*words, *(more.get(words[0], []) if "-C" in words else [])]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("lockproof: ")


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        (0, 0, ""),
        (1, 1, ""),
        (5, 5, ""),
        (UsageError("do\nthis"), 2, "lockproof: do this\n"),
        (ConfigError("x"), 2, "lockproof: x\n"),
        (UnavailableError("x"), 4, "lockproof: x\n"),
        (LockproofError("x"), 3, "lockproof: x\n"),
        (KeyboardInterrupt(), 130, "lockproof: interrupted\n"),
        (ExceptionGroup("g", [UnavailableError("x")]), 4, "lockproof: x\n"),
        (
            ExceptionGroup("g", [ExceptionGroup("h", [UsageError("x")]), UsageError("y")]),
            2,
            "lockproof: x\n",
        ),
        (BaseExceptionGroup("g", [KeyboardInterrupt()]), 130, "lockproof: interrupted\n"),
        (
            ExceptionGroup("g", [OSError(errno.ENOSPC, "No space left", "/tmp/x")]),
            2,
            "lockproof: cannot write /tmp/x: No space left: make room on its disk\n",
        ),
        (
            ValueError("a\nb"),
            3,
            "lockproof: a bug in lockproof, please report it (ValueError: a b); -v shows where\n",
        ),
        (
            ExceptionGroup("g", [ValueError("a")]),
            3,
            "lockproof: a bug in lockproof, please report it (ValueError: a); -v shows where\n",
        ),
    ],
)
def test_every_ending_has_its_exit_code_and_one_line(
    ending: BaseException | int,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    verb: Callable[[BaseException | int], None],
) -> None:
    verb(ending)
    assert main(["probe"]) == code
    assert capsys.readouterr() == ("", said)


def test_an_error_beside_a_bug_is_a_bug(
    capsys: pytest.CaptureFixture[str], verb: Callable[[BaseException | int], None]
) -> None:
    verb(ExceptionGroup("g", [UsageError("x"), ValueError("y")]))
    assert main(["probe"]) == 3
    assert "a bug in lockproof" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["-v", "probe"], ["probe", "-v"], ["probe", "--verbose"]])
def test_verbose_shows_where_a_bug_is(
    argv: list[str],
    capsys: pytest.CaptureFixture[str],
    verb: Callable[[BaseException | int], None],
) -> None:
    verb(ZeroDivisionError("here"))
    assert main(argv) == 3
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback (most recent call last):")
    assert "test_cli.py" in shown
    assert "ZeroDivisionError: here" in shown.splitlines()


def test_verbose_shows_no_traceback_of_an_error_that_explains_itself(
    capsys: pytest.CaptureFixture[str], verb: Callable[[BaseException | int], None]
) -> None:
    verb(UsageError("do this"))
    assert main(["-v", "probe"]) == 2
    assert capsys.readouterr().err == "lockproof: do this\n"


def probe(code: str, *argv: str) -> list[str]:
    """The command line of a process whose verb `probe` runs this code."""
    body = "".join(f"    {line}\n" for line in code.splitlines())
    return [sys.executable, "-c", PROBE, body, *argv]


def test_a_bug_is_one_line_for_a_real_caller_too() -> None:
    done = subprocess.run(probe("1 / 0"), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr


def test_the_reader_may_stop_reading_help() -> None:
    script = 'set -o pipefail; "$0" -c "$1" --help | head -1'
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    done = subprocess.run(
        [bash, "-c", script, sys.executable, RUN], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: lockproof ")
    assert done.stdout.count("\n") == 1


def test_the_reader_may_stop_reading_a_long_report() -> None:
    long = "import sys\nfor n in range(100_000): print('line', n)\nreturn 0"
    with subprocess.Popen(
        probe(long), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "line 0\n"
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (130, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_cancelled_job_puts_away_and_says_so(number: int) -> None:
    code = (
        "import time\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "finally:\n"
        "    print('put away', flush=True)\n"
    )
    with subprocess.Popen(
        probe(code), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, out, said) == (130, "put away\n", "lockproof: interrupted\n")


def completion(shell: str) -> str:
    done = lockproof("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def complete_in_bash(script: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    ask = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*";'
        "spec=$(complete -p lockproof); name=${spec##*-F }; name=${name%% *};"
        '"$name" lockproof "${!#}" "${COMP_WORDS[COMP_CWORD-1]}";'
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", ask, "bash", script, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes(tmp_path: Path) -> None:
    script = tmp_path / "lockproof.bash"
    script.write_text(completion("bash"))
    assert complete_in_bash(script, "lockproof", "re") == ["reproduce", "record", "register"]
    assert complete_in_bash(script, "lockproof", "--ver") == ["--version", "--verbose"]
    assert complete_in_bash(script, "lockproof", "reproduce", "--mo") == ["--mode"]
    assert complete_in_bash(script, "lockproof", "reproduce", "--mode", "c") == ["chain"]
    assert complete_in_bash(script, "lockproof", "completion", "z") == ["zsh"]


def said_by_shell(home: Path, *argv: str | Path) -> str:
    """What a shell with this home prints; it must have nothing to complain of."""
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "HOME": str(home)},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_zsh_takes_the_script(tmp_path: Path) -> None:
    script = completion("zsh")
    assert script.startswith("#compdef lockproof")
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("no zsh")
    (tmp_path / "_lockproof").write_text(script)
    load = (
        f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -D;"
        "print $_comps[lockproof]; autoload -Uz +X _lockproof"
    )
    said = said_by_shell(tmp_path, zsh, "-f", "-c", load)
    assert "_lockproof" in said
    # As the help says.
    load = f'autoload -Uz compinit; compinit -u -D; eval "$(<{tmp_path}/_lockproof)"'
    said = said_by_shell(tmp_path, zsh, "-f", "-c", f"{load}; print $_comps[lockproof]")
    assert said.strip() == "_shtab_lockproof"


def test_fish_completes(tmp_path: Path) -> None:
    script = completion("fish")
    assert "-l mode -x -a 'isolated chain'" in script
    assert "'show program\\'s version number and exit'" in script
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("no fish")
    (tmp_path / "lockproof.fish").write_text(script)
    asked = ("lockproof rep", "lockproof reproduce --mo", "lockproof reproduce --mode c")
    ask = "source $argv[1]; for line in $argv[2..]; complete -C $line; end"
    said = said_by_shell(
        tmp_path, fish, "--no-config", "-c", ask, tmp_path / "lockproof.fish", *asked
    )
    offered = [line.split("\t")[0] for line in said.splitlines()]
    assert offered == ["reproduce", "--mode", "chain"]


def test_tcsh_gets_a_script() -> None:
    assert "complete lockproof" in completion("tcsh")
