"""What a run of provision found, as a report."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lockproof import __version__
from lockproof.model.check import Check
from lockproof.model.finding import Finding, Severity
from lockproof.model.provisioned import ObjectReport
from lockproof.model.report import Host, Report, Subject
from lockproof.model.verdict import Verdict, worst
from lockproof.steps.clock import Clock

from .names import Names
from .platform import Platform
from .remove import Removal
from .session import Item, Session

_DONE = {"create": "created", "change": "changed", "none": "unchanged"}
_WOULD = {"create": "to create", "change": "to change", "none": "unchanged"}
_NOT_READY = ("LP906", "LP907")


@dataclass
class Account:
    """What a run has to report."""

    session: Session
    items: list[Item]
    findings: list[Finding]
    attempted: bool = False
    """Whether objects were applied."""
    looked: bool = False
    """Whether this is `status`."""
    ended: bool = False
    """Whether this is `down`."""
    removal: Removal | None = None
    platform: Platform | None = None
    named: Names | None = None
    """What `names` found."""

    @property
    def failed(self) -> bool:
        """Whether something is wrong enough not to go on."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def whole(self) -> bool:
        """Whether all that is declared is applied and there, as far as it was waited for."""
        return not self.findings and not any(
            item.unwaited or not item.applied for item in self.items if self.attempted
        )


def assemble(account: Account, clock: Clock) -> Report:
    """The report of a run."""
    session = account.session
    made = (_named(account), _objects(account), _ready(account), _removed(account))
    checks = [check for check in made if check]
    objects = [_object(item) for item in account.items]
    if account.removal is not None:
        objects += account.removal.objects
    platform = account.platform.lines() if account.platform is not None else {}
    forwards = account.platform.forwards() if account.platform is not None else ()
    return Report(
        tool=f"lockproof {__version__}",
        step="provision",
        subject=Subject(commit=session.commit, lock_digest=None, selected=(session.overlay,)),
        verdict=worst(check.verdict for check in checks),
        checks=tuple(checks),
        findings=tuple(account.findings),
        host=Host(
            objects=tuple(objects),
            platform=platform | ({"from outside": " & ".join(forwards)} if forwards else {}),
            paths={"server": session.cluster.server, "context": session.cluster.context},
        ),
        timing=clock.timing(),
    )


def _named(account: Account) -> Check | None:
    """What is known of names in the cloud."""
    names = account.named
    if names is None:
        return None
    found = len(names.given) + names.known
    return Check(
        name="named",
        verdict=Verdict.INCONCLUSIVE if names.missing or not found else Verdict.PASSED,
        checked=found,
        unit="managed resource",
        summary=f"{len(names.given)} named by the cloud",
        not_checked=names.missing,
    )


def _objects(account: Account) -> Check | None:
    """What was compared with the cluster, and applied."""
    if account.ended or account.named is not None:
        return None
    items, dry = account.items, not account.attempted
    words = _WOULD if dry else _DONE
    compared = [item for item in items if item.action in words and (dry or item.applied)]
    tally = Counter(words[item.action] for item in compared)
    tally["missing"] = sum(item.action == "missing" for item in items)
    summary = ", ".join(
        f"{tally[word]} {word}" for word in [*words.values(), "missing"] if tally[word]
    )
    if account.attempted and items and tally["unchanged"] == len(items):
        summary = "nothing changed"
    left_out = [
        f"{item.name}: {_why_not(item, dry=dry)}"
        for item in items
        if item not in compared and item.action not in ("refuse", "missing")
    ]
    verdict = _verdict(account, ("LP901", "LP902", "LP903", "LP904", "LP905", "LP910"))
    if any(item.action == "refuse" for item in items):
        verdict = Verdict.FAILED
    elif (not compared and not tally["missing"]) or left_out:
        verdict = worst([verdict, Verdict.INCONCLUSIVE])
    name = "compared" if dry else "applied"
    return Check(
        name=name,
        verdict=verdict,
        checked=len(compared) + tally["missing"],
        unit="object",
        summary=summary,
        not_checked=tuple(left_out),
    )


def _why_not(item: Item, *, dry: bool) -> str:
    if dry:
        return f"cannot be compared yet, {item.reason}" if item.action == "wait" else "not compared"
    return item.reason or "not applied"


def _ready(account: Account) -> Check | None:
    """What was waited for or looked at."""
    asked = account.attempted and account.session.request.wait
    if not asked and not account.looked:
        return None
    seen = [item for item in account.items if item.state is not None]
    unseen = [item for item in seen if item.state == "unseen"]
    unwaited = [item for item in account.items if item.unwaited and item.state is None]
    verdict = _verdict(account, _NOT_READY)
    if unseen or unwaited or not seen:
        verdict = worst([verdict, Verdict.INCONCLUSIVE])
    ready = sum(item.state == "ready" for item in seen)
    return Check(
        name="ready",
        verdict=verdict,
        checked=len(seen) - len(unseen),
        unit="object",
        summary=f"{ready} ready",
        not_checked=tuple(f"{item.name}: {item.reason}" for item in [*unseen, *unwaited]),
    )


def _removed(account: Account) -> Check | None:
    """What was taken out of the inventory."""
    removal = account.removal
    if removal is None:
        return None
    dry = account.session.request.dry_run
    words = {
        "remove": "to remove" if dry else "removed",
        "release": "to let go of" if dry else "let go of",
        "keep": "kept",
    }
    parts = [
        f"{removal.count(action)} {word}" for action, word in words.items() if removal.count(action)
    ]
    verdict = _verdict(account, ("LP904", "LP911"))
    return Check(
        name="removed",
        verdict=verdict,
        # An empty inventory was looked at, too.
        checked=len(removal.objects) or 1,
        unit="object" if removal.objects else "inventory",
        summary=", ".join(parts) or "nothing to remove",
    )


def _verdict(account: Account, rules: Sequence[str]) -> Verdict:
    wrong = any(f.rule in rules and f.severity is Severity.ERROR for f in account.findings)
    return Verdict.FAILED if wrong else Verdict.PASSED


def _object(item: Item) -> ObjectReport:
    return ObjectReport(
        name=item.name,
        action=item.action,
        changes=item.changes,
        left=item.left,
        state=item.state,
        reason=item.reason,
    )
