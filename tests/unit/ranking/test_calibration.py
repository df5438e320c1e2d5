"""A fitted calibration follows verdicts, respects its prior, and never reverses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.ranking import Calibration, Calibrations, Evidence, copy_probability, fit
from dejabug.ranking.calibration import (
    FITTED_SHARE,
    FRAMES_ONLY,
    GREATEST_SHARE,
    LEAST_SHARE,
    LEAST_WEIGHT,
    WITH_WORDS,
    WORDS_ONLY,
    prior_odds,
)

NAMES = ("frames", "words", "rank", "size", "intercept")
SHIPPED = {"frames": FRAMES_ONLY, "with words": WITH_WORDS, "words": WORDS_ONLY}
PRIOR = Calibration(frames=5.0, words=14.0, rank=-0.9, size=0.8, intercept=-1.5)
EVIDENCE = st.builds(
    Evidence,
    st.floats(-1, 1),
    st.none() | st.floats(-1, 0.25),
    st.floats(0, 7),
    st.floats(0, 4),
)
VERDICTS = st.lists(st.tuples(EVIDENCE, st.booleans()), max_size=40)
Verdicts = Sequence[tuple[Evidence, bool]]


def fitted(verdicts: Verdicts, prior: Calibration = PRIOR, trust: float = 1.0) -> Calibration:
    return fit([each for each, _ in verdicts], [same for _, same in verdicts], prior, trust=trust)


def inputs(evidence: Evidence) -> list[float]:
    return [evidence.frames, evidence.words or 0.0, evidence.rank, evidence.size, 1.0]


def rise(found: Calibration, verdicts: Verdicts, prior: Calibration, trust: float) -> list[float]:
    """How the log posterior still rises at `found`, by each weight: 0 at its summit."""
    off = [float(same) - found.probability(each) for each, same in verdicts]
    rises = []
    for number, name in enumerate(NAMES):
        at, middle = getattr(found, name), getattr(prior, name)
        deviation = 0.8 if name == "intercept" else 0.3 * abs(middle)
        pulled = trust * (at - middle) / deviation**2 if deviation else 0.0
        pushed = (
            each * inputs(said)[number] for each, (said, _) in zip(off, verdicts, strict=True)
        )
        rises.append(math.fsum(pushed) - pulled)
    return rises


def drawn(truth: Calibration, count: int, seed: int = 0) -> list[tuple[Evidence, bool]]:
    """Pairs, and verdicts that come true as often as this calibration says."""
    rng = np.random.default_rng(seed)
    pairs = [
        Evidence(
            float(rng.uniform(-0.5, 0.5)),
            float(rng.uniform(-0.4, 0.25)),
            float(rng.uniform(0, 5)),
            float(rng.uniform(0, 4)),
        )
        for _ in range(count)
    ]
    return [(each, bool(rng.random() < truth.probability(each))) for each in pairs]


# Probabilities


def test_log_odds_are_the_weighted_sum_of_the_evidence() -> None:
    evidence = Evidence(frames=0.2, words=0.1, rank=2.0, size=3.0)
    expected = 5.0 * 0.2 + 14.0 * 0.1 - 0.9 * 2.0 + 0.8 * 3.0 - 1.5
    assert PRIOR.log_odds(evidence) == pytest.approx(expected)
    assert PRIOR.probability(evidence) == pytest.approx(1 / (1 + math.exp(-expected)))
    without = replace(evidence, words=None)
    assert PRIOR.log_odds(without) == pytest.approx(expected - 14.0 * 0.1)


def test_no_evidence_is_so_bad_that_it_breaks_the_arithmetic() -> None:
    least = 1 / (1 + math.exp(60))
    assert PRIOR.probability(Evidence(-1e9)) == pytest.approx(least, rel=1e-6, abs=0)
    assert PRIOR.probability(Evidence(1e9)) == 1.0


@pytest.mark.parametrize("curve", SHIPPED.values(), ids=list(SHIPPED))
@given(evidence=EVIDENCE, more=st.floats(0, 1))
def test_more_evidence_never_means_a_lower_probability(
    curve: Calibration, evidence: Evidence, more: float
) -> None:
    least = curve.probability(evidence)
    said = evidence.words or 0.0
    assert curve.probability(replace(evidence, frames=evidence.frames + more)) >= least
    assert curve.probability(replace(evidence, words=said + more)) >= least
    assert curve.probability(replace(evidence, rank=evidence.rank + more)) <= least


@given(EVIDENCE, st.floats(0.01, 0.9), st.floats(0.01, 0.9))
def test_the_share_of_duplicates_shifts_the_log_odds(
    evidence: Evidence, one: float, other: float
) -> None:
    """Bayes' rule: evidence weighs the same, whatever is known beforehand."""

    def odds(share: float) -> float:
        found = PRIOR.probability(evidence, share)
        return math.log(found) - math.log1p(-found)

    def before(share: float) -> float:
        return math.log(share / (1 - share))

    assert prior_odds(FITTED_SHARE) == 0
    assert prior_odds(one) - prior_odds(other) == pytest.approx(before(one) - before(other))
    assert odds(one) - odds(other) == pytest.approx(before(one) - before(other), abs=1e-3)
    assert PRIOR.probability(evidence, FITTED_SHARE) == PRIOR.probability(evidence)


def test_a_share_that_cannot_be_is_taken_for_the_nearest_that_can() -> None:
    assert prior_odds(0.0) == prior_odds(LEAST_SHARE) == prior_odds(-1.0)
    assert prior_odds(1.0) == prior_odds(GREATEST_SHARE) == prior_odds(2.0)
    assert prior_odds(0.0) < 0 < prior_odds(1.0)


def test_pairs_with_words_have_a_curve_of_their_own() -> None:
    curves = Calibrations(
        Calibration(intercept=1.0), Calibration(intercept=2.0), Calibration(intercept=3.0), 0.2
    )
    assert curves.choose(with_words=False) == curves.frames
    assert curves.choose(with_words=True) == curves.with_words
    assert curves.probability(Evidence(0.1)) == curves.frames.probability(Evidence(0.1), 0.2)
    said = Evidence(0.1, 0.0)  # words that say nothing are words
    expected = curves.with_words.probability(said, 0.2)
    assert curves.probability(said) == pytest.approx(0.02 + 0.98 * expected)


def test_without_their_words_a_pair_has_the_probability_of_its_pictures() -> None:
    curves = Calibrations(share=0.2)
    said = Evidence(0.3, 0.25, 1.0, 2.0)
    pictures = Evidence(0.3, None, 1.0, 2.0)
    assert curves.by_pictures_alone(said) == curves.probability(pictures)
    assert curves.by_pictures_alone(said) != curves.probability(said)


@pytest.mark.parametrize(("copy", "odds"), [(0.75, 0.0), (0.85, 2.5), (0.55, -5.0), (0.0, -18.75)])
def test_clips_are_surer_copies_the_more_they_move_in_step(copy: float, odds: float) -> None:
    assert copy_probability(copy) == pytest.approx(1 / (1 + math.exp(-odds)))


# Fits


@pytest.mark.parametrize("prior", SHIPPED.values(), ids=list(SHIPPED))
@pytest.mark.parametrize("trust", [0.1, 1.0, 50.0])
def test_a_fit_of_no_pairs_is_the_prior(prior: Calibration, trust: float) -> None:
    assert fitted([], prior, trust) == prior


def test_each_pair_has_one_verdict() -> None:
    with pytest.raises(ValueError, match="2 pairs but 1"):
        fit([Evidence(0.1), Evidence(0.2)], [True], PRIOR)


@given(VERDICTS, st.floats(0.1, 50))
def test_a_fit_is_the_summit_between_the_verdicts_and_the_prior(
    verdicts: Verdicts, trust: float
) -> None:
    found = fitted(verdicts, trust=trust)
    for name, slope in zip(NAMES, rise(found, verdicts, PRIOR, trust), strict=True):
        at = getattr(found, name)
        if name in ("frames", "words") and at == LEAST_WEIGHT:
            continue  # held back
        if name == "rank" and at == 0:
            continue
        assert slope == pytest.approx(0, abs=1e-3), name


@given(VERDICTS, st.floats(0.1, 50))
def test_a_fitted_curve_never_turns_round(verdicts: Verdicts, trust: float) -> None:
    found = fitted(verdicts, trust=trust)
    assert found.frames >= LEAST_WEIGHT
    assert found.words >= LEAST_WEIGHT
    assert found.rank <= 0


@pytest.mark.parametrize("prior", SHIPPED.values(), ids=list(SHIPPED))
def test_a_weight_that_is_0_stays_0(prior: Calibration) -> None:
    with np.errstate(divide="raise"):
        found = fitted(drawn(PRIOR, 200), prior, trust=0.01)
    for name in NAMES:
        assert (getattr(found, name) == 0) is (getattr(prior, name) == 0)
    assert found.intercept != prior.intercept


def test_a_fit_finds_the_curve_that_the_verdicts_were_drawn_from() -> None:
    truth = Calibration(frames=8.0, words=10.0, rank=-0.5, size=0.4, intercept=1.0)
    found = fitted(drawn(truth, 8000), trust=0.01)
    for name in NAMES:
        assert getattr(found, name) == pytest.approx(getattr(truth, name), rel=0.15, abs=0.15)


def test_few_verdicts_bend_the_curve_and_do_not_break_it() -> None:
    pair = Evidence(0.3, 0.0, 0.0, 2.0)
    bent = fitted([(pair, False)] * 3)
    assert PRIOR.probability(pair) - 0.4 < bent.probability(pair) < PRIOR.probability(pair)
    trusting = fitted([(pair, False)] * 3, trust=10.0)
    assert bent.probability(pair) < trusting.probability(pair) < PRIOR.probability(pair)


def test_at_a_trust_of_1_a_weight_is_believed_to_within_30_percent() -> None:
    """One verdict of little weight moves each weight by its variance times its input."""
    evidence = Evidence(1e-3, 1e-3, 1e-3, 1e-3)
    found = fitted([(evidence, True)])
    off = 1 - found.probability(evidence)
    for name in NAMES[:-1]:
        moved = getattr(found, name) - getattr(PRIOR, name)
        variance = (0.3 * getattr(PRIOR, name)) ** 2
        assert moved == pytest.approx(variance * off * 1e-3, rel=1e-4)
    assert found.intercept - PRIOR.intercept == pytest.approx(0.8**2 * off, rel=1e-6)
    assert fit([evidence], [True], PRIOR) == found  # where no trust is named


def test_verdicts_turned_upside_down_hold_the_weights_at_their_bounds() -> None:
    """The likeliest pairs were rejected, the unlikeliest confirmed: the evidence says nothing then,
    so that each pair has about the probability of any."""
    likely, unlikely = Evidence(0.5, 0.2, 0.0, 2.0), Evidence(-0.5, -0.2, 3.0, 2.0)
    verdicts = [(likely, False), (unlikely, True)] * 500
    found = fitted(verdicts)
    assert (found.frames, found.words, found.rank) == (LEAST_WEIGHT, LEAST_WEIGHT, 0)
    assert found.probability(likely) == pytest.approx(0.5, abs=0.05)
    assert found.probability(unlikely) < found.probability(likely)


def test_what_is_free_is_the_likeliest_beside_a_weight_held_at_its_bound() -> None:
    likely, unlikely = Evidence(0.9, None, 0.0, 1.0), Evidence(0.6, None, 0.0, 3.0)
    verdicts = [(likely, False)] * 60 + [(unlikely, True)] * 40
    prior = Calibration(frames=5.0, size=0.8, intercept=-1.5)
    found = fitted(verdicts, prior, trust=0.1)
    assert found.frames == LEAST_WEIGHT
    by_name = dict(zip(NAMES, rise(found, verdicts, prior, 0.1), strict=True))
    assert by_name["frames"] < 0  # it would go on down
    assert by_name["size"] == pytest.approx(0, abs=1e-6)
    assert by_name["intercept"] == pytest.approx(0, abs=1e-6)


def test_the_weight_of_size_may_point_either_way() -> None:
    verdicts = [(Evidence(0.0, None, 0.0, size), size < 2) for size in (1.0, 3.0)] * 300
    assert fitted(verdicts).size < 0


def test_a_prior_far_from_the_verdicts_still_bends_to_them() -> None:
    """Plain Newton steps overshoot here, and go in a circle."""
    prior = Calibration(frames=13.7, intercept=2.1)
    found = fitted([(Evidence(0.0), False)] * 6 + [(Evidence(0.0), True)] * 3, prior, trust=0.05)
    assert found.frames == pytest.approx(prior.frames)
    # One third of these pairs are duplicates.
    assert found.probability(Evidence(0.0)) == pytest.approx(0.35, abs=0.02)


def test_a_fit_arrives_from_far_away() -> None:
    truth = Calibration(frames=3.0, intercept=0.5)
    verdicts = drawn(truth, 300, 1)
    for intercept in (-40.0, 40.0):
        prior = Calibration(frames=60.0, intercept=intercept)
        found = fitted(verdicts, prior, trust=0.01)
        by_name = dict(zip(NAMES, rise(found, verdicts, prior, 0.01), strict=True))
        assert by_name["frames"] == pytest.approx(0, abs=1e-5)
        assert by_name["intercept"] == pytest.approx(0, abs=1e-5)


def test_evidence_beyond_all_measure_does_not_overflow() -> None:
    verdicts = [(Evidence(1e3), True), (Evidence(-1e3), False)]
    with np.errstate(all="raise", under="ignore"):
        found = fitted(verdicts)
    assert found == PRIOR  # they say nothing that it did not
