"""`verify --to`: bring a model version, hold it against its proof, and keep what was proved of it.

What the first step of a serving pod runs. There is no clone: the digest comes from Git by the pod's
own manifest, policy and keys from the commit that was applied.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from lockproof.adapters.hashing import both_sums
from lockproof.adapters.mlflow.registry import Registry
from lockproof.config import Policy, load_policy
from lockproof.errors import UsageError
from lockproof.model.check import Check
from lockproof.model.digest import directory_digest
from lockproof.model.finding import Finding
from lockproof.model.registration import PROOF, STATEMENT, served_form, version_uri
from lockproof.model.report import Report
from lockproof.model.sealed import MOST_BYTES, Sealed
from lockproof.model.statement import ProvedOutput, manifest_sha256
from lockproof.model.verdict import Verdict
from lockproof.parse.mlmodel import KIT, MLMODEL, PICKLE, loads_only
from lockproof.rules import policy as rules
from lockproof.rules.catalog import finding
from lockproof.steps.clock import Clock
from lockproof.steps.gate.signed import bundles_of, found_refusals, read_proof
from lockproof.steps.gate.signers import Refusal, key_beside, signers_of
from lockproof.steps.gate.weigh import Weighed
from lockproof.steps.progress import Progress, during

from .alone import weigh_alone
from .request import BringRequest
from .said import proofs_check, report_alone

_MARK = ".lockproof-brought"
"""In the folder: all that is beside it is ours to replace."""
_LARGEST = 1 << 20
"""Bytes of an MLmodel, or of what it names to unpickle with."""
_BESIDE = (STATEMENT, PROOF, "registered_model_meta")
"""At the top beside a model, and no part of it; the last is MLflow's note of what it brought."""


@dataclass(frozen=True)
class _Sums:
    """A file of the version, each read once."""

    path: Path
    sha256: str
    md5: str


_Place = Mapping[str, _Sums]
"""The files of what may be the model, by their path in it; a file's own is empty."""


def bring(request: BringRequest, progress: Progress) -> Report:
    """Bring a model version into a folder, where all of it that is proved is left, or nothing.

    Raises:
        UsageError, ConfigError: the arguments, the policy, a key or the registry is not usable.
        UnavailableError: the registry does not answer.
    """
    clock = Clock()
    named = version_uri(request.uri)
    if named is None:
        raise UsageError(
            f"{request.uri[:100]!r}: with --to name the version as models:/MODEL/NUMBER: an alias"
            " can move"
        )
    digest = served_form(request.digest)
    if digest is None:
        raise UsageError(
            "--digest takes md5:HEX, md5:HEX.dir or sha256:HEX, as MODEL_DIGEST has it"
        )
    if not request.policy.is_file():
        raise UsageError(f"no such policy file: {request.policy}")
    policy = load_policy(request.policy)
    rules.refuse_unknown_rules(policy, str(request.policy))
    signers = signers_of(policy, lambda name: key_beside(request.policy, name))
    root = Path(os.path.realpath(request.policy)).parent
    registry = Registry.open(policy.mlflow, root)
    folder = request.to
    with _filled(folder) as whole:
        with during(progress, "fetch", request.uri):
            _fetch(registry, request.uri, folder)
        with during(progress, "hash", request.uri):
            files, odd = _files_in(folder)
        places = _places(files, digest)
        refused: list[Refusal] = []
        bundles = _bundles(request.bundle, files, refused)
        weighed = weigh_alone(policy, bundles, signers, datetime.now(UTC))
        name = named[0]
        proofs = [w for w in weighed if w.counts and _is_of(w, name, digest, places)]
        findings = list(_unfit(request.uri, digest, odd, places, files))
        if not proofs:
            refused += [refusal for each in weighed for refusal in each.refused]
            findings += found_refusals(refused)
            findings += _unproved(request, weighed, refused)
        checks = (
            proofs_check(weighed, proofs),
            Check(
                name="bytes",
                verdict=Verdict.PASSED if places else Verdict.FAILED,
                checked=len(files),
                unit="file",
                summary=f"{min(places)} is {digest}" if places else "",
            ),
            _not_here(policy),
        )
        report = report_alone(policy, checks, findings, clock, proofs)
        if report.verdict is Verdict.PASSED:
            kept = {each.path for place in places.values() for each in place.values()}
            if not digest.endswith(".dir") and MLMODEL in files:
                kept |= {files[path].path for path in KIT if path in files}
            # A proof that is given was looked at in place of the one beside the version.
            beside = [name for name in _BESIDE if name != PROOF or request.bundle is None]
            kept |= {files[path].path for path in beside if path in files}
            removed = _keep(folder, files, kept)
            if removed:
                progress.say(
                    f"removed {removed} files of {request.uri} that the proof is not about"
                )
            whole()
    return report


@contextmanager
def _filled(folder: Path) -> Iterator[Callable[[], None]]:
    """A folder to fill, empty at first, and empty again unless what is given is called."""
    done: list[bool] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A pod that starts again has what an earlier start of it brought, or a part of it.
        if any(folder.iterdir()) and not (folder / _MARK).is_file():
            raise UsageError(f"{folder} is not empty: give --to a folder for the model alone")
        (folder / _MARK).touch()
        _empty(folder)
    except OSError as error:
        raise UsageError(f"cannot use {folder}: {error.strerror or error}") from error
    ended = False
    try:
        yield lambda: done.append(True)
        ended = True
    except Exception:
        ended = True
        raise
    finally:
        if not done:
            _empty(folder)
        # What an interrupted download still writes by its threads lies beside the mark, for the
        # next run to remove.
        if not done and ended:
            (folder / _MARK).unlink()


def _fetch(registry: Registry, uri: str, folder: Path) -> None:
    """Bring the version's files, but for what it has by a name of ours."""
    new = folder / f"{_MARK}.new"  # Not beside the mark, which a version may have a folder of.
    new.mkdir()
    registry.bring(uri, new)
    for path in list(new.iterdir()):
        if path.name not in (_MARK, new.name):
            path.replace(folder / path.name)
    shutil.rmtree(new)


def _empty(folder: Path) -> None:
    """Remove all but the mark, so that another run may go on after a kill."""
    for path in folder.iterdir():
        if path.name == _MARK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _files_in(folder: Path) -> tuple[dict[str, _Sums], list[str]]:
    """The files by their POSIX path, and the paths of what is neither a file nor a folder.

    Raises:
        UsageError: a folder cannot be read, so that what is in it would be left and not looked at.
    """

    def refuse(error: OSError) -> None:
        raise UsageError(f"cannot read {error.filename}: {error.strerror}") from error

    files, odd = {}, []
    for base, folders, names in os.walk(folder, onerror=refuse):
        for name in (*folders, *names):
            path = Path(base, name)
            below, mode = path.relative_to(folder).as_posix(), path.lstat().st_mode
            if below == _MARK or stat.S_ISDIR(mode):
                continue
            if stat.S_ISREG(mode):
                files[below] = _Sums(path, *both_sums(path))
            else:
                odd.append(below)
    return files, odd


def _places(files: Mapping[str, _Sums], digest: str) -> dict[str, _Place]:
    """Where in the version there is what has the digest; several are alike."""
    algorithm, _, value = digest.partition(":")
    if algorithm == "sha256":
        return {path: {"": each} for path, each in files.items() if each.sha256 == value}
    if not value.endswith(".dir"):
        return {path: {"": each} for path, each in files.items() if each.md5 == value}
    folders: dict[str, dict[str, _Sums]] = {}
    for path, each in files.items():
        for parent in PurePosixPath(path).parents:
            folder = str(parent)
            if folder != "." or path not in _BESIDE:
                own = path if folder == "." else path[len(folder) + 1 :]
                folders.setdefault(folder, {})[own] = each
    return {
        folder: below
        for folder, below in folders.items()
        if str(directory_digest({p: each.md5 for p, each in below.items()}, "md5")) == digest
    }


def _sha256(place: _Place) -> str:
    """As a statement names it."""
    if "" in place:
        return place[""].sha256
    return manifest_sha256({path: each.sha256 for path, each in place.items()})


def _is_of(weighed: Weighed, name: str, digest: str, places: Mapping[str, _Place]) -> bool:
    """Whether a proof is about this model, and about each place's bytes."""
    verdict = weighed.verdict
    if verdict is None or verdict.model != name or not places:
        return False
    return len(verdict.outputs) == 1 and all(
        _is_output(verdict.outputs[0], digest, place) for place in places.values()
    )


def _is_output(output: ProvedOutput, digest: str, place: _Place) -> bool:
    sha256 = _sha256(place)
    named = {str(output.locked), f"sha256:{output.sha256}"}
    return digest in named and output.sha256 == sha256 and output.locked.is_dir == ("" not in place)


def _bundles(
    given: Path | None, files: Mapping[str, _Sums], refused: list[Refusal]
) -> list[Sealed]:
    if given is not None:
        return bundles_of([(given.name, read_proof(given))], refused.append)
    if PROOF not in files:
        return []
    with files[PROOF].path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    return bundles_of([(PROOF, content)], refused.append)


def _unfit(
    uri: str,
    digest: str,
    odd: list[str],
    places: Mapping[str, _Place],
    files: Mapping[str, _Sums],
) -> Iterator[Finding]:
    """Why the version is not what Git names, whoever signed what."""
    if odd:
        text = f"{odd[0]!r} of {uri} is a link or no regular file: register the model again"
        yield finding("LP725", uri, text)
    if not places:
        what = "folder" if digest.endswith(".dir") else "file"
        yield finding(
            "LP725", uri, f"no {what} of {uri} has {digest}: not the model that Git names"
        )
    elif not digest.endswith(".dir") and MLMODEL in files:
        about = _start(files[MLMODEL])
        unpickler = _start(files[PICKLE]) if PICKLE in files else None
        if not any(loads_only(path, about, unpickler) for path in places):
            text = (
                f"the MLmodel of {uri} is not as 'lockproof register' writes it for {min(places)}:"
                " MLflow could load something else; register the model again, or as a folder"
                " (pyfunc)"
            )
            yield finding("LP725", uri, text)


def _start(file: _Sums) -> bytes:
    with file.path.open("rb") as content:
        return content.read(_LARGEST)


def _unproved(
    request: BringRequest, weighed: list[Weighed], refused: list[Refusal]
) -> Iterator[Finding]:
    if any(each.counts for each in weighed):
        text = (
            f"what is proved is another model, or has other bytes, than {request.uri} with"
            f" {request.digest}"
        )
        yield finding("LP725", request.uri, text)
    elif not refused:
        text = (
            f"no {PROOF} beside {request.uri} has a verdict: sign it, and run 'lockproof register'"
            ' again; a version of upload = "reference" has none: use upload = "mlflow"'
        )
        yield finding("LP729", request.uri, text)


def _not_here(policy: Policy) -> Check:
    why = ["that the proof fits the commit's lock and policy: 'lockproof promote' looks at that"]
    if any(rule.commit for rule in policy.revoked):
        why.append(
            "revoked commits by another id, as after a squash: name the output in [[revoked]] too"
        )
    return Check(
        name="commit",
        verdict=Verdict.INCONCLUSIVE,
        unit="commit",
        demanded=False,
        not_checked=tuple(f"{each} (there is no clone here)" for each in why),
    )


def _keep(folder: Path, files: Mapping[str, _Sums], kept: set[Path]) -> int:
    """Remove what is not to be left; how many files."""
    removed = [each.path for each in files.values() if each.path not in kept]
    for path in removed:
        path.unlink()
    for base, _, _ in os.walk(folder, topdown=False):
        if Path(base) != folder and not os.listdir(base):
            os.rmdir(base)
    return len(removed)
