"""An Atlassian document (ADF) → its words, as they read.

Atlassian's "Atlassian Document Format" names the nodes. Words stand in `text`, and in the `attrs`
of mentions, emoji, statuses, cards and titles. Marks cut a word into several text nodes, which
belong together; what stands in blocks, cells and items of its own does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

# Nodes and characters of a document that are read; Jira itself takes 32,767 characters.
MOST_NODES = 1_000_000
MOST_SIGNS = 200_000
# Signs of an address that are read: what it says of itself stands at its beginning.
LONGEST_ADDRESS = 500
# Attributes of any node that are shown as words: titles of expands, names of people and statuses,
# placeholders, what stands for a macro, and what a picture shows.
SHOWN = ("title", "text", "alt")
CARDS = ("inlineCard", "blockCard", "embedCard")  # no set: a type may be anything
BREAK, BLANK = "\n", " "


def words_in(document: Mapping[str, Any]) -> str:
    """The words of a document, a line for each block, cell or item. Never raises, however it is
    made; of a huge one, the beginning."""
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
    # Not by recursion: documents may be deeper than Python's calls.
    waiting: list[Any] = [document]
    for _ in range(MOST_NODES):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, Mapping):
            if isinstance(node.get("text"), str):
                yield node["text"]  # no blanks around it: a mark may have cut a word here
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
    """The words that stand in a node's attributes, with a border behind each."""
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
    """An address as it reads, without its escapes."""
    return re.sub(r"\s", BLANK, unquote(url[:LONGEST_ADDRESS])) if isinstance(url, str) else None


def _date(timestamp: Any) -> str | None:
    """A day, of milliseconds since 1970 as a text."""
    try:
        return datetime.fromtimestamp(int(timestamp) / 1000, UTC).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
