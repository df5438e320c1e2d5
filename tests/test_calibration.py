"""A fitted calibration never turns round, whatever verdicts it is fitted on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug import ranking
from dejabug.ranking import Calibration, Calibrations, fit
from dejabug.ranking.calibration import LEAST_SLOPE

VERDICTS = st.lists(st.tuples(st.floats(-1, 1), st.booleans()), max_size=60)
PRIOR = Calibration(slope=13.7, intercept=2.1)


def loss(curve: Calibration, pairs: Sequence[tuple[float, bool]], trust: float) -> float:
    """What a fit makes as small as it can: how unlikely the verdicts are, and how far the prior."""
    told = sum(
        math.log1p(math.exp(-(1 if same else -1) * (curve.slope * x + curve.intercept)))
        for x, same in pairs
    )
    slope, intercept = curve.slope - PRIOR.slope, curve.intercept - PRIOR.intercept
    return told + trust / 2 * (0.05 * slope**2 + 0.25 * intercept**2)


@given(VERDICTS, st.floats(0.1, 50))
def test_more_evidence_never_means_a_lower_probability(
    pairs: list[tuple[float, bool]], trust: float
) -> None:
    found = fit([x for x, _ in pairs], [same for _, same in pairs], PRIOR, trust=trust)
    assert found.slope > 0
    probabilities = [found.probability(x) for x in np.linspace(-1, 1, 21)]
    assert probabilities == sorted(probabilities)


@given(VERDICTS, st.floats(0.5, 50))
def test_no_curve_near_the_fitted_one_suits_the_verdicts_better(
    pairs: list[tuple[float, bool]], trust: float
) -> None:
    found = fit([x for x, _ in pairs], [same for _, same in pairs], PRIOR, trust=trust)
    least = loss(found, pairs, trust)
    for slope, intercept in ((0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05)):
        near = Calibration(found.slope + slope, found.intercept + intercept)
        if near.slope > 0.1:
            assert loss(near, pairs, trust) > least - 1e-6


def test_a_prior_far_from_the_verdicts_still_bends_to_them() -> None:
    """Plain Newton steps go in a circle here: from 2.1 to -2.9, and back again."""
    found = fit([0.0] * 9, [False] * 6 + [True] * 3, PRIOR, trust=0.5)
    assert found.slope == pytest.approx(PRIOR.slope)
    # One third of these pairs are duplicates; the prior says 0.89, and weighs half a pair.
    assert found.probability(0.0) == pytest.approx(0.37, abs=0.01)


@pytest.mark.parametrize("count", [50, 5000])
def test_verdicts_turned_upside_down_flatten_the_curve_to_the_share_of_duplicates(
    count: int,
) -> None:
    """The likeliest pairs were rejected, the unlikeliest confirmed: the evidence says nothing then,
    so that each pair has the probability of any. (The intercept that suits a falling curve would
    have made all pairs sure.)"""
    evidence = [0.9] * count + [0.6] * count
    same = [False] * count + [True] * count
    found = fit(evidence, same, PRIOR, trust=1.0)
    assert 0 < found.slope < 1
    assert found.probability(0.75) == pytest.approx(0.5, abs=0.05)
    assert found.probability(0.6) < found.probability(0.9)


def test_a_curve_held_at_the_least_slope_has_the_intercept_that_is_likeliest_beside_it() -> None:
    evidence, same = [0.9] * 30 + [0.6] * 5, [False] * 30 + [True] * 5
    found = fit(evidence, same, PRIOR, trust=1.0)
    assert found.slope == LEAST_SLOPE
    # At the summit, what the verdicts ask for and what the prior asks for cancel out.
    asked = sum(found.probability(each) - told for each, told in zip(evidence, same, strict=True))
    assert asked + 0.25 * (found.intercept - PRIOR.intercept) == pytest.approx(0, abs=1e-6)


def test_probabilities_stay_within_0_and_1_however_strong_the_evidence() -> None:
    assert 0 < PRIOR.probability(-1e9) < 1e-6
    assert 1 - 1e-6 < PRIOR.probability(1e9) <= 1


STEEP = Calibration(14.0, 2.0)


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
    least = 1 / (1 + math.exp(60))
    assert Calibration(1.0, 0.0).probability(-1e9) == pytest.approx(least, rel=1e-6, abs=0)
    assert Calibration(1.0, 0.0).probability(1e9) == 1.0


def test_a_ranking_with_words_has_a_curve_of_its_own() -> None:
    curves = Calibrations(Calibration(1, 0), Calibration(2, 0), Calibration(3, 0))
    assert curves.choose(with_words=False) == Calibration(1, 0)
    assert curves.choose(with_words=True) == Calibration(2, 0)


FEWER = st.lists(st.tuples(st.floats(-1, 1), st.booleans()), max_size=40)


@given(FEWER)
def test_a_fit_is_the_summit_between_the_verdicts_and_the_prior(
    verdicts: list[tuple[float, bool]],
) -> None:
    evidence, same = [x for x, _ in verdicts], [y for _, y in verdicts]
    found = ranking.fit(evidence, same, STEEP)
    if found.slope > 0.1:  # else held back
        assert slopes(found, evidence, same, STEEP, 20) == pytest.approx((0, 0), abs=1e-5)


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
        found = ranking.fit([1e3, -1e3], [True, False], STEEP)
    assert found == STEEP  # they say nothing that it did not


def test_verdicts_may_be_numbers_of_any_kind() -> None:
    evidence = [0, 1, 0, 1]
    same = [False, True, True, False]
    assert ranking.fit(evidence, same, STEEP) == ranking.fit(
        [float(each) for each in evidence], [bool(each) for each in same], STEEP
    )


def test_the_slope_stays_positive_whatever_the_verdicts_say() -> None:
    evidence = [-1.0, 1.0] * 200
    found = ranking.fit(evidence, [True, False] * 200, STEEP)
    assert found.slope == 0.1
