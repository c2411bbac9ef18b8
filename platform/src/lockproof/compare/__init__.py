"""Comparing by content: (locked, observed) -> verdict and what differs. Reads, never writes."""
