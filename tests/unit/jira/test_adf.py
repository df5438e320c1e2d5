"""Atlassian documents (ADF) and wiki text → the words of a ticket."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.jira.adf import MOST_SIGNS, words_in
from dejabug.jira.models import parse_comment, parse_issue
from dejabug.records.issue_fields import words_of
from dejabug.suggestions.comment_commands import commands_in


def node(kind: str, *content: Any, **attributes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind}
    if attributes:
        made["attrs"] = attributes
    if content:
        made["content"] = [text(each) if isinstance(each, str) else each for each in content]
    return made


def text(words: str, *marks: str) -> dict[str, Any]:
    return {"type": "text", "text": words, "marks": [{"type": mark} for mark in marks]}


def paragraph(*content: Any) -> dict[str, Any]:
    return node("paragraph", *content)


def test_marks_within_a_word_do_not_cut_it() -> None:
    found = words_in(
        node("doc", paragraph(text("Tele", "strong"), text("port", "em", "code"), "er"))
    )
    assert found == "Teleporter"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (node("mention", id="5b", text="@Ada Lovelace"), "@Ada Lovelace"),
        (node("emoji", shortName=":bug:", text="🐛"), "🐛 :bug:"),
        (node("emoji", shortName=":lava:", id="custom"), ":lava:"),
        (node("status", text="BLOCKED", color="red"), "BLOCKED"),
        (node("date", timestamp="1764374400000"), "2025-11-29"),
        (node("date", timestamp="soon"), ""),
        (node("date", timestamp="9" * 400), ""),
        (node("inlineCard", url="https://x.example/A%20Room"), "https://x.example/A Room"),
        (node("inlineCard", data={"name": "A Room", "url": "https://x"}), "A Room https://x"),
        (node("placeholder", text="Type something"), "Type something"),
        (node("mediaInline", id="1", alt="a red door"), "a red door"),
        (node("inlineExtension", text="macro"), "macro"),
        (node("somethingNew", text="fresh"), "fresh"),
        ({"type": "somethingNew", "text": "fresh"}, "fresh"),
    ],
)  # fmt: skip
def test_words_in_the_attributes_of_inline_nodes_are_read(said: dict[str, Any], words: str) -> None:
    found = words_in(node("doc", paragraph("before ", said, " after")))
    assert found == " ".join(f"before {words} after".split())


def test_inline_nodes_without_blanks_around_them_do_not_run_into_words() -> None:
    said = paragraph("by", node("mention", text="@Ada"), "on", node("status", text="OPEN"), "doors")
    assert words_in(said) == "by @Ada on OPEN doors"


ONE, TWO = paragraph("one"), paragraph("two")
DONE = node("taskItem", "one", state="DONE")


@pytest.mark.parametrize(
    "said",
    [
        [ONE, TWO],
        [paragraph("one", node("hardBreak"), "two")],
        [node("expand", TWO, title="one")],
        [node("nestedExpand", TWO, title="one")],
        [node("expand", title="one"), TWO],
        [node("bulletList", node("listItem", ONE), node("listItem", TWO))],
        [node("table", node("tableRow", node("tableHeader", ONE), node("tableCell", TWO)))],
        [node("table", node("tableRow", node("tableCell", ONE)), node("tableRow", TWO))],
        [node("taskList", DONE, node("taskItem", "two", state="TODO"))],
        [node("decisionList", node("decisionItem", "one"), node("decisionItem", "two"))],
        [node("panel", ONE, panelType="info"), node("rule"), node("blockquote", TWO)],
        [node("codeBlock", "one\ntwo", language="python")],
        [node("mediaSingle", node("media", id="1"), node("caption", "one")), TWO],
        [node("layoutSection", node("layoutColumn", ONE), node("layoutColumn", TWO))],
        [node("blockCard", url="one"), TWO],
        [ONE, node("embedCard", url="two", layout="wide")],
        [node("newBlock", node("newItem", "one"), node("newItem", "two"))],
    ],
    ids=lambda said: said[0]["type"],
)
def test_blocks_cells_and_items_stand_on_lines_of_their_own(said: list[Any]) -> None:
    assert words_in(node("doc", *said)) == "one\ntwo"


def test_all_words_of_a_ticket_reach_what_is_embedded() -> None:
    description = node(
        "doc",
        paragraph(text("Tele", "strong"), "port ", node("emoji", shortName=":boom:"), " fails"),
        node("expand", paragraph("in the mine"), title="Steps"),
        paragraph(node("status", text="BLOCKER"), node("inlineCard", url="https://x.example/lift")),
    )
    issue = parse_issue({"id": 1, "key": "A-1", "fields": {"description": description}})
    words = words_of("It hangs", issue.description).split()
    for word in (
        "Teleport",
        ":boom:",
        "fails",
        "Steps",
        "mine",
        "BLOCKER",
        "https://x.example/lift",
    ):
        assert word in words


def test_a_command_in_a_document_is_a_line_of_its_own() -> None:
    body = node("doc", paragraph("Thanks."), paragraph("/dejabug not ", text("GAME", "em"), "-12"))
    comment = parse_comment({"id": "1", "body": body})
    assert [(each.verb, each.key) for each in commands_in(comment.body)] == [("not", "GAME-12")]


@pytest.mark.parametrize(
    ("wiki", "words"),
    [
        ("{*}Tele{*}port fails", "Teleport fails"),
        ("{_}Tele{_}{color:#ff0000}port{color} {??}here{??}", "Teleport here"),
        ("*bold* {{code}} {code}x{code} {noformat}", "*bold* {{code}} {code}x{code} {noformat}"),
    ],
)
def test_a_word_that_is_bold_in_part_is_whole_in_wiki_text_too(wiki: str, words: str) -> None:
    issue = parse_issue({"id": 1, "key": "A-1", "fields": {"description": wiki}})
    assert issue.description == words


# Made to do harm


def test_a_deep_document_is_read_to_its_ground() -> None:
    deep = node("text") | {"text": "ground"}
    for number in range(100_000):
        deep = node("expand", deep) if number % 2 else {"content": [deep], "attrs": {"title": 1}}
    assert words_in(deep) == "ground"
    while deep.get("content"):  # or Python takes it apart call by call
        deep = deep.pop("content")[0]


def test_of_a_huge_document_the_beginning_is_read() -> None:
    shared = paragraph("word " * 1000)
    huge = node("doc", paragraph("first"), *[shared] * 200_000)
    found = words_in(huge)
    assert found.startswith("first\nword word")
    assert len(found) <= MOST_SIGNS
    assert len(words_in(text("x" * 10 * MOST_SIGNS))) == MOST_SIGNS


def test_a_document_of_a_million_empty_nodes_comes_to_an_end() -> None:
    empty: list[Any] = [{}] * 3_000_000
    assert words_in({"content": empty}) == ""


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(
        ["type", "text", "content", "attrs", "title", "url", "data", "timestamp", "shortName"]
    ) | st.text(), inner),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["type", "text", "content", "attrs"]), ANYTHING))
def test_whatever_stands_for_a_document_is_read_to_an_answer(document: dict[str, Any]) -> None:
    found = words_in(document)
    assert all(line == " ".join(line.split()) for line in found.splitlines())


WORD = st.text("abcdefgh", min_size=1, max_size=8)
BLOCKS = ["paragraph", "heading", "panel", "expand", "listItem", "tableCell", "taskItem", "unknown"]


@st.composite
def documents(draw: st.DrawFn) -> tuple[dict[str, Any], list[list[str]]]:
    """Blocks of words, each word cut into marked pieces; and the words of each block."""
    said = draw(st.lists(st.lists(WORD, min_size=1, max_size=4), min_size=1, max_size=5))
    blocks = []
    for words in said:
        line = " ".join(words)
        cuts = sorted(draw(st.sets(st.integers(0, len(line)), max_size=4)) | {0, len(line)})
        pieces = [text(line[a:b], "strong") for a, b in pairwise(cuts)]
        inner = {"type": draw(st.sampled_from(BLOCKS)), "content": pieces}
        blocks.append(draw(st.sampled_from([inner, node("blockquote", inner)])))
    return node("doc", *blocks), said


@given(documents())
def test_words_stay_whole_and_blocks_stay_apart(
    made: tuple[dict[str, Any], list[list[str]]],
) -> None:
    document, said = made
    assert [line.split() for line in words_in(document).splitlines()] == said
