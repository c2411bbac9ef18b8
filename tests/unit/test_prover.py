"""What is looked for, which way of asking is cheaper, and how often to ask again."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.adapters.store.interface import Patience, StoreError
from lockproof.model.remote import RemoteConfig
from lockproof.steps.gate.prover.wanted import Wanted, path_of, prefer_listing

REMOTE = RemoteConfig(name="store", url="s3://bucket/a")


@given(st.lists(st.tuples(st.binary(min_size=16, max_size=16), st.integers(0, 9)), max_size=50))
def test_everything_that_is_wanted_is_looked_for(pairs: list[tuple[bytes, int]]) -> None:
    wanted = Wanted()
    for digest, owner in pairs:
        wanted.add("md5", {digest[0]: digest}, owner)
    assert len(wanted) == len(pairs)
    found = [
        (bytes.fromhex(f"{first:02x}{name}"), owner)
        for (_, first), folder in wanted.folders.items()
        for name, owner in folder.entries()
    ]
    assert sorted(found) == sorted(pairs)
    for folder in wanted.folders.values():
        assert folder.names == sorted({name for name, _ in folder.entries()})


def test_packed_digests_of_one_claim() -> None:
    digests = [hashlib.md5(str(n).encode()).digest() for n in range(100)]
    alike = b"".join(b"\xab" + digest[1:] for digest in digests)
    wanted = Wanted()
    wanted.add("md5", {0xAB: alike}, 3)
    folder = wanted.folders[("md5", 0xAB)]
    assert len(folder.names) == 100
    assert {owner for _, owner in folder.entries()} == {3}


def test_where_folders_are() -> None:
    assert path_of("md5", 0xA) == "files/md5/0a/"
    assert path_of("md5-dos2unix", 0xFF) == "ff/"


@pytest.mark.parametrize(
    ("wanted", "held", "listed"),
    [
        (1, 0, False),
        (1, 1, False),
        (390, 390, True),
        (10, 400, True),
        (3, 400, False),
        (390, 4_000, True),
        (8, 1_000_000, False),
        (1_000, 4_000_000, False),
        (4_000, 4_000, True),
    ],
)
def test_listing_or_asking(wanted: int, held: float, listed: bool) -> None:
    assert prefer_listing(wanted, held) is listed


@given(st.integers(1, 10_000), st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_fuller_store_is_never_a_reason_to_list(wanted: int, one: float, other: float) -> None:
    fuller, emptier = max(one, other), min(one, other)
    assert prefer_listing(wanted, emptier) or not prefer_listing(wanted, fuller)


class Flaky:
    """Fails so many times, then answers."""

    def __init__(self, failures: int, *, transient: bool = True) -> None:
        self.failures, self.transient, self.asked = failures, transient, 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.failures:
            raise StoreError(REMOTE, "busy", transient=self.transient)
        return "answer"


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_asking_again_helps(failures: int) -> None:
    call = Flaky(failures)
    assert Patience(attempts=3, base=0.001).ask(call) == "answer"
    assert call.asked == failures + 1


@pytest.mark.parametrize(("transient", "asked"), [(True, 3), (False, 1)])
def test_patience_ends(transient: bool, asked: int) -> None:
    call = Flaky(9, transient=transient)
    with pytest.raises(StoreError, match=r"'store' \(s3://bucket/a\) does not answer: busy"):
        Patience(attempts=3, base=0.001).ask(call)
    assert call.asked == asked


def test_nobody_waits_once_all_is_lost() -> None:
    patience = Patience(attempts=3, base=3600, cap=3600)
    patience.stop.set()
    call = Flaky(9)
    with pytest.raises(StoreError):
        patience.ask(call)
    assert call.asked == 1
