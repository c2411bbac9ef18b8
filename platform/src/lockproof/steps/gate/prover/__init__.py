"""Proves that a remote holds what a lock claims, by asking the store and never by downloading."""

from .prove import Options, Parts, StoreProof, prove

__all__ = ["Options", "Parts", "StoreProof", "prove"]
