"""Whether an API server would take an object, asked in a dry run."""

from contextlib import suppress

from lockproof.model.resource import Body

from .answers import Refusal, Why
from .becomes import becomes, other_managers, ways
from .cluster import Cluster, Kind

_TRIES = 4
"""How often an object is asked about that changes meanwhile."""


def ask(cluster: Cluster, kind: Kind, body: Body) -> Body:
    """What an object would become if whoever applied it before applied it like this.

    One that is not there would be created. One that is there is asked about as the update that
    applying comes to (`becomes`): a dry run of server-side apply would add to it what one more
    manager states, and take nothing away.

    Raises:
        Refusal: the server would not take it, or will not say; a conflict where it refuses only
            because of what others than the appliers set.
        UnavailableError: the server does not answer.
    """
    metadata = body["metadata"]
    name, namespace = metadata.get("name"), metadata.get("namespace")
    tries = 0
    while True:
        tries += 1
        live = cluster.get(kind, namespace, name) if name else None
        if live is None:
            return ask_new(cluster, kind, body)
        try:
            return _ask_update(cluster, kind, live, body)
        except Refusal as refusal:
            # A controller wrote to it in between.
            if refusal.why is not Why.CHANGED or tries == _TRIES:
                raise


def ask_new(cluster: Cluster, kind: Kind, body: Body) -> Body:
    """What an object would become if it were created.

    Raises:
        Refusal: the server would not take it, or has one of this name already (changed).
        UnavailableError: the server does not answer.
    """
    return _put(cluster, "POST", kind.path(body["metadata"].get("namespace")), body)


def _ask_update(cluster: Cluster, kind: Kind, live: Body, body: Body) -> Body:
    path = kind.path(live["metadata"].get("namespace"), live["metadata"]["name"])
    updates = ways(live, body)
    taken, refused = [], []
    for update in updates:
        try:
            taken.append(_put(cluster, "PUT", path, update))
        except Refusal as refusal:
            if refusal.why not in (Why.INVALID, Why.FORBIDDEN):
                raise
            refused.append(refusal)
    if not refused:
        return taken[0]
    if not taken and (without := becomes(live, body, alone=True)) not in updates:
        with suppress(Refusal):
            taken.append(_put(cluster, "PUT", path, without))
    if not taken:
        raise refused[0]
    said = f"the cluster refuses it for what {', '.join(other_managers(live))} set"
    said += f", which only some ways of applying keep: {refused[0]}"
    raise Refusal(Why.CONFLICT, said) from refused[0]


def _put(cluster: Cluster, method: str, path: str, body: Body) -> Body:
    query = {"fieldManager": cluster.manager, "fieldValidation": "Strict", "dryRun": "All"}
    return cluster.connection.request(method, path, query, body, failing=True)
