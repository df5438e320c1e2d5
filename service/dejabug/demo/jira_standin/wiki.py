"""A small renderer of Jira's wiki markup, for the stand-in's pages."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

ESCAPED = re.compile(r"\\([\\{}\[\]|*_\-+^~?!#()])")
HELD = re.compile("\x00(\\d+)\x00")
IMAGE = re.compile(r"!([^!|\n]+)(?:\|([^!\n]*))?!")
LINK = re.compile(r"\[([^\[\]|\n]+)\|(https?://[^\[\]\s]+)\]")
MONOSPACE = re.compile(r"\{\{(.+?)\}\}")
COLOR = re.compile(r"\{color:(#[0-9a-fA-F]{3,6}|[a-z]+)\}(.*?)\{color\}", re.DOTALL)
BOLD = re.compile(r"(?<![\w*])\*(\S(?:.*?\S)?)\*(?![\w*])")
ITALIC = re.compile(r"(?<![\w_])_(\S(?:.*?\S)?)_(?![\w_])")
STRUCK = re.compile(r"(?<![\w-])-(\S(?:.*?\S)?)-(?![\w-])")
ITEM = re.compile(r"([*#]+|-)\s+(.*)")
HEADING = re.compile(r"h([1-6])\.\s+(.*)")
QUOTE = re.compile(r"bq\.\s+(.*)")
RULE = re.compile(r"-{4,}\s*")


def render(text: str, images: Mapping[str, str]) -> str:
    """Wiki markup → escaped HTML. `images` gives the address of each attached image by name."""
    pieces: list[str] = []
    open_lists: list[str] = []
    for line in text.splitlines():
        item, heading, quote = ITEM.match(line), HEADING.match(line), QUOTE.match(line)
        wanted = ["ol" if mark == "#" else "ul" for mark in item[1]] if item else []
        pieces.append(_nest(open_lists, wanted))
        if item:
            pieces.append(f"<li>{_inline(item[2], images)}</li>")
        elif heading:
            pieces.append(f"<h{heading[1]}>{_inline(heading[2], images)}</h{heading[1]}>")
        elif quote:
            pieces.append(f"<blockquote>{_inline(quote[1], images)}</blockquote>")
        elif RULE.fullmatch(line):
            pieces.append("<hr>")
        elif line.strip():
            pieces.append(f"<p>{_inline(line, images)}</p>")
    return "".join(pieces) + _nest(open_lists, [])


def _nest(open_lists: list[str], wanted: list[str]) -> str:
    """Close and open lists until those that are open are the wanted ones."""
    same = 0
    while same < min(len(open_lists), len(wanted)) and open_lists[same] == wanted[same]:
        same += 1
    closed = "".join(f"</{kind}>" for kind in reversed(open_lists[same:]))
    opened = "".join(f"<{kind}>" for kind in wanted[same:])
    open_lists[:] = wanted
    return closed + opened


def _inline(text: str, images: Mapping[str, str]) -> str:
    held: list[str] = []

    def hold(piece: str) -> str:
        held.append(piece)
        return f"\x00{len(held) - 1}\x00"

    def image(found: re.Match[str]) -> str:
        address = images.get(found[1])
        if address is None:
            return found[0]
        width = re.search(r"width=(\d+)", found[2] or "")
        size = f' style="width:{width[1]}px"' if width else ""
        return hold(f'<img src="{html.escape(address)}" alt="{html.escape(found[1])}"{size}>')

    text = ESCAPED.sub(lambda found: hold(html.escape(found[1])), text.replace("\x00", ""))
    text = MONOSPACE.sub(lambda found: hold(f"<code>{html.escape(found[1])}</code>"), text)
    text = IMAGE.sub(image, text)
    text = LINK.sub(
        lambda found: hold(f'<a href="{html.escape(found[2])}">{html.escape(found[1])}</a>'), text
    )
    text = html.escape(text, quote=False)
    text = COLOR.sub(lambda found: f'<span style="color:{found[1]}">{found[2]}</span>', text)
    text = BOLD.sub(r"<b>\1</b>", text)
    text = ITALIC.sub(r"<i>\1</i>", text)
    text = STRUCK.sub(r"<del>\1</del>", text)
    while HELD.search(text):
        text = HELD.sub(lambda found: held[int(found[1])], text)
    return text
