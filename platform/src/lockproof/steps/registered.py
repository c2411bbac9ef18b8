"""Model versions by the names that people give them."""

import os

from lockproof.adapters.mlflow.registry import Registry
from lockproof.errors import UsageError
from lockproof.model.registration import ModelVersion, aliased, version_uri


def version_named(text: str, registry: Registry) -> ModelVersion:
    """The version that `MODEL@ALIAS` or `models:/MODEL/NUMBER` means.

    Raises:
        UsageError: it is neither, or the registry has no such version.
        UnavailableError: the registry does not answer.
    """
    exact, by_alias = version_uri(text), aliased(text)
    if exact is None and by_alias is None:
        raise UsageError(f"{text[:100]!r} is no version: say MODEL@ALIAS or models:/MODEL/NUMBER")
    name = (exact or by_alias or ("", ""))[0]
    database = registry.store.database
    if database is not None and not os.path.exists(database):
        raise UsageError(f"no model is registered in {registry.uri}: run 'lockproof register'")
    with registry.session() as session:
        aliases = session.aliases(name)
        number = exact[1] if exact else aliases.get(by_alias[1]) if by_alias else None
        found = session.version(name, number) if number is not None else None
    if found is None:
        known = ", ".join(f"{name}@{alias}" for alias in sorted(aliases)[:10]) or "no alias of it"
        raise UsageError(f"MLflow at {registry.uri} has no {text[:100]!r}; there is {known}")
    return found
