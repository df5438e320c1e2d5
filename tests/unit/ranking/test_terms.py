"""Which words are one term, which say nothing, and how much of a query a ticket contains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.ranking.terms import coverage, stem, terms_of


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


# Each row: forms of one word, as testers write them.
ONE_WORD = """
cow cows
tree trees
tie ties
bus buses
gas gases
iris irises
virus viruses
glass glasses
box boxes
crash crashes crashed crashing
glitch glitches glitched glitching
miss misses missed missing
buzz buzzes buzzed buzzing
sink sinks sinking
flicker flickers flickered flickering
fall falls falling
bleed bleeds bleeding
add adds added adding
run runs running
stop stops stopped stopping
shred shreds shredded shredding
spy spies
fly flies flying
body bodies
enemy enemies
copy copies copied copying
multiply multiplies
play plays played playing
move moves moved moving
texture textures textured texturing
suppose supposed supposedly
repeat repeats repeated repeatedly
slow slowly
happy happily
"""
# Each row: words that are as near to each other in letters, and not in meaning.
TWO_WORDS = """
use us
sky ski
add ad
putt put
string str
play player
text texture
fall fallout
"""
# Each row: as it is written, and as it is kept. English endings say nothing about these.
NO_ENGLISH = """
60fps 60fps
mp4s mp4s
e1m2 e1m2
naïve naïve
blöcke blöcke
стены стены
木箱が消える 木箱が消える
"""


@pytest.mark.parametrize("forms", rows(ONE_WORD), ids=" ".join)
def test_forms_of_one_word_have_one_stem(forms: list[str]) -> None:
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize(("one", "other"), rows(TWO_WORDS))
def test_words_that_only_look_alike_have_two_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@pytest.mark.parametrize(("word", "kept"), rows(NO_ENGLISH))
def test_codes_and_letters_beyond_english_are_kept_whole(word: str, kept: str) -> None:
    assert stem(word) == kept


@given(st.text("aeyingdlsxz", min_size=1, max_size=12))
def test_a_stem_is_the_beginning_of_its_word_but_for_a_last_y(word: str) -> None:
    found = stem(word)
    assert found
    assert word.startswith(found) or (found[-1] in "iy" and word.startswith(found[:-1]))


# Each row: a text, and its terms.
TEXTS = {
    "forms": {
        "Trucks are sinking into the road": "truck sink road",
        "The truck sinks; roads": "truck sink road",
        "Texture missing, missed textures": "textur miss miss textur",
        "stopped stopping stops": "stop stop stop",
        "bodies, enemies": "bodi enemi",
    },
    "filler": {
        "speed of the bus": "speed bus",
        "Where is my cow?": "cow",
        "I can not get out of this car": "car",
        "no gravity": "graviti",
        "THE cow": "cow",
        # Filler is a word as it is written: tins are none.
        "the cans": "can",
    },
    "filler alone": {
        "up and down": "up and down",
        "Up": "up",
        "the the": "the the",
    },
    "apostrophes": {
        "the player's head": "player head",
        "the player’s head": "player head",
        "the players' heads": "player head",
        "'cow' ’cow’ cow'": "cow cow cow",
        "rock'n'roll": "rock roll",
        "I'm a cow": "cow",
    },
    "signs": {
        "E1M2: ERR_5521 at 60 fps": "e1m2 err 5521 60 fps",
        "T-pose": "t pos",
        "(cow)/[tree]…road": "cow tre road",
        "🐄 cow\n\ttree\u00a0road": "cow tre road",
        "!?": "",
        "": "",
    },
    "unicode": {
        "ＣＯＷＳ café": "cow café",
        "cafe\u0301 CAFÉ": "café café",
        "ﬁsh": "fish",
        "Straße STRASSE": "strass strass",
        "Падает сквозь ПОЛ": "падает сквозь пол",
    },
}


@pytest.mark.parametrize(
    ("text", "expected"), [row for table in TEXTS.values() for row in table.items()]
)
def test_a_text_becomes_its_terms(text: str, expected: str) -> None:
    assert terms_of(text) == expected.split()


@given(st.text(max_size=80))
def test_terms_of_any_text_are_neither_empty_nor_parted_by_a_space(text: str) -> None:
    """They are kept side by side, with spaces between."""
    terms = terms_of(text)
    assert " ".join(terms).split() == terms


@given(st.text(st.characters(codec="ascii"), max_size=80))
def test_capital_letters_make_no_difference(text: str) -> None:
    assert terms_of(text.upper()) == terms_of(text)


@pytest.mark.parametrize(
    ("asked", "said", "share"),
    [
        ("truck sink", "truck sink", 1.0),
        ("truck sink", "sink road truck tree", 1.0),  # the order and what else is said cost nothing
        ("truck sink", "truck", 0.5),
        ("truck sink road fire", "fire cow", 0.25),
        ("truck sink", "cow", 0.0),
        ("truck truck truck sink", "truck", 0.5),  # a word counts once
        ("truck sink", "truck truck", 0.5),
        ("truck", "trucker", 0.0),  # a term is said as a whole
        ("truck", "", 0.0),
        ("", "truck", 0.0),  # who asks nothing is answered by nothing
        ("", "", 0.0),
    ],
)
def test_coverage_is_the_share_of_the_question_s_words_that_are_said(
    asked: str, said: str, share: float
) -> None:
    assert coverage(asked.split(), said.split()) == share


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_to_say_more_never_covers_less(asked: list[str], said: list[str]) -> None:
    assert 0 <= coverage(asked, said) <= coverage(asked, [*said, *asked]) <= 1
    assert coverage(asked, asked) == (1.0 if asked else 0.0)


def test_a_ticket_in_other_forms_of_the_words_says_the_whole_question() -> None:
    ticket = terms_of("Player’s truck sinks into the road; textures went missing")
    assert coverage(terms_of("trucks are sinking"), ticket) == 1.0
    assert coverage(terms_of("missed texture of a cow"), ticket) == pytest.approx(2 / 3)
