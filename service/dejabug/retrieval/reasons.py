"""The reasons for a pair's score: each part of the evidence as a bar and as a sentence.

A score's log odds are a sum (`Calibration.log_odds`): one term for the frames, one for the tickets'
text, and one for the ranks, the size of the projects and the intercept together. The strength of a
reason is the logistic function of its term, measured from a neutral value: the probability that
this term alone would give to even odds. A strength of 0.5 neither raises nor lowers the score. What
the neutral values take from one term is added to the last, so that the terms of clips that are each
other's nearest still add up to the score. The prior (the studio's share of duplicates) is the same
for all pairs and is no reason. Copies of a recording are detected separately, by
`copy_probability`.

Reasons depend on the pair and its evidence alone, as the score does: every reader gets the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from dejabug.ranking import Calibrations, copy_probability, logistic
from dejabug.retrieval.pairs import UPLOAD, PairMatch

Kind = Literal["recording", "pictures", "words", "nearest"]
# The similarity of frames that neither raises nor lowers a score. Of the ten best candidates in the
# demo's arrivals, the median is -0.11 for duplicates and -0.31 for others. For text it is 0.13 and
# -0.18, so its neutral value is 0.
NEUTRAL_FRAMES = -0.2
# At or above the first, a reason raises the score; below the second, it lowers it. Between them, it
# changes even odds by less than 0.1.
FOR, AGAINST = 0.6, 0.4
SENTENCES: dict[Kind, tuple[str, str, str]] = {
    "pictures": (
        "The frames are very similar.",
        "The frames are somewhat similar.",
        "The frames are no more similar than usual.",
    ),
    "words": (
        "The tickets' text is very similar.",
        "The tickets' text is somewhat similar.",
        "The tickets' text has little in common.",
    ),
    "nearest": (
        "Each clip is the other's closest match.",
        "Each clip is the other's closest match, but there are few clips.",
        "Each clip is the other's closest match, but there are few clips.",
    ),
}
IN_SHORT: dict[Kind, str] = {
    "recording": "same recording",
    "pictures": "similar frames",
    "words": "similar text",
    "nearest": "closest match",
}


class Reason(BaseModel):
    """One part of the evidence behind a score."""

    kind: Kind
    strength: float = Field(
        ge=0, le=1, description="For a bar: above 0.5 it raises the score, below it lowers it."
    )
    text: str = Field(description="The reason as a sentence.")


def reasons_for(pair: PairMatch, found_key: str, curves: Calibrations) -> list[Reason]:
    """The reasons for a pair's score, in the order of `Kind`. `found_key` is the key of the issue
    that the found clip is on, `curves` are the calibrations that gave the score.

    Empty for a result of a search by words, whose score is not that of a pair of clips, and for a
    pair that an earlier version stored without its evidence.
    """
    if pair.answers:
        return []
    if pair.same_file:
        return [_reason("recording", 1.0, f"Exactly the same file as on {found_key}.")]
    if not pair.clip_id:
        # The score depends on the text alone: apart from the prior, its bar is the score.
        odds = None if pair.words is None else curves.words.log_odds(pair.evidence)
        return [] if odds is None else [_graded("words", odds)]
    curve = curves.choose(with_words=pair.words is not None)
    found = []
    if pair.same_recording:
        text = f"The same recording as on {found_key}: the motion in both clips matches."
        found.append(_reason("recording", copy_probability(pair.copy), text))
    if pair.frames is not None:
        found.append(_graded("pictures", curve.frames * (pair.frames - NEUTRAL_FRAMES)))
    if pair.words is not None:
        found.append(_graded("words", curve.words * pair.words))
    # An earlier version stored no size; then the rank is unknown, too. An uploaded clip has no
    # project, so it cannot be the closest match among that project's clips.
    if pair.rank == 0 and pair.size > 0 and pair.clip_id != UPLOAD:
        rest = curve.size * pair.size + curve.intercept + curve.frames * NEUTRAL_FRAMES
        found.append(_graded("nearest", rest))
    return found


def in_short(reasons: Sequence[Reason]) -> str:
    """The reasons that raise the score, on one line: "similar frames, similar text". Empty if there
    are none."""
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
