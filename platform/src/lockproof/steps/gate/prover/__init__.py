"""Proves that a remote holds what a lock claims, by asking the store and never by downloading."""

from .prove import Options, StoreProof, prove

__all__ = ["Options", "StoreProof", "prove"]
