"""What a model version is named by, and what its tags say."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.model.digest import Digest
from lockproof.model.registration import (
    CanaryEnd,
    ModelVersion,
    Proof,
    Registration,
    aliased,
    version_uri,
)
from lockproof.model.run import DataInput
from lockproof.model.verdict import Verdict

PROOF = Proof("a" * 40, "b" * 64, Verdict.PASSED, "c" * 64, "report")
ONE = Registration(
    name="m",
    flavour="file",
    root=".",
    outputs={"m.bin": Digest(value="0" * 32)},
    loads="m.bin",
    stages=("train",),
    inputs=(DataInput("raw", Digest(value="1" * 32)),),
    environment_digest="d" * 64,
    image=None,
    proof=PROOF,
)

OTHERS = {
    "name": {"name": "n"},
    "commit": {"proof": replace(PROOF, commit="e" * 40)},
    "outputs": {"outputs": {"m.bin": Digest(value="2" * 32)}},
    "output's name": {"outputs": {"n.bin": Digest(value="0" * 32)}},
    "environment": {"environment_digest": None},
}
SAME = {
    "evidence": {"proof": replace(PROOF, evidence="f" * 64)},
    "job": {"ci_url": "https://x"},
    "run on another machine": {"repository": "https://y"},
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_version_has_another_key(case: str) -> None:
    assert replace(ONE, **OTHERS[case]).key != ONE.key


@pytest.mark.parametrize("case", SAME)
def test_proved_again_it_is_the_same_version(case: str) -> None:
    assert replace(ONE, **SAME[case]).key == ONE.key


@given(st.lists(st.text(min_size=1, max_size=60), unique=True, max_size=200))
def test_tags_fit_every_store_and_read_back_or_say_nothing(names: list[str]) -> None:
    inputs = tuple(DataInput(name, Digest(value="1" * 32)) for name in names)
    tags = replace(ONE, inputs=inputs).tags()
    assert all(len(value) <= 5000 and len(name) <= 250 for name, value in tags.items())
    found = ModelVersion("m", 1, tags=tags).digests("inputs")
    whole = {item.path: str(item.digest) for item in inputs}
    assert found == whole or (found is None and len(str(whole)) > 4000)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"a": 1}', "null", "sha256:0"])
def test_tags_that_somebody_else_wrote_say_nothing(text: str) -> None:
    version = ModelVersion("m", 1, tags={"lockproof.outputs": text, "lockproof.commit": "HEAD"})
    assert version.digests("outputs") is None
    assert version.commit is None


def test_the_digest_to_serve_by_is_that_of_one_file_or_folder() -> None:
    folder, old = Digest(value="0" * 32 + ".dir"), Digest.of("md5-dos2unix", "0" * 32)
    two = {"a": Digest(value="3" * 32), "b": Digest(value="4" * 32)}

    def served(**changes: object) -> str | None:
        return ModelVersion("m", 1, tags=replace(ONE, **changes).tags()).served_digest

    assert served() == f"md5:{'0' * 32}"
    assert served(outputs={"m.bin": folder}) == f"md5:{'0' * 32}.dir"
    pyfunc = {"outputs": {"m": folder}, "loads": "m", "flavour": "pyfunc"}
    assert served(**pyfunc) == f"md5:{'0' * 32}.dir"
    assert served(**{**pyfunc, "outputs": {"m": folder, **two}}) is None
    assert served(outputs={"m.bin": old}) is None
    assert served(outputs=two, loads=None) is None
    assert served(outputs=two, loads="b") is None  # The other would be served unchecked.
    # A tag that somebody edited names no other file.
    assert served(loads="elsewhere") is None


END = CanaryEnd(
    verdict="failed",
    checks="web",
    digest="1" * 64,
    since="2026-11-29T12:00:00Z",
    until="2026-11-29T13:00:00Z",
    report="2" * 64,
)


@given(st.builds(CanaryEnd, *[st.text(max_size=20)] * 3, *[st.just(END.since)] * 2, st.text()))
def test_what_a_version_says_of_its_canary_reads_back(end: CanaryEnd) -> None:
    assert ModelVersion("m", 1, tags={"lockproof.canary": end.text}).canary == end


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "{", "{}", "[" * 100_000, '{"until": "9999"}', "1" * 10_000,
        END.text.replace('"failed"', "1"),
        END.text.replace("13:00:00Z", "13:00"),
        END.text.replace("11-29T13", "13-41T13"),
        END.text.replace("T13", "T11"),
        END.text.replace('"web"', '"web","more":"words"'),
    ],
    ids=range(13),
)  # fmt: skip
def test_what_somebody_else_wrote_of_a_canary_says_nothing(text: str) -> None:
    assert ModelVersion("m", 1, tags={"lockproof.canary": text}).canary is None


def test_addresses_of_versions() -> None:
    assert version_uri("models:/a b/12") == ("a b", 12)
    assert aliased("a@b") == aliased("models:/a@b") == ("a", "b")
    for text in ("models:/a/x", "models:/a@b/1", "a", "models:/a/1/2", "a@b@c", "", "models:/a/-1"):
        assert version_uri(text) is None
    for text in ("a", "a@", "@b", "a@b@c", "x/a@b", "models:/a/1"):
        assert aliased(text) is None
