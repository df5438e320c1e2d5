"""Every kind of query with every ranking: for each query, an order of all other clips.

Modes: `clip` (frames alone), `text` (tickets' words alone), `clip_text` (both), `text_to_video` (a
ticket's summary against frames alone). Rankings: the paper's `top_k` and `majority`, and `default`,
the service's own. The paper does not combine clips with words: here a ticket's cosine is added to
its scores at a fixed weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args
from zlib import crc32

import numpy as np

from dejabug.encoders.prompts import embed_query
from dejabug.evaluation import paper
from dejabug.evaluation.corpus import Corpus, Item, Progress, unseen
from dejabug.evaluation.metrics import Interval, Metrics, at_random, bootstrap, summarise
from dejabug.ranking import Floats, Hit, Match

Mode = Literal["clip", "text", "clip_text", "text_to_video"]
Method = Literal["top_k", "majority", "default"]
MODES: tuple[Mode, ...] = get_args(Mode)
METHODS: tuple[Method, ...] = get_args(Method)

# The fixed weight of words that is added to the paper's rankings.
FIXED_WEIGHT = 0.3


@dataclass(frozen=True)
class Answer:
    """One query's ranking: clip ids, best first, and the ranks of its relevant clips."""

    query: Item
    order: tuple[str, ...]
    ranks: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """All queries of one mode and ranking."""

    mode: Mode
    method: Method
    answers: tuple[Answer, ...]

    @cached_property
    def metrics(self) -> Metrics:
        """Means over all queries."""
        return self.of(lambda _: True)

    @cached_property
    def interval(self) -> Interval:
        """The metrics' 95 % bootstrap intervals."""
        groups = [answer.query.group or "" for answer in self.answers]
        return bootstrap([answer.ranks for answer in self.answers], groups)

    def of(self, wanted: Callable[[Item], bool]) -> Metrics:
        """Means over the queries for which `wanted` is true."""
        return summarise([answer.ranks for answer in self.answers if wanted(answer.query)])


def evaluate(
    corpus: Corpus,
    modes: Iterable[Mode] = MODES,
    methods: Iterable[Method] = METHODS,
    progress: Progress = unseen,
) -> dict[Mode, dict[Method, Result]]:
    """Run every query in every mode with every ranking."""
    modes, methods = list(modes), list(methods)
    answers: dict[tuple[Mode, Method], list[Answer]] = {
        (mode, method): [] for mode in modes for method in methods
    }
    queries = corpus.queries()
    for number, query in enumerate(queries, start=1):
        question = _Question(corpus, query)
        for mode, method in answers:
            scores = question.scores(mode, method)
            own = mode == "text_to_video"
            answers[mode, method].append(_answer(corpus, query, scores, with_own=own))
        progress(number, len(queries))
    return {
        mode: {method: Result(mode, method, tuple(answers[mode, method])) for method in methods}
        for mode in modes
    }


def chance(corpus: Corpus, mode: Mode) -> Metrics:
    """The metrics of a random ranking in this mode."""
    own = 1 if mode == "text_to_video" else 0
    relevant = [len(corpus.relevant(query)) + own for query in corpus.queries()]
    return at_random(relevant, [len(corpus.items) - 1 + own] * len(relevant))


class _Question:
    """One query; what several modes and rankings need is looked up once."""

    def __init__(self, corpus: Corpus, query: Item) -> None:
        self._corpus = corpus
        self._query = query
        self._retriever = corpus.services.retrievers.active
        self._index = corpus.services.collections.active.index
        self._candidates = corpus.services.settings.candidate_frames

    def scores(self, mode: Mode, method: Method) -> dict[str, float]:
        """Scores by clip id; clips that a ranking leaves out have none."""
        match mode:
            case "clip":
                return self._clip_default if method == "default" else self._clip_paper(method)
            case "text":
                return self._text_default if method == "default" else self._cosines
            case "clip_text":
                return self._both_default if method == "default" else self._both_paper(method)
            case "text_to_video":
                return self._words_default if method == "default" else self._words_paper(method)

    @cached_property
    def _clip_default(self) -> dict[str, float]:
        clip = self._query.clip_id
        return _scores(self._retriever.like_clip(clip, self._corpus.projects, use_words=False))

    @cached_property
    def _both_default(self) -> dict[str, float]:
        return _scores(self._retriever.like_clip(self._query.clip_id, self._corpus.projects))

    @cached_property
    def _text_default(self) -> dict[str, float]:
        found = self._retriever.like_words(self._query.issue_id, self._corpus.projects)
        return self._of_clips({issue: each.words or 0.0 for issue, each in found})

    @cached_property
    def _words_default(self) -> dict[str, float]:
        hits = self._index.best_frames(self._summary, self._candidates, self._corpus.projects)
        return _scores(Match(hit.clip_id, hit.similarity) for hit in hits)

    def _clip_paper(self, method: Method) -> dict[str, float]:
        return _paper(self._hits, method)

    def _both_paper(self, method: Method) -> dict[str, float]:
        frames = self._clip_paper(method)
        return {c: score + FIXED_WEIGHT * self._cosines.get(c, 0.0) for c, score in frames.items()}

    def _words_paper(self, method: Method) -> dict[str, float]:
        return _paper(self._seen, method)

    @cached_property
    def _hits(self) -> list[Hit]:
        clip = self._query.clip_id
        own = self._index.clip_vectors([clip]).get(clip)
        if own is None:
            return []
        return [hit for hit in self._nearest(own.vectors) if hit.clip_id != clip]

    @cached_property
    def _seen(self) -> list[Hit]:
        return self._nearest(self._summary[None])

    def _nearest(self, vectors: Floats) -> list[Hit]:
        """The nearest frames to each of the vectors, float32 [m, d]."""
        rows = self._index.nearest_frames(vectors, self._candidates, self._corpus.projects)
        return [hit for row in rows for hit in row]

    @cached_property
    def _words(self) -> Floats | None:
        issue = self._query.issue_id
        return self._corpus.services.collections.active.tickets.vectors([issue]).get(issue)

    @cached_property
    def _cosines(self) -> dict[str, float]:
        """Of the tickets' words. With one vector per ticket, both of the paper's rankings order by
        them."""
        if self._words is None:
            return {}
        corpus = self._corpus
        near = corpus.services.collections.active.tickets.nearest(
            self._words, len(corpus.items), corpus.projects
        )
        return self._of_clips(dict(near))

    def _of_clips(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Issues' scores → their clips'."""
        return {
            item.clip_id: scores[item.issue_id]
            for item in self._corpus.items
            if item.issue_id in scores and item.issue_id != self._query.issue_id
        }

    @cached_property
    def _summary(self) -> Floats:
        return embed_query(self._corpus.encoder, self._query.summary)


def _paper(hits: Sequence[Hit], method: Method) -> dict[str, float]:
    return _scores(paper.top_k(hits) if method == "top_k" else paper.majority(hits))


def _scores(matches: Iterable[Match]) -> dict[str, float]:
    """Scores that keep the matches' order, even if two scores are equal."""
    matches = list(matches)
    return {match.clip_id: match.score - 1e-12 * n for n, match in enumerate(matches)}


def rank_all(
    corpus: Corpus, query: Item, scores: Mapping[str, float], *, with_own: bool = False
) -> tuple[int, ...]:
    """Scores by clip → the ranks of the query's relevant clips among all others, ascending."""
    return _answer(corpus, query, scores, with_own=with_own).ranks


def _answer(corpus: Corpus, query: Item, scores: Mapping[str, float], *, with_own: bool) -> Answer:
    """Clips without a score come last, in random order. `with_own`: the query's own clip is among
    those to find."""
    others = [
        item.clip_id
        for item in corpus.items
        if item.issue_id != query.issue_id or (with_own and item.clip_id == query.clip_id)
    ]
    luck = np.random.default_rng(crc32(query.clip_id.encode())).permutation(len(others))
    tie = dict(zip(others, luck.tolist(), strict=True))
    order = sorted(others, key=lambda clip: (-scores.get(clip, -np.inf), tie[clip]))
    services = {clip: number for number, clip in enumerate(order, start=1)}
    relevant = [item.clip_id for item in corpus.relevant(query)] + [query.clip_id] * with_own
    return Answer(query, tuple(order), tuple(sorted(services[clip] for clip in relevant)))
