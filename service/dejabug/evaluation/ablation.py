"""What each step of the default ranking is worth: the table of docs/quality.md.

Each row adds one step to the row before it. At the end stand steps that were tried and left out,
each on top of the whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dejabug.evaluation.corpus import Corpus, Item, Progress, unseen
from dejabug.evaluation.metrics import Metrics, summarise
from dejabug.evaluation.rankings import rank_all
from dejabug.lessons import Lessons
from dejabug.ranking import Match, Recipe, combined_evidence

PLAIN = Recipe(
    centred=False, background=0.0, softness=0.0, words=0.0, words_cap=1.0, words_background=0.0
)
# (what the row adds, the recipe, whether tickets' words are used)
STEPS: tuple[tuple[str, Recipe, bool], ...] = (
    ("symmetric mean of maxima over frames", PLAIN, False),
    ("+ centred on the collection", Recipe(background=0.0, softness=0.0), False),
    ("+ background taken off", Recipe(softness=0.0), False),
    ("+ softened maximum (**default, clip alone**)", Recipe(), False),
    ("+ words at a fixed weight", Recipe(words_cap=1.0, words_background=0.0), True),
    ("+ words' likeness cut off", Recipe(words_background=0.0), True),
    ("+ words' background taken off (**default**)", Recipe(), True),
)
# Weights at which the steps that were left out are tried, beside evidence of about 0 to 1.
EXACT_WORDS_WEIGHT = 0.2
ORDER_WEIGHT = 0.1


# What a step that was left out adds to matches' evidence, by clip.
Extra = Callable[[Corpus, Item, Sequence[Match]], Mapping[str, float]]


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    step: str
    metrics: Metrics


def ablate(corpus: Corpus, progress: Progress = unseen) -> Iterator[Row]:
    """The rows, one after another; seconds each. `progress` counts queries over all rows."""
    queries = corpus.queries()
    whole = Recipe()
    rows: list[tuple[str, Recipe, bool, Extra | None]] = [
        *((*step, None) for step in STEPS),
        ("(left out: exact words)", whole, True, _exact_words),
        ("(left out: order in time)", whole, True, _order),
    ]
    done = 0
    for step, recipe, use_words, more in rows:
        finder = corpus.place.finder_with(Lessons(), recipe)
        ranks = []
        for query in queries:
            matches = finder.like_clip(query.clip_id, corpus.projects, use_words=use_words)
            extra = more(corpus, query, matches) if more else {}
            evidence = {
                m.clip_id: combined_evidence(m.frames, m.words, recipe) + extra.get(m.clip_id, 0.0)
                for m in matches
            }
            ranks.append(rank_all(corpus, query, evidence))
            progress(done := done + 1, len(queries) * len(rows))
        yield Row(step, summarise(ranks))


def as_markdown(rows: Sequence[Row]) -> str:
    """The table for docs/quality.md."""
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
    clips = corpus.place.index.clip_vectors([query.clip_id, *(m.clip_id for m in matches)])
    own = clips[query.clip_id].vectors
    return {
        m.clip_id: ORDER_WEIGHT * _tau((own @ clips[m.clip_id].vectors.T).argmax(axis=1))
        for m in matches
    }


def _tau(places: np.ndarray) -> float:
    signs = np.sign(places[None, :] - places[:, None])
    above = np.triu_indices(len(places), 1)
    return float(signs[above].mean()) if len(above[0]) else 0.0
