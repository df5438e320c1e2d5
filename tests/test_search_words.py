"""What words find among the demo's tickets, with the bundled encoder; and by which words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug import questions, ranking
from dejabug.demo.studio import CLIPS
from dejabug.encoders.scale import scale_of
from dejabug.evaluation.corpus import Corpus, indexed
from dejabug.ranking import Scale
from dejabug.settings import Settings
from remembering import Remembering

# What somebody who sees the demo might ask → the group of the clip that must come first.
ASKED = {
    "cows": "crafter-flood-meadow",
    "truck sinks into the road": "truck-sink-town",
    "placeholder tiles": "crafter-ground-meadow",
    "T-pose": "figure-tpose-square",
    "no gravity": "crates-weightless-store",
    "walking through walls": "freedoom-noclip-chapel",
    "checkerboard walls": "freedoom-torn-hall",
    "flying zombies": "freedoom-floating-yard",
    "crates merge": "crates-merge-store",
    "third person view": "freedoom-chase-court",
    "herd of cattle": "crafter-flood-meadow",
    "vehicle falls through the floor": "truck-sink-town",
    "twisted limbs": "figure-twisted-snow",
    "inventory gone": "crafter-hud-beach",
}
UNANSWERED = (
    "purple elephants riding unicycles", "banana bread recipe", "dragon breathes fire",
    "credit card payment fails", "helicopter rotor spins the wrong way", "xyzzy",
)  # fmt: skip
SCALE = Scale(words=(0.1, 0.6), pictures=(0.2, 0.3))
BLIND = Scale(words=(0.1, 0.6), pictures=None)
SHARE = st.floats(0, 1)
COSINE = st.floats(-1, 1)


@pytest.fixture(scope="module")
def demo(remembering: Remembering) -> Iterator[tuple[Corpus, dict[str, str | None]]]:
    """All tickets of the demo with their clips, few frames of each; and their groups."""
    settings = Settings(encoder="starter", max_frames=2)
    with indexed(CLIPS, settings, encoder=remembering) as corpus:
        yield corpus, {item.issue_id: item.group for item in corpus.items}


def ask(corpus: Corpus, words: str, projects: list[str] | None = None) -> list[dict[str, Any]]:
    return questions.search_text(corpus.place, words, projects or list(corpus.projects), 100)


@pytest.mark.parametrize("words", ASKED)
def test_an_obvious_question_finds_the_right_clip_first_and_likely(demo: Any, words: str) -> None:
    corpus, group_of = demo
    first = ask(corpus, words)[0]
    assert group_of[first["issue_id"]] == ASKED[words]
    assert ranking.relevance_of(first["score"]) == "likely"
    assert first["found_by"] == ["words"]


@pytest.mark.parametrize("words", UNANSWERED)
def test_what_no_ticket_is_about_finds_none_that_is_likely_or_possible(
    demo: Any, words: str
) -> None:
    corpus, _ = demo
    found = ask(corpus, words)
    assert found
    assert {ranking.relevance_of(hit["score"]) for hit in found} == {"unlikely"}


def test_a_score_is_the_same_whatever_else_is_searched(demo: Any) -> None:
    corpus, _ = demo
    every = {hit["clip"]: hit["score"] for hit in ask(corpus, "stuck in the ground")}
    for project in corpus.projects:
        for hit in ask(corpus, "stuck in the ground", [project]):
            assert every.get(hit["clip"], hit["score"]) == pytest.approx(hit["score"], abs=1e-6)


# Words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Trucks are sinking into the road", "truck sink road"),
        ("The truck sinks; roads", "truck sink road"),
        ("Texture missing, missed textures", "textur miss miss textur"),
        ("stopped stopping stops", "stop stop stop"),
        ("bodies, enemies", "bodi enemi"),
        ("the player's head", "player head"),
        ("E1M2: ERR_5521 at 60 fps", "e1m2 err 5521 60 fps"),
        ("speed of the bus", "speed bus"),
        ("ＣＯＷＳ café", "cow café"),
        ("up and down", "up and down"),
        ("!?", ""),
    ],
)
def test_words_become_terms(text: str, expected: str) -> None:
    assert " ".join(ranking.terms_of(text)) == expected


@given(st.text(max_size=80))
def test_terms_of_any_text_hold_no_space_and_are_found_in_their_own_text(text: str) -> None:
    terms = ranking.terms_of(text)
    assert all(term and not any(sign.isspace() for sign in term) for term in terms)
    assert ranking.coverage(terms, terms) == (1.0 if terms else 0.0)


# Scores


@given(COSINE, COSINE, SHARE, SHARE)
def test_scores_lie_within_0_and_1_and_rise_with_the_evidence(
    one: float, other: float, wording: float, more: float
) -> None:
    less, cosine = sorted((one, other))
    low, high = sorted((wording, more))
    score = ranking.words_score(less, low, SCALE)
    assert 0 <= score <= ranking.words_score(cosine, high, SCALE) <= 1
    assert ranking.picture_score(less, SCALE) <= ranking.picture_score(cosine, SCALE)


def test_the_labels_begin_where_they_say() -> None:
    for evidence, score in ((0.7, 0.3), (0.95, 0.7)):
        assert ranking.words_score(0.1 + 0.5 * evidence, 0, SCALE) == pytest.approx(score)
    named = [ranking.relevance_of(score) for score in (0.0, 0.299, 0.3, 0.699, 0.7, 1.0)]
    assert named == ["unlikely", "unlikely", "possible", "possible", "likely", "likely"]


def test_a_ticket_that_says_every_word_is_likely_whatever_its_vector() -> None:
    assert ranking.relevance_of(ranking.words_score(0.1, 1.0, SCALE)) == "likely"
    assert ranking.relevance_of(ranking.words_score(0.1, 0.5, SCALE)) == "unlikely"


def test_pictures_alone_are_possible_at_most_and_nothing_where_the_encoder_cannot_tell() -> None:
    assert ranking.relevance_of(ranking.picture_score(1.0, SCALE)) == "possible"
    assert ranking.relevance_of(ranking.picture_score(1.0, BLIND)) == "unlikely"
    assert ranking.picture_score(0.1, BLIND) < ranking.picture_score(0.2, BLIND)


def test_an_encoder_is_measured_on_the_same_sentences_every_time(remembering: Remembering) -> None:
    nothing, same = scale_of(remembering).words
    assert nothing == pytest.approx(0.09, abs=0.02)
    assert same == pytest.approx(0.57, abs=0.02)
    assert scale_of(remembering).pictures is None
