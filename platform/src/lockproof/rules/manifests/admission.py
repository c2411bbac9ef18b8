"""Admission policies: what they would say of objects is known to an API server alone."""

from collections.abc import Iterable, Iterator

from lockproof.model.manifest import Manifest, dig, sequence

_GROUP = "admissionregistration.k8s.io"
_LISTS = {
    "ValidatingAdmissionPolicy": (
        "matchConditions", "variables", "validations", "auditAnnotations"
    ),
    "MutatingAdmissionPolicy": ("matchConditions", "variables", "mutations"),
}  # fmt: skip
_HOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")


def unevaluated(manifests: Iterable[Manifest], *, asked: bool) -> Iterator[str]:
    """Policies whose expressions are not evaluated, and how many each has.

    Args:
        manifests: all that there are.
        asked: whether an API server is asked to take them: it compiles what they say.
    """
    for manifest in manifests:
        number = _expressions(manifest) if manifest.group == _GROUP else 0
        if number:
            path, line = manifest.locate(("spec",))
            what = "its expression" if number == 1 else f"its {number} expressions"
            what = f"what {what} {'says' if number == 1 else 'say'} of objects"
            if not asked:
                what += f", and whether {'it compiles' if number == 1 else 'they compile'}"
            yield f"{path}:{line}: {manifest.label}: {what}"


def _expressions(manifest: Manifest) -> int:
    if manifest.kind in _HOOKS:
        hooks = sequence(manifest.value.get("webhooks"))
        return sum(len(sequence(dig(hook, "matchConditions"))) for hook in hooks)
    return sum(len(sequence(manifest.spec.get(name))) for name in _LISTS.get(manifest.kind, ()))
