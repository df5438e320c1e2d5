"""Orders of different origin → one order."""

from __future__ import annotations

from collections.abc import Sequence

# Softens the lead of the first few; 60 is the value of the paper below.
SOFTENING = 60


def fused(orders: Sequence[Sequence[str]]) -> dict[str, float]:
    """Several orders of clips, each best first → scores from 0 to 1, best first.

    Reciprocal rank fusion (Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet
    and individual Rank Learning Methods", SIGIR 2009): the sum over orders of 1 / (60 + rank),
    here as a share of what being first in all of them gives. Ties by the clip's id.
    """
    whole = len(orders) / (SOFTENING + 1)
    scores: dict[str, float] = {}
    for order in orders:
        for rank, clip_id in enumerate(order, start=1):
            scores[clip_id] = scores.get(clip_id, 0.0) + 1 / (SOFTENING + rank) / whole
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))
