"""The text of our comment."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.demo.jira_standin import wiki
from dejabug.jira.comments import (
    ABOUT_SCORES,
    NEVER_LINKS,
    Addresses,
    MomentPair,
    Suggested,
    clock,
    escape,
    render,
)

JIRA = Addresses("https://jira.example")
BOTH = Addresses("https://jira.example", "https://dejabug.example")
MOMENT = MomentPair(1.0, 3.5, 64.0, 66.5, 0.9)


def suggested(**given: Any) -> Suggested:
    fields = {
        "key": "GAME-7", "summary": "Car sinks", "status": "Done", "resolution": None,
        "score": 0.97, "moments": (MOMENT,),
    }  # fmt: skip
    return Suggested(**{**fields, **given})


def comment(*suggestions: Suggested, strip: str | None = "strip.png") -> str:
    return render("GAME-9", suggestions, strip=strip, addresses=JIRA)


def test_a_comment_names_key_summary_status_strength_and_moments() -> None:
    text = comment(suggested())
    for part in (
        "[GAME-7|https://jira.example/browse/GAME-7]",
        "Car sinks",
        "status Done, unresolved",
        "Very likely the same bug",
        "0.97",
        "0:01–0:03.5 here, 1:04–1:06.5 there",
        "!strip.png|width=",
    ):
        assert part in text


def test_without_an_address_of_the_service_a_comment_explains_scores_and_has_no_link_to_it() -> (
    None
):
    text = comment(suggested())
    assert text.endswith(f"{{color:#7a869a}}Déjà Bug. {ABOUT_SCORES}{{color}}")
    assert text.count("http") == text.count("https://jira.example/browse/") == 1


def test_with_an_address_each_suggestion_links_to_its_comparison_and_the_end_to_the_help() -> None:
    words = suggested(key="GAME-8", moments=())
    text = render("GAME-9", [suggested(), words], strip=None, addresses=BOTH)
    assert "** [Compare the clips|https://dejabug.example/?q=GAME-9&open=GAME-7]" in text
    assert "** [Watch its clip|https://dejabug.example/?q=GAME-9&open=GAME-8]" in text
    assert text.split("\n")[-1] == (
        "{color:#7a869a}Déjà Bug · [How scores work|https://dejabug.example/help/score]{color}"
    )
    page = wiki.render(text, {})
    assert page.count('<a href="https://dejabug.example/') == 3


def test_an_answer_without_suggestions_does_not_speak_of_scores() -> None:
    text = render("GAME-9", [], strip=None, addresses=BOTH, note="_To Tess:_ done")
    assert text == "_To Tess:_ done\n\n{color:#7a869a}Déjà Bug{color}"


def test_a_comment_says_when_and_by_whom_a_ticket_was_filed_and_who_works_on_it() -> None:
    filed = suggested(created="2025-03-03T23:30:00.000+0100", reporter="Ann Lee", assignee="Bo")
    assert "** Filed 3 Mar 2025 by Ann Lee · assigned to Bo\n" in comment(filed)
    assert "** Assigned to Bo\n" in comment(suggested(assignee="Bo"))
    assert "iled" not in comment(suggested())


UNSETTLED = "link it as a duplicate"


def test_before_anybody_says_so_a_comment_does_not_claim_the_same_bug() -> None:
    text = comment(suggested())
    assert f"If it is the same bug, {UNSETTLED}. {NEVER_LINKS}" in text
    assert "Confirmed" not in text
    assert "Linked" not in text
    both = comment(suggested(), suggested(key="GAME-8"))
    assert f"If one of them is the same bug, {UNSETTLED}." in both


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"confirmed": True}, "Confirmed as the same bug by the team"),
        ({"linked": True}, "Linked as a duplicate"),
        (
            {"confirmed": True, "linked": True},
            "Confirmed as the same bug by the team and linked as a duplicate",
        ),
    ],
)
def test_what_was_said_and_linked_is_shown_and_not_asked_for_again(
    state: dict[str, bool], said: str
) -> None:
    text = comment(suggested(**state))
    assert f"** *{said}*\n" in text
    assert UNSETTLED not in text
    assert NEVER_LINKS not in text
    assert "/dejabug not KEY" in text
    other = comment(suggested(**state), suggested(key="GAME-8"))
    assert f"If GAME\\-8 is the same bug, {UNSETTLED}." in other


def test_without_pictures_there_is_no_broken_image() -> None:
    assert "!" not in comment(suggested(), strip=None)


def test_a_fixed_ticket_may_be_a_regression() -> None:
    text = comment(suggested(resolution="Fixed", fix_versions=("1.2",)))
    assert "possible regression of GAME-7, fixed in 1.2" in text
    assert "resolved as Duplicate" in comment(suggested(resolution="Duplicate"))


def test_the_same_file_is_said_instead_of_a_strength_and_of_moments() -> None:
    text = comment(suggested(score=1.0, same_file="GAME-9"))
    assert "** Same file as GAME-9 (score 1.00), status Done, unresolved" in text
    assert "same bug (" not in text
    assert "Same moment" not in text


def test_a_match_of_one_moment_tells_one_time() -> None:
    assert "0:02 here" in comment(suggested(moments=(MomentPair(2, 2, 4, 4, 0.9),)))


@pytest.mark.parametrize(
    "summary",
    [
        "{code}x{code}", "[~admin]", "!http://evil.example/x.png!", "[click|http://evil.example]",
        "{color:red}a{color}", "*bold* _it_ -del- +ins+ ^up^ ~low~ ??cite??", "----", "|a|b|",
        "\\\\{quote}", "line\nbreak\r\n# list", "h1. heading",
    ],
)  # fmt: skip
def test_a_hostile_summary_is_only_words(summary: str) -> None:
    page = wiki.render(comment(suggested(summary=summary), strip=None), {})
    for mark in ("<img", 'evil.example/x.png"', "<h1", "<b>bold", "<i>it", '"color:red'):
        assert mark not in page
    assert page.count("<a ") == 1
    shown = " ".join(summary.split())
    assert "[~" not in comment(suggested(summary=summary)).replace(r"\[\~", "")
    assert len(shown) > 0


HOSTILE = (
    "[x|http://evil.example]", "[~admin]", "[^secret.txt]", "{color}", "{color:red}x{color}",
    "{code}x", "{panel:title=x}", "!img.png!", "!http://evil.example/x.png!", "*", "*x*", "_x_",
    "-x-", "+x+", "^x^", "~x~", "??x??", "|", "||x||", "x\ny", "x\r\n* y", "x\u2028h1. y",
    "x\x85----", "\\", "\\[x|http://evil.example\\]", "\\\\{quote}",
)  # fmt: skip
# Where the words of Jira's users, and of a studio's labels, appear in the comment.
FIELDS: dict[str, Callable[[str], Suggested]] = {
    "summary": lambda words: suggested(summary=words),
    "status": lambda words: suggested(status=words),
    "status of what is resolved": lambda words: suggested(status=words, resolution="Duplicate"),
    "status of what is fixed": lambda words: suggested(status=words, resolution="Fixed"),
    "resolution": lambda words: suggested(resolution=words),
    "fix version": lambda words: suggested(resolution="Fixed", fix_versions=(words,)),
    "second fix version": lambda words: suggested(resolution="Done", fix_versions=("1.2", words)),
    "file name": lambda words: suggested(filename=words),
    "file name on a duplicate": lambda words: suggested(filename=words, clip_on="GAME-8"),
    "kind of bug": lambda words: suggested(kinds=(words,)),
    "second kind of bug": lambda words: suggested(kinds=("Clipping", words)),
    "reporter": lambda words: suggested(created="2025-03-03T", reporter=words, assignee="Bo"),
    "assignee": lambda words: suggested(reporter="Ann", assignee=words),
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("field", FIELDS)
def test_whatever_a_field_says_is_shown_as_it_is_and_does_nothing(field: str, hostile: str) -> None:
    with_field = FIELDS[field]
    plain, text = (comment(with_field(words), strip=None) for words in ("Harmless", hostile))
    assert text == plain.replace("Harmless", escape(hostile))
    assert len(text.split("\n")) == len(plain.split("\n"))
    # Shown, it is the comment with harmless words there: as many links, pictures and lines.
    shown, usual = (wiki.render(each, {"img.png": "/img.png"}) for each in (text, plain))
    assert re.findall(r"<[^>]*>", shown) == re.findall(r"<[^>]*>", usual)
    said = html.unescape(re.sub(r"<[^>]*>", "", usual))
    words = " ".join(hostile.split())
    assert html.unescape(re.sub(r"<[^>]*>", "", shown)) == said.replace("Harmless", words)


def test_every_field_of_words_is_among_those_that_are_tried() -> None:
    """One that is added to what a comment says has to be tried too."""
    # Jira's keys, and our numbers
    ours = {
        "key", "score", "moments", "also", "clip_on", "same_file", "same_recording", "created",
        "confirmed", "linked",
    }  # fmt: skip
    tried = {
        "summary", "status", "resolution", "fix_versions", "filename", "kinds", "reporter",
        "assignee",
    }  # fmt: skip
    assert {field.name for field in dataclasses.fields(Suggested)} == ours | tried


@given(st.text(max_size=400))
def test_no_summary_breaks_the_comment_out_of_its_line(summary: str) -> None:
    lines = comment(suggested(summary=summary), strip=None).split("\n")
    plain = comment(suggested(summary="x"), strip=None).split("\n")
    assert len(lines) == len(plain)
    escaped = escape(summary)
    for sign in "{}[]|*_-+^~?!":
        position = escaped.find(sign)
        while position >= 0:
            assert escaped[position - 1] == "\\"
            position = escaped.find(sign, position + 1)


def test_a_comment_with_nothing_to_say_is_never_written() -> None:
    with pytest.raises(ValueError, match="an empty comment"):
        comment()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (4.04, "0:04"), (67.5, "1:07.5"), (3599.96, "60:00"), (-1, "0:00")],
)
def test_times_are_shown_as_on_a_player(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
