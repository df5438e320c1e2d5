"""The label of a score, and the lowest score for each label. Every user interface uses this.

A score is the probability that two clips show the same bug (docs/explanation/quality.md). The exact
score decides the label. Where it is shown with two decimals, it is rounded down, so that a label
never appears next to a number below its minimum.
"""

from __future__ import annotations

import math

from dejabug.infra.errors import UserError

# Below this, a match is more often wrong than right, so it is never labelled as the same bug.
POSSIBLE = 0.5
# In order of arrival, nine in ten matches with this score or more were right
# (docs/explanation/quality.md).
LIKELY = 0.75
# The precision that people expect of "very likely": 19 in 20.
VERY_LIKELY = 0.95
# A copy of a recording shows exactly what the recording shows, so it needs the highest label.
SAME_RECORDING = VERY_LIKELY
# People who read "possible regression" may reopen a fixed ticket, so the match must be likely.
REGRESSION = LIKELY
# Everyone on the ticket reads a comment, and nobody asked for it. So it never lists a match that is
# more often wrong than right, whatever a project's rules say.
COMMENT_FLOOR = POSSIBLE

STRENGTHS = (
    (VERY_LIKELY, "Very likely the same bug"),
    (LIKELY, "Likely the same bug"),
    (POSSIBLE, "Possibly the same bug"),
)
# For lists that include scores below every label. It does not claim that the bug is the same.
WEAK = "Weak match"


def label(
    score: float, same_file_as: str | None = None, same_recording_as: str | None = None
) -> str:
    """The label of a match. `same_file_as` is the key of the issue with the same file,
    `same_recording_as` the key of the issue whose clip is a copy of the same recording."""
    if same_file_as is not None:
        return f"Same file as {same_file_as}"
    if same_recording_as is not None and score >= SAME_RECORDING:
        return f"Same recording as {same_recording_as}"
    return strength(score)


def strength(score: float) -> str:
    """The label of a score alone."""
    return next((words for least, words in STRENGTHS if score >= least), WEAK)


def is_weak(score: float) -> bool:
    """Whether a score is too low for any label but "weak match"."""
    return score < POSSIBLE


def may_be_regression(score: float) -> bool:
    """Whether a match on a fixed ticket is likely enough to mention a regression."""
    return score >= REGRESSION


def rounded_down(score: float, digits: int = 2) -> float:
    """A score as it is shown: 0.949 becomes 0.94, which is not yet "very likely"."""
    # Without the small addition, 0.29 would become 0.28: its floating-point value is a bit less.
    steps = 10.0**digits
    return math.floor(score * steps + 1e-9) / steps


def checked_threshold(threshold: float) -> float:
    """A comment's threshold, unchanged. Raises UserError below the minimum or above 1."""
    if not COMMENT_FLOOR <= threshold <= 1:
        raise UserError(
            f"the threshold for comments must be between {COMMENT_FLOOR:g} and 1, not "
            f"{threshold:g}; below {COMMENT_FLOOR:g}, suggestions are more often wrong than right"
        )
    return threshold
