"""Why a pair has its score: each part of the evidence as a strength for a bar, and as a sentence.

A score's log odds are a sum (`Calibration.log_odds`): one term for the pictures, one for the
tickets' words, and one for the ranks and the size of the projects together with the intercept. The
strength of a reason is the logistic function of its own term, measured from a neutral value: the
probability that it would make of even odds, were it alone. 0.5 moves the score neither way. What
the neutral values take from a term, the last one gets, so that for clips that are each other's
nearest the terms still add up to the score. The prior (the studio's share of duplicates) is the
same for all pairs and no reason. Copies of a recording are judged apart from that sum, by
`copy_probability`.

A reason depends on the pair and its evidence alone, as the score does, and not on who asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from dejabug.ranking import Calibrations, copy_probability, logistic
from dejabug.retrieval.pairs import UPLOAD, PairMatch

Kind = Literal["recording", "pictures", "words", "nearest"]
# Where pictures speak neither for nor against. Of the ten best candidates in the demo's arrivals,
# the median likeness of duplicates is -0.11 and that of others -0.31. For words it is 0.13 and
# -0.18, so that their neutral value is 0.
NEUTRAL_FRAMES = -0.2
# From here on a reason speaks for the same bug, and below the second it speaks against it. Between
# them it moves a score by less than from 0.5 to 0.6.
FOR, AGAINST = 0.6, 0.4
SENTENCES: dict[Kind, tuple[str, str, str]] = {
    "pictures": (
        "The pictures are unusually alike.",
        "The pictures are somewhat alike.",
        "The pictures are no more alike than usual.",
    ),
    "words": (
        "The tickets say much the same.",
        "The tickets say something similar.",
        "The tickets have little in common.",
    ),
    "nearest": (
        "Each clip is the other's closest match.",
        "Each clip is the other's closest match, among few clips.",
        "Each clip is the other's closest match, among few clips.",
    ),
}
IN_SHORT: dict[Kind, str] = {
    "recording": "same recording",
    "pictures": "similar pictures",
    "words": "similar words",
    "nearest": "closest match",
}


class Reason(BaseModel):
    """One thing that a score rests on."""

    kind: Kind
    strength: float = Field(
        ge=0, le=1, description="For a bar: above 0.5 it raises the score, below it lowers it."
    )
    text: str = Field(description="The same as a sentence.")


def reasons_for(pair: PairMatch, found_key: str, curves: Calibrations) -> list[Reason]:
    """What the score of a pair rests on, in the order of `Kind`. `found_key` is the key of the
    issue that the found clip is on, `curves` what the score was made by.

    Empty for a pair that answers a question in words, whose score is none of a pair of clips, and
    for one that an earlier version kept without its evidence.
    """
    if pair.answers:
        return []
    if pair.same_file:
        return [_reason("recording", 1.0, f"The same file as on {found_key}, byte for byte.")]
    if not pair.clip_id:
        # Words are all that the score rests on: but for the prior, their bar is the score's.
        odds = None if pair.words is None else curves.words.log_odds(pair.evidence)
        return [] if odds is None else [_graded("words", odds)]
    curve = curves.choose(with_words=pair.words is not None)
    found = []
    if pair.same_recording:
        text = f"Moves in step with {found_key}: a copy of the same recording."
        found.append(_reason("recording", copy_probability(pair.copy), text))
    if pair.frames is not None:
        found.append(_graded("pictures", curve.frames * (pair.frames - NEUTRAL_FRAMES)))
    if pair.words is not None:
        found.append(_graded("words", curve.words * pair.words))
    # An earlier version kept no size, and then its rank is not known either. An uploaded clip has
    # no other clips of its own project to be the closest of.
    if pair.rank == 0 and pair.size > 0 and pair.clip_id != UPLOAD:
        rest = curve.size * pair.size + curve.intercept + curve.frames * NEUTRAL_FRAMES
        found.append(_graded("nearest", rest))
    return found


def in_short(reasons: Sequence[Reason]) -> str:
    """What speaks for the same bug, on one line: "similar pictures, similar words"; empty where
    nothing does."""
    return ", ".join(IN_SHORT[each.kind] for each in reasons if each.strength >= FOR)


def in_sentences(reasons: Sequence[Reason]) -> str:
    """All reasons as text."""
    return " ".join(each.text for each in reasons)


def _graded(kind: Kind, odds: float) -> Reason:
    high, middle, low = SENTENCES[kind]
    strength = round(logistic(odds), 2)
    if strength >= FOR:
        return _reason(kind, strength, high)
    return _reason(kind, strength, middle if strength >= AGAINST else low)


def _reason(kind: Kind, strength: float, text: str) -> Reason:
    return Reason(kind=kind, strength=round(strength, 2), text=text)
