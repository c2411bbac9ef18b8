"""Every rule by its stable id; `docs/rules/` has a page for each."""

from typing import NamedTuple

from lockproof.model.finding import Finding, Severity


class Rule(NamedTuple):
    """A rule's id, what it is called, and how much a violation weighs by default."""

    id: str
    title: str
    severity: Severity


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

RULES = {
    rule.id: rule
    for rule in (
        Rule("LP101", "stage is not locked", _E),
        Rule("LP102", "command differs from the lock", _E),
        Rule("LP103", "parameter differs from the lock", _E),
        Rule("LP104", "dependency differs from the lock", _E),
        Rule("LP105", "dependency is not what its producer made", _E),
        Rule("LP106", "output in Git differs from the lock", _E),
        Rule("LP107", "dependency is tracked nowhere", _E),
        Rule("LP108", "lock entry does not fit its stage", _E),
        Rule("LP109", "lock entry without a stage", _W),
        Rule("LP110", "merge conflict was committed", _E),
        Rule("LP111", "pipeline file cannot be read", _E),
        Rule("LP112", "change takes something out of the checks", _E),
        Rule("LP201", "locked object is missing from the remote", _E),
        Rule("LP202", "object in the remote is corrupted", _E),
        Rule("LP203", "size in the remote differs from the lock", _E),
        Rule("LP204", "directory object is not a valid listing", _E),
        Rule("LP205", "no remote is configured for an output", _E),
        Rule("LP206", "output is not locked the way its remote keeps it", _E),
        Rule("LP207", "change moves the remotes", _W),
        Rule("LP208", "local DVC configuration is in Git", _E),
        Rule("LP209", "change exempts data from the remote", _E),
        Rule("LP301", "file is tracked by Git and by DVC", _E),
        Rule("LP302", "large file is outside DVC", _E),
        Rule("LP303", "binary file is outside DVC", _W),
        Rule("LP304", "training environment is not pinned", _E),
        Rule("LP305", "container image has no digest", _E),
        Rule("LP306", "secret in a tracked file", _E),
        Rule("LP307", "file runs code when it is loaded", _W),
        Rule("LP308", "file of the pipeline is not committed", _E),
        Rule("LP401", "run record is missing", _E),
        Rule("LP402", "run record is for another lock", _E),
        Rule("LP403", "recorded parameter differs from the lock", _E),
        Rule("LP404", "recorded metric differs from its file", _E),
        Rule("LP405", "run is missing from MLflow", _E),
        Rule("LP406", "run record cannot be read", _E),
        Rule("LP407", "run in MLflow differs from its record", _E),
        Rule("LP501", "metric is missing", _E),
        Rule("LP502", "metric is not a finite number", _E),
        Rule("LP503", "metric is outside its threshold", _E),
        Rule("LP504", "metric got worse", _E),
        Rule("LP505", "metrics file cannot be read", _E),
        Rule("LP601", "manifest cannot be read", _E),
        Rule("LP602", "kustomization does not build", _E),
        Rule("LP603", "patch changes nothing", _W),
        Rule("LP604", "manifest has an unknown field", _E),
        Rule("LP605", "field has the wrong type", _E),
        Rule("LP606", "required field is missing", _E),
        Rule("LP607", "value is not allowed", _E),
        Rule("LP608", "kind is not served", _E),
        Rule("LP609", "API version is deprecated", _W),
        Rule("LP610", "object is declared twice", _E),
        Rule("LP611", "reference leads nowhere", _E),
        Rule("LP612", "key or port is not there", _E),
        Rule("LP613", "selector matches nothing", _E),
        Rule("LP614", "analysis lacks an argument", _E),
        Rule("LP621", "image is not pinned by digest", _E),
        Rule("LP622", "source is not pinned to a commit", _E),
        Rule("LP623", "container states no resources", _E),
        Rule("LP624", "container is not confined", _E),
        Rule("LP625", "secret is in Git", _E),
        Rule("LP626", "Crossplane group is out of date", _E),
        Rule("LP627", "deletionPolicy has no effect", _E),
        Rule("LP628", "requests exceed the budget", _E),
        Rule("LP631", "analysis cannot fail", _E),
        Rule("LP632", "analysis lacks a condition", _E),
        Rule("LP633", "condition is not guarded", _E),
        Rule("LP634", "canary's weight goes down", _E),
        Rule("LP635", "canary is not judged", _E),
        Rule("LP636", "canary checks do not work", _E),
        Rule("LP641", "Prometheus expression does not parse", _E),
        Rule("LP642", "rule test fails", _E),
        Rule("LP661", "condition does not work", _E),
        Rule("LP662", "controller refuses the object", _E),
        Rule("LP663", "delivery is refused or never ends", _E),
        Rule("LP664", "pod finds no place", _E),
        Rule("LP665", "API server refuses the manifest", _E),
        Rule("LP666", "path of a composition leads nowhere", _E),
        Rule("LP667", "health check cannot fail", _W),
        Rule("LP701", "output differs from the lock", _E),
        Rule("LP702", "output was not made", _E),
        Rule("LP703", "stage command failed", _E),
        Rule("LP704", "stage ran into a limit", _E),
        Rule("LP705", "output varies from run to run", _W),
        Rule("LP706", "output cannot be compared", _W),
        Rule("LP707", "stage rewrites its own input", _E),
        Rule("LP708", "not everything was checked", _W),
        Rule("LP709", "pipeline environment is not pinned", _W),
        Rule("LP710", "reproduction is not proved", _E),
        Rule("LP711", "result depends on a condition that no commit holds", _W),
        Rule("LP721", "proof cannot be read", _E),
        Rule("LP722", "signature does not hold", _E),
        Rule("LP723", "signer is not trusted", _E),
        Rule("LP724", "proof is about something else", _E),
        Rule("LP725", "bytes are not the proved ones", _E),
        Rule("LP726", "proof is out of date", _E),
        Rule("LP727", "proof is revoked", _E),
        Rule("LP728", "proof does not prove what it says", _E),
        Rule("LP729", "no proof is found", _E),
        Rule("LP751", "canary is worse than the stable version", _E),
        Rule("LP752", "canary is outside its limit", _E),
        Rule("LP801", "waiver has run out", _E),
        Rule("LP802", "waiver lets nothing pass", _W),
        Rule("LP803", "change of the policy", _W),
        Rule("LP804", "change of the baseline", _W),
        Rule("LP805", "new policy cannot be read", _E),
        Rule("LP806", "baseline entry lets nothing pass", _W),
        Rule("LP901", "cluster refuses the manifest", _E),
        Rule("LP902", "field belongs to another manager", _E),
        Rule("LP903", "kind is not served", _E),
        Rule("LP904", "user may not do that in the cluster", _E),
        Rule("LP905", "object belongs to another inventory", _E),
        Rule("LP906", "object is not ready", _E),
        Rule("LP907", "no controller has looked at the object", _W),
        Rule("LP908", "object is not declared any more", _W),
        Rule("LP909", "object stays because it holds data", _N),
        Rule("LP910", "cluster is not what Git declares", _E),
        Rule("LP911", "object does not go away", _E),
    )
}


def finding(
    rule: str,
    subject: str,
    message: str,
    *,
    path: str | None = None,
    line: int | None = None,
    severity: Severity | None = None,
    seen: object = None,
) -> Finding:
    """A finding of a rule, with the rule's own severity unless another is given.

    `seen` is any JSON value that says in what way it is wrong, such as a digest.
    """
    return Finding.of(
        rule, severity or RULES[rule].severity, subject, message, path=path, line=line, seen=seen
    )
