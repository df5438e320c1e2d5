"""The one way from a question to ranked clips: candidates from the index, then exact ranking.

A new ticket's clip, an uploaded clip and words all pass here, so that every door gives the same
answers.
"""

from __future__ import annotations

from collections.abc import Sequence

from dejabug import ranking
from dejabug.index import FrameIndex
from dejabug.ranking import Floats, Match, Moment, TimedVectors

# Seconds around the best frame that count as the moment which words describe.
TEXT_MOMENT = 2.0


class Finder:
    """Ranks the clips of an index; sizes as in the settings of the same names."""

    def __init__(self, index: FrameIndex, *, candidate_frames: int, candidate_clips: int) -> None:
        self._index = index
        self._candidate_frames = candidate_frames
        self._candidate_clips = candidate_clips

    def like_clip(self, clip_id: str, projects: Sequence[str]) -> list[Match]:
        """Clips of these projects like an indexed one, best first, without itself."""
        query = self._index.clip_vectors([clip_id]).get(clip_id)
        if query is None:
            return []
        return [match for match in self.like(query, projects) if match.clip_id != clip_id]

    def like(self, query: TimedVectors, projects: Sequence[str]) -> list[Match]:
        """Clips of these projects like the given frames, best first, by the default ranking."""
        nearest = self._index.nearest_clips(query.vectors, self._candidate_frames, projects)
        # One more than asked for: the query clip itself may be among them.
        chosen = [clip_id for clip_id, _ in nearest[: self._candidate_clips + 1]]
        candidates = self._index.clip_vectors(chosen)
        return ranking.by_frames(query, candidates, *self._index.mean(projects))

    def like_text(self, vector: Floats, projects: Sequence[str]) -> list[Match]:
        """Clips whose best frame is nearest to a text's vector, float32 [d], with that moment."""
        hits = self._index.nearest_frames(vector[None], self._candidate_frames, projects)[0]
        best = {hit.clip_id: hit for hit in reversed(hits)}
        return [
            Match(match.clip_id, match.score, (_around(best[match.clip_id].time, match.score),))
            for match in ranking.top_k(hits)
        ]


def _around(time: float, similarity: float) -> Moment:
    start, end = max(0.0, time - TEXT_MOMENT / 2), time + TEXT_MOMENT / 2
    return Moment(0.0, 0.0, start, end, 0.0, time, similarity)
