"""Results → messages in Slack's Block Kit, within its limits. Pure, except for signed addresses.

Text from tickets is escaped as Slack's "Formatting text for app surfaces" says, and `verbatim`
keeps Slack from turning it into links and mentions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from dejabug.access.principals import Principal
from dejabug.access.signed_urls import sign_media
from dejabug.jira.comments import Addresses, clock, span
from dejabug.jira.filing import filed_by
from dejabug.jira.models import Issue
from dejabug.retrieval.reasons import in_short
from dejabug.retrieval.results import Found, answered_by
from dejabug.search.search import Page
from dejabug.services import Services

# Characters of a section at most.
LONGEST_SECTION = 3000
# Characters that are shown of a summary, and of a status or a name. Escaping turns one into up to
# five.
LONGEST_SUMMARY = 300
LONGEST_NAME = 60
# Duplicates that are listed.
MOST_ALSO = 10
# Characters in a button's value at most.
LONGEST_VALUE = 2000
NEXT = "dejabug_next"
SHARE = "dejabug_share"
REPHRASE = "Try other words to describe what you see."
Block = dict[str, Any]
Message = dict[str, Any]
# The address of a result's image, or None.
Picture = Callable[[Found], str | None]

HELP = """*Déjà Bug* finds earlier tickets whose clips show the same bug.
• `/dejabug car stuck in a wall`: describe the bug in your own words
• `/dejabug GAME-123`: find tickets with clips similar to this ticket's
• on a message with a clip or an image: _More message shortcuts_ → _Find similar bugs_
Only you see the results, and only tickets that you can see in Jira. *Share* posts one result to \
the channel."""


def escape(text: str) -> str:
    """Text in which Slack finds no link, mention or entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> Message:
    """A plain message for one person."""
    return {"response_type": "ephemeral", "replace_original": False, "text": text}


def results(
    page: Page,
    title: str,
    question: str,
    picture: Picture,
    note: str = "",
    service: str = "",
) -> Message:
    """A page of results for one person. `question` identifies the search for its next pages, `note`
    adds a remark, `service` is where browsers reach this service, if they do."""
    title, note = (escape(_cut(text, LONGEST_SUMMARY)) for text in (title, note))
    if not page.results:
        if question.startswith("words "):
            return plain(f"No likely matches for {title} in tickets that you can see. {REPHRASE}")
        return plain(f"No ticket that you can see is similar to {title}. {note}".strip())
    heading = f"Similar to {title}: {note}".strip()
    blocks = [_section(heading)]
    kind, _, asked = question.partition(" ")
    # An uploaded clip is kept for minutes only: a link to it would soon show nothing.
    pages = Addresses("", service if kind in ("issue", "words") else "")
    for found in page.results:
        blocks += _result(found, picture(found), pages.comparison(asked, found.key))
    if page.cursor and len(value := f"{page.cursor} {question}") <= LONGEST_VALUE:
        blocks.append(_buttons(("Next", NEXT, value)))
    return {**plain(heading), "blocks": blocks, "unfurl_links": False}


def shared(issue: Issue, url: str, moment: str, user: str) -> Message:
    """One result for everybody in the channel, and who shared it."""
    text = f"<@{user}> shared {_line(issue.key, url, issue.summary)}\n{_name(issue.status)}"
    text += f" · {escape(moment)}" if moment else ""
    return {
        "response_type": "in_channel",
        "replace_original": False,
        "text": text,
        "blocks": [_section(text)],
        "unfurl_links": False,
    }


def without_pictures(message: Message) -> Message:
    """The same message without images."""
    blocks = [
        {name: value for name, value in block.items() if name != "accessory"}
        for block in message.get("blocks", ())
    ]
    return {**message, "blocks": blocks}


def has_pictures(message: Message) -> bool:
    """Whether the message has an image, which Slack may fail to fetch."""
    return any("accessory" in block for block in message.get("blocks", ()))


def pictures_for(services: Services, principal: Principal) -> Picture:
    """Gives the signed addresses of results' images for this principal, if images are enabled."""
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


def _result(found: Found, picture: str | None, page: str | None) -> list[Block]:
    how = found.label or "a match"
    if found.relevance is not None:
        how = f"{found.relevance} match by {answered_by(found)}"
    moment = span(*found.moments[0].there) if found.moments else ""
    facts = [how, _name(found.status), *([moment] if moment else [])]
    if found.also:
        facts.append(f"also {escape(', '.join(found.also[:MOST_ALSO]))}")
    text = f"{_line(found.key, found.url, found.summary)}\n{' · '.join(facts)}"
    lines = [f"Why: {why}"] if (why := in_short(found.reasons)) else []
    if filed := filed_by(found.created, found.reporter, found.assignee, _name):
        lines.insert(0, f"{filed[0].upper()}{filed[1:]}")
    if page:
        lines.append(f"<{escape(page)}|{'Compare the clips' if found.asked else 'Watch the clip'}>")
    for line in lines:
        if len(text) + len(line) < LONGEST_SECTION:
            text += f"\n{line}"
    section = _section(text)
    if picture:
        alt = f"{found.key}, {clock(found.moments[0].there_at) if found.moments else 'its clip'}"
        section["accessory"] = {"type": "image", "image_url": picture, "alt_text": alt}
    # The moment may be in a duplicate's clip, which not everybody in the channel may see.
    shareable = "" if found.also else moment
    return [section, _buttons(("Share", SHARE, f"{found.issue} {shareable}".strip()))]


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
