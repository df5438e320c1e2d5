"""What each step of the default ranking adds: the table in docs/explanation/quality.md.

Each row adds one step to the row before it. The last rows are steps that were tried and not kept,
each on top of the full ranking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dejabug.evaluation.corpus import Corpus, Item, Progress, unseen
from dejabug.evaluation.metrics import Metrics, summarise
from dejabug.evaluation.rankings import rank_all
from dejabug.ranking import Calibration, Match, Recipe
from dejabug.ranking.calibration import FRAMES_ONLY, WITH_WORDS
from dejabug.records.learned_parameters import LearnedParameters

PLAIN = Recipe(
    centred=False,
    background=0.0,
    softness=0.0,
    words_cap=1.0,
    words_background=0.0,
)
SEEN = replace(PLAIN, centred=True)
LESS = replace(SEEN, background=Recipe().background)
SOFT = replace(LESS, softness=Recipe().softness)
# (what the row adds, the recipe, the weights of the evidence's parts, with words or without)
STEPS: tuple[tuple[str, Recipe, Calibration], ...] = (
    ("symmetric mean of maxima over frames", PLAIN, Calibration(frames=1.0)),
    ("+ encoder's origin subtracted", SEEN, Calibration(frames=1.0)),
    ("+ background subtracted", LESS, Calibration(frames=1.0)),
    ("+ softened maximum", SOFT, Calibration(frames=1.0)),
    ("+ mutual ranks (**default, clip alone**)", SOFT, FRAMES_ONLY),
    ("+ words at a fixed weight", SOFT, replace(FRAMES_ONLY, words=WITH_WORDS.words)),
    ("+ words' background subtracted, capped (**default**)", Recipe(), WITH_WORDS),
)
# Weights of the steps that were not kept, added to log odds.
EXACT_WORDS_WEIGHT = 2.0
ORDER_WEIGHT = 1.0


# What a step that was not kept adds to matches' evidence, by clip.
Extra = Callable[[Corpus, Item, Sequence[Match]], Mapping[str, float]]


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    step: str
    metrics: Metrics


def ablate(corpus: Corpus, progress: Progress = unseen) -> Iterator[Row]:
    """The rows, one after another; each takes seconds. `progress` counts queries over all rows."""
    queries = corpus.queries()
    rows: list[tuple[str, Recipe, Calibration, Extra | None]] = [
        *((*step, None) for step in STEPS),
        ("(not kept: exact words)", Recipe(), WITH_WORDS, _exact_words),
        ("(not kept: order in time)", Recipe(), WITH_WORDS, _order),
    ]
    done = 0
    for step, recipe, weights, more in rows:
        retriever = corpus.services.retrievers.learned_from(LearnedParameters(), recipe)
        use_words = weights.words > 0
        ranks = []
        for query in queries:
            matches = retriever.like_clip(query.clip_id, corpus.projects, use_words=use_words)
            extra = more(corpus, query, matches) if more else {}
            evidence = {
                m.clip_id: weights.log_odds(m.evidence) + extra.get(m.clip_id, 0.0) for m in matches
            }
            ranks.append(rank_all(corpus, query, evidence))
            progress(done := done + 1, len(queries) * len(rows))
        yield Row(step, summarise(ranks))


def as_markdown(rows: Sequence[Row]) -> str:
    """The table for docs/explanation/quality.md."""
    lines = ["| step | mRR | mAP | HIT@1 | HIT@5 |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        m = row.metrics
        lines.append(f"| {row.step} | {m.mrr:.3f} | {m.map:.3f} | {m.hit1:.3f} | {m.hit5:.3f} |")
    return "\n".join(lines)


def _exact_words(corpus: Corpus, query: Item, matches: Sequence[Match]) -> dict[str, float]:
    """Words that two summaries share, weighted by how rare they are among the summaries."""
    said = {item.clip_id: _words(item.summary) for item in corpus.items}
    count = len(said)
    rarity = {
        word: np.log(count / sum(word in words for words in said.values()))
        for word in said[query.clip_id]
    }
    whole = sum(rarity.values()) or 1.0
    return {
        m.clip_id: EXACT_WORDS_WEIGHT
        * float(sum(rarity[word] for word in said[m.clip_id] & set(rarity)) / whole)
        for m in matches
    }


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]{3,}", text.lower()))


def _order(corpus: Corpus, query: Item, matches: Sequence[Match]) -> dict[str, float]:
    """Whether frames match in the same order: Kendall's tau between the times of the query's frames
    and of their best counterparts."""
    clips = corpus.services.collections.active.index.clip_vectors(
        [query.clip_id, *(m.clip_id for m in matches)]
    )
    own = clips[query.clip_id].vectors
    return {
        m.clip_id: ORDER_WEIGHT * _tau((own @ clips[m.clip_id].vectors.T).argmax(axis=1))
        for m in matches
    }


def _tau(places: np.ndarray) -> float:
    signs = np.sign(places[None, :] - places[:, None])
    above = np.triu_indices(len(places), 1)
    return float(signs[above].mean()) if len(above[0]) else 0.0
