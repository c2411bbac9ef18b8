"""Which outputs are models, and who may prove what of them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from .base import Name, Seconds, Section

Flavour = Literal["file", "pyfunc", "sklearn", "pytorch", "xgboost", "onnx"]


class ModelRule(Section):
    """Outputs that are one model: `attest` signs them, `register` makes versions of them."""

    name: Name
    """Its name in MLflow's registry."""
    paths: tuple[Name, ...] = Field(min_length=1)
    """Its outputs; globs."""
    stage: Name | None = None
    """The stage that makes it; needed only where several match."""
    flavour: Flavour = "file"
    """How it is registered. `file` takes any file as it is; nothing is unpickled to find out."""
    load: Name | None = None
    """Which of the outputs the flavour loads; needed only where several match."""
    input_example: Name | None = None
    """A tracked JSON file with an input that the model takes."""
    upload: Literal["mlflow", "reference"] = "mlflow"
    """Whether MLflow keeps the bytes too, or only says where the DVC remote has them."""


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

    @model_validator(mode="after")
    def _names_one_signer(self) -> Self:
        if (self.key is None) == (self.identity is None):
            raise ValueError("state key, or identity and issuer")
        if (self.identity is None) != (self.issuer is None):
            raise ValueError("identity and issuer go together")
        return self
