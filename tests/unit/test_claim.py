"""What a pipeline's locks claim is in a remote, and what they do not."""

from typing import Any

import pytest

from lockproof.model.claim import Claim, Exemption, claims_of
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Out, Pipeline, Stage, StoredFile, StoredVersion

MD5 = Digest(value="ab" + "0" * 30)


def pipeline(stage: dict[str, Any] | None = None, **out: Any) -> Pipeline:
    base = {"address": "train", "kind": "stage", "file": "sub/dvc.yaml", "locked": True}
    given = {"path": "model", "locked": MD5, **out}
    return Pipeline(stages=(Stage(**{**base, "outs": (Out(**given),), **(stage or {})}),))


def test_a_claim_says_what_where_and_who() -> None:
    found = claims_of(pipeline(size=7, line=12, remote="store"))
    assert found.claims == (
        Claim(
            path="model",
            owner="train",
            file="sub/dvc.lock",
            line=12,
            digest=MD5,
            size=7,
            remote="store",
        ),
    )
    assert found.exempt == ()


def test_a_dvc_file_claims_for_itself() -> None:
    (claim,) = claims_of(pipeline({"kind": "data", "file": "data/raw.csv.dvc"})).claims
    assert claim.file == "data/raw.csv.dvc"


def test_version_ids_alone_are_a_claim() -> None:
    file = StoredFile(relpath="", size=1, versions=(StoredVersion(remote="s3", id="v1"),))
    (claim,) = claims_of(pipeline(locked=None, versioned=True, stored=(file,))).claims
    assert claim.digest is None
    assert claim.stored == (file,)


@pytest.mark.parametrize(
    ("stage", "out", "reason"),
    [
        ({}, {"locked": None}, Exemption.NOT_LOCKED),
        ({}, {"pushed": False}, Exemption.NOT_PUSHED),
        ({}, {"external": True, "path": "/data/x"}, Exemption.OUTSIDE),
        ({"from_repository": True}, {"cached": False}, Exemption.OTHER_REPOSITORY),
        ({}, {"locked": Digest(algorithm="etag", value="x")}, Exemption.NO_DIGEST),
    ],
)
def test_what_no_remote_has_to_hold_is_named(
    stage: dict[str, Any], out: dict[str, Any], reason: Exemption
) -> None:
    found = claims_of(pipeline(stage, **out))
    assert found.claims == ()
    assert [e.reason for e in found.exempt] == [reason]


def test_outputs_in_git_are_no_ones_business() -> None:
    found = claims_of(pipeline(cached=False))
    assert (found.claims, found.exempt) == ((), ())


def test_where_an_object_lies() -> None:
    assert MD5.object_path == f"files/md5/ab/{'0' * 30}"
    legacy = Digest(algorithm="md5-dos2unix", value="cd" + "1" * 30 + ".dir")
    assert legacy.object_path == f"cd/{'1' * 30}.dir"
