"""Precision, recall and calibration on arrival: against results by hand, and simple counting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dejabug.evaluation.arrival_fit import each_left_out, refit, rescored
from dejabug.evaluation.arrival_metrics import THRESHOLDS, as_json, figures
from dejabug.evaluation.arrival_report import in_words, page_section, table
from dejabug.evaluation.arrivals import ASKED, Arrival, Asked, Suggestion
from dejabug.infra.errors import UserError
from dejabug.ranking import Calibration, Calibrations, Evidence


def arrival(
    *suggestions: Suggestion, cluster: str = "a", duplicate: bool = True, project: str = "P"
) -> Arrival:
    return Arrival(project, cluster, duplicate, suggestions)


def right(score: float) -> Suggestion:
    return Suggestion(score, Evidence(score), right=True)


def wrong(score: float) -> Suggestion:
    return Suggestion(score, Evidence(score), right=False)


def related(score: float) -> Suggestion:
    return Suggestion(score, Evidence(score), right=False, related=True)


# Three tickets with an earlier duplicate, one of which finds it twice, and a bug-free one.
KNOWN = (
    arrival(right(0.95), related(0.9), right(0.75), wrong(0.74)),
    arrival(wrong(0.92), right(0.6), wrong(0.1), cluster="b"),
    arrival(wrong(0.3), cluster="c"),
    arrival(wrong(0.55), cluster="d", duplicate=False),
)


def measured(
    arrivals: Sequence[Arrival], default: float = 0.9, limit: int = 3
) -> dict[str, object]:
    return as_json(figures(arrivals, limit=limit, default=default))


def test_named_right_and_related_are_counted_from_the_threshold_up() -> None:
    told = measured(KNOWN)
    at = {
        name: (each["named"], each["right"], each["related"], each["precision"], each["recall"])
        for name in ("default", "0.5", "0.7", "0.95")
        if isinstance(each := told[name], dict)
    }
    assert at["0.95"] == (1, 1, 0, 1.0, 0.3333)
    assert at["default"] == (3, 1, 1, 0.5, 0.3333)
    assert at["0.7"] == (4, 2, 1, 0.6667, 0.3333)  # the fourth of a ticket is never named
    assert at["0.5"] == (6, 3, 1, 0.6, 0.6667)
    assert (told["arrivals"], told["with_duplicate"]) == (4, 3)


def test_the_calibration_error_is_over_the_first_suggestions_without_related_ones() -> None:
    # Bins with score less share of right ones: .95 and .92 → .935 to .5; .75 → 1; .6 → 1; .1, .3,
    # .55 → 0. Nothing of .9 (related) and .74 (the fourth).
    distances = 2 * 0.435 + 0.25 + 0.4 + 0.1 + 0.3 + 0.55
    assert measured(KNOWN)["ece"] == pytest.approx(distances / 7, abs=1e-4)


def test_scores_of_one_are_in_the_last_bin() -> None:
    assert measured([arrival(right(1.0)), arrival(right(0.95))])["ece"] == 0.025


def test_recall_at_95_is_the_greatest_at_any_threshold_that_is_right_enough() -> None:
    """Also beyond a threshold that is not."""
    first = [arrival(wrong(0.99), cluster="w", duplicate=False)]
    rights = [arrival(right(0.9 - n / 100), cluster=f"{n}") for n in range(19)]
    last = [arrival(wrong(0.2), cluster="x")]
    told = figures([*first, *rights, *last], limit=3, default=0.9, resamples=0)
    assert told.recall_at_95 == 19 / 20  # nineteen of twenty are right
    one_less = figures([*first, *rights[1:], *last], limit=3, default=0.9, resamples=0)
    assert one_less.recall_at_95 is None


def test_a_resample_that_never_reaches_95_percent_counts_as_no_recall() -> None:
    pair = [arrival(right(0.9), cluster="a"), arrival(wrong(0.95), cluster="b", duplicate=False)]
    more = [arrival(right(0.99), cluster="c")]
    told = figures([*pair, *more], limit=3, default=0.9)
    assert told.recall_at_95 == 0.5
    assert told.intervals["recall_at_95"] == (0.0, 1.0)


def test_suggestions_of_the_same_score_are_named_together() -> None:
    told = figures([arrival(right(0.8), wrong(0.8))], limit=3, default=0.8, resamples=0)
    assert told.recall_at_95 is None
    assert (told.default.named, told.default.precision) == (2, 0.5)
    assert [(point.threshold, point.named) for point in told.curve] == [(0.8, 2)]


def test_only_related_suggestions_have_no_precision() -> None:
    told = measured([arrival(related(0.99))])
    assert told["ece"] is told["recall_at_95"] is None
    assert isinstance(at := told["default"], dict)
    assert (at["named"], at["related"], at["precision"], at["recall"]) == (1, 1, None, 0.0)


def test_without_any_duplicate_there_is_no_recall() -> None:
    told = measured([arrival(wrong(0.95), duplicate=False)])
    assert told["recall_at_95"] is None
    assert isinstance(at := told["default"], dict)
    assert (at["precision"], at["recall"]) == (0.0, None)
    assert at["interval"] == {"precision": [0.0, 0.0]}


@pytest.mark.parametrize("arrivals", [(), (arrival(),), (arrival(duplicate=False),)])
def test_where_nothing_is_suggested_nothing_breaks(arrivals: tuple[Arrival, ...]) -> None:
    told = figures(arrivals, limit=3, default=0.9)
    assert json.loads(json.dumps(as_json(told)))["default"]["precision"] is None
    assert "nothing is suggested" in in_words("clip", told)
    assert "<svg" in page_section({"clip": told}, "in no order")
    assert len(table({"clip": told}, title="", width=200).rows) == len(THRESHOLDS)


def test_another_default_threshold_has_a_row_of_its_own() -> None:
    told = figures(KNOWN, limit=3, default=0.93)
    assert len(table({"clip": told}, title="", width=80).rows) == len(THRESHOLDS) + 1


def test_the_bad_news_is_told_in_words() -> None:
    said = in_words("clip_text", figures(KNOWN, limit=3, default=0.9))
    assert "at threshold 0.9, 1 of 3 suggestions are wrong and 1 related" in said
    assert "67% of tickets with an earlier duplicate get no correct suggestion" in said


def test_groups_are_resampled_whole() -> None:
    """Ten arrivals of one group are no more certain than one."""
    together = [arrival(right(0.95), cluster="a")] * 10 + [arrival(wrong(0.95), cluster="b")] * 10
    apart = [replace(each, cluster=str(n)) for n, each in enumerate(together)]
    wide = figures(together, limit=3, default=0.9).default.intervals["precision"]
    narrow = figures(apart, limit=3, default=0.9).default.intervals["precision"]
    assert wide == (0.0, 1.0)
    assert 0.2 < narrow[0] < 0.5 < narrow[1] < 0.8


SUGGESTIONS = st.builds(
    lambda score, kind: Suggestion(score, Evidence(score), kind == "right", kind == "related"),
    st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 0.85, 0.9, 0.97, 1.0]) | st.floats(0, 1),
    st.sampled_from(["right", "wrong", "wrong", "related"]),
)


@st.composite
def arrivals_(draw: st.DrawFn) -> Arrival:
    found = sorted(draw(st.lists(SUGGESTIONS, max_size=6)), key=lambda each: -each.score)
    duplicate = any(each.right for each in found) or draw(st.booleans())
    return arrival(*found, cluster=draw(st.sampled_from("abcd")), duplicate=duplicate)


MANY = st.lists(arrivals_(), max_size=12)


@given(MANY, st.integers(1, 4), st.floats(0, 1))
@settings(deadline=None)
def test_all_figures_are_those_of_plain_counting(
    arrivals: list[Arrival], limit: int, default: float
) -> None:
    told = figures(arrivals, limit=limit, default=default, resamples=0)
    for at in (told.default, *told.at):
        counted = count(arrivals, limit, at.threshold)
        assert (at.named, at.right, at.related, at.precision, at.recall) == pytest.approx(counted)
    first = [each for a in arrivals for each in a.suggestions[:limit]]
    best = [
        recall
        for threshold in {each.score for each in first}
        for *_, precision, recall in [count(arrivals, limit, threshold)]
        if precision is not None and recall is not None and precision >= 0.95
    ]
    assert told.recall_at_95 == (pytest.approx(max(best)) if best else None)
    decided = [each for each in first if not each.related]
    error = 0.0
    for bin_ in range(10):
        inside = [each for each in decided if min(int(each.score * 10), 9) == bin_]
        error += abs(sum(each.score - each.right for each in inside))
    assert told.ece == (pytest.approx(error / len(decided)) if decided else None)


def count(
    arrivals: Sequence[Arrival], limit: int, threshold: float
) -> tuple[int, int, int, float | None, float | None]:
    """Named, right, related, precision and recall, ticket by ticket."""
    named = right_ = related_ = found = asking = 0
    for each in arrivals:
        shown = [s for s in each.suggestions[:limit] if s.score >= threshold]
        named += len(shown)
        right_ += sum(s.right for s in shown)
        related_ += sum(s.related for s in shown)
        found += any(s.right for s in shown)
        asking += each.has_duplicate
    precision = right_ / (named - related_) if named > related_ else None
    return named, right_, related_, precision, found / asking if asking else None


@given(MANY, st.randoms())
@settings(deadline=None, max_examples=30)
def test_figures_are_shares_and_do_not_depend_on_the_order_of_arrivals(
    arrivals: list[Arrival], luck: Random
) -> None:
    told = as_json(figures(arrivals, limit=3, default=0.9, resamples=20))
    shuffled = list(arrivals)
    luck.shuffle(shuffled)
    again = as_json(figures(shuffled, limit=3, default=0.9, resamples=20))
    assert again == told
    shares = [
        told["ece"],
        told["recall_at_95"],
        *(e for ends in told["interval"].values() for e in ends),
    ]
    recalls = []
    for threshold in THRESHOLDS:
        at = told[f"{threshold:g}"]
        shares += [
            at["precision"],
            at["recall"],
            *(e for ends in at["interval"].values() for e in ends),
        ]
        recalls.append(at["recall"])
    assert all(share is None or 0 <= share <= 1 for share in shares)
    if None not in recalls:
        assert recalls == sorted(recalls, reverse=True)


def replayed(curve: Calibration, project: str, seed: int) -> dict[Asked, list[Arrival]]:
    """Arrivals whose pairs are right as often as a curve says."""
    rng = np.random.default_rng(seed)

    def pair(*, worded: bool) -> Suggestion:
        evidence = Evidence(float(rng.normal(0, 0.3)), 0.0 if worded else None)
        same = bool(rng.random() < curve.probability(evidence))
        return Suggestion(0.5, evidence, same, worded=worded)

    return {
        asked: [arrival(pair(worded=asked == "clip_text"), project=project) for _ in range(4000)]
        for asked in ASKED
    }


def both(*parts: dict[Asked, list[Arrival]]) -> dict[Asked, list[Arrival]]:
    return {asked: [a for part in parts for a in part[asked]] for asked in ASKED}


def test_the_fit_finds_the_curve_behind_the_pairs() -> None:
    fitted = refit(replayed(Calibration(frames=9.0, intercept=-1.0), "P", 1))
    for curve in (fitted.frames, fitted.with_words):
        assert curve.frames == pytest.approx(9.0, rel=0.1)
        assert curve.intercept == pytest.approx(-1.0, abs=0.2)


def test_related_pairs_and_screenshots_are_not_fitted_on() -> None:
    told = replayed(Calibration(frames=9.0, intercept=-1.0), "P", 1)
    odd = arrival(
        *(
            Suggestion(0.5, Evidence(-2.0), right=True, worded=w, stills=True)
            for w in (False, True)
        ),
        *(
            Suggestion(0.5, Evidence(2.0), right=False, worded=w, related=True)
            for w in (False, True)
        ),
    )
    more = both(told, {asked: [odd] * 500 for asked in ASKED})
    assert refit(more) == refit(told)


def test_a_project_is_scored_by_the_others_curves() -> None:
    steep, flat = Calibration(frames=12.0, intercept=0.0), Calibration(frames=3.0, intercept=-1.0)
    told = both(replayed(steep, "P", 1), replayed(flat, "Q", 2))
    held_out = each_left_out(told)
    for asked in ASKED:
        of_p = [each for each in told[asked] if each.project == "P"]
        expected = rescored(of_p, refit(told, without="P"))
        assert [each for each in held_out[asked] if each.project == "P"] == expected
        assert len(held_out[asked]) == len(told[asked])
    pair = next(each for each in held_out["clip"] if each.project == "P").suggestions[0]
    assert pair.score == pytest.approx(flat.probability(pair.evidence), abs=0.05)


def test_one_project_cannot_be_left_out_of_its_own_fit() -> None:
    with pytest.raises(UserError, match="all clips belong to one project"):
        each_left_out(replayed(Calibration(frames=9.0, intercept=0.0), "P", 1))


def test_rescored_suggestions_are_best_first_and_screenshots_stay_capped() -> None:
    curves = Calibrations(
        Calibration(frames=5.0, intercept=0.0), Calibration(frames=50.0, intercept=0.0)
    )
    pairs = (
        Suggestion(0.9, Evidence(0.3), right=False),
        Suggestion(0.8, Evidence(0.2, words=0.0), right=True, worded=True),
        Suggestion(0.5, Evidence(0.9), right=False, stills=True),
    )
    (found,) = rescored([arrival(*pairs)], curves)
    assert [each.evidence.frames for each in found.suggestions] == [0.2, 0.3, 0.9]
    assert found.suggestions[-1].score == 0.5
