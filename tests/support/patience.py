"""How long tests wait for a result: long, since a machine may be busy."""

from __future__ import annotations

from dejabug.index import completeness

# Seconds that something awaited may take; for what never comes.
PATIENCE = 240.0


def be_patient() -> None:
    """Let this process wait for an index that is being built as long as for anything else: a
    second, as in production, is too short for a new index on a busy machine."""
    completeness.BUILDING = PATIENCE
