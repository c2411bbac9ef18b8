"""The language of Argo's conditions: as its own code reads it, and bounded in all."""

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.rules.manifests.expr import Refused, Unsupported, condition, parse
from lockproof.rules.manifests.expr.evaluation import UNKNOWN, Failed
from lockproof.rules.manifests.expr.syntax import Node

ANSWERS = json.loads(Path(__file__).with_name("expr_answers.json").read_bytes())
"""What `EvalCondition` of Argo Rollouts 1.9.0 answered, for each result: t, f, or e for an error.

Written by a program of a few lines around that function; conditions are by hand and by chance.
"""


def said(text: str, result: Any) -> str:
    try:
        answer = condition(parse(text), result)
    except Unsupported:
        return "?"
    except (Refused, Failed):
        return "e"
    return {True: "t", False: "f", None: "unknown"}[answer]


def as_number(value: Any) -> float:
    return float(value)


RESULTS = [
    [as_number(one) for one in result] if isinstance(result, list) else as_number(result)
    for result in ANSWERS["results"]
]


def test_conditions_say_what_argo_says() -> None:
    wrong, unknown = [], 0
    for text, answers in ANSWERS["answers"].items():
        for result, answer in zip(RESULTS, answers, strict=True):
            ours = said(text, result)
            unknown += ours == "?"
            if ours not in ("?", answer):
                wrong.append((text, result, answer, ours))
    assert not wrong
    total = len(RESULTS) * len(ANSWERS["answers"])
    assert total > 10_000
    assert unknown < total / 40, "what is not known is the exception"
    told = "".join(ANSWERS["answers"].values())
    assert all(told.count(one) > 500 for one in "tfe")


def test_what_is_said_of_an_unknown_result_holds_of_every_one() -> None:
    compared = 0
    for text in ANSWERS["answers"]:
        answer = said(text, UNKNOWN)
        if answer in ("t", "f"):
            compared += 1
            assert {said(text, result) for result in RESULTS} <= {answer, "e", "?"}, text
    assert compared > 50


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        node = parse(text)
    except (Refused, Unsupported):
        return
    assert isinstance(node, Node)


WORDS = (
    *("result", "result[0]", "len(", ")", "(", "[", "]", "{", "}", "&&", "||", "!", "==", "<", ">"),
    *("+", "-", "*", "/", "%", "**", "??", "?", ":", ",", ".", "..", "#", "|", "all(", "let", "x"),
    *("=", ";", "in", "not", "0", "1", "0.5", "1e3", "'a'", "true", "nil", "isNaN(", "default("),
    *("sum(", "max("),
)


@given(
    st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join),
    st.one_of(st.lists(st.floats(), max_size=4), st.floats(), st.just(UNKNOWN)),
)
def test_any_words_give_an_answer_or_one_of_the_known_errors(text: str, result: Any) -> None:
    assert said(text, result) in ("t", "f", "e", "?", "unknown")


@pytest.mark.parametrize("one", ["(", "[", "{a:", "!", "-", "all(result, ", "1 ** ", "true ? 1 : "])
def test_what_is_nested_deeply_ends_at_once(one: str) -> None:
    with pytest.raises((Refused, Unsupported)):
        parse(one * 3000 + "1")
    with pytest.raises(Unsupported, match="longer"):
        parse(one * 20_000)


@pytest.mark.parametrize(
    ("opened", "middle", "closed", "answer"),
    [
        ("(", "result > 1", " ?: true)", "t"),
        ("", "result > 1", " ?: true", "t"),
        # Its kind would take 3 times as many steps for each list in a list.
        ("true in [", "true", "]", "?"),
    ],
)
def test_what_stands_in_itself_many_times_ends(
    opened: str, middle: str, closed: str, answer: str
) -> None:
    assert said(opened * 55 + middle + closed * 55, 0.5) == answer
    assert said(opened * 2 + middle + closed * 2, 0.5) == "t"


def test_the_short_choice_is_the_long_one() -> None:
    for first in ("result > 1", "result < 1", "1"):
        short, long = f"{first} ?: false", f"{first} ? {first} : false"
        assert said(short, 0.5) == said(long, 0.5)


def test_what_is_equal_and_of_another_kind_is_told_apart() -> None:
    assert [said(text, 1.0) for text in ("result == 1", "result == true", "result == 1.0")] == [
        "t",
        "e",
        "t",
    ]


def test_a_chain_of_many_is_no_depth() -> None:
    text = " && ".join(["result[0] < 1"] * 300)
    assert condition(parse(text), [0.5]) is True
    assert condition(parse(text), [math.nan]) is False


def test_a_range_is_bounded() -> None:
    with pytest.raises(Unsupported, match="items"):
        condition(parse("len(1..9223372036854775807) > 1"), [1.0])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("result >= 0.95", "write result\\[0\\]"),
        ("result[0] >== 0.95", "'=' at character 13"),
        ("isNaN(result)", "write result\\[0\\]"),
        ("results[0] > 1", "there is no results"),
        ("result[0] > 1 AND true", "AND"),
        ("0.9 <= result[0] <= 1", "truth value"),
        ("result[0]", "it is no condition"),
    ],
)
def test_a_refusal_says_where_and_what(text: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        condition(parse(text), [0.5])


@pytest.mark.parametrize(
    "text",
    [
        "all(1..1000, {all(1..1000, {all(1..1000, # > 0)})})",
        "count(1..900, {count(1..900, # > 2) > 3}) > 1",
        "let a='" + "x" * 90 + "'; "
        + " ".join(f"let {b}={'+'.join([a] * 10)};" for a, b in pairwise("abcdefghij"))
        + " len(j) > 3",
        "len(1..9000) > 3 && sum(1..9000) > 3",
    ],
)  # fmt: skip
def test_what_takes_long_or_much_is_not_known(text: str) -> None:
    with pytest.raises(Unsupported):
        condition(parse(text), [0.5])


@pytest.mark.parametrize(
    ("text", "result", "answer"),
    [
        ("max(result) <= 200", [100.0, 150.0], "t"),
        ("max(result) <= 200", [100.0, 250.0], "f"),
        ("min(result, 3) < 3", [4.0, 5.0], "f"),
        ("max(result) == nil", [], "t"),
        ("max(result) > 1", [], "e"),
    ],
)
def test_extremes_of_a_list(text: str, result: list[float], answer: str) -> None:
    """As `minMax` of expr 1.16.9 and 1.17.7 has it."""
    assert said(text, result) == answer
