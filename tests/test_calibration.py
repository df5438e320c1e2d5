"""From evidence to probability, and what verdicts make of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug import ranking
from dejabug.ranking import Calibration, Calibrations

PRIOR = Calibration(14.0, 2.0)


def slopes(
    found: Calibration, evidence: list[float], same: list[bool], prior: Calibration, trust: float
) -> tuple[float, float]:
    """How the log posterior still rises at `found`, by slope and by intercept: 0 at its summit."""
    off = [found.probability(x) - y for x, y in zip(evidence, same, strict=True)]
    by_slope = math.fsum(each * x for each, x in zip(off, evidence, strict=True))
    return (
        by_slope + 0.05 * trust * (found.slope - prior.slope),
        math.fsum(off) + 0.25 * trust * (found.intercept - prior.intercept),
    )


def test_the_odds_are_even_where_the_line_crosses_zero() -> None:
    curve = Calibration(slope=4.0, intercept=-1.0)
    assert curve.probability(0.25) == 0.5
    assert curve.probability(0.5) == pytest.approx(1 / (1 + math.exp(-1)))
    assert curve.evidence(0.5) == 0.25


def test_no_evidence_is_so_bad_that_it_breaks_the_arithmetic() -> None:
    assert Calibration(1.0, 0.0).probability(-1e9) == pytest.approx(1 / (1 + math.exp(60)))
    assert Calibration(1.0, 0.0).probability(1e9) == 1.0


def test_a_ranking_with_words_has_a_curve_of_its_own() -> None:
    curves = Calibrations(Calibration(1, 0), Calibration(2, 0), Calibration(3, 0))
    assert curves.choose(with_words=False) == Calibration(1, 0)
    assert curves.choose(with_words=True) == Calibration(2, 0)


VERDICTS = st.lists(st.tuples(st.floats(-1, 1), st.booleans()), max_size=40)


@given(VERDICTS)
def test_a_fit_is_the_summit_between_the_verdicts_and_the_prior(
    verdicts: list[tuple[float, bool]],
) -> None:
    evidence, same = [x for x, _ in verdicts], [y for _, y in verdicts]
    found = ranking.fit(evidence, same, PRIOR)
    if found.slope > 0.1:  # else held back
        assert slopes(found, evidence, same, PRIOR, 20) == pytest.approx((0, 0), abs=1e-5)


def test_a_fit_arrives_from_far_away() -> None:
    rng = np.random.default_rng(1)
    evidence = rng.uniform(-1, 1, 300)
    same = (rng.random(300) < 1 / (1 + np.exp(-(3 * evidence + 0.5)))).tolist()
    for prior in (Calibration(60.0, -40.0), Calibration(60.0, 40.0), Calibration(0.2, -30.0)):
        found = ranking.fit(evidence.tolist(), same, prior, trust=0.01)
        still = slopes(found, evidence.tolist(), same, prior, 0.01)
        assert still == pytest.approx((0, 0), abs=1e-5)


def test_evidence_beyond_all_measure_does_not_overflow() -> None:
    with np.errstate(all="raise"):
        found = ranking.fit([1e3, -1e3], [True, False], PRIOR)
    assert found == PRIOR  # they say nothing that it did not


def test_verdicts_may_be_numbers_of_any_kind() -> None:
    evidence = [0, 1, 0, 1]
    same = [False, True, True, False]
    assert ranking.fit(evidence, same, PRIOR) == ranking.fit(
        [float(each) for each in evidence], [bool(each) for each in same], PRIOR
    )


def test_the_slope_stays_positive_whatever_the_verdicts_say() -> None:
    evidence = [-1.0, 1.0] * 200
    found = ranking.fit(evidence, [True, False] * 200, PRIOR)
    assert found.slope == 0.1
