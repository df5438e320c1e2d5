"""What a score is called, and the least score for each label. Every surface asks here.

A score is the probability that two clips show the same bug (docs/explanation/quality.md). Labels are decided by
the exact score; where it is shown with two decimals, it is rounded down, so that a label never
stands beside a number below its floor.
"""

from __future__ import annotations

import math

from dejabug.infra.errors import UserError

# Even odds. Below this a match is more often wrong than right, so nothing may call it the same bug.
POSSIBLE = 0.5
# Three in four. In order of arrival, nine in ten matches from here on were right (docs/explanation/quality.md).
LIKELY = 0.75
# Nineteen in twenty: the precision that a studio expects of "very likely".
VERY_LIKELY = 0.95
# A copy of a recording shows what the recording shows, so that nothing less will do.
SAME_RECORDING = VERY_LIKELY
# Who reads "possible regression" may reopen a fixed ticket, so the match must be likely.
REGRESSION = LIKELY
# Everybody on the ticket reads a comment, and nobody asked for it: it names no match that is more
# often wrong than right, whatever a project's rules say.
COMMENT_FLOOR = POSSIBLE

STRENGTHS = (
    (VERY_LIKELY, "Very likely the same bug"),
    (LIKELY, "Likely the same bug"),
    (POSSIBLE, "Possibly the same bug"),
)
# For lists that show what is below every label's floor. It does not claim the same bug.
WEAK = "Weak match"


def label(
    score: float, same_file_as: str | None = None, same_recording_as: str | None = None
) -> str:
    """What a match is called. `same_file_as` is the key of the issue that has the same file,
    `same_recording_as` that of the issue whose clip is a copy of the same recording."""
    if same_file_as is not None:
        return f"Same file as {same_file_as}"
    if same_recording_as is not None and score >= SAME_RECORDING:
        return f"Same recording as {same_recording_as}"
    return strength(score)


def strength(score: float) -> str:
    """A score in plain words."""
    return next((words for least, words in STRENGTHS if score >= least), WEAK)


def is_weak(score: float) -> bool:
    """Whether a match is below every label's floor."""
    return score < POSSIBLE


def may_be_regression(score: float) -> bool:
    """Whether a match on a fixed ticket is sure enough to speak of a regression."""
    return score >= REGRESSION


def rounded_down(score: float, digits: int = 2) -> float:
    """A score as it is shown: 0.949 is 0.94, which is not yet "very likely"."""
    # Without the small addition 0.29 would become 0.28: it is stored as a bit less.
    steps = 10.0**digits
    return math.floor(score * steps + 1e-9) / steps


def checked_threshold(threshold: float) -> float:
    """A comment's threshold. Raises UserError for one below the floor, or above 1."""
    if not COMMENT_FLOOR <= threshold <= 1:
        raise UserError(
            f"a comment's threshold must be from {COMMENT_FLOOR:g} to 1, not {threshold:g}: below "
            f"{COMMENT_FLOOR:g} a suggestion is more often wrong than right"
        )
    return threshold
