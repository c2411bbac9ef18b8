"""The outputs that the policy calls models, as one revision has them."""

from dataclasses import dataclass

from lockproof.config import FILE_NAME, ModelRule, Policy, matches_any
from lockproof.errors import ConfigError, UsageError
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Out, Pipeline, Stage, overlap

_EXAMPLE = f"""add to {FILE_NAME}: [[model]] with name = "NAME" and paths = ["model.bin"]"""


@dataclass(frozen=True)
class Model:
    """One `[[model]]` and the outputs that it is."""

    rule: ModelRule
    outs: tuple[tuple[Stage, Out], ...]
    """In the order of their paths."""

    @property
    def digests(self) -> dict[str, Digest]:
        """Output -> as locked."""
        return {out.path: out.locked for _, out in self.outs if out.locked}

    @property
    def stages(self) -> tuple[str, ...]:
        """Addresses of the stages that make it, in the order of its outputs."""
        return tuple(dict.fromkeys(stage.address for stage, _ in self.outs))

    @property
    def loads(self) -> str | None:
        """The output that the flavour loads; None where it is several and none is named.

        Raises:
            ConfigError: `load` names none of them, or the flavour needs one.
        """
        rule, paths = self.rule, [out.path for _, out in self.outs]
        if rule.load is not None:
            if rule.load not in paths:
                raise ConfigError(
                    f"[[model]] {rule.name}: load = {rule.load!r} is none of its outputs"
                    f" ({', '.join(paths[:5])}): correct it in {FILE_NAME}"
                )
            return rule.load
        if len(paths) == 1:
            return paths[0]
        if rule.flavour == "file":
            return None
        raise ConfigError(
            f"[[model]] {rule.name}: which of {', '.join(paths[:5])} does {rule.flavour} load?"
            f" Name it with load in {FILE_NAME}"
        )


def models_of(policy: Policy, pipeline: Pipeline) -> dict[str, Model]:
    """Every model of the policy, by name; without outputs where none matches.

    Raises:
        ConfigError: two have one name, or one output.
    """
    found: dict[str, Model] = {}
    # What no stage makes, such as the file of a `.dvc`, no reproduction can prove.
    made = [stage for stage in pipeline.stages if stage.kind == "stage"]
    outs = [(stage, out) for stage in made for out in stage.outs if not out.external]
    for rule in policy.model:
        if rule.name in found:
            raise ConfigError(
                f"two [[model]] of {FILE_NAME} are named {rule.name!r}: put their paths into one,"
                " or give one of them another name"
            )
        own = [
            (stage, out)
            for stage, out in outs
            if matches_any(out.path, rule.paths) and rule.stage in (None, stage.address)
        ]
        own.sort(key=lambda pair: pair[1].path)
        for other in found.values():
            shared = next(
                (o.path for _, o in own for _, p in other.outs if overlap(o.path, p.path)), None
            )
            if shared is not None:
                raise ConfigError(
                    f"{shared} belongs to two [[model]] of {FILE_NAME}, {other.rule.name} and"
                    f" {rule.name}: let the paths of one of them leave it out"
                )
        found[rule.name] = Model(rule, tuple(own))
    return found


def every_model(policy: Policy, pipeline: Pipeline) -> tuple[Model, ...]:
    """All models of the policy, each with outputs that are locked.

    Raises:
        ConfigError: it names none; else as `model_named`.
    """
    names = list(models_of(policy, pipeline))
    if not names:
        raise ConfigError(f"the policy names no model: {_EXAMPLE}")
    return tuple(model_named(policy, pipeline, name) for name in names)


def model_named(policy: Policy, pipeline: Pipeline, name: str) -> Model:
    """One model, all of whose outputs are locked.

    Raises:
        UsageError: the policy names no such model.
        ConfigError: as `models_of`; it has no output, or one that the lock does not name by an
            MD5.
    """
    models = models_of(policy, pipeline)
    if not models:
        raise ConfigError(f"the policy names no model: {_EXAMPLE}")
    if name not in models:
        raise UsageError(
            f"the policy names no model {name[:100]!r}: there are {', '.join(sorted(models)[:10])}"
        )
    model = models[name]
    if not model.outs:
        where = f"stage {model.rule.stage}" if model.rule.stage else "a stage"
        raise ConfigError(
            f"[[model]] {name}: no output of {where} matches"
            f" {', '.join(model.rule.paths)}: correct it in {FILE_NAME}"
        )
    for stage, out in model.outs:
        if not out.has_md5:
            raise ConfigError(
                f"{out.path} of {stage.address} has no MD5 in the lock: run 'dvc repro' and commit"
            )
    return model
