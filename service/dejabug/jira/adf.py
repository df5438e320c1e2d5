"""The plain text of an Atlassian document (ADF).

The nodes are those of Atlassian's "Atlassian Document Format". Text is in `text`, and in the
`attrs` of mentions, emoji, statuses, cards and titles. Marks can split a word into several text
nodes, which are joined; blocks, cells and list items are separated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

# The most nodes and characters of a document that are read; Jira's limit is 32,767 characters.
MOST_NODES = 1_000_000
MOST_SIGNS = 200_000
# The most characters of a URL that are read: the descriptive part is at its start.
LONGEST_ADDRESS = 500
# Attributes of any node that are shown as text: titles of expands, names of people and statuses,
# placeholders, the text of a macro, and an image's alternative text.
SHOWN = ("title", "text", "alt")
CARDS = ("inlineCard", "blockCard", "embedCard")  # not a set: a node's type may be unhashable
BREAK, BLANK = "\n", " "


def words_in(document: Mapping[str, Any]) -> str:
    """The text of a document, with a line for each block, cell or item. Never raises, even for an
    invalid document; returns the beginning of a huge one."""
    pieces, size = [], 0
    for piece in _pieces(document):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_SIGNS:
            break
    text = "".join(pieces)[:MOST_SIGNS]
    lines = (BLANK.join(line.split()) for line in text.splitlines())
    return BREAK.join(line for line in lines if line)


def _pieces(document: Mapping[str, Any]) -> Iterator[str]:
    # Without recursion: documents may be nested deeper than Python's recursion limit.
    waiting: list[Any] = [document]
    for _ in range(MOST_NODES):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, Mapping):
            if isinstance(node.get("text"), str):
                yield node["text"]  # without blanks around it: a mark may have split a word here
                if not node.get("content"):
                    continue
            content = node.get("content")
            within = content if isinstance(content, list) else []
            border = BREAK if within or node.get("type") == "hardBreak" else BLANK
            yield border
            yield from _attributes(node)
            waiting.append(border)
            waiting += reversed(within)


def _attributes(node: Mapping[str, Any]) -> Iterator[str]:
    """The text in a node's attributes, with a separator after each."""
    attributes, kind = _mapping(node.get("attrs")), node.get("type")
    border = BREAK if isinstance(node.get("content"), list) else BLANK
    told = [attributes.get(name) for name in SHOWN]
    if kind == "emoji":
        told.append(attributes.get("shortName"))
    elif kind == "date":
        told.append(_date(attributes.get("timestamp")))
    elif kind in CARDS:
        about = _mapping(attributes.get("data"))
        told += [about.get("name"), _address(attributes.get("url") or about.get("url"))]
    for words in dict.fromkeys(word for word in told if isinstance(word, str) and word):
        yield words
        yield border


def _address(url: Any) -> str | None:
    """A URL as readable text, with its escapes decoded."""
    return re.sub(r"\s", BLANK, unquote(url[:LONGEST_ADDRESS])) if isinstance(url, str) else None


def _date(timestamp: Any) -> str | None:
    """An ISO date from a string of milliseconds since 1970."""
    try:
        return datetime.fromtimestamp(int(timestamp) / 1000, UTC).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
