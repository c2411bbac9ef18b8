"""What `make fuzz` starts from is accepted, and small changes to it never end in a traceback."""

import random

import pytest
from tests.fuzz.parsers import TARGETS, run

CASES = [(name, index) for name, target in TARGETS.items() for index in range(len(target.seeds))]


@pytest.mark.parametrize(("name", "index"), CASES)
def test_seeds_are_accepted_and_spoilt_ones_end_well(name: str, index: int) -> None:
    seed = TARGETS[name].seeds[index]
    assert run(name, seed), "a seed that is refused leads the fuzzer nowhere"
    source = random.Random(index)
    for _ in range(150):
        spoilt = bytearray(seed)
        for _ in range(source.randint(1, 4)):
            at = source.randrange(len(spoilt) + 1)
            what = source.choice([b"", b"\0", b"\xff", b"[", b"- ", b"'", b"\n", b": ", b"9" * 30])
            spoilt[at : at + source.randint(0, 3)] = what
        run(name, bytes(spoilt))
