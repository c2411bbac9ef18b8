"""Identities of Sigstore: the real verifier, and an instance of these tests' own."""

import json
import logging
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from platformdirs import user_cache_dir, user_data_dir

from lockproof.adapters.signing import keyless
from lockproof.adapters.signing.keyless import signed_as
from lockproof.errors import UsageError
from lockproof.model.sealed import Sealed
from lockproof.parse.bundle import read_bundles

from .sigstore_stand_in import LIFE, Sigstore

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WHO = "https://github.com/o/r/.github/workflows/ci.yaml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
PUBLIC = "https://tuf-repo-cdn.sigstore.dev"
PAYLOAD = b'{"_type": "https://in-toto.io/Statement/v1"}'


@pytest.fixture
def instance(tmp_path: Path) -> Sigstore:
    return Sigstore(tmp_path)


def sealed(by: Sigstore, identity: str = WHO, **times: datetime) -> Sealed:
    at = {"issued": NOW, "logged": NOW + timedelta(minutes=1), **times}
    (found,) = read_bundles(by.seal(PAYLOAD, identity, ISSUER, **at).encode(), "p")
    return found


def refused(by: Sigstore, found: Sealed, identity: str = WHO, issuer: str = ISSUER) -> str | None:
    return signed_as(found, identity, issuer, by.verifier())


def test_who_signed_while_the_certificate_was_valid_is_taken_long_after(instance: Sigstore) -> None:
    for minutes in (0, 1, 10):
        found = sealed(instance, logged=NOW + timedelta(minutes=minutes))
        assert refused(instance, found) is None


@pytest.mark.parametrize("late", [LIFE + timedelta(seconds=1), timedelta(days=30)])
def test_an_expired_certificate_signs_nothing(instance: Sigstore, late: timedelta) -> None:
    said = refused(instance, sealed(instance, logged=NOW + late))
    assert said == (
        "its certificate was valid from 2026-06-01T12:00:00Z to 2026-06-01T12:10:00Z, and the log"
        f" took the signature at {NOW + late:%Y-%m-%dT%H:%M:%SZ}: sign it again"
    )


def test_a_certificate_that_is_not_valid_yet_signs_nothing(instance: Sigstore) -> None:
    said = refused(instance, sealed(instance, logged=NOW - timedelta(seconds=1)))
    assert "and the log took the signature at 2026-06-01T11:59:59Z" in str(said)


def test_the_certificate_of_an_authority_that_has_expired_signs_nothing(instance: Sigstore) -> None:
    at = NOW + timedelta(days=365)
    said = refused(instance, sealed(instance, issued=at, logged=at))
    assert said is not None
    assert "the log took the signature" not in said


def test_others_are_told_apart(instance: Sigstore, tmp_path: Path) -> None:
    other = Sigstore(tmp_path)
    assert "failed to build" in str(refused(instance, sealed(other)))
    assert "SANs do not match" in str(refused(instance, sealed(instance, f"{WHO}2")))
    wrong = refused(instance, sealed(instance), issuer="https://gitlab.com")
    assert "OIDCIssuer does not match" in str(wrong)


def test_the_time_of_a_log_that_nobody_knows_does_not_count(instance: Sigstore) -> None:
    """Or whoever found the key of an expired certificate would date its signatures back."""
    instance.log, known = Sigstore(instance.folder).log, instance.log
    found = sealed(instance)
    instance.log = known
    assert "invalid log entry" in str(refused(instance, found))


@pytest.mark.parametrize("part", ["integratedTime", "canonicalizedBody"])
def test_what_the_log_did_not_sign_is_refused(instance: Sigstore, part: str) -> None:
    other = json.loads(sealed(instance, logged=NOW + timedelta(minutes=2)).line)
    (entry,) = other["verificationMaterial"]["tlogEntries"]
    said = refused(instance, changed(sealed(instance), part, entry[part]))
    assert said is not None
    assert said.startswith("invalid log entry") or "do not match" in said


@pytest.mark.parametrize("time", ["0", str(10**15), str(2**63 - 1), str(2**64 - 1)])
def test_a_time_beyond_all_clocks_is_refused_in_one_line(instance: Sigstore, time: str) -> None:
    said = refused(instance, changed(sealed(instance), "integratedTime", time))
    assert said is not None
    assert len(said.splitlines()) == 1


def test_what_lies_in_a_cache_is_trusted_by_nobody(
    instance: Sigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or who can write below HOME, such as what a model version brings, names who may sign."""
    found = sealed(instance)
    instance.verifier()
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for base in (user_cache_dir("sigstore-python"), user_data_dir("sigstore-python")):
        forged = Path(base, "tuf", quote(PUBLIC, safe=""), "trusted_root.json")
        forged.parent.mkdir(parents=True)
        shutil.copy(tmp_path / "trusted_root.json", forged)
    assert "failed to build" in str(signed_as(found, WHO, ISSUER))


def test_nothing_is_kept_and_nothing_is_said(
    instance: Sigstore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").write_text("")
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "file"))
    assert "failed to build" in str(signed_as(sealed(instance), WHO, ISSUER))
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_the_installed_library_without_a_root_is_said_to_be_so(
    instance: Sigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyless, "_ROOT", "none.json")
    with pytest.raises(UsageError, match="brings no trusted root"):
        signed_as(sealed(instance), WHO, ISSUER)


def changed(found: Sealed, part: str, value: str) -> Sealed:
    bundle = json.loads(found.line)
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    entry[part] = value
    return replace(found, line=json.dumps(bundle))
