"""The statements that are signed, and the reader of proofs that anybody may have written."""

import base64
import hashlib
import json
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.parsers import PROOF

from lockproof.adapters.proofs import places
from lockproof.adapters.proofs.remote import RemoteProofs
from lockproof.adapters.store.folder import LocalStore
from lockproof.adapters.store.interface import Patience
from lockproof.adapters.store.writer import put_proof
from lockproof.errors import ConfigError
from lockproof.model.digest import Digest
from lockproof.model.remote import RemoteConfig
from lockproof.model.sealed import Sealed
from lockproof.model.statement import ProvedOutput, dvc_digest, manifest_sha256, payload
from lockproof.model.verdict import OutputVerdict
from lockproof.parse.bundle import read_bundles, read_statement, read_verdict

HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def output(path: str, sha256: str) -> ProvedOutput:
    return ProvedOutput(
        path=path,
        stage="train",
        locked=Digest(value="0" * 32),
        sha256=sha256,
        verdict=OutputVerdict.IDENTICAL,
    )


@given(st.dictionaries(NAMES, HEX, min_size=1, max_size=4), st.dictionaries(NAMES, VALUES))
@settings(max_examples=60, deadline=None)
def test_equal_statements_are_equal_bytes_and_say_what_went_in(
    outputs: dict[str, str], predicate: dict[str, object]
) -> None:
    made = [output(path, sha256) for path, sha256 in outputs.items()]
    content = payload(made, "https://x/y", predicate)
    turned = dict(reversed(predicate.items()))
    assert payload(made[::-1], "https://x/y", turned) == content
    statement = read_statement(Sealed("", content, ()))
    assert {s.name: s.digest["sha256"] for s in statement.subject} == outputs
    assert statement.predicate == json.loads(json.dumps(predicate))


@given(st.dictionaries(NAMES, HEX, max_size=4), st.dictionaries(NAMES, HEX, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_manifest_names_just_its_files(one: dict[str, str], other: dict[str, str]) -> None:
    assert (manifest_sha256(one) == manifest_sha256(other)) == (one == other)
    pairs = [[path, one[path]] for path in sorted(one)]
    text = json.dumps(pairs, ensure_ascii=False, separators=(",", ":"))
    assert manifest_sha256(one) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("locked", "name"),
    [
        (Digest(value="1" * 32), "md5"),
        (Digest(value="1" * 32 + ".dir"), "dvcDirMd5"),
        (Digest(algorithm="md5-dos2unix", value="1" * 32), "dvcMd5Dos2unix"),
        (Digest(algorithm="md5-dos2unix", value="1" * 32 + ".dir"), "dvcDirMd5Dos2unix"),
    ],
)
def test_digests_of_different_kinds_have_different_names(locked: Digest, name: str) -> None:
    assert dvc_digest(locked) == {name: "1" * 32}


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_spoilt_proof_is_refused_in_one_line_or_read_whole(data: st.DataObject) -> None:
    """Each string and number of a real bundle, and of the statement in it, replaced."""
    bundle = json.loads(PROOF)
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    target = data.draw(st.sampled_from([bundle, statement]))
    place = target
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not (isinstance(place[key], dict | list) and place[key]) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(VALUES)
    if target is statement:
        content = base64.b64encode(json.dumps(statement).encode()).decode()
        bundle["dsseEnvelope"]["payload"] = content
    try:
        (sealed,) = read_bundles(json.dumps(bundle).encode(), "p")
        found = read_verdict(read_statement(sealed))
    except ConfigError as error:
        said = str(error)
    else:
        said = f"version {found.version}"
    assert "\n" not in said
    assert len(said) < 1000


# --- where proofs live ----------------------------------------------------------------------------

CONTENT = b"one proof\n"
NAMED = [
    places.of_subject("a" * 64, "c" * 64),
    places.of_tree("b" * 40, "d" * 64, "c" * 64),
    places.of_commit("e" * 40, "d" * 64, "c" * 64),
]


class Dying(LocalStore):
    """A folder whose user is killed at the nth write."""

    left = -1

    def put(self, path: str, content: bytes) -> None:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        super().put(path, content)


def store_in(folder: Path) -> Dying:
    return Dying(RemoteConfig(name="store", url=str(folder), options={}))


@pytest.mark.parametrize("writes", range(4))
def test_a_kill_at_any_write_leaves_no_half_proof_and_the_next_run_completes_it(
    tmp_path: Path, writes: int
) -> None:
    store = store_in(tmp_path)
    proofs = RemoteProofs(store, Patience(attempts=1))
    store.left = writes
    with pytest.raises(KeyboardInterrupt):
        proofs.keep(CONTENT, NAMED)
    seen = [proofs.find(place) for place in NAMED]
    # The object is there before anything names it, and what is named is whole.
    assert seen == [CONTENT] * max(writes - 1, 0) + [None] * (3 - max(writes - 1, 0))
    store.left = -1
    assert proofs.keep(CONTENT, NAMED) == hashlib.sha256(CONTENT).hexdigest()
    assert [proofs.find(place) for place in NAMED] == [CONTENT] * 3


def test_of_two_at_once_each_place_names_a_whole_one(tmp_path: Path) -> None:
    contents = [f"proof {number}\n".encode() for number in range(4)]
    start = threading.Barrier(len(contents))

    def write(content: bytes) -> None:
        start.wait()
        RemoteProofs(store_in(tmp_path), Patience(attempts=1)).keep(content, NAMED)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    proofs = RemoteProofs(store_in(tmp_path), Patience(attempts=1))
    assert all(proofs.find(place) in contents for place in NAMED)
    for content in contents:
        path = tmp_path / places.object_path(hashlib.sha256(content).hexdigest())
        assert path.read_bytes() == content


@pytest.mark.parametrize("spoilt", [b"", b"x", b"0" * 64, b"../../../etc/passwd", b"0" * 66])
def test_a_place_that_names_no_proof_is_none(tmp_path: Path, spoilt: bytes) -> None:
    store = store_in(tmp_path)
    store.put(NAMED[0], spoilt)
    assert RemoteProofs(store, Patience(attempts=1)).find(NAMED[0]) is None


@pytest.mark.parametrize(
    "path", ["files/md5/00/11", "lockproof/proofs/../../files/md5/00/11", "lockproof/proofs//a"]
)
def test_nothing_is_written_beside_the_folder_of_proofs(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="not a place of proofs"):
        put_proof(store_in(tmp_path), path, b"")
    assert list(tmp_path.iterdir()) == []
