"""Why a pair has its score: strengths for bars, and sentences."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.ranking import Calibration, Calibrations, copy_probability
from dejabug.retrieval.pairs import UPLOAD, PairMatch
from dejabug.retrieval.reasons import AGAINST, FOR, Reason, in_sentences, in_short, reasons_for

# Numbers of its own, so that a new fit changes nothing here.
CURVES = Calibrations(
    Calibration(frames=4.0, rank=-1.0, size=0.75, intercept=-1.0),
    Calibration(frames=5.0, words=12.0, rank=-0.7, size=0.75, intercept=-1.0),
)
PAIR = PairMatch("1", "2", "20", 0.9, (), frames=0.2, words=0.2, size=math.log(50))
LIKENESSES = st.floats(-0.6, 0.4)


def reasons(pair: PairMatch) -> list[Reason]:
    return reasons_for(pair, "CRAFT-1", CURVES)


def kinds(pair: PairMatch) -> list[str]:
    return [each.kind for each in reasons(pair)]


def strength(pair: PairMatch, kind: str) -> float:
    return next(each.strength for each in reasons(pair) if each.kind == kind)


def test_each_part_of_the_evidence_is_a_reason() -> None:
    assert [each.text for each in reasons(PAIR)] == [
        "The frames are very similar.",
        "The tickets' text is very similar.",
        "Each clip is the other's closest match.",
    ]
    assert in_short(reasons(PAIR)) == "similar frames, similar text, closest match"


def test_what_speaks_against_is_said_and_is_not_among_what_speaks_for() -> None:
    other = replace(PAIR, frames=-0.4, words=-0.2, rank=2.0)
    assert in_sentences(reasons(other)) == (
        "The frames are no more similar than usual. The tickets' text has little in common."
    )
    assert in_short(reasons(other)) == ""


@given(LIKENESSES, st.floats(-0.2, 0.2))
def test_the_strengths_add_up_to_the_score(frames: float, words: float) -> None:
    pair = replace(PAIR, frames=frames, words=words)
    odds = sum(math.log(each.strength / (1 - each.strength)) for each in reasons(pair))
    # They are rounded to two decimals.
    assert 1 / (1 + math.exp(-odds)) == pytest.approx(CURVES.probability(pair.evidence), abs=0.05)


@given(LIKENESSES, LIKENESSES)
def test_more_alike_is_never_weaker(one: float, other: float) -> None:
    less, more = sorted((one, other))
    for part in ("frames", "words"):
        kind = "pictures" if part == "frames" else "words"
        weaker, stronger = (replace(PAIR, **{part: value}) for value in (less, more))
        assert strength(weaker, kind) <= strength(stronger, kind)


@given(LIKENESSES)
def test_a_bar_and_its_sentence_say_the_same(frames: float) -> None:
    (first, *_) = reasons(replace(PAIR, frames=frames))
    said = {
        "The frames are very similar.": first.strength >= FOR,
        "The frames are somewhat similar.": AGAINST <= first.strength < FOR,
        "The frames are no more similar than usual.": first.strength < AGAINST,
    }
    assert said[first.text]


def test_a_copy_of_the_recording_comes_first() -> None:
    pair = replace(PAIR, copy=0.85)
    first = reasons(pair)[0]
    assert first.kind == "recording"
    assert first.text == "The same recording as on CRAFT-1: the motion in both clips matches."
    assert first.strength == round(copy_probability(0.85), 2)


@pytest.mark.parametrize("copy", [0.0, 0.7, 0.8099])
def test_what_is_no_sure_copy_is_none(copy: float) -> None:
    assert "recording" not in kinds(replace(PAIR, copy=copy))


def test_the_same_file_needs_no_other_reason() -> None:
    (only,) = reasons(PairMatch("1", "2", "20", 1.0, (), same_file=True))
    assert only.text == "Exactly the same file as on CRAFT-1."
    assert (only.kind, only.strength) == ("recording", 1.0)


def test_without_words_only_the_pictures_are_told_of() -> None:
    assert kinds(replace(PAIR, words=None)) == ["pictures", "nearest"]


def test_a_ticket_without_a_clip_is_compared_by_its_words() -> None:
    pair = PairMatch("", "2", "20", 0.9, (), words=0.2)
    assert kinds(pair) == ["words"]
    assert strength(pair, "words") == round(CURVES.words.probability(pair.evidence), 2)


def test_closest_among_few_clips_says_little() -> None:
    few = replace(PAIR, size=math.log(3))
    assert strength(few, "nearest") < 0.5 < strength(PAIR, "nearest")
    assert (
        reasons(few)[-1].text == "Each clip is the other's closest match, but there are few clips."
    )


def test_a_clip_that_is_not_the_closest_is_not_called_so() -> None:
    assert "nearest" not in kinds(replace(PAIR, rank=math.log(2)))


def test_an_upload_has_no_project_to_be_the_closest_in() -> None:
    assert kinds(replace(PAIR, clip_id=UPLOAD)) == ["pictures", "words"]


def test_what_an_earlier_version_kept_is_explained_as_far_as_it_goes() -> None:
    assert kinds(replace(PAIR, size=0.0)) == ["pictures", "words"]
    assert kinds(PairMatch("1", "2", "20", 0.9, ())) == []


def test_an_answer_to_words_is_explained_by_what_answers_it() -> None:
    assert reasons(PairMatch("", "2", "20", 0.9, (), 0.3, 0.4, answers=("words",))) == []
