"""The facts of a run: their digest, plain values and addresses without secrets."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.errors import ConfigError
from lockproof.model.address import without_credentials
from lockproof.model.digest import Digest, lock_digest
from lockproof.model.environment import Environment
from lockproof.model.run import DataInput, GitState, RunFacts, plain

FACTS = RunFacts(
    name="r",
    lock_files={"dvc.lock": b"x\n"},
    git=GitState("a" * 40),
    environment=Environment(kind="k", name="n"),
    params={"p": {"a": 1}},
    metrics={"m": {"a": 1.0}},
    inputs=(DataInput("d", Digest(value="0" * 32)), DataInput("e", Digest(value="1" * 32))),
)


def test_the_digest_is_of_what_the_record_says_and_not_of_the_commit() -> None:
    assert FACTS.lock_digest == lock_digest(FACTS.lock_files)
    assert replace(FACTS, git=GitState("b" * 40, "x", "y", True)).digest == FACTS.digest
    assert replace(FACTS, inputs=FACTS.inputs[::-1]).digest == FACTS.digest
    others = [
        replace(FACTS, name="s"),
        replace(FACTS, lock_files={"dvc.lock": b"y\n"}),
        replace(FACTS, environment=Environment(kind="k", name="n", cpu="other")),
        replace(FACTS, params={"p": {"a": "1"}}),
        replace(FACTS, metrics={"m": {"a": 1.5}}),
        replace(FACTS, inputs=()),
    ]
    assert len({FACTS.digest, *(other.digest for other in others)}) == 1 + len(others)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://host/x.git", "https://host/x.git"),
        ("https://host:5000/a@b/x", "https://host:5000/a@b/x"),
        ("https://user:s3cret@host:5000/x", "https://host:5000/x"),
        ("https://s3cret@host/x", "https://host/x"),
        ("https://u:s3cret@more@host/x", "https://host/x"),
        ("https://u:s3/cret@host/x", "https://host/x"),
        ("https://u:s3?cret#t@host/x", "https://host/x"),
        ("https://host/x?token=s3cret#s3cret", "https://host/x"),
        ("https://u:s3cret@[::1]:5000/x", "https://[::1]:5000/x"),
        ("https://[::1]:5000/x@y", "https://[::1]:5000/x@y"),
        ("https://u:s3cret@[", "https://["),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("ssh://git:s3cret@host:22/x", "ssh://git@host:22/x"),
        ("git+ssh://git:s3cret@host/x", "git+ssh://git@host/x"),
        ("postgresql://u:s3cret@host/db?password=s3cret", "postgresql://host/db"),
        ("git@host:group/x.git", "git@host:group/x.git"),
        ("/a/path/x", "/a/path/x"),
        ("file:///a/path", "file:///a/path"),
        ("sqlite:////a/path.db", "sqlite:////a/path.db"),
        ("sqlite+pysqlite:///file:/a%3F.db?uri=true", "sqlite+pysqlite:///file:/a%3F.db?uri=true"),
        ("", ""),
    ],
)
def test_an_address_without_secrets(url: str, expected: str) -> None:
    assert without_credentials(url) == expected
    assert without_credentials(expected) == expected
    assert "s3cret" not in without_credentials(url)


SAFE = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)


@given(SAFE, st.text(st.characters(exclude_characters="/?#", codec="utf-8")), SAFE)
def test_no_password_survives(user: str, password: str, host: str) -> None:
    assert without_credentials(f"https://{user}:{password}@{host}/x") == f"https://{host}/x"


TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(TREES)
def test_what_json_has_is_plain_already(value: Any) -> None:
    assert plain(value) == value


def test_what_json_does_not_have_becomes_text() -> None:
    value = {1: date(2026, 1, 2), None: (1, {2}), "b": b"x", "half\ud800": "\udfff"}
    made = plain(value)
    assert made == {"1": "2026-01-02", "None": [1, [2]], "b": "b'x'", "half?": "?"}
    json.dumps(made).encode()


def test_a_value_inside_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ConfigError, match="levels deep"):
        plain(value)
