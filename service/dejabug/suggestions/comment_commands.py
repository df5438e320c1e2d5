"""Talking to us in comments: `/dejabug not GAME-12`, `mute`, `again`, `why GAME-12`.

Whoever may comment on an issue may say these. Our answer is a note in our one comment there, which
every reader of the issue sees: it tells nothing that the comment itself could not.
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

# A line of its own. Jira's editor may have made a link of the key, so it is looked for in the rest.
LINE = re.compile(r"^[ \t{*_>#-]*/dejabug\b[ \t]*(?P<verb>[a-z]*)(?P<rest>.*)$", re.I | re.M)
KEY = re.compile(r"\b([A-Z][A-Z0-9_]+-\d+)\b", re.IGNORECASE)
NEED_KEY = ("not", "why")
HELP = (
    "I understand: /dejabug not KEY (never suggest it here again), /dejabug why KEY, "
    "/dejabug mute, /dejabug again."
)
# Commands of one comment that are obeyed: nobody needs more.
MOST_COMMANDS = 10
# Matches among which one that is asked about is looked for.
ASKED = 100


@dataclass(frozen=True)
class Command:
    """One thing that somebody wants of us: `not`, `why`, `mute`, `again` or `help`."""

    verb: str
    key: str | None = None


def commands_in(body: str) -> list[Command]:
    """The commands in a comment's wiki text; what is not understood asks for help."""
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
    """What a comment wants of us. `customers`: its issue is of a service project, where only
    internal comments are heard."""
    return [] if customers and comment.public else commands_in(comment.body)


class CommentCommands:
    """Does what people tell us in comments."""

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
        """Do what somebody wants on an issue, and note our answer to them."""
        answers = dict(self._answer(record, each) for each in commands)
        note = f"_To {escape(author)}:_ {' '.join(answers)}"
        self._records.comments.put_note(record.id, note, set().union(*answers.values()))
        log.info("comment_obeyed", issue=record.key, verbs=[command.verb for command in commands])

    def standing_note(self, record: IssueRecord) -> str:
        """Our last answer on an issue; empty once it tells of one that may not be told there any
        more."""
        told = self._records.comments.note_tells_of(record.id)
        allowed = self._all_like(record, told)[1] if told else []
        if not told <= set().union(*(choice.issues() for choice in allowed)):
            self._records.comments.put_note(record.id, "")
        return self._records.comments.note(record.id)

    def look_again(self, record: IssueRecord) -> None:
        """Suggest here again, also where somebody muted us or deleted our comment, and try clips
        again that could not be read."""
        self._records.comments.mute(record.id, False)
        self._records.comments.reopen(record.id)
        for clip in self._collections.active.catalogue.clips_of(record.id):
            if clip.status is ClipStatus.FAILED:
                self._collections.active.catalogue.put_clip(
                    replace(clip, status=ClipStatus.QUEUED, reason="")
                )

    def _answer(self, record: IssueRecord, command: Command) -> tuple[str, set[str]]:
        """Our words, and the issues of which they tell what only some may know."""
        if command.verb == "why" and command.key is not None:
            return self._explain(record, command.key)
        return self._do(record, command), set()

    def _do(self, record: IssueRecord, command: Command) -> str:
        if command.verb == "mute":
            self._records.comments.mute(record.id, True)
            return "Muted here. /dejabug again brings suggestions back."
        if command.verb == "again":
            self.look_again(record)
            return "Looked again. With nothing above, nothing similar enough was found."
        return HELP if command.key is None else self._reject(record, command.key)

    def _reject(self, record: IssueRecord, key: str) -> str:
        """A verdict counts on both issues, so that it takes one that may be named here: nobody
        decides over tickets that readers of this one may not see."""
        other = self._collections.active.catalogue.issue_by_key(key)
        if other is not None and other.id != record.id and self._may_be_named(record.id, other.id):
            self._records.verdicts.put(Verdict(record.id, other.id, False, "person"), by="command")
        # The same words for a ticket that does not exist: who asks learns nothing of hidden ones.
        return f"{key} is not suggested here, and will not be."

    def _may_be_named(self, issue_id: str, other: str) -> bool:
        """Whether every reader of an issue may be told of the other one, as Jira shows both now."""
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
            f"{key}: there is nothing to say. It has no clip that is known here, is far from the "
            "most alike, was said to be not similar, or not everybody who reads this ticket may "
            "see it."
        )
        return nothing, set()

    def _all_like(
        self, record: IssueRecord, asked: Collection[str]
    ) -> tuple[Answer, list[Suggestion]]:
        """What may be told of on an issue, however little it is alike; `asked` are read in any
        case."""
        answer = self._similar_issues.find_for_issue(record, also=asked)
        return answer, self._comment_policy.choose(record, answer, threshold=-1.0, limit=ASKED)

    def _reasons(self, key: str, choice: Suggestion, answer: Answer, threshold: float) -> str:
        pair = choice.pair
        parts = [f"{key}: score {rounded_down(pair.score):.2f}"]
        if math.isinf(threshold):
            parts[0] += "; with so few tickets, words alone are never named."
        else:
            named = "is" if pair.score >= threshold else "would be"
            parts[0] += f"; a ticket {named} named from {threshold:.2f} on."
        if not pair.same_file:
            parts.append(
                in_sentences(answer.reasons(choice, self._collections.active.calibrations))
            )
        if pair.frames is not None and pair.words is not None:
            alone = self._collections.active.calibrations.by_pictures_alone(pair.evidence)
            parts.append(f"Without the tickets' words it would be {rounded_down(alone):.2f}.")
        if pair.same_file:
            parts.append(f"{answer.same_file(choice)} has the same file as this ticket.")
        elif pair.moments:
            best = pair.moments[0]
            here = span(best.query_start, best.query_end)
            there = span(best.match_start, best.match_end)
            parts.append(f"Most alike: {here} here, {there} there.")
        if not pair.clip_id:
            parts.append("Compared by the tickets' words, since this one has no clip.")
        return " ".join(filter(None, parts))
