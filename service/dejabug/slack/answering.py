"""Searches from Slack → the messages with their results."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dejabug.access.principals import Caller
from dejabug.infra.jobs import COMPARE_UPLOAD
from dejabug.infra.metrics import SUGGESTIONS
from dejabug.records.progress import progress_of
from dejabug.retrieval.similar_issues import tickets_of
from dejabug.search import uploads
from dejabug.search.disclosure import Filters
from dejabug.search.search import Page
from dejabug.services import Services
from dejabug.slack import blocks, files
from dejabug.slack.blocks import Message
from dejabug.slack.files import NoFileError
from dejabug.slack.users import SlackUser

KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}-[0-9]{1,12}", re.ASCII)
# Characters of a search at most: sentence encoders read a few hundred words, and the text must fit
# in a button's value.
LONGEST_WORDS = 1000
RESULTS = 5
ALL = Filters()


def answer_text(user: SlackUser, text: str) -> Message:
    """The first page for words or an issue's key. Raises the same errors as `search`."""
    words = " ".join(text.split())
    if len(words) > LONGEST_WORDS:
        return blocks.plain(f"Your search is too long. Use at most {LONGEST_WORDS:,} characters.")
    by_key = KEY.fullmatch(words) is not None
    question = f"issue {words.upper()}" if by_key else f"words {words}"
    search, caller = user.services.search, user.caller()
    ask = search.like_issue if by_key else search.by_words
    return _message(user, ask(caller, words, ALL, RESULTS), question, caller)


def answer_next(user: SlackUser, value: str) -> Message:
    """The page behind a Next button. Raises NoSuchPageError and the same errors as `search`."""
    cursor, _, question = value.partition(" ")
    caller = user.caller()
    page = user.services.search.further(caller, cursor, question, RESULTS)
    return _message(user, page, question, caller)


def answer_clip(user: SlackUser, attached: list[Mapping[str, Any]]) -> Message:
    """The first page for a message's clip. Raises NoFileError, SlackApiError and the same errors as
    `search`."""
    found = files.clips_of(attached, user.client)
    return _answer_upload(user, found, user.caller())


def answer_share(user: SlackUser, value: str) -> Message:
    """One issue for everybody in the channel if everybody may see it; else the reason why not.
    Raises JiraError."""
    issue_id, _, moment = value.partition(" ")
    services = user.services
    issues = services.jira.issues([issue_id])
    tickets = tickets_of(issues.values(), services.settings)
    if issue_id not in services.visibility.tellable_to_everybody(tickets):
        return blocks.plain(
            "Not shared, because some people in this channel may not have access to that ticket. "
            "You can share tickets of public projects that have no security level."
        )
    issue = issues[issue_id]
    return blocks.shared(issue, f"{services.settings.jira_url}/browse/{issue.key}", moment, user.id)


def _message(user: SlackUser, page: Page, question: str, caller: Caller) -> Message:
    kind, _, said = question.partition(" ")
    SUGGESTIONS.labels("slack").inc(len(page.results))
    title = "that clip" if kind == "upload" else said
    picture = blocks.pictures_for(user.services, caller.principal)
    note = _note(user.services, kind, said, caller)
    return blocks.results(page, title, question, picture, note, user.services.settings.public_url)


def _note(services: Services, kind: str, said: str, caller: Caller) -> str:
    """Why there may be few results: an issue that is not fully indexed, or a clip that was read
    only in part."""
    if kind == "issue" and (record := services.collections.active.catalogue.issue_by_key(said)):
        return progress_of(services.collections.active.catalogue, record).reason or ""
    if (
        kind == "upload"
        and (upload := services.clip_uploads.look(said, caller.principal.name))
        and upload.reason
    ):
        return f"{upload.reason[0].upper()}{upload.reason[1:]}."
    return ""


def _answer_upload(user: SlackUser, found: list[Mapping[str, Any]], caller: Caller) -> Message:
    services = user.services
    projects = services.disclosure.projects_of(caller, ALL)
    with services.clip_uploads.receiving() as (upload_id, folder):
        most = services.settings.upload_max_bytes
        files.fetch(found, str(user.client.token), folder / "clip", most)
    services.clip_uploads.submit(upload_id, caller.principal.name, projects, "")
    services.clip_uploads.await_end(upload_id, COMPARE_UPLOAD.time_limit)
    upload = services.clip_uploads.look(upload_id, caller.principal.name)
    if upload is None or upload.state not in uploads.ENDED:
        raise NoFileError("the clip was not analysed in time. Try again in a few minutes.")
    if upload.state == "failed":
        code, colon, why = upload.reason.partition(": ")
        # Without a code, the clip is not the cause.
        raise NoFileError(f"{blocks.escape(why if colon else code)}.")
    page = services.search.like_upload(caller, upload, ALL, RESULTS)
    return _message(user, page, f"upload {upload_id}", caller)
