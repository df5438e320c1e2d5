"""Runs a reconcile round to its end."""

from __future__ import annotations

from typing import Any

from dejabug.ingest.reconcile import Report
from dejabug.services import Services


def reconciled(services: Services, **options: Any) -> Report:
    """A round to its end."""
    return list(services.reconciler.run(**options))[-1]
