"""Prometheus, and what speaks its API."""
