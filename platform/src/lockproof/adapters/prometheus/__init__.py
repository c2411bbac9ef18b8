"""Prometheus, and what speaks its API: Thanos, Mimir, VictoriaMetrics."""
