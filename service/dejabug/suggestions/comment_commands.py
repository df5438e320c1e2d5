"""Commands in comments: `/dejabug not GAME-12`, `mute`, `again`, `why GAME-12`.

Anyone who can comment on an issue can use them. Our answer is a note in our comment there. Every
reader of the issue sees it, so it reveals nothing that the comment itself may not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import structlog

from dejabug.access.policy import may_comment_on
from dejabug.infra.labels import rounded_down
from dejabug.jira.client import JiraClient
from dejabug.jira.comments import escape, span
from dejabug.jira.models import Comment
from dejabug.records.collections import Collections
from dejabug.records.issue_records import IssueRecords
from dejabug.records.types import ClipStatus, IssueRecord
from dejabug.records.verdicts import Verdict
from dejabug.retrieval.reasons import in_sentences
from dejabug.retrieval.selection import Suggestion
from dejabug.retrieval.similar_issues import (
    Answer,
    SimilarIssues,
    tickets_of,
)
from dejabug.settings import Settings
from dejabug.suggestions.comment_policy import CommentPolicy

log = structlog.get_logger()

# A command is one line. Jira's editor may turn the key into a link, so the rest is searched for it.
LINE = re.compile(r"^[ \t{*_>#-]*/dejabug\b[ \t]*(?P<verb>[a-z]*)(?P<rest>.*)$", re.I | re.M)
KEY = re.compile(r"\b([A-Z][A-Z0-9_]+-\d+)\b", re.IGNORECASE)
NEED_KEY = ("not", "why")
HELP = (
    "Commands: /dejabug not KEY (don't suggest KEY here again), /dejabug why KEY (explain its "
    "score), /dejabug mute (no suggestions here), /dejabug again (search again; undoes mute)."
)
REJECTED = "{key} won't be suggested here again."
REJECTED_LINE = re.compile(REJECTED.format(key=r"([A-Z][A-Z0-9_]+-\d+)"))
# Commands in one comment that are carried out: nobody needs more.
MOST_COMMANDS = 10
# `why KEY` looks for KEY among this many matches.
ASKED = 100


@dataclass(frozen=True)
class Command:
    """One command: `not`, `why`, `mute`, `again` or `help`."""

    verb: str
    key: str | None = None


def commands_in(body: str) -> list[Command]:
    """The commands in a comment's wiki text; an unknown one counts as `help`."""
    found = []
    for line in LINE.finditer(body):
        verb, key = line["verb"].lower(), KEY.search(line["rest"])
        if verb in NEED_KEY and key:
            found.append(Command(verb, key[1].upper()))
        elif verb in ("mute", "again"):
            found.append(Command(verb))
        else:
            found.append(Command("help"))
    return found[:MOST_COMMANDS]


def commands_of(comment: Comment, *, customers: bool) -> list[Command]:
    """The commands in a comment. `customers`: its issue is in a service project, where only
    commands in internal comments count."""
    return [] if customers and comment.public else commands_in(comment.body)


class CommentCommands:
    """Carries out commands in comments."""

    def __init__(
        self,
        jira: JiraClient,
        collections: Collections,
        records: IssueRecords,
        comment_policy: CommentPolicy,
        similar_issues: SimilarIssues,
        settings: Settings,
    ) -> None:
        self._jira = jira
        self._collections = collections
        self._records = records
        self._comment_policy = comment_policy
        self._similar_issues = similar_issues
        self._settings = settings

    def handle(self, record: IssueRecord, author: str, commands: Sequence[Command]) -> None:
        """Carry out somebody's commands on an issue, and keep our answer as a note."""
        answers = dict(self._answer(record, each) for each in commands)
        note = f"_To {escape(author)}:_ {' '.join(answers)}"
        self._records.comments.put_note(record.id, note, set().union(*answers.values()))
        log.info("comment_obeyed", issue=record.key, verbs=[command.verb for command in commands])

    def standing_note(self, record: IssueRecord) -> str:
        """Our last answer on an issue. Empty once it names an issue that it may no longer name
        there, or is no longer true."""
        told = self._records.comments.note_tells_of(record.id)
        allowed = self._all_like(record, told)[1] if told else []
        may_be_told = told <= set().union(*(choice.issues() for choice in allowed))
        note = self._records.comments.note(record.id)
        if may_be_told and not self._was_undone(record, note):
            return note
        self._records.comments.put_note(record.id, "")
        return ""

    def _was_undone(self, record: IssueRecord, note: str) -> bool:
        """Whether an answer says that a ticket won't be suggested again, and somebody has since
        confirmed it as the same bug."""
        for key in REJECTED_LINE.findall(note):
            other = self._collections.active.catalogue.issue_by_key(key)
            if other is not None and self._records.verdicts.confirmed(record.id, [other.id]):
                return True
        return False

    def look_again(self, record: IssueRecord) -> None:
        """Allow suggestions again on an issue where somebody muted them or deleted our comment, and
        retry its failed clips."""
        self._records.comments.mute(record.id, False)
        self._records.comments.reopen(record.id)
        for clip in self._collections.active.catalogue.clips_of(record.id):
            if clip.status is ClipStatus.FAILED:
                self._collections.active.catalogue.put_clip(
                    replace(clip, status=ClipStatus.QUEUED, reason="")
                )

    def _answer(self, record: IssueRecord, command: Command) -> tuple[str, set[str]]:
        """Our answer, and the ids of the issues that it describes, which not everyone may see."""
        if command.verb == "why" and command.key is not None:
            return self._explain(record, command.key)
        return self._do(record, command), set()

    def _do(self, record: IssueRecord, command: Command) -> str:
        if command.verb == "mute":
            self._records.comments.mute(record.id, True)
            return "Suggestions are off for this ticket. To turn them on again: /dejabug again."
        if command.verb == "again":
            self.look_again(record)
            return "Searched again. If no ticket is listed above, none was similar enough."
        return HELP if command.key is None else self._reject(record, command.key)

    def _reject(self, record: IssueRecord, key: str) -> str:
        """Record that an issue is not the same bug. A verdict counts on both issues, so this needs
        one that may be named here: nobody rejects tickets that readers of this one can't see."""
        other = self._collections.active.catalogue.issue_by_key(key)
        if other is not None and other.id != record.id and self._may_be_named(record.id, other.id):
            self._records.verdicts.put(Verdict(record.id, other.id, False, "person"), by="command")
        # The same answer for a ticket that does not exist: it reveals nothing about hidden ones.
        return REJECTED.format(key=key)

    def _may_be_named(self, issue_id: str, other: str) -> bool:
        """Whether a comment on an issue may name the other one, as Jira shows both now."""
        issues = self._jira.issues([issue_id, other])
        tickets = tickets_of(issues.values(), self._settings)
        if not {issue_id, other} <= tickets.keys():
            return False
        projects = self._settings.projects_beside(tickets[issue_id].project)
        return may_comment_on(tickets[issue_id], tickets[other], projects)

    def _explain(self, record: IssueRecord, key: str) -> tuple[str, set[str]]:
        asked = self._collections.active.catalogue.issue_by_key(key)
        answer, choices = self._all_like(record, [asked.id] if asked else [])
        keys = answer.keys()
        for choice in choices:
            named = {each for each in choice.issues() if keys[each] == key}
            if named:
                threshold = self._comment_policy.threshold(record.project, answer)
                told = named | {choice.pair.found_issue_id}
                return self._reasons(key, choice, answer, threshold), told
        nothing = (
            f"{key}: no explanation available. It has no indexed clip, is far down the list of "
            "matches, was marked as not the same bug, or not everyone who can see this ticket can "
            "see it."
        )
        return nothing, set()

    def _all_like(
        self, record: IssueRecord, asked: Collection[str]
    ) -> tuple[Answer, list[Suggestion]]:
        """The matches that may be named on an issue, whatever their score. The issues `asked` are
        read from Jira even if they rank low."""
        answer = self._similar_issues.find_for_issue(record, also=asked)
        return answer, self._comment_policy.choose(record, answer, threshold=-1.0, limit=ASKED)

    def _reasons(self, key: str, choice: Suggestion, answer: Answer, threshold: float) -> str:
        pair = choice.pair
        score = rounded_down(pair.score)
        if math.isinf(threshold):
            parts = [
                f"{key}: score {score:.2f}. With so few tickets, a match by text alone is never "
                "suggested."
            ]
        else:
            reached = "at or above" if pair.score >= threshold else "below"
            parts = [f"{key}: score {score:.2f}, {reached} the {threshold:.2f} for a comment."]
        if not pair.same_file:
            parts.append(
                in_sentences(answer.reasons(choice, self._collections.active.calibrations))
            )
        if pair.frames is not None and pair.words is not None:
            alone = self._collections.active.calibrations.by_pictures_alone(pair.evidence)
            parts.append(f"By the clips alone, the score would be {rounded_down(alone):.2f}.")
        if pair.same_file:
            parts.append(f"{answer.same_file(choice)} has the same file as this ticket.")
        elif pair.moments:
            best = pair.moments[0]
            here = span(best.query_start, best.query_end)
            there = span(best.match_start, best.match_end)
            parts.append(f"Best match: {here} here, {there} there.")
        if not pair.clip_id:
            parts.append("This ticket has no clip, so only the text was compared.")
        parts.append(f"Model: {escape(self._collections.active.label())}.")
        return " ".join(filter(None, parts))
