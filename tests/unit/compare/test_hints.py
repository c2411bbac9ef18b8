"""What logs, commands and code say of files and of the network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.compare.hints import absent_files, below_home, cut_network, words_like_paths


@pytest.mark.parametrize(
    "line",
    [
        "socket.gaierror: [Errno -3] Temporary failure in name resolution",
        "curl: (6) Could not resolve host: example.com",
        "urllib.error.URLError: <urlopen error [Errno 101] Network is unreachable>",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "requests.exceptions.ConnectionError: Failed to establish a new connection: refused",
    ],
)
def test_a_network_that_was_cut_is_told_from_the_log(line: str) -> None:
    assert cut_network(f"starting\n  {line}\nexit") == line


@pytest.mark.parametrize(
    "log", ["", "ValueError: no network given", "permission denied", "resolved the hosts"]
)
def test_another_failure_is_no_network_that_was_cut(log: str) -> None:
    assert cut_network(log) is None


@pytest.mark.parametrize(
    ("log", "path"),
    [
        ("FileNotFoundError: [Errno 2] No such file or directory: 'local.cfg'", "local.cfg"),
        ("cat: local.cfg: No such file or directory", "local.cfg"),
        ("cat: '/home/x/a b': No such file or directory", "/home/x/a b"),
        ("Error in file(f): cannot open file 'in.csv': gone", "in.csv"),
        ("sh: 1: cannot open conf/a.yml: No such file", None),
        ("all is well", None),
    ],
)
def test_files_that_a_program_did_not_find(log: str, path: str | None) -> None:
    assert [name for name, _ in absent_files(log)] == ([path] if path else [])


def test_files_below_home_are_named_in_commands_and_code() -> None:
    texts = (
        "cat ~/.myconfig 2>/dev/null || cp $HOME/a/b.txt ${HOME}/c .",
        "open(os.path.expanduser('~/.kaggle/kaggle.json')); Path.home() / 'data.csv'",
    )
    names = (".myconfig", "a/b.txt", "c", ".kaggle/kaggle.json", "data.csv")
    assert below_home(texts) == names
    assert below_home(("cd ~; echo a~/b.c $HOMEPAGE/x ~user/file",)) == ()


def test_words_that_may_be_files() -> None:
    commands = ("(cat local.cfg 2>/dev/null || echo lr=1) > out.txt; tool --file=./conf/x",)
    assert words_like_paths(commands, ()) == ("local.cfg", "out.txt", "conf/x")
    code = ("import a.b\nopen('in.csv')\nread(\"d/e\", 'plain', 'not a path.')\n",)
    assert words_like_paths((), code) == ("in.csv", "d/e")


def test_a_long_word_is_no_file_and_takes_no_time() -> None:
    assert words_like_paths(["a" * 200_000, "1." * 100_000, "-/" * 100_000], ()) == ()


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    cut_network(text)
    list(absent_files(text))
    below_home([text])
    words_like_paths([text], [text])
