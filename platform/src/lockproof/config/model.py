"""Which outputs are models, and who may prove what of them."""

from typing import Annotated, Literal

from lockproof.model.fields import Asked

from .base import Name, Seconds, Section

Sha256 = Annotated[str, Asked(pattern=r"^[0-9a-f]{64}$")]
Flavour = Literal["file", "pyfunc", "sklearn", "pytorch", "xgboost", "onnx"]
ModelName = Annotated[str, Asked(pattern=r"^\w[\w. -]*$", max_length=200)]
"""As a registry takes it, and as it can stand in `models:/NAME/1` and before `@`."""


class ModelRule(Section):
    """Outputs that are one model: `attest` signs them, `register` makes versions of them."""

    name: ModelName
    """Its name in MLflow's registry: letters, digits, `_`, `.`, `-` and spaces."""
    paths: Annotated[tuple[Name, ...], Asked(min_length=1)]
    """Its outputs, POSIX from the DVC root; globs."""
    stage: Name | None = None
    """The stage that makes it: outputs of others are left out, also where `paths` match them."""
    flavour: Flavour = "file"
    """How it is registered. `file` takes any output as it is, `pyfunc` a folder that is an MLflow
    model already. Nothing is loaded or unpickled to find out."""
    load: Name | None = None
    """Which of the outputs the flavour loads; needed only where there are several."""
    input_example: Name | None = None
    """A tracked JSON file with an input that the model takes, from the DVC root; for flavours
    that MLflow loads. Columns and data as pandas splits them, or nested lists."""
    skops_trusted: tuple[Name, ...] = ()
    """For `sklearn`: types that skops may load beside its own, as `sklearn.tree._tree.Tree`."""
    upload: Literal["mlflow", "reference"] = "mlflow"
    """Whether MLflow keeps the bytes too, or only says where the DVC remote has them."""

    def hold_together(self) -> None:
        """Hold what fields say against each other."""
        if self.skops_trusted and self.flavour != "sklearn":
            raise ValueError('skops-trusted needs flavour = "sklearn"')
        if self.input_example and self.flavour in ("file", "pyfunc"):
            raise ValueError(f"an input-example has no place in a model of flavour {self.flavour}")
        if self.upload == "reference" and self.flavour != "file":
            raise ValueError('upload = "reference" needs flavour = "file": a flavour adds files')


class TrustRule(Section):
    """A signer whose proofs count: a key, or an identity that a certificate names."""

    key: Name | None = None
    """A public key in PEM: a file of the base, relative to the DVC root."""
    identity: Name | None = None
    """The identity in a Sigstore certificate: a URI or an e-mail address, exactly."""
    issuer: Name | None = None
    """Who vouches for that identity: the OpenID Connect issuer's URL."""
    stages: tuple[Name, ...] = ("*",)
    """Stages of which its proofs count; globs."""
    models: tuple[Name, ...] = ("*",)
    """Models of which its proofs count; globs."""
    max_age: Seconds | None = None
    """How old its proofs may be; by default as old as they like."""
    oldest_tool: Annotated[str, Asked(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6}){0,3}$")] | None = None
    """The oldest version of lockproof whose proofs count, such as `0.2`; by default any."""
    branch: Annotated[str, Asked(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./+-]*$")] | None = None
    """A branch that has to lead to the commit which `register`, `verify` and `promote` are asked
    about, such as `main`: that of `origin`, or the clone's own where `origin` has none. The gate
    does not ask for it, since what it sees is not merged yet; `verify --to`, which has no clone,
    takes no proof by such a table. By default any."""

    def hold_together(self) -> None:
        """Hold what fields say against each other."""
        if (self.key is None) == (self.identity is None):
            raise ValueError("state key, or identity and issuer")
        if (self.identity is None) != (self.issuer is None):
            raise ValueError("identity and issuer go together")


class RevokedRule(Section):
    """Proofs that do not count any more, whoever signed them."""

    key: Sha256 | None = None
    """The fingerprint of a signer, as `lockproof verify` shows it: all that it signed."""
    proof: Sha256 | None = None
    """The SHA-256 of a statement, as `lockproof verify` shows it: this one proof."""
    commit: Annotated[str, Asked(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")] | None = None
    """A full commit id: every proof about it."""
    output: Sha256 | None = None
    """The SHA-256 of an output: every proof about its bytes."""
    reason: Annotated[str, Asked(min_length=1)]
    """Why; a refusal shows it."""

    def hold_together(self) -> None:
        """Hold what fields say against each other."""
        if sum(x is not None for x in (self.key, self.proof, self.commit, self.output)) != 1:
            raise ValueError("state one of key, proof, commit and output")
