"""A round of reconciling to its end."""

from __future__ import annotations

from typing import Any

from dejabug.ingest.reconcile import Report
from dejabug.services import Services


def reconciled(place: Services, **options: Any) -> Report:
    """A round to its end."""
    return list(place.reconciler.run(**options))[-1]
