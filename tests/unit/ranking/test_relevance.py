"""Evidence to relevance: two curves through given points, their ends, and three words for them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.ranking import LIKELY, POSSIBLE
from dejabug.ranking.relevance import (
    LIKELY_EVIDENCE,
    PICTURES_AT_MOST,
    POSSIBLE_EVIDENCE,
    Scale,
    picture_score,
    relevance_of,
    words_score,
)

# Unlike for words and pictures, so that one is not taken for the other.
SCALE = Scale(words=(0.1, 0.6), pictures=(0.2, 0.3))
# Cosines between texts and frames tell nothing here.
BLIND = Scale(words=(0.1, 0.6), pictures=None)
COSINES = st.floats(-1, 1)
SHARES = st.floats(0, 1)


def between(ends: tuple[float, float], part: float) -> float:
    """The cosine that lies this far from the first end to the second."""
    return ends[0] + part * (ends[1] - ends[0])


# Points


@pytest.mark.parametrize("words", [(0.1, 0.6), (-0.2, 0.3), (0.0, 1.0)])
def test_the_words_curve_runs_through_its_two_points_on_every_encoder_s_scale(
    words: tuple[float, float],
) -> None:
    scale = Scale(words=words, pictures=(0.2, 0.3))
    for evidence, score in ((POSSIBLE_EVIDENCE, POSSIBLE), (LIKELY_EVIDENCE, LIKELY)):
        assert words_score(between(words, evidence), 0, scale) == pytest.approx(score)


@pytest.mark.parametrize("pictures", [(0.2, 0.3), (-0.1, 0.4)])
def test_the_pictures_curve_runs_through_the_lower_point_and_ends_below_the_upper(
    pictures: tuple[float, float],
) -> None:
    scale = Scale(words=(0.1, 0.6), pictures=pictures)
    at_possible = picture_score(between(pictures, POSSIBLE_EVIDENCE), scale)
    at_likely = picture_score(between(pictures, LIKELY_EVIDENCE), scale)
    assert at_possible == pytest.approx(POSSIBLE)
    assert at_likely == picture_score(1.0, scale) == PICTURES_AT_MOST < LIKELY


def test_half_way_between_the_points_the_score_is_one_half() -> None:
    middle = (POSSIBLE_EVIDENCE + LIKELY_EVIDENCE) / 2
    assert words_score(between(SCALE.words, middle), 0, SCALE) == pytest.approx(0.5)
    assert picture_score(between((0.2, 0.3), middle), SCALE) == pytest.approx(0.5)


# Each row: how near the texts are, from 0, nothing in common, to 1, the same; the share of the
# question's words that the ticket has; what the ticket is called.
@pytest.mark.parametrize(
    ("nearness", "wording", "called"),
    [
        (0.0, 0.0, "unlikely"),
        (0.6, 0.0, "unlikely"),
        (0.8, 0.0, "possible"),
        (1.0, 0.0, "likely"),
        # All words are enough by themselves; half of them are not.
        (0.0, 1.0, "likely"),
        (-0.2, 1.0, "possible"),
        (0.0, 0.5, "unlikely"),
        # "Wrong way" of a question about a rotor that spins the wrong way.
        (0.3, 0.5, "unlikely"),
        (0.6, 0.5, "possible"),
        (0.75, 0.5, "likely"),
        # One word of four adds next to nothing.
        (0.6, 0.25, "unlikely"),
        (0.88, 0.25, "possible"),
    ],
)
def test_nearness_and_shared_words_add_up(nearness: float, wording: float, called: str) -> None:
    cosine = between(SCALE.words, nearness)
    assert relevance_of(words_score(cosine, wording, SCALE)) == called


def test_half_of_the_words_are_worth_a_quarter_of_all() -> None:
    quarter = words_score(between(SCALE.words, 0.5 + 0.25), 0, SCALE)
    assert words_score(between(SCALE.words, 0.5), 0.5, SCALE) == pytest.approx(quarter)
    whole = words_score(between(SCALE.words, 0.5 + 1.0), 0, SCALE)
    assert words_score(between(SCALE.words, 0.5), 1.0, SCALE) == pytest.approx(whole)


# Order and ends


@given(COSINES, COSINES, SHARES, SHARES)
def test_scores_lie_within_0_and_1_and_rise_with_the_evidence(
    one: float, other: float, wording: float, more: float
) -> None:
    less, cosine = sorted((one, other))
    low, high = sorted((wording, more))
    score = words_score(less, low, SCALE)
    assert 0 <= score <= words_score(cosine, high, SCALE) <= 1
    for scale in (SCALE, BLIND):
        assert 0 <= picture_score(less, scale) <= picture_score(cosine, scale) < LIKELY


@given(COSINES, SHARES, COSINES, COSINES)
def test_no_encoder_s_scale_is_too_narrow(
    cosine: float, wording: float, nothing: float, same: float
) -> None:
    """An encoder that tells nothing apart measures two ends that are alike, or the wrong way
    round."""
    scale = Scale(words=(nothing, same), pictures=(nothing, same))
    assert 0 <= words_score(cosine, wording, scale) <= 1
    assert 0 <= picture_score(cosine, scale) <= PICTURES_AT_MOST


@pytest.mark.parametrize("ends", [(0.3, 0.3), (0.5, 0.3)])
def test_on_a_scale_without_width_texts_are_alike_above_it_and_unlike_below(
    ends: tuple[float, float],
) -> None:
    scale = Scale(words=ends, pictures=ends)
    above, below = ends[0] + 0.01, ends[0] - 0.01
    assert words_score(below, 0, scale) == pytest.approx(0, abs=1e-12)
    assert words_score(above, 0, scale) == pytest.approx(1, abs=1e-12)
    assert picture_score(below, scale) == pytest.approx(0, abs=1e-12)
    assert picture_score(above, scale) == PICTURES_AT_MOST


def test_at_the_ends_a_score_is_all_but_0_and_all_but_1() -> None:
    assert words_score(-1, 0, SCALE) == pytest.approx(0, abs=1e-6)
    assert words_score(0.6, 1, SCALE) == pytest.approx(1, abs=1e-3)
    assert picture_score(-1, SCALE) == pytest.approx(0, abs=1e-6)


# Pictures that tell nothing


def test_where_pictures_tell_nothing_they_are_in_order_and_none_is_shown() -> None:
    scores = [picture_score(cosine, BLIND) for cosine in (0.0, 0.1, 0.2, 0.9, 1.0)]
    assert scores == sorted(set(scores))
    assert {relevance_of(score) for score in scores} == {"unlikely"}
    # A copy stays well below what is shown: half way.
    assert scores[0] == 0
    assert scores[-1] == pytest.approx(POSSIBLE / 2)


@pytest.mark.parametrize(("cosine", "end"), [(-1.0, 0.0), (-0.01, 0.0), (1.0001, 1.0), (1.5, 1.0)])
def test_where_pictures_tell_nothing_cosines_beyond_0_and_1_count_as_these(
    cosine: float, end: float
) -> None:
    assert picture_score(cosine, BLIND) == picture_score(end, BLIND)


# Words for scores


@pytest.mark.parametrize(
    ("score", "called"),
    [
        (0.0, "unlikely"),
        (math.nextafter(0.3, 0), "unlikely"),
        (0.3, "possible"),
        (math.nextafter(0.7, 0), "possible"),
        (0.7, "likely"),
        (1.0, "likely"),
    ],
)
def test_each_word_begins_at_the_score_that_the_api_s_page_names(score: float, called: str) -> None:
    assert relevance_of(score) == called
