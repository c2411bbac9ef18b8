"""A remote on a bad day: asked again, then an error, and never a wrong verdict either way."""

import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from lockproof.adapters.store.interface import Store, StoreError
from lockproof.adapters.store.open import open_store
from lockproof.errors import ExitCode
from lockproof.model.claim import Claim
from lockproof.rules.remote import claim_findings
from lockproof.steps.gate.prover import Options, prove

from .fault_proxy import ANY, BODIES, LISTINGS, FaultProxy, fault_proxy
from .remotes import Bucket, claim_file, claim_folder, digest_of
from .s3 import s3_server

pytestmark = [
    pytest.mark.s3,
    pytest.mark.xdist_group("remote"),
    # urllib3 leaves a connection that was reset in the middle of an answer to the collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
    ),
]

RUNS = 1000 if os.environ.get("LOCKPROOF_TEST_WHOLE") else 250
OPTIONS = Options(jobs=4, attempts=3, backoff=0.002)
TIMEOUT = 0.25


@dataclass
class World:
    """Claims, and what is wrong with the remote that should hold them."""

    store: Store
    claims: tuple[Claim, ...]
    rules: frozenset[str]

    def look(self) -> list[str]:
        """The rules that are found to be broken."""
        given = [(claim, claim.file) for claim in self.claims]
        proof = anyio.run(prove, given, self.store, OPTIONS)
        return [f.rule for facts in proof.facts for f in claim_findings(facts)]


def _same_folder(count: int) -> dict[str, bytes]:
    """Files whose digests start alike, so that they are looked for by listing one folder."""
    contents = (str(i).encode() for i in itertools.count())
    alike = (c for c in contents if hashlib.md5(c).hexdigest().startswith("ab"))
    return {f"f{i}": content for i, content in enumerate(itertools.islice(alike, count))}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        client: Any = server.client()
        client.create_bucket(Bucket="data")
        with fault_proxy(server.url) as running:
            running.server = server  # type: ignore[attr-defined]
            yield running


@pytest.fixture(scope="module")
def worlds(proxy: FaultProxy) -> Iterator[dict[str, World]]:
    made = {}
    for name in ("good", "missing", "corrupted", "large good", "large missing"):
        direct = Bucket(proxy.server, "data", name.replace(" ", "-"))  # type: ignore[attr-defined]
        files = _same_folder(70) if name.startswith("large") else {"a": b"a", "b": b"bb"}
        claims = (claim_folder(direct, "raw", files), claim_file(direct, "model", b"model"))
        last = digest_of(files[list(files)[-1]]).object_path
        if name.endswith("missing"):
            direct.delete(last)
        elif name == "corrupted":
            direct.put(last, b"bX")
        config = direct.config.model_copy(
            update={"options": {**direct.config.options, "endpointurl": proxy.url}}
        )
        rule = {"good": None, "corrupted": "LP202"}.get(name.split()[-1], "LP201")
        store = open_store(config, jobs=OPTIONS.jobs, timeout=TIMEOUT)
        made[name] = World(store, claims, frozenset({rule} if rule else ()))
    yield made
    for world in made.values():
        world.store.close()


def test_without_faults_every_world_is_seen_as_it_is(
    proxy: FaultProxy, worlds: dict[str, World]
) -> None:
    proxy.never()
    for world in worlds.values():
        assert set(world.look()) == world.rules
    asked = {(verb, "list-type" in path) for verb, path in proxy.requests}
    assert asked == {("GET", True), ("GET", False), ("HEAD", False)}


@pytest.mark.parametrize("fault", [*ANY, *LISTINGS])
def test_one_fault_is_overcome(proxy: FaultProxy, worlds: dict[str, World], fault: str) -> None:
    proxy.always(fault, times=1)
    assert worlds["large good"].look() == []
    assert proxy.injected[fault] >= 1


@pytest.mark.parametrize("fault", [name for name in {**ANY, **BODIES} if name != "timeout"])
def test_what_never_works_is_unavailable(
    proxy: FaultProxy, worlds: dict[str, World], fault: str
) -> None:
    proxy.always(fault)
    with pytest.raises(StoreError, match="does not answer") as caught:
        worlds["good"].look()
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    assert "\n" not in str(caught.value)


def test_attempts_are_counted(proxy: FaultProxy, worlds: dict[str, World]) -> None:
    proxy.always("503 SlowDown")
    before = len(proxy.requests)
    with pytest.raises(StoreError, match="SlowDown"):
        worlds["good"].look()
    assert len(proxy.requests) - before == OPTIONS.attempts


def test_never_a_wrong_verdict(proxy: FaultProxy, worlds: dict[str, World]) -> None:
    seen: Counter[str] = Counter()
    names = list(worlds)
    before = proxy.injected.total()
    for run in range(RUNS):
        world = worlds[names[run % len(names)]]
        proxy.sometimes(seed=run, rate=(0.1, 0.3, 0.6)[run % 3])
        try:
            rules = set(world.look())
        except StoreError:
            seen["unavailable"] += 1
            continue
        assert rules == world.rules, f"run {run} of {names[run % len(names)]!r}"
        seen["failed" if rules else "passed"] += 1
    proxy.never()
    assert proxy.injected.total() - before > RUNS
    assert min(seen["passed"], seen["failed"], seen["unavailable"]) > RUNS // 20, seen
    assert set(proxy.injected) == {*ANY, *LISTINGS, *BODIES}
