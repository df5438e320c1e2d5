"""The paper's two ways of ranking videos by frames (Taesiri et al., "CLIP meets GamePhysics", MSR
2022), as published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dejabug.ranking import Hit, Match
from dejabug.ranking.types import ordered

# The paper's own pool size for `majority`; it tried 300 to 2000.
POOL_SIZE = 1000


def top_k(hits: Sequence[Hit]) -> list[Match]:
    """The paper's `top-k`: clips in the order of their best frame."""
    best: dict[str, float] = {}
    for hit in hits:
        best[hit.clip_id] = max(best.get(hit.clip_id, -1.0), hit.similarity)
    return ordered(best)


def majority(hits: Sequence[Hit], pool_size: int = POOL_SIZE) -> list[Match]:
    """The paper's `majority`: clips by how many of the `pool_size` nearest frames belong to them.

    The score is the share of the pool. Ties are broken by the best frame.
    """
    pool = sorted(hits, key=lambda hit: -hit.similarity)[:pool_size]
    counts = Counter(hit.clip_id for hit in pool)
    best = {match.clip_id: match.score for match in top_k(pool)}
    order = sorted(counts, key=lambda clip_id: (-counts[clip_id], -best[clip_id], clip_id))
    return [Match(clip_id, counts[clip_id] / len(pool)) for clip_id in order]
