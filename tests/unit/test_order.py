"""What a pod reports comes back through a log that others may write to, and that may be cut."""

import base64
import gzip
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.model import order as module
from lockproof.model.order import BadOrderError, Order, seal, unseal

ORDER = Order("train-0a1b2c3d", ("train",), bytes(range(32)))
PASSED = {"report": {"verdict": "passed"}, "findings": []}
FAILED = {"report": {"verdict": "failed"}, "findings": []}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def log(order: Order, value: object = None) -> bytes:
    return seal(order, {"report": value}).encode()


@given(st.dictionaries(st.text(), VALUES), st.text(), st.text())
def test_what_was_sealed_comes_back_whatever_else_is_in_the_log(
    value: dict[str, object], before: str, after: str
) -> None:
    noise = before.replace("lockproof-receipt", "")
    tail = after.replace("lockproof-receipt", "")
    text = f"{noise}\n{seal(ORDER, value)}{tail}"
    assert unseal(ORDER, text.encode("utf-8", "replace")) == value


@given(st.data(), VALUES)
def test_a_log_that_was_changed_anywhere_says_the_same_or_nothing(
    data: st.DataObject, value: object
) -> None:
    content = bytearray(log(ORDER, value))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    try:
        found = unseal(ORDER, bytes(content))
    except BadOrderError:
        return
    assert found == {"report": value}


@given(st.data(), VALUES)
def test_a_log_that_was_cut_says_nothing(data: st.DataObject, value: object) -> None:
    content = log(ORDER, value)
    # All but its last character, which ends the line, is needed.
    end = data.draw(st.integers(0, len(content) - 2))
    with pytest.raises(BadOrderError):
        unseal(ORDER, content[:end])
    with pytest.raises(BadOrderError):
        unseal(ORDER, content[end + 1 :] if end < len(content) - 2 else b"")


def test_a_line_that_is_missing_in_the_middle_is_noticed() -> None:
    noise = [str(hash((number, "x"))) for number in range(2000)]
    lines = seal(ORDER, {"report": noise}).splitlines(keepends=True)
    assert len(lines) > 6
    for missing in range(len(lines)):
        text = "".join(line for number, line in enumerate(lines) if number != missing)
        with pytest.raises(BadOrderError):
            unseal(ORDER, text.encode())


@pytest.mark.parametrize(
    "other",
    [
        replace(ORDER, key=bytes(32)),
        replace(ORDER, task="prepare-0a1b2c3d"),
    ],
)
def test_a_receipt_of_another_pod_or_run_opens_nothing(other: Order) -> None:
    with pytest.raises(BadOrderError, match="not sealed with the key of this pod"):
        unseal(ORDER, log(other))


def test_what_a_stage_writes_cannot_become_its_report() -> None:
    """It knows the form, and not the key."""
    guessed = replace(ORDER, key=b"\0" * 32)
    forged = seal(guessed, PASSED)
    true = seal(ORDER, FAILED)
    unsealed = true.replace(base64.b64encode(gzip.compress(b"{}", mtime=0)).decode(), "")
    assert unseal(ORDER, (forged + unsealed).encode()) == FAILED
    for text in (forged, true + forged, forged[: len(forged) // 2] + true[len(true) // 2 :]):
        with pytest.raises(BadOrderError):
            unseal(ORDER, text.encode())
    # Its payload under the true seal of another one.
    own = [line for line in forged.splitlines() if " end " not in line]
    with pytest.raises(BadOrderError, match="not sealed"):
        unseal(ORDER, "\n".join([*own, true.splitlines()[-1]]).encode())


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SEALED", 200)
    with pytest.raises(BadOrderError, match="200 at most"):
        seal(ORDER, {"report": [hash((n, "y")) for n in range(100)]})
    monkeypatch.undo()
    bomb = log(ORDER, "0" * 200_000)
    assert len(bomb) < 2000
    monkeypatch.setattr(module, "MOST_BYTES", 100_000)
    with pytest.raises(BadOrderError, match="larger than 100,000"):
        unseal(ORDER, bomb)


@given(st.text(min_size=1), st.lists(st.text(min_size=1)), st.binary(min_size=32, max_size=32))
def test_an_order_is_read_as_it_was_written(task: str, stages: list[str], key: bytes) -> None:
    given_order = Order(task, tuple(stages), key)
    assert Order.parse(given_order.text.encode("utf-8", "surrogatepass")) == given_order


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"task": "a", "stages": []}',
        json.dumps({"task": "", "stages": [], "key": "0" * 64}).encode(),
        json.dumps({"task": "a", "stages": [""], "key": "0" * 64}).encode(),
        json.dumps({"task": "a", "stages": "train", "key": "0" * 64}).encode(),
        json.dumps({"task": "a", "stages": [], "key": "0" * 63}).encode(),
        json.dumps({"task": "a", "stages": [], "key": "0" * 64, "more": 1}).encode(),
    ],
)
def test_what_is_no_order_is_refused(content: bytes) -> None:
    with pytest.raises(BadOrderError):
        Order.parse(content)


def test_an_order_does_not_show_its_key() -> None:
    assert ORDER.key.hex() not in repr(ORDER)
    assert repr(ORDER.key) not in repr(ORDER)
