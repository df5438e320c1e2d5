"""Generates the Grafana dashboard, and the table of metrics in docs/reference/monitoring.md."""
