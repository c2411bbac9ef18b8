"""The course of a reproduction, from a revision to a report."""

import functools
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread

from lockproof.adapters import verdicts
from lockproof.adapters.dvc.objects import ObjectStore, Unavailable
from lockproof.adapters.dvc.project import Project
from lockproof.adapters.dvc.root import find_root
from lockproof.adapters.dvc.trust import Trusted, user_cache
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.adapters.plugins import require_dvc
from lockproof.adapters.scratch import (
    WorkFolder,
    keep_fetched,
    run_folder,
    take_fetched,
    work_folder,
)
from lockproof.adapters.store.config import COMMITTED
from lockproof.adapters.verdicts import Secret
from lockproof.config import FILE_NAME, Policy, load_policy
from lockproof.errors import UsageError
from lockproof.model.digest import lock_digest
from lockproof.model.report import Report, SkipReason, Subject
from lockproof.model.verdict import OutputVerdict
from lockproof.parse.listing import read_listing
from lockproof.steps.base import named_base
from lockproof.steps.clock import Clock
from lockproof.steps.declared import declared, unread_submodules
from lockproof.steps.progress import Progress, during
from lockproof.steps.record import load_records, open_tracking
from lockproof.steps.surface import Seen, isolation_for, known_state, look_at_system
from lockproof.steps.surroundings import Surroundings, surroundings
from lockproof.steps.trust import (
    demanding,
    restrained,
    trusted_policy,
    trusted_reader,
    trusted_remotes,
)

from .affected import affected_since
from .assemble import assemble
from .chain import run_chain
from .choice import Selection, choose_mode, select
from .conditions.vary import cost, longest_first, vary
from .confirm import confirm_judged
from .explain import explain
from .follow import follow
from .isolated import run_isolated
from .key import can_have
from .plan import missing_inputs
from .reach import check_reach, lacks_plugins
from .request import Request
from .result import Result
from .reuse import Reuse
from .session import Session
from .tracking import log_report


async def reproduce(request: Request, progress: Progress) -> Report:
    """Prove, or disprove, what a revision's lock claims.

    Nothing is written to the repository, the work tree, the user's DVC cache or a remote.

    Raises:
        UsageError: the repository, the revision or a configuration is not usable, or DVC is not
            installed.
        UnavailableError: a remote, a package index or MLflow does not answer.
    """
    clock = Clock()
    git = GitRepository.discover(request.directory.absolute())
    root = find_root(Path(os.path.realpath(request.directory)), git.root)
    commit = git.resolve(request.revision)
    require_dvc("reproduce")
    if request.revision == "HEAD" and git.is_dirty():
        progress.say("the work tree has changes that are not committed: they are not looked at")
    with work_folder() as scratch:
        session = await _open(git, root, commit, scratch, progress, request)
        try:
            tracking = open_tracking(session.policy, root) if request.log_mlflow else None
            if tracking:
                with during(progress, "asking MLflow"):
                    tracking.check()  # Before long work, not after it.
            with during(progress, "looking for what is to run"):
                subject, selection = _scope(session, request)
                results = _prepare_results(session, selection)
                session.mode = subject.mode or session.mode
                reuse = Reuse(session, chain=subject.mode == "chain")
                if request.reuse and subject.runs == 1 and not request.vary:
                    reuse.find(results)
            lost = await _run(session, results, subject, request)
            await confirm_judged(session, results)
            if session.policy.reproduce.explain:
                await _explain(session, results, _jobs(session.policy, request))
            with during(progress, "keeping the verdicts"):
                reuse.keep(results)
            if subject.mode != "chain":
                await follow(session, results, _jobs(session.policy, request))
            if request.vary:
                await _vary(session, results, request)
            timing = clock.timing({a: result.seconds for a, result in results.items()})
            with during(progress, "writing the report"):
                report = assemble(session, subject, results, lost, timing, apart=request.apart)
                return log_report(session, tracking, report) if tracking else report
        except BaseException:  # Such as Ctrl-C, or a remote that does not answer any more.
            keep_fetched(git.root, session.store.scratch)
            raise
        finally:
            session.project.close()


async def _open(
    git: GitRepository,
    root: Path,
    commit: str,
    scratch: WorkFolder,
    progress: Progress,
    request: Request,
) -> Session:
    work = scratch.path
    fetched = take_fetched(git.root, work)
    prefix = "" if root == git.root.resolve() else root.relative_to(git.root.resolve()).as_posix()
    progress.say(f"checking out {commit[:12]}")
    checkout = work / "project"
    with during(progress, "checking out"):
        absent = await anyio.to_thread.run_sync(git.check_out, commit, checkout)
    project_root = checkout / prefix
    if not (project_root / ".dvc").is_dir():
        raise UsageError(f"{commit[:12]} has no DVC project at {prefix or 'its top'}")
    policy = load_policy(project_root / FILE_NAME)
    with during(progress, "loading DVC"):  # Which asking for its remotes does.
        trusted = _trusted(git, root, commit, checkout, prefix, request)
        if lacks_plugins(trusted.remotes):  # Before anything is built.
            pipeline = declared(Snapshot(git, commit), prefix).pipeline
            check_reach(pipeline, trusted.remotes, user_cache(root), request, progress)
    # The tracking server is sent a token, so where it is, is not the commit's to say.
    theirs = trusted_policy(trusted.read)
    limits, left_out = restrained(policy.run, theirs.run)
    for line in left_out:
        progress.say(line)
    limits = demanding(limits, request.isolation)
    policy = policy.but(mlflow=theirs.mlflow, run=limits)
    around: list[Surroundings] = []
    system: list[str] = []
    look = can_have(policy) and Secret.load() is not None

    async def look_around() -> None:
        isolation = await isolation_for(policy)
        if look and isolation.level.own_root:
            group.start_soon(look_further)
        places = (project_root, root, git.root.resolve(), work)
        around.append(await surroundings(policy, *places, progress, isolation, look=look))

    async def look_further() -> None:
        with during(progress, "looking at the files of this machine"):
            system.extend(await known_state(look_at_system(), progress))

    async with anyio.create_task_group() as group:
        group.start_soon(look_around)
        with during(progress, "reading the pipeline"):
            reading = await anyio.to_thread.run_sync(declared, Snapshot(git, commit), prefix)
        for line in unread_submodules(reading):
            progress.say(line)
        project = Project(project_root, work / "dvc", trusted, reading.pipeline, reading.lock_files)
        # Looking around is mostly waiting for programs: meanwhile this can be done.
        if not (look and request.reuse and verdicts.any_kept()):
            with during(progress, "loading DVC"):
                await anyio.to_thread.run_sync(lambda: project.repo)
        await anyio.to_thread.run_sync(_get_report_ready)
    own_state = around[0].own_state
    own_cache = functools.cache(lambda: user_cache(root))  # Asked for late: it loads DVC.
    progress.say(f"stages are kept apart by: {around[0].surface.isolation}")
    logs = run_folder(f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{commit[:7]}") / "logs"
    logs.mkdir()
    return Session(
        git=git,
        commit=commit,
        tree=git.tree(commit),
        prefix=prefix,
        work=work,
        held=(scratch.lock,),
        logs=logs,
        policy=policy,
        project=project,
        store=ObjectStore(project, fetched, own_cache, read_listing),
        environment=around[0].environment,
        described=around[0].described,
        surface=around[0].surface,
        seen=Seen(system[0], own_state) if system and own_state else None,
        shell=around[0].shell,
        records=load_records(project_root / policy.record.directory),
        lock_digest=lock_digest(reading.lock_files),
        datasets=reading.datasets,
        progress=progress,
        absent=absent,
    )


def _get_report_ready() -> None:
    from lockproof.render.html_report import get_ready

    get_ready()


def _trusted(
    git: GitRepository, root: Path, commit: str, checkout: Path, prefix: str, request: Request
) -> Trusted:
    """Remotes by the word of the base, or of the user's own clone: a commit has no say in it."""
    named = named_base(request.base or request.since)
    base = git.resolve(named) if named else None
    trees = [git.tree(revision) for revision in (commit, base) if revision]
    read = trusted_reader(git, root, prefix, base)
    remotes = trusted_remotes(git, root, read(COMMITTED), *trees)
    return Trusted(remotes, Path(os.path.realpath(git.root)), checkout, read)


def _scope(session: Session, request: Request) -> tuple[Subject, Selection]:
    """Decide on mode and stages."""
    policy = session.policy.reproduce
    base = session.git.resolve(request.since) if request.since else None
    mode = request.mode or choose_mode(session.policy, session.pipeline)
    affected = (
        affected_since(
            base,
            git=session.git,
            commit=session.commit,
            pipeline=session.pipeline,
            policy=session.policy,
            prefix=session.prefix,
        )
        if base
        else None
    )
    selection = select(session.pipeline, request.stages, mode, affected)
    subject = Subject.model_validate(
        {
            "commit": session.commit,
            "lock_digest": session.lock_digest,
            "root": session.prefix or ".",
            "environment": session.described.pinned_digest
            if session.described.kind != "unpinned"
            else None,
            "mode": mode,
            "runs": request.runs or policy.runs,
            "since": base,
            "selected": tuple(sorted(request.stages)),
        }
    )
    return subject, selection


def _prepare_results(session: Session, selection: Selection) -> dict[str, Result]:
    results = {}
    for stage in selection.reported:
        result = Result(stage)
        result.verdicts = {out.path: OutputVerdict.NOT_CHECKED for out in stage.outs}
        if stage.address in selection.unaffected:
            result.skipped = SkipReason.UNAFFECTED
        elif stage.frozen:
            result.skipped = SkipReason.FROZEN
        elif not stage.locked:
            result.skipped = SkipReason.NOT_LOCKED
        else:
            result.missing = missing_inputs(session, stage)
            if result.missing:
                result.skipped = SkipReason.INPUT_UNAVAILABLE
        results[stage.address] = result
    return results


def _jobs(policy: Policy, request: Request) -> int:
    return request.jobs or policy.reproduce.jobs or max(1, len(os.sched_getaffinity(0)))


async def _run(
    session: Session, results: Mapping[str, Result], subject: Subject, request: Request
) -> tuple[Unavailable, ...]:
    count = sum(result.runs for result in results.values())
    reused = sum(1 for r in results.values() if r.reused)
    session.progress.say(
        f"{subject.mode} mode: {count} stage{'' if count == 1 else 's'} to run"
        + (f", {reused} reused" if reused else "")
    )
    if subject.mode == "chain":
        return await run_chain(session, results, subject.runs)
    return await run_isolated(session, results, _jobs(session.policy, request), subject.runs)


async def _vary(session: Session, results: Mapping[str, Result], request: Request) -> None:
    jobs = _jobs(session.policy, request)
    session.progress.say(await anyio.to_thread.run_sync(cost, session, results, request.vary, jobs))
    limiter = anyio.CapacityLimiter(jobs)

    async def one(result: Result) -> None:
        async with limiter:
            await vary(session, result, request.vary)

    async with anyio.create_task_group() as group:
        for result in longest_first(results):
            group.start_soon(one, result)


async def _explain(session: Session, results: Mapping[str, Result], jobs: int) -> None:
    limiter = anyio.CapacityLimiter(jobs)

    async def one(result: Result) -> None:
        async with limiter:
            await explain(session, result, results)

    async with anyio.create_task_group() as group:
        for result in results.values():
            if result.execution and result.execution.completed.over:
                continue  # It says why, and each experiment would burst again.
            if result.execution and (not result.agrees or result.execution.rewritten):
                group.start_soon(one, result)
