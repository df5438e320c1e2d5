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
from dejabug.jira.comments import MomentPair, Suggested, clock, escape, render

MOMENT = MomentPair(1.0, 3.5, 64.0, 66.5, 0.9)


def suggested(**given: Any) -> Suggested:
    fields = {
        "key": "GAME-7", "summary": "Car sinks", "status": "Done", "resolution": None,
        "score": 0.97, "moments": (MOMENT,),
    }  # fmt: skip
    return Suggested(**{**fields, **given})


def comment(*suggestions: Suggested, strip: str | None = "strip.png") -> str:
    return render(
        suggestions, strip=strip, encoder="openai/clip (cpu)", browse_url="https://jira.example"
    )


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
        "openai/clip",
    ):
        assert part in text


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
    ours = {"key", "score", "moments", "also", "clip_on", "same_file", "same_recording"}
    tried = {"summary", "status", "resolution", "fix_versions", "filename", "kinds"}
    assert {field.name for field in dataclasses.fields(Suggested)} == ours | tried


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_name_of_the_model_in_use_is_shown_as_it_is(hostile: str) -> None:
    def named(model: str) -> str:
        return render([suggested()], strip=None, encoder=model, browse_url="https://jira.example")

    assert named(hostile) == named("Harmless").replace("Harmless", escape(hostile))


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
