"""`lockproof provision`: plan, apply, wait, prune, and say how to reach what was made."""

from collections.abc import Sequence
from pathlib import Path

from lockproof.adapters.dvc.root import DVC_DIR
from lockproof.adapters.kubernetes.answers import Refusal
from lockproof.adapters.kubernetes.connection import IN_CLUSTER
from lockproof.errors import ConfigError
from lockproof.model.report import Report
from lockproof.model.resource import Body, ResourceKey, group_kind_of
from lockproof.model.verdict import Verdict
from lockproof.rules.manifests import cluster as rules
from lockproof.steps.clock import Clock

from .apply import (
    apply,
    enlarge_parent,
    foreign_parent,
    read_parent,
    remove_parent,
    wait_for_rest,
    write_parent,
)
from .assemble import Account, assemble
from .controllers import additions
from .handover import ENV_FILE, Written, write_environment, write_remote
from .inventory import listed_kinds, listed_namespaces
from .names import kept_names, read_names, write_names
from .plan import all_items, plan
from .platform import platform_of
from .readiness import State
from .remove import members, remove, undeclared
from .request import Progress, Request
from .session import Item, Session, open_session, side_by_side
from .wait import explain_state, look, read


def provision(request: Request, progress: Progress) -> Report:
    """Bring the cluster to what an overlay declares.

    Nothing is written where the dry run shows that something would be refused. After a kill it
    goes on where it was; where all is as declared it changes nothing.

    Raises:
        UsageError, ConfigError: what is declared, or the kubeconfig, is not usable.
        UnavailableError: the API server does not answer.
    """
    clock = Clock()
    session = _open(request, progress, only_asks=request.dry_run)
    parent = _readable_parent(session)
    account = Account(session, items=[], findings=foreign_parent(session, parent))
    if account.findings:
        return assemble(account, clock)
    batches, account.findings = plan(session)
    account.items = all_items(batches)
    if account.failed:
        return assemble(account, clock)
    if not request.dry_run:
        for item in account.items:
            if item.changes and item.live is not None:
                fields = ", ".join(change.field for change in item.changes)
                progress.say(f"{item.name} changes in {fields}")
        enlarge_parent(session, parent, account.items)
        account.findings = apply(session, batches)
        account.attempted = True
        _hand_over(account)
        account.findings += wait_for_rest(session, batches)
    if account.whole:
        _leftovers(account, parent)
    return assemble(account, clock)


def status(request: Request, progress: Progress) -> Report:
    """Compare the cluster with what an overlay declares, and say what is not ready.

    Raises:
        UsageError, ConfigError, UnavailableError: as `provision`.
    """
    clock = Clock()
    session = _open(request, progress, only_asks=True)
    parent = _readable_parent(session)
    batches, findings = plan(session)
    account = Account(session, items=all_items(batches), findings=findings, looked=True)
    side_by_side(lambda item: _judge(account, item), account.items)
    for item in account.items:
        place = rules.Place(*item.manifest.place())
        if item.action in ("create", "wait"):
            item.action = "missing"
            account.findings.append(rules.drifted(item.name, "missing", (), place))
        elif item.action == "change":
            fields = [change.field for change in item.changes]
            account.findings.append(rules.drifted(item.name, "differs", fields, place))
        else:
            added = additions(item.live) if item.live is not None else {}
            if added:
                account.findings.append(rules.added(item.name, added, place))
            if item.state not in (None, "ready"):
                account.findings.append(explain_state(session, item, waited=False))
    everything = members(session, parent)
    for body in undeclared(session, everything, {item.key for item in account.items}):
        account.findings.append(rules.undeclared(str(ResourceKey.of(body))))
    account.platform = platform_of(_live(account.items), session.policy.provision.bucket)
    return assemble(account, clock)


def names(request: Request, progress: Progress) -> Report:
    """Write what the cloud named into a file for Git, once all of it has a name.

    Raises:
        UsageError, ConfigError, UnavailableError: as `provision`.
    """
    clock = Clock()
    path = request.directory.absolute() / request.to if request.to is not None else None
    kept = kept_names(path) if path is not None else {}
    session = _open(request, progress, only_asks=True)
    account = Account(session, items=[], findings=[])
    account.items, account.named = read_names(session, kept)
    report = assemble(account, clock)
    if path is not None and report.verdict is Verdict.PASSED:
        progress.say(f"{path}: {write_names(path, account.named)}")
    return report


def down(request: Request, progress: Progress) -> Report:
    """Remove what the inventory of an overlay has; never what holds data, unless asked by name.

    Raises:
        UsageError, ConfigError, UnavailableError: as `provision`.
    """
    clock = Clock()
    session = _open(request, progress, only_asks=request.dry_run)
    parent = _readable_parent(session)
    account = Account(session, items=[], findings=foreign_parent(session, parent), ended=True)
    if account.findings:
        return assemble(account, clock)
    everything = members(session, parent)
    account.removal = remove(session, everything, everything)
    account.findings = list(account.removal.findings)
    if parent is not None and not request.dry_run:
        _shrink(session, parent, account.removal.remaining)
    return assemble(account, clock)


def _open(request: Request, progress: Progress, *, only_asks: bool) -> Session:
    session = open_session(request, progress, only_asks=only_asks)
    version = session.cluster.version()
    cluster = session.cluster
    progress.say(f"{cluster.context}: {cluster.server}, Kubernetes {version}")
    progress.say(f"overlay {session.overlay}: {len(session.manifests)} objects")
    return session


def _readable_parent(session: Session) -> Body | None:
    try:
        return read_parent(session)
    except Refusal as refusal:
        raise ConfigError(
            f"the inventory cannot be read: {refusal}; grant get, list, patch and delete on"
            f" ConfigMaps in {session.inventory.namespace}, or use another --context"
        ) from refusal


def _leftovers(account: Account, parent: Body | None) -> None:
    """Remove what is not declared any more, or say that it is there."""
    session = account.session
    everything = members(session, parent)
    orphans = undeclared(session, everything, {item.key for item in account.items})
    if not session.request.prune:
        account.findings += [rules.undeclared(str(ResourceKey.of(body))) for body in orphans]
        return
    account.removal = remove(session, orphans, everything)
    account.findings += account.removal.findings
    if not session.request.dry_run:
        kinds = {item.key.group_kind for item in account.items}
        namespaces = {item.key.namespace for item in account.items if item.key.namespace}
        for body in account.removal.remaining:
            kinds |= {group_kind_of(body)}
            namespaces |= (
                {body["metadata"]["namespace"]} if "namespace" in body["metadata"] else set()
            )
        write_parent(session, kinds, namespaces)


def _shrink(session: Session, parent: Body, remaining: Sequence[Body]) -> None:
    if not remaining:
        remove_parent(session, parent)
        return
    kinds = listed_kinds(parent) & {group_kind_of(body) for body in remaining}
    there = {body["metadata"].get("namespace") for body in remaining}
    write_parent(session, kinds, listed_namespaces(parent) & there)


def _judge(account: Account, item: Item) -> None:
    if item.live is not None:
        state, _ = look(account.session, item)
        item.state, item.reason = state.state.value, state.reason


def _hand_over(account: Account) -> None:
    session = account.session
    side_by_side(lambda item: item.live or read(session, item), account.items)
    policy = session.policy.provision
    sound = [i for i in account.items if i.applied and i.state in (None, State.READY)]
    account.platform = platform_of(_live(sound), policy.bucket)
    if account.platform != platform_of([i.live or i.body for i in account.items], policy.bucket):
        session.progress.say(
            f"{ENV_FILE} stays as it is: what its addresses are of is not all there"
        )
        return
    root = _dvc_root(session)
    # Names of the cluster's own DNS hold in its pods only.
    outside = session.cluster.context != IN_CLUSTER
    here = account.platform.from_outside() if outside else account.platform
    forwards = account.platform.forwards() if outside else ()
    written = [
        write_environment(root, here, forwards),
        write_remote(root, here, policy.dvc_remote, policy.dvc_prefix),
    ]
    for one in filter(None, written):
        _say(session, one)


def _say(session: Session, written: Written) -> None:
    session.progress.say(f"{written.path}: {written.what}")


def _dvc_root(session: Session) -> Path:
    start = session.request.directory.absolute()
    for folder in (start, *start.parents):
        if (folder / DVC_DIR).is_dir() or folder == session.git.root:
            return folder
    return session.git.root


def _live(items: Sequence[Item]) -> list[Body]:
    return [item.live for item in items if item.live is not None]
