"""The quick reader of YAML against the reader of all of it: the same values and lines, or none."""

from typing import Any

import pytest
import yaml
from dvc.utils.serialize import dumps_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.parse.block_yaml import read_blocks
from lockproof.parse.composed_yaml import compose
from lockproof.parse.document import ParseError, YamlDocument


def lines(document: YamlDocument) -> dict[tuple[str | int, ...], int | None]:
    """Every path in a document with its line, asked for in both ways that there are."""
    found: dict[tuple[str | int, ...], int | None] = {}

    def walk(value: Any, path: tuple[str | int, ...]) -> None:
        found[path] = document.line(*path)
        items: Any = ()
        if isinstance(value, dict):
            items = value.items()
        elif isinstance(value, list):
            items = enumerate(value)
        for key, inner in items:
            walk(inner, (*path, key))

    def enter(entered: YamlDocument, path: tuple[str | int, ...]) -> None:
        for name, inner, line in entered.entries():
            assert found[*path, name] == line
            enter(inner, (*path, name))

    walk(document.value, ())
    enter(document, ())
    assert document.line("nowhere") is document.line(99) is None
    return found


def agrees(text: str, core: bool) -> bool:
    """Whether the quick reader reads this; then it must say what the other one says."""
    quick = read_blocks(text, core=core)
    if quick is None:
        return False
    full = compose(text, "f", core=core)
    # As text: NaN is not itself, and True is 1.
    assert [repr(d.value) for d in quick] == [repr(d.value) for d in full]
    assert [lines(d) for d in quick] == [lines(d) for d in full]
    return True


DIGEST = "0123456789abcdef0123456789abcdef"
ITEM = f"- path: a/b.csv\n  hash: md5\n  md5: {DIGEST}\n  size: 7\n"
"""As DVC writes it into a lock, which is read in one go."""


def deeper(text: str, by: int = 2) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


READ = [
    ITEM,
    f"{ITEM}{ITEM}",
    f"a:\n{ITEM}b:\n{deeper(ITEM)}c: 1\n",
    f"a:\n{ITEM}  nfiles: 2\n  isexec: true\n{ITEM}- one\n{ITEM}b: 1\n",
    f"a:\n- one\n{ITEM}- {{b: 1}}\n{ITEM.replace('size: 7', 'size: 0')}",
    f"a:\n{ITEM.replace(DIGEST, '1' * 32)}{ITEM.replace(DIGEST, '1e' + '1' * 30)}",
    f"a:\n{ITEM.replace(DIGEST, '0b' + '1' * 30)}{ITEM.replace('size: 7', 'size: 007')}",
    f"a: |\n{deeper(ITEM)}b: |\n{deeper(ITEM)}  more\nc:\n{ITEM}",
    f"a: 'one\n{deeper(ITEM)}  two'\nb:\n{ITEM}",
    f"a:\n{ITEM}  more:\n{deeper(ITEM)}  size_of: 1\nb: 1\n",
    "a: 1\n",
    "# first\n\na: 1 # one\n# between\nb:\n  # inside\n  c: 2\n",
    "---\na: 1\n---\nb: 2\n",
    "a:\n- b: 1\n  c: 2\n-  d: 3\n   e: 4\n- f\n- g: [1, two, 3.5]\n  h: {i: 1}\nj: []\nk: {}\n",
    "a:\n  - b\n  - c:\n    - d\n    - e\n",
    "- a: 1\n- b\n",
    "a: one\n  two\n   three  \nb: 1\n",
    "a: \n  one two\n  three\n",
    "- one\n  two\n",
    "a: 'it''s # text'\nb: \"x\"\nc: \"tab\\t\" # so\nd: 'one\n  two'\ne: \"one\\\n  \\ntwo\"\n",
    "a: |\n  one\n\n   two\n  # three\n\nb: >-\n  four\n  five\nc: |-\nd: |+\n  x\n\n",
    "a:\nb:\n  c:\nd: 1\n",
    "a:\n  b:\n  - c\n  d: ${e.f}\n  ${g}: http://h/i#j\n",
    "a: é\nb: it, is [so]\nc: -1\nd: --flag\ne: ~\nf: 1_000\ng: 0x1f\nh: 1e3\ni: on\n",
    "a: 2026-01-02\nb: 12:30:45\nc: 2001-12-14 21:59:43\nd: =\ne: 0o14\nf: .inf\n",
    "a: 1\r\nb:\r\n- c\r\n",
    "    a: 1\n    b: 2\n",
    "---\n---\na: 1\n",
    "---\n",
    "a: 1\n---\n",
    "---\na: 1\n---\n# none\n\n",
    "---\n# none\n---\n\na: 1\n---\n\n---\nb: 1\n",
    'a: ["b/*", "&c", "on, off", "<<"]\nb:\n- ["x","y: z"]\n',
    "a:\n  b: |2-\n\n      x\n     y\n   \n  c: 1\n",
    "a:\n- |2\n    x\n- >1-\n   b\n\n   c\n- |3+\n      d\n\n\n- 1\n",
    "\n".join(f"{'  ' * n}a:" for n in range(60)),
]


@pytest.mark.parametrize("core", [True, False])
@pytest.mark.parametrize("text", READ)
def test_what_files_are_made_of_is_read(text: str, core: bool) -> None:
    assert agrees(text, core)


DECLINED = [
    f"a: one\n{ITEM}",
    f"a: one two\n{deeper(ITEM)}",
    f"a:\n{ITEM}  size: 8\n",
    f"a:\n{ITEM}  hash: md5\n",
    f"a:\n{ITEM.replace('- path', '-  path')}",
    f"a:\n  b: 1\n{ITEM}",
    f"a:\n{ITEM}{deeper(ITEM, 1)}",
    "",
    "# nothing\n",
    "a\n",
    "a: 1\na: 2\n",
    "a: &x 1\nb: *x\n",
    "a: !!str 1\n",
    "a: [*x]\n",
    "a: {<<: {b: 1}}\n",
    "<<: {b: 1}\n",
    "? a\n: 1\n",
    "a: b: c\n",
    "a: 1\n  b: 2\n",
    "a: 1\n b: 2\n",
    "a:\n  b: 1\n c: 2\n",
    "a: 1\n- b\n",
    "- a\nb: 1\n",
    "a: 'x\n",
    "a: 'x' y\n",
    "a: [1,\n",
    "a: \t1\n",
    "a: x\n\n  y\n",
    'a: "b\\ \n  c"\n',
    "a: 1\n...\n",
    "%YAML 1.1\n---\na: 1\n",
    "a: 1\n---",
    "a: \x07\n",
    "a: x\u2028y\n",
    "a: " + "9" * 5000 + "\n",
    "a: <<\n",
    "\n".join(f"{'  ' * n}a:" for n in range(95)),
    "\n".join(f"{'  ' * n}a:" for n in range(60)) + " " + "[" * 50 + "]" * 50,
    "a: |9\n  x\n",
    "a: 1\n" * 100_001,
    "- [" + "1, " * 100_000 + "1]\n",
]


@pytest.mark.parametrize("text", DECLINED)
def test_what_may_be_wrong_is_left_to_the_other_reader(text: str) -> None:
    assert read_blocks(text, core=True) is None


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text("ab1.:-#'\" \n{}[]é\t", max_size=9)
    | st.lists(st.sampled_from(["--some-flag", "value", "a,b", "#", "x:y"]), max_size=40).map(
        " ".join
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b.c", "d e", "1", "on"]), inner, max_size=3)
    ),
    max_leaves=6,
)
DIGESTS = st.text("0123456789abcdef", min_size=32, max_size=32)
FILES = st.fixed_dictionaries(
    {
        "path": st.sampled_from(["a.csv", "data/b c", "../d", "s3://bucket/e", "ü", "f: g"]),
        "hash": st.just("md5"),
        "md5": DIGESTS | DIGESTS.map(lambda digest: f"{digest}.dir"),
        "size": st.integers(0, 1 << 40),
    },
    optional={
        "nfiles": st.integers(0, 9),
        "isexec": st.booleans(),
        "cloud": st.fixed_dictionaries({"s3": st.fixed_dictionaries({"etag": st.just("x")})}),
        "files": st.lists(
            st.fixed_dictionaries({"relpath": st.text("ab/. é", max_size=3)}), max_size=2
        ),
    },
)
STAGES = st.fixed_dictionaries(
    {"cmd": st.text(max_size=9) | st.lists(st.text("ab c", max_size=90), max_size=2) | VALUES},
    optional={
        "deps": st.lists(FILES, max_size=3),
        "params": st.dictionaries(st.just("params.yaml"), st.dictionaries(st.text(), VALUES)),
        "outs": st.lists(FILES, max_size=2),
    },
)
LOCKS = st.dictionaries(st.text("ab@-_1.", min_size=1, max_size=8), STAGES, max_size=4).map(
    lambda stages: dumps_yaml({"schema": "2.0", "stages": stages})
)


@given(LOCKS)
@settings(deadline=None, max_examples=80)
def test_locks_that_dvc_writes_are_read_alike(text: str) -> None:
    agrees(text, core=True)


SIMPLE = STAGES.filter(lambda stage: not {"params"} & stage.keys()).map(
    lambda stage: {
        **stage,
        "cmd": "python train.py " + "--some-flag value " * len(str(stage["cmd"])),
        "params": {"params.yaml": {"train.rate": 0.1, "seed": 1, "name": "on"}},
    }
)


@given(st.lists(SIMPLE, min_size=1, max_size=3))
@settings(deadline=None, max_examples=50)
def test_common_locks_are_read_quickly(stages: list[Any]) -> None:
    named = {f"stage@{number}-x": stage for number, stage in enumerate(stages)}
    assert agrees(dumps_yaml({"schema": "2.0", "stages": named}), core=True)


PIECES = st.lists(
    st.sampled_from(
        [
            *("a", "b", "a:", "a: ", "b: ", "- ", "-", " ", "  ", "   ", "\n", "\n  ", "\n    "),
            *("1", "x y", "#", " # c", "'", '"', "\\", "''", "[", "]", "{", "}", ", ", "&x ", "*x"),
            *(
                "|",
                ">",
                "|-",
                "|+",
                "|1",
                ">2-",
                '["a"]',
                "---",
                "\n---\n",
                "...",
                "!",
                "?",
                "? ",
                "%",
                "@",
                "on",
                "~",
            ),
            *(
                "<<: ",
                "\t",
                "\r\n",
                "\r",
                "é",
                "\u2028",
                "\x85",
                "\ufeff",
                "\n- ",
                "\na: ",
                "=",
                ":",
            ),
        ]
    ),
    max_size=24,
).map("".join)
BLOCKS = st.lists(
    st.tuples(
        st.integers(0, 3).map(lambda depth: "  " * depth),
        st.sampled_from(["", "- ", "a: ", "b: ", "- a: ", "c:", "-", "# "]),
        st.sampled_from(
            [
                *("", "1", "x", "x y", "'q", "q'", "|", ">-", "[a, b]", "{", "x #y", '"'),
                *('["a", "b: c"]', "|2", ">1-", "---"),
            ]
        ),
    ).map("".join),
    max_size=9,
).map(lambda found: "\n".join(found) + "\n")


@given(PIECES | BLOCKS | st.text(max_size=20), st.booleans())
@settings(deadline=None, max_examples=800)
def test_any_text_is_declined_or_read_alike(text: str, core: bool) -> None:
    agrees(text, core)


@given(LOCKS, st.data())
@settings(deadline=None, max_examples=100)
def test_a_garbled_lock_is_declined_or_read_alike(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text = text[:start] + data.draw(PIECES | st.just("")) + text[end:]
    agrees(text, core=data.draw(st.booleans()))


LISTED = st.lists(
    st.tuples(
        st.sampled_from(["", "  ", "    ", "      "]),
        st.sampled_from(
            [
                *("a:", "b:", "deps: ", "cmd: x y", "cmd: x y ", "- a/b", "- 12", "- on", "- x y"),
                *("- m.json:", "cache: false", "persist: true", "- a: 1", "- - a", "z", "", "# c"),
                *(
                    "- path: a.csv",
                    "- path: 7",
                    "hash: md5",
                    f"md5: {DIGEST}",
                    f"md5: {DIGEST}.dir",
                ),
                *(f"md5: {'1' * 32}", "size: 7", "size: 07", "nfiles: 2", "isexec: true", "|", "'"),
                *(
                    "x: |",
                    "x: '",
                    "---",
                    f"- path: a\n  hash: md5\n  md5: {DIGEST}\n  size: 7",
                    f"- path: b\n    hash: md5\n    md5: {DIGEST}\n    size: 7\n    nfiles: 2",
                    "- m.json:\n    cache: false",
                    "- n.json:\n      cache: false",
                    "a:\n- x\n- y",
                    "b:\n  - x\n  - y",
                ),
            ]
        ),
    ).map("".join),
    max_size=9,
).map("\n".join)


@given(LISTED | LISTED.map("{}\n".format), st.booleans())
@settings(deadline=None, max_examples=400)
def test_lists_as_dvc_writes_them_are_read_alike_whatever_is_around(text: str, core: bool) -> None:
    agrees(text, core)


@pytest.mark.parametrize("indent", ["", "  "])
@pytest.mark.parametrize("end", ["", "\n", "\nb: 1\n", "\n# c\nb: 1\n", "\n\n", "\n  more\nb: 1\n"])
@pytest.mark.parametrize("deep", [0, 1, 42, 43, 44, 45, 46])
def test_a_list_that_dvc_writes_is_read_at_every_end(indent: str, end: str, deep: int) -> None:
    around = "".join(f"{'  ' * level}k:\n" for level in range(deep))
    for item in ("- x", "- 12", "- m.json:\n    cache: false", ITEM.rstrip("\n")):
        lines = "\n".join(f"{indent}{line}" for line in [*item.split("\n"), "- y/z"])
        mixed = f"a:\n{lines}{end}"
        whole = f"a:\n{lines.removesuffix('- y/z').rstrip()}{end}"
        for text in (mixed, whole):
            inner = "".join(f"{'  ' * deep}{line}\n" for line in text.split("\n"))
            agrees(around + inner.removesuffix("\n"), core=True)


LONG = st.text("ab '\"\\\n#:é/", max_size=60)
NOISE = st.text("a '\"\\\n#n/ t", max_size=24)


@pytest.mark.parametrize("core", [True, False])
@pytest.mark.parametrize("style", ["'", '"', "|", ">", None])
@settings(deadline=None)
@given(texts=st.lists(LONG, min_size=1, max_size=3), width=st.integers(20, 80))
def test_long_text_is_read_however_it_is_written(
    core: bool, style: str | None, texts: list[str], width: int
) -> None:
    value = {"a": {"b": texts, "c": texts[0]}, "d": texts[-1]}
    kept: dict[str, Any] = {"allow_unicode": True, "default_style": style, "width": width}
    agrees(yaml.safe_dump(value, **kept).replace('"a"', "a").replace('"b"', "b"), core)


@pytest.mark.parametrize("core", [True, False])
@settings(deadline=None, max_examples=300)
@given(NOISE, st.sampled_from(["'", '"', "|\n ", "|-\n ", "|-\n\n "]), st.sampled_from(["\n", " "]))
def test_text_that_may_be_odd_is_read_as_the_other_reader_does(
    core: bool, noise: str, start: str, end: str
) -> None:
    body = noise.replace("\n", "\n  ") + (start if len(start) == 1 else "")
    for text in (f"a: {start}{body}{end}\nb: 1\n", f"a:\n- {start}{body}{end}\n- c\n"):
        try:
            compose(text, "f", core=core)
        except ParseError:
            assert read_blocks(text, core=core) is None
        else:
            agrees(text, core)
