"""The course of a registration: prove, look, run, upload, make, look again, move the alias.

Nothing of it must be done in one go: whatever was done before a kill is found by the next run.
"""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.files import cache_root
from lockproof.adapters.mlflow.examples import read_example
from lockproof.adapters.mlflow.registry import MAX_SOURCE, Registry
from lockproof.adapters.mlflow.tracking import Tracking
from lockproof.adapters.scratch import work_folder
from lockproof.config import FILE_NAME, load_policy
from lockproof.errors import ConfigError, UsageError
from lockproof.model.registration import PROOF, STATEMENT, ModelVersion, Registration
from lockproof.model.report import Report
from lockproof.parse.mlmodel import MLMODEL
from lockproof.render.model_card import model_card
from lockproof.steps.gate.interface import Request as GateRequest
from lockproof.steps.gate.interface import Scene
from lockproof.steps.gate.metrics import read_metrics
from lockproof.steps.gate.run import open_scene
from lockproof.steps.gate.weigh import not_told_by_reports, revoked_commit
from lockproof.steps.models import Model, model_named
from lockproof.steps.outputs import Outputs
from lockproof.steps.progress import Progress
from lockproof.steps.proofs.today import policy_of

from .about import registration_of, source_run
from .aliases import advance, roll_back
from .flavours import Kit, Layout, layout_of, statement, write_kit
from .proof import NotProvedError, proof_by_report, proof_by_signature
from .request import Registered, Request

_MAX_ALIAS = 255


@dataclass(frozen=True)
class _Plan:
    """What there is to register, with all that can be wrong with it found."""

    scene: Scene
    model: Model
    registration: Registration
    report: Report
    layout: Layout | None
    tracking: Tracking
    registry: Registry
    bundle: str | None
    """The signed proof, one line; None where it is a report."""


def register(request: Request, progress: Progress) -> Registered:
    """Make the model version of a proved commit, unless it is there, and move its alias.

    Raises:
        NotProvedError: the gate would not take the proof for this commit and lock.
        UsageError, ConfigError: the repository, the policy or the registry is not usable.
        UnavailableError: the registry, or the model's remote, does not answer.
    """
    _check_words(request)
    plan = _planned(request, progress)
    registration = plan.registration
    found = _existing(plan)
    version = found or _made(plan, progress)
    _keep_proof(plan, version, progress)
    moved = None
    if request.alias:
        if request.rollback is not None:
            moved = roll_back(plan.registry, version, request.alias, request.rollback)
        else:
            is_ancestor = plan.scene.head.git.is_ancestor
            moved = advance(plan.registry, version, request.alias, is_ancestor)
    return Registered(registration, version, found is None, plan.registry.uri, moved)


def _check_words(request: Request) -> None:
    if request.report is not None and request.bundle is not None:
        raise UsageError("--report and --bundle are two proofs: give one")
    if request.rollback is not None and not request.alias:
        raise UsageError("--rollback moves an alias: name it with --alias")
    if request.rollback is not None and not request.rollback.strip():
        raise UsageError("--rollback takes the reason, which the versions then say")
    alias = request.alias or "candidate"
    odd = not alias.replace("-", "").replace("_", "").isalnum() or len(alias) > _MAX_ALIAS
    if odd or alias.lower() == "latest" or (alias[0] == "v" and alias[1:].isdigit()):
        raise UsageError(
            f"{alias[:100]!r} is no alias that MLflow takes: use letters, digits, '_' and '-', and"
            " neither 'latest' nor a version"
        )


def _planned(request: Request, progress: Progress) -> _Plan:
    asked = GateRequest(
        directory=request.directory,
        revision=request.revision,
        base=request.base,
        pull_request=request.base is not None,
        report=request.report,
    )
    scene, _ = open_scene(asked, progress)
    if scene.reading.problems:
        raise ConfigError(scene.reading.problems[0].message)
    model = model_named(scene.policy, scene.pipeline, request.model)
    now = policy_of(scene, progress)
    if request.report is None and request.bundle is None and not now.trust:
        raise UsageError(
            "nothing says by what the commit is proved: give --report FILE, or name in [[trust]]"
            f" of {FILE_NAME} whose signed proofs count"
        )
    git, commit = scene.head.git, scene.head.commit or ""
    revoked = revoked_commit(now, commit, lambda each: git.blob(each, ""))
    if revoked is not None:
        raise NotProvedError(f"nothing proves {commit[:12]}: {revoked}")
    bundle = None
    if request.report is not None:
        proof, report = proof_by_report(scene, request.report)
        for text in not_told_by_reports(now):
            progress.say(text)
    else:
        proof, report, bundle = proof_by_signature(scene, model, request.bundle, progress)
    registration = registration_of(scene, model, proof)
    layout = layout_of(model.rule, registration.loads, proof.environment)
    # Not by the word of the commit: credentials go there.
    mlflow = load_policy(scene.root / FILE_NAME).mlflow
    tracking = Tracking.open(mlflow, scene.root)
    return _Plan(
        scene, model, registration, report, layout, tracking, Registry(tracking.store), bundle
    )


def _existing(plan: _Plan) -> ModelVersion | None:
    """The version that says the same; of several, which only a kill leaves, the lowest stays."""
    database = plan.registry.store.database
    if database is not None and not os.path.exists(database):
        return None
    registration = plan.registration
    with plan.registry.session() as session:
        found = session.versions(registration.name, registration.key)
        for other in found[1:]:
            session.delete_version(other)
        return found[0] if found else None


def _made(plan: _Plan, progress: Progress) -> ModelVersion:
    registration, model = plan.registration, plan.model
    outputs = Outputs(plan.scene)
    reference = None
    if model.rule.upload == "reference":
        reference = _reference(plan, outputs)
    with plan.registry.session(patient=True) as session:  # It answered a moment ago.
        session.make_model(registration.name)
    run_id = source_run(plan.scene, plan.tracking, registration)
    folder = f"models/{registration.key[:16]}"
    if reference is None:
        _upload(plan, outputs, run_id, folder, progress)
    metrics = read_metrics(plan.scene.head, plan.scene.reading, plan.scene.git_path, top=False)
    card = model_card(registration, plan.report, metrics.values)
    with plan.registry.session(patient=True) as session:
        source = reference or f"{session.run_artifacts(run_id)}/{folder}"
        name, tags = registration.name, registration.tags()
        own = session.make_version(name, source, run_id, tags, card)
        # Numbers only grow, so all lower ones are seen here, by each of several at once.
        first, *others = session.versions(name, registration.key) or (own,)
        for other in others:
            session.delete_version(other)
        return first


def _reference(plan: _Plan, outputs: Outputs) -> str:
    if len(plan.model.outs) != 1:
        raise ConfigError(
            f'[[model]] {plan.model.rule.name}: upload = "reference" takes one output, and it has'
            f' {len(plan.model.outs)}: use upload = "mlflow" in {FILE_NAME}'
        )
    reference = outputs.reference(plan.model.outs[0][1])
    if reference.startswith("file:") and plan.registry.store.database is None:
        raise ConfigError(
            f"MLflow at {plan.registry.uri} refers to no folder of another machine: keep the model"
            ' in a bucket, or use upload = "mlflow"'
        )
    if len(reference) > MAX_SOURCE:
        raise ConfigError(
            f"MLflow keeps {MAX_SOURCE} characters of where a version is, and the model's object"
            ' has a longer address: use upload = "mlflow"'
        )
    return reference


def _upload(plan: _Plan, outputs: Outputs, run_id: str, folder: str, progress: Progress) -> None:
    """Put the files among those of the run, unless they are there; the statement last."""
    with plan.registry.session(patient=True) as session:
        there = session.files(run_id, folder)
    said = statement(plan.registration)
    if there.get(STATEMENT, -1) in (None, len(said)):
        return
    with ExitStack() as stack:
        scratch = stack.enter_context(work_folder()).path / "model"
        scratch.mkdir()
        progress.say(f"fetching {plan.registration.name} of {plan.registration.proof.commit[:12]}")
        try:
            _lay_out(plan, outputs, scratch)
        except OSError as error:
            raise UsageError(
                f"cannot lay the model out in {cache_root()}: {error.strerror or error}"
            ) from error
        files = sorted(p for p in scratch.rglob("*") if p.is_file())
        progress.say(f"uploading {len(files)} files to {plan.registry.uri}")
        session = stack.enter_context(plan.registry.session(patient=True))
        for file in files:
            below = file.relative_to(scratch)
            if there.get(below.as_posix(), -1) == file.stat().st_size:
                continue
            session.upload(run_id, file, (Path(folder) / below.parent).as_posix())
        (scratch / STATEMENT).write_bytes(said)
        session.upload(run_id, scratch / STATEMENT, folder)


def _keep_proof(plan: _Plan, version: ModelVersion, progress: Progress) -> None:
    """Put the signed proof beside the version's files, for whoever serves them, unless it is there.

    It takes the place of another, whose key may be revoked by now. A version that refers to an
    object of the DVC remote has no files beside it.
    """
    folder = f"models/{plan.registration.key[:16]}"
    if plan.bundle is None:
        return
    if version.run_id is None or not version.source.endswith(folder):
        progress.say(
            f"{version.uri} refers to an object of the DVC remote, so no proof is beside it: pods"
            ' that ask for one refuse it; those serve versions of upload = "mlflow"'
        )
        return
    said = f"{plan.bundle}\n".encode()
    with plan.registry.session(patient=True) as session, work_folder() as scratch:
        # Its size is looked at first, so that no long file is fetched.
        same = session.files(version.run_id, folder).get(PROOF, -1) in (None, len(said))
        if same and session.content(version.run_id, f"{folder}/{PROOF}", scratch.path) == said:
            return
        (scratch.path / PROOF).write_bytes(said)
        session.upload(version.run_id, scratch.path / PROOF, folder)


def _lay_out(plan: _Plan, outputs: Outputs, folder: Path) -> None:
    """Bring the outputs to where the flavour wants them, and write what goes beside them."""
    model, layout = plan.model, plan.layout
    loaded = model.digests.get(plan.registration.loads or "")
    if model.rule.flavour == "pyfunc" and not (loaded and loaded.is_dir):
        raise _no_mlflow_model(plan)
    paths = [out.path for _, out in model.outs]
    common = "/".join(_common([path.split("/")[:-1] for path in paths]))
    for _, out in model.outs:
        place = out.path[len(common) + 1 :] if common else out.path
        if model.rule.flavour == "pyfunc":
            place = "." if out.path == plan.registration.loads else place
        elif layout is not None and out.path == plan.registration.loads:
            place = layout.place
        target = folder / place
        if place != ".":
            target.parent.mkdir(parents=True, exist_ok=True)
        outputs.bring(out, target)
    if model.rule.flavour == "pyfunc" and not (folder / MLMODEL).is_file():
        raise _no_mlflow_model(plan)
    ours = (STATEMENT, PROOF, *((MLMODEL,) if layout else ()))
    clash = next((name for name in ours if (folder / name).exists()), None)
    if clash:
        raise ConfigError(f"the model holds a file {clash}, which is ours: rename it")
    write_kit(folder, layout, _kit(plan))


def _no_mlflow_model(plan: _Plan) -> ConfigError:
    return ConfigError(
        f"[[model]] {plan.model.rule.name}: {plan.registration.loads} is no folder with an"
        f" {MLMODEL} file, as pyfunc takes it: let the stage save it so, or say flavour ="
        f' "file" in {FILE_NAME}'
    )


def _common(parts: list[list[str]]) -> list[str]:
    shared = []
    for level in zip(*parts, strict=False):
        if len(set(level)) != 1:
            break
        shared.append(level[0])
    return shared


def _kit(plan: _Plan) -> Kit:
    scene, environment = plan.scene, plan.registration.proof.environment
    policy = scene.policy.environment
    locked = policy.requirements if policy else None
    content = scene.head.read(scene.git_path(locked)) if locked else None
    if content is not None:
        requirements = content.decode("utf-8", "replace")
    else:
        packages = environment.packages if environment else {}
        requirements = "".join(f"{name}=={packages[name]}\n" for name in sorted(packages))
    name = plan.model.rule.input_example
    if name is None:
        return Kit(requirements, environment)
    example = scene.head.read(scene.git_path(name))
    if example is None:
        raise ConfigError(f"the input example {name} is no file that Git tracks: add and commit it")
    read = read_example(plan.registry.store, example, name)
    return Kit(requirements, environment, read.signature, read.content, read.info)
