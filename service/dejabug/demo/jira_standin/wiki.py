"""A small renderer of Jira's wiki text, for the stand-in's pages."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

ESCAPED = re.compile(r"\\([\\{}\[\]|*_\-+^~?!#()])")
HELD = re.compile("\x00(\\d+)\x00")
IMAGE = re.compile(r"!([^!|\n]+)(?:\|([^!\n]*))?!")
LINK = re.compile(r"\[([^\[\]|\n]+)\|(https?://[^\[\]\s]+)\]")
COLOR = re.compile(r"\{color:(#[0-9a-fA-F]{3,6}|[a-z]+)\}(.*?)\{color\}", re.DOTALL)
BOLD = re.compile(r"(?<![\w*])\*(\S(?:.*?\S)?)\*(?![\w*])")
ITALIC = re.compile(r"(?<![\w_])_(\S(?:.*?\S)?)_(?![\w_])")
BULLET = re.compile(r"(\*+)\s+(.*)")
HEADING = re.compile(r"h([1-6])\.\s+(.*)")


def render(text: str, images: Mapping[str, str]) -> str:
    """Wiki text → HTML. `images` gives the address of each attached picture by its name."""
    lines, depth = [], 0
    for line in text.splitlines():
        bullet, heading = BULLET.match(line), HEADING.match(line)
        wanted = len(bullet[1]) if bullet else 0
        lines.append("<ul>" * (wanted - depth) + "</ul>" * (depth - wanted))
        depth = wanted
        if bullet:
            lines.append(f"<li>{_inline(bullet[2], images)}</li>")
        elif heading:
            lines.append(f"<h{heading[1]}>{_inline(heading[2], images)}</h{heading[1]}>")
        elif line.strip():
            lines.append(f"<p>{_inline(line, images)}</p>")
    return "".join(lines) + "</ul>" * depth


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
    text = IMAGE.sub(image, text)
    text = LINK.sub(
        lambda found: hold(f'<a href="{html.escape(found[2])}">{html.escape(found[1])}</a>'), text
    )
    text = html.escape(text, quote=False)
    text = COLOR.sub(lambda found: f'<span style="color:{found[1]}">{found[2]}</span>', text)
    text = BOLD.sub(r"<b>\1</b>", text)
    text = ITALIC.sub(r"<i>\1</i>", text)
    while HELD.search(text):
        text = HELD.sub(lambda found: held[int(found[1])], text)
    return text
