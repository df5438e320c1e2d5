"""Writes what is made from the metrics: the dashboard, and the table in docs/reference/monitoring.md."""
