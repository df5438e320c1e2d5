"""A fitted calibration never turns round, whatever verdicts it is fitted on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.ranking import Calibration, fit

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


def test_probabilities_stay_within_0_and_1_however_strong_the_evidence() -> None:
    assert 0 < PRIOR.probability(-1e9) < 1e-6
    assert 1 - 1e-6 < PRIOR.probability(1e9) <= 1
