"""Results → messages in Slack's Block Kit, within its limits. Pure, but for addresses' signatures.

Texts of tickets are escaped as Slack's "Formatting text for app surfaces" says, and `verbatim`
keeps Slack from making links and mentions of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from dejabug.access.principals import Principal
from dejabug.access.signed_urls import sign_media
from dejabug.jira.comments import clock, span
from dejabug.jira.models import Issue
from dejabug.retrieval.reasons import in_short
from dejabug.retrieval.results import Found, answered_by
from dejabug.search.search import Page
from dejabug.services import Services

# Signs of a summary, and of a status, that are shown; a section holds 3,000, and each may become
# five by escaping.
LONGEST_SUMMARY = 300
LONGEST_NAME = 60
# Duplicates that are named.
MOST_ALSO = 10
# Signs that a button can carry.
LONGEST_VALUE = 2000
NEXT = "dejabug_next"
SHARE = "dejabug_share"
REPHRASE = "Try other words for what is seen."
Block = dict[str, Any]
Message = dict[str, Any]
# A result's picture: its address, or None.
Picture = Callable[[Found], str | None]

HELP = """*Déjà Bug* finds earlier tickets whose clips show the same bug.
• `/dejabug car stuck in a wall`: what is seen, in your own words
• `/dejabug GAME-123`: tickets whose clips are like this one's
• on a message with a clip or a picture: _More message shortcuts_ → _Find similar bugs_
Only you see the answers, with what you may see in Jira. *Share* shows one result to the channel."""


def escape(text: str) -> str:
    """Text in which nothing is a link, a mention or an entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> Message:
    """A message of our own words, for one person."""
    return {"response_type": "ephemeral", "replace_original": False, "text": text}


def results(page: Page, title: str, question: str, picture: Picture, note: str = "") -> Message:
    """A page for one person; `question` is what its further pages are of, `note` what else there
    is to say of it."""
    title, note = (escape(_cut(text, LONGEST_SUMMARY)) for text in (title, note))
    if not page.results:
        if question.startswith("words "):
            return plain(f"No likely matches for {title} among the tickets you may see. {REPHRASE}")
        return plain(f"Nothing that you may see is like {title}. {note}".strip())
    heading = f"Like {title}: {note}".strip()
    blocks = [_section(heading)]
    for found in page.results:
        blocks += _result(found, picture(found))
    if page.cursor and len(value := f"{page.cursor} {question}") <= LONGEST_VALUE:
        blocks.append(_buttons(("Next", NEXT, value)))
    return {**plain(heading), "blocks": blocks, "unfurl_links": False}


def shared(issue: Issue, url: str, moment: str, user: str) -> Message:
    """One result for everybody in the channel, and who said so."""
    text = f"<@{user}> shares: {_line(issue.key, url, issue.summary)}\n{_name(issue.status)}"
    text += f" · {escape(moment)}" if moment else ""
    return {
        "response_type": "in_channel",
        "replace_original": False,
        "text": text,
        "blocks": [_section(text)],
        "unfurl_links": False,
    }


def without_pictures(message: Message) -> Message:
    """The same message in words only."""
    blocks = [
        {name: value for name, value in block.items() if name != "accessory"}
        for block in message.get("blocks", ())
    ]
    return {**message, "blocks": blocks}


def has_pictures(message: Message) -> bool:
    """Whether there is something that Slack may fail to fetch."""
    return any("accessory" in block for block in message.get("blocks", ()))


def pictures_for(services: Services, principal: Principal) -> Picture:
    """Signed addresses of results' pictures for this principal, where such are wanted."""
    settings = services.settings
    secret = settings.media_secret.get_secret_value().encode()
    wanted = settings.slack_pictures and bool(secret) and settings.public_url

    def picture(found: Found) -> str | None:
        if not wanted or found.clip is None or not found.clip.times:
            return None
        at = found.moments[0].there_at if found.moments else 0.0
        nearest = min(found.clip.times, key=lambda each: abs(each - at))
        token = sign_media(secret, found.clip.id, principal, now=time.time())
        return f"{settings.public_url}/media/{token}/pictures/{round(nearest * 1000)}.jpg"

    return picture


def _result(found: Found, picture: str | None) -> list[Block]:
    how = found.label or "a match"
    if found.relevance is not None:
        how = f"{found.relevance} match by {answered_by(found)}"
    moment = span(*found.moments[0].there) if found.moments else ""
    facts = [how, _name(found.status), *([moment] if moment else [])]
    if found.also:
        facts.append(f"also {escape(', '.join(found.also[:MOST_ALSO]))}")
    text = f"{_line(found.key, found.url, found.summary)}\n{' · '.join(facts)}"
    if why := in_short(found.reasons):
        text += f"\nWhy: {why}"
    section = _section(text)
    if picture:
        alt = f"{found.key}, {clock(found.moments[0].there_at) if found.moments else 'its clip'}"
        section["accessory"] = {"type": "image", "image_url": picture, "alt_text": alt}
    # The moment may be of a duplicate's clip, which not everybody may know of.
    tellable = "" if found.also else moment
    return [section, _buttons(("Share", SHARE, f"{found.issue} {tellable}".strip()))]


def _line(key: str, url: str, summary: str) -> str:
    return f"*<{escape(url)}|{escape(key)}>* {escape(_cut(summary, LONGEST_SUMMARY))}"


def _name(text: str) -> str:
    return escape(_cut(text, LONGEST_NAME))


def _cut(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _buttons(*buttons: tuple[str, str, str]) -> Block:
    elements: Sequence[Block] = [
        {
            "type": "button",
            "text": {"type": "plain_text", "text": label},
            "action_id": action,
            "value": value,
        }
        for label, action, value in buttons
    ]
    return {"type": "actions", "elements": elements}
