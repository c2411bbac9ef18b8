"""The engine of these tests is a fake."""

from collections.abc import Iterator

import pytest
from dagger import dag

from fake_engine import FakeEngine, Recording


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    fake, real = FakeEngine(), dag._ctx
    dag._ctx = Recording(engine=fake)
    yield fake
    dag._ctx = real
