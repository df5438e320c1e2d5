"""Retrievers over collections, with the parameters learned for each."""

from __future__ import annotations

from dejabug.ranking import Recipe
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.records.learned_parameters import LearnedParameters
from dejabug.retrieval.retriever import Retriever


class Retrievers:
    """Makes retrievers; sizes as in the settings of the same names."""

    def __init__(
        self, collections: Collections, *, candidate_frames: int, candidate_clips: int
    ) -> None:
        self._collections = collections
        self._candidate_frames = candidate_frames
        self._candidate_clips = candidate_clips

    @property
    def active(self) -> Retriever:
        """Ranking over the active collection, with what was learned from the studio so far."""
        return self.of(self._collections.active)

    def of(self, collection: Collection) -> Retriever:
        """Ranking over a collection, with what was learned for it."""
        return self._made(collection, collection.learned())

    def learned_from(self, lessons: LearnedParameters, recipe: Recipe | None = None) -> Retriever:
        """Ranking with other parameters, or another recipe, than the service's, to compare them."""
        return self._made(self._collections.active, lessons, recipe)

    def _made(
        self, collection: Collection, lessons: LearnedParameters, recipe: Recipe | None = None
    ) -> Retriever:
        return Retriever(
            collection.index,
            collection.tickets,
            collection.origins(),
            candidate_frames=self._candidate_frames,
            candidate_clips=self._candidate_clips,
            calibrations=lessons.in_force(),
            recipe=recipe,
        )
