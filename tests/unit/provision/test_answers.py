"""What the API server says when it refuses."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.adapters.kubernetes.answers import (
    Why,
    is_transient,
    read_status,
    refusal_of,
    way_to,
)

BODY: dict[str, Any] = {
    "metadata": {"annotations": {"a.b/c": "x"}},
    "spec": {"containers": [{"name": "a"}, {"name": "b", "ports": [{"port": 1}]}]},
}


def status(code: int, message: str, reason: str = "", causes: Any = ()) -> dict[str, Any]:
    details = {"causes": list(causes)}
    return {"code": code, "message": message, "reason": reason, "details": details}


TYPED = (
    "failed to create typed patch object (team/web; apps/v1, Kind=Deployment): errors:\n"
    '  .spec.template.spec.containers[name="web"].imagee: field not declared in schema\n'
    "  .spec.replica: field not declared in schema"
)


def test_a_field_that_no_schema_declares_is_invalid_though_the_server_answers_500() -> None:
    answer = status(500, TYPED)
    assert not is_transient(500, answer)
    refusal = refusal_of(500, answer)
    assert refusal is not None
    assert refusal.why is Why.INVALID
    assert [cause.field for cause in refusal.causes] == [
        '.spec.template.spec.containers[name="web"].imagee',
        ".spec.replica",
    ]


def test_a_type_that_does_not_fit_is_told_with_its_field() -> None:
    message = (
        "failed to create typed patch object (team/web; apps/v1, Kind=Deployment):"
        ' .spec.ports[port=80,protocol="TCP"].port: expected numeric (int or float), got string'
    )
    refusal = refusal_of(500, status(500, message))
    assert refusal is not None
    assert [(cause.field, cause.message) for cause in refusal.causes] == [
        (
            '.spec.ports[port=80,protocol="TCP"].port',
            "expected numeric (int or float), got string",
        )
    ]


def test_what_go_cannot_read_is_told_with_its_field() -> None:
    message = (
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal'
        " string into Go struct field DeploymentSpec.spec.replicas of type int32"
    )
    refusal = refusal_of(400, status(400, message))
    assert refusal is not None
    assert [(cause.field, cause.message) for cause in refusal.causes] == [
        (".spec.replicas", "cannot unmarshal string into int32")
    ]


@pytest.mark.parametrize("unit", [".", ".[", ".a[", " .[", " .][", ".a:", " .a: expected a, ", '"'])
def test_no_message_takes_more_than_a_glance(unit: str) -> None:
    """With one of these, a field that is looked for from every dot takes hours."""
    message = f"failed to create typed patch object {unit * (2_000_000 // len(unit))}"
    refusal = refusal_of(500, status(500, message))
    assert refusal is not None
    assert refusal.causes == ()


def test_a_conflict_names_field_and_owner() -> None:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-edit" using apps/v1 at 2026-11-25T00:00:00Z',
            "field": ".spec.replicas",
        }
    ]
    refusal = refusal_of(409, status(409, "Apply failed", "Conflict", causes))
    assert refusal is not None
    assert refusal.why is Why.CONFLICT
    assert [(c.field, c.owner) for c in refusal.causes] == [(".spec.replicas", "kubectl-edit")]


@pytest.mark.parametrize(
    ("code", "reason", "why"),
    [
        (409, "Conflict", Why.CHANGED),
        (422, "Invalid", Why.INVALID),
        (400, "BadRequest", Why.INVALID),
        (401, "Unauthorized", Why.FORBIDDEN),
        (403, "Forbidden", Why.FORBIDDEN),
        (404, "NotFound", Why.NOT_FOUND),
    ],
)
def test_refusals(code: int, reason: str, why: Why) -> None:
    answer = status(code, "no", reason)
    assert not is_transient(code, answer)
    refusal = refusal_of(code, answer)
    assert refusal is not None
    assert refusal.why is why


def test_a_namespace_that_goes_is_no_missing_right() -> None:
    cause = {"reason": "NamespaceTerminating", "message": "namespace a is being terminated"}
    refusal = refusal_of(403, status(403, "forbidden: …", "Forbidden", [cause]))
    assert refusal is not None
    assert refusal.why is Why.LEAVING


@pytest.mark.parametrize(
    "answer",
    [
        status(500, "etcdserver: leader changed", "InternalError"),
        status(500, "failed calling webhook: connection refused", "InternalError"),
        status(429, "too many requests", "TooManyRequests"),
        status(503, "apiserver is shutting down"),
        status(504, "timed out", "Timeout"),
    ],
)
def test_what_may_pass_is_tried_again(answer: dict[str, Any]) -> None:
    assert is_transient(answer["code"], answer)


@settings(deadline=None)
@given(st.binary())
def test_any_answer_can_be_read(content: bytes) -> None:
    refusal_of(500, read_status(content))


@pytest.mark.parametrize(
    ("field", "way"),
    [
        ('.spec.containers[name="b"].imagee', ("spec", "containers", 1, "imagee")),
        ("spec.containers[1].ports[0].port", ("spec", "containers", 1, "ports", 0, "port")),
        ("metadata.annotations[a.b/c]", ("metadata", "annotations", "a.b/c")),
        (".spec.nothing.deeper", ("spec", "nothing")),
        ('.spec.containers[name="z"].image', ("spec", "containers")),
        ("", ()),
    ],
)
def test_the_way_to_a_field(field: str, way: tuple[str | int, ...]) -> None:
    assert way_to(field, BODY) == way
