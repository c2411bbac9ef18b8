"""Kubernetes: an API server, its answers, and the bundled field tables."""
