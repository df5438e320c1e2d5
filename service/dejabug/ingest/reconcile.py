"""Repairs what webhooks missed: Data Center never resends one, and any can get lost.

A round has two parts. The sweep asks Jira for what changed in each known project since the last
round, and queues every issue whose state differs from our records. The check asks for a share of
all known issues, and queues those that Jira no longer shows; this is how deleted issues are
forgotten. An answer that looks like lost permissions is never treated as deletions.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import redis
import structlog

from dejabug.infra.locks import try_lock
from dejabug.infra.tracing import traced
from dejabug.ingest.scheduling import Scheduler
from dejabug.jira.client import PAGE, JiraClient
from dejabug.jira.errors import JiraRefusedError, JiraUnavailableError
from dejabug.jira.jql import unix_time, updated_within
from dejabug.jira.models import Issue
from dejabug.records.collections import Collections
from dejabug.records.issue_fields import evidence, fingerprint_of, game_of, words_of
from dejabug.records.issue_records import IssueRecords
from dejabug.records.outbox import PENDING
from dejabug.settings import Settings

log = structlog.get_logger()

# Project → Unix seconds up to which its changes have been read.
WATERMARKS = "dejabug:reconciled"
# Position of the check of all known issues: Redis' own cursor over the set of them.
CHECKED = "dejabug:reconcile-cursor"
# Held until the next round is due.
TURN = "dejabug:reconcile-turn"
LOCK = "dejabug:lock:reconcile"
# Seconds of changes that are read again: Jira's search may lag, and clocks differ.
OVERLAP = 15 * 60
# Seconds of changes that the first round of a project reads.
FIRST_LOOK_BACK = 24 * 3600
# Minimum of known issues checked in one round; more if needed to check all within a day.
SLICE = 500
DAY = 24 * 60  # minutes
# Up to this many absences in one slice may be chance. If more, and over half, are absent, it is not
# a studio's cleanup.
FEW = 5
# Seconds after which a killed holder's lock expires; a step takes a few requests to Jira.
LOCK_LIFE = 300


@dataclass
class Report:
    """What a round saw and did: issues that changed (`looked`), known issues that were checked
    (`checked` of about `known`), how many are read again for which reason, and projects that Jira
    refused. `doubt` says why absences were not believed; `busy`: another round is running."""

    looked: int = 0
    checked: int = 0
    known: int = 0
    repaired: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    doubt: str = ""
    busy: bool = False


class Reconciler:
    """Finds what webhooks missed, and queues it to be read again."""

    def __init__(
        self,
        connection: redis.Redis,
        jira: JiraClient,
        collections: Collections,
        records: IssueRecords,
        scheduler: Scheduler,
        settings: Settings,
    ) -> None:
        self._redis = connection
        self._jira = jira
        self._collections = collections
        self._records = records
        self._scheduler = scheduler
        self._settings = settings

    def run_job(self) -> None:
        """One round. Does not wait for an unavailable Jira: the next round sees the same
        changes."""
        report = Report()
        try:
            for report in self.run():  # noqa: B007 (the last one counts)
                pass
        except JiraUnavailableError as error:
            log.warning("reconcile_put_off", why=str(error), reason=error.reason)
        except JiraRefusedError as error:
            log.error("reconcile_refused", why=str(error))
        if not report.busy:
            log.info(
                "reconciled", looked=report.looked, checked=report.checked, repaired=report.repaired
            )

    def run(self, *, since: float = 0, whole: bool = False) -> Iterator[Report]:
        """One round; yields the same report as it grows. If another round is running, yields only
        that.

        `since`: look back at least this many seconds. `whole`: check all known issues, not a share.
        Raises JiraUnavailableError, and JiraRefusedError when Jira rejects our account.
        """
        report = Report()
        with try_lock(self._redis, LOCK, LOCK_LIFE) as renew:
            if renew is None:
                report.busy = True
                yield report
                return
            for _ in self._round(report, since, whole):
                renew()
                yield report

    def _round(self, report: Report, since: float, whole: bool) -> Iterator[None]:
        projects, refusal = self._collections.active.catalogue.projects(), None
        for project in projects:
            try:
                yield from self._sweep(project, since, report)
            except JiraRefusedError as error:
                if error.status == 401:
                    raise
                # The project was deleted or is hidden from us; keep its mark for when it comes
                # back.
                log.warning("reconcile_project_refused", project=project, why=str(error))
                report.refused.append(project)
                refusal = error
        if refusal is not None and len(report.refused) == len(projects):
            raise refusal
        yield from self._check(report, whole)
        self._let_go()

    def _sweep(self, project: str, since: float, report: Report) -> Iterator[None]:
        """Read a project's changes; its mark moves when all have been read."""
        started = time.time()
        marked = self._redis.hget(WATERMARKS, project)
        mark = float(marked) if marked else started - FIRST_LOOK_BACK
        mark = min(mark - OVERLAP, started - since)
        jql, token = updated_within(project, math.ceil((started - mark) / 60)), None
        while True:
            page = self._jira.search(jql, token)
            for issue in page.issues:
                report.looked += 1
                why = self.missed(issue)
                if why is not None:
                    self._read_again(issue.id, why, report, watch=self._is_new(issue, mark))
            yield
            token = page.next_token
            if token is None:
                break
        self._redis.hset(WATERMARKS, project, started)

    def missed(self, issue: Issue) -> str | None:
        """What in an issue, as Jira shows it, differs from our records; None if nothing does."""
        record = self._collections.active.catalogue.issue(issue.id)
        if record is None:
            return "unknown"
        if (record.key, record.project) != (issue.key, issue.project):
            return "moved"
        if self._records.projects.rules(issue.project).mode == "off":
            return None  # nothing else about it is kept
        if record.game != game_of(issue):
            return "component"
        if self._collections.active.catalogue.words(issue.id) != words_of(
            issue.summary, issue.description
        ):
            return "words"
        known = {clip.id for clip in self._collections.active.catalogue.clips_of(issue.id)}
        attached = {
            file.id
            for file in evidence(
                issue, self._jira, self._collections.active.catalogue, self._records.retention
            )
        }
        if attached != known:
            return "clip added" if attached - known else "clip deleted"
        kinds = self._settings.duplicate_link_types
        if self._records.verdicts.links_of(issue.id) != set(issue.duplicates(kinds)) - {issue.id}:
            return "link"
        return None if record.fingerprint == fingerprint_of(issue, kinds) else "status or security"

    def _is_new(self, issue: Issue, mark: float) -> bool:
        """Whether it would get a comment if its webhook had come: an issue or a clip since
        `mark`."""
        if (
            self._collections.active.catalogue.issue(issue.id) is None
            and (unix_time(issue.created) or 0) >= mark
        ):
            return True
        # Under whatever encoder they are known: old clips are not new to a new encoder.
        known = set(self._collections.active.catalogue.clip_ids_of(issue.id))
        fresh = [
            file
            for file in evidence(
                issue, self._jira, self._collections.active.catalogue, self._records.retention
            )
            if file.id not in known
        ]
        return any((unix_time(file.created) or 0) >= mark for file in fresh)

    def _read_again(self, issue_id: str, why: str, report: Report, *, watch: bool = False) -> None:
        """Queue an issue to be read again, unless it is queued already."""
        if self._redis.zscore(PENDING, issue_id) is not None:
            return
        with traced(), self._redis.pipeline(transaction=True) as pipe:
            self._scheduler.sync_issue(issue_id, watch, pipe)
            pipe.execute()
            log.info("reconcile_missed", issue_id=issue_id, why=why, watch=watch)
        report.repaired[why] = report.repaired.get(why, 0) + 1

    def _check(self, report: Report, whole: bool) -> Iterator[None]:
        """Check the next share of the known issues, or all of them."""
        report.known = self._collections.active.catalogue.issue_count()
        rounds = DAY // (self._settings.reconcile_minutes or DAY) or 1
        size = max(SLICE, math.ceil(report.known / rounds))
        cursor = 0 if whole else int(self._redis.get(CHECKED) or 0)
        while True:
            cursor, ids = self._collections.active.catalogue.some_issue_ids(cursor, size)
            gone: list[str] = []
            if not ids:
                yield  # Redis may return an empty page although more follow
            for start in range(0, len(ids), PAGE):
                asked = ids[start : start + PAGE]
                there = self._jira.present(asked)
                gone += [issue_id for issue_id in asked if issue_id not in there]
                report.checked += len(asked)
                yield
            if gone:
                report.doubt = self._doubt(gone, ids)
            if report.doubt:
                log.error("reconcile_suspicious", why=report.doubt, issues=gone[:20])
                return
            for issue_id in gone:
                self._read_again(issue_id, "gone", report)
            self._redis.set(CHECKED, cursor)
            if cursor == 0 or not whole:
                return

    def _let_go(self) -> None:
        """Completely forget issues that have been hidden from us too long to come back. Until then
        the feedback on them was kept."""
        for issue_id in self._collections.active.catalogue.hidden_for_long():
            if self._collections.active.catalogue.issue(issue_id) is not None:
                self._collections.active.catalogue.came_back(issue_id)
            else:
                self._scheduler.forget_issue(issue_id)

    def _doubt(self, gone: Sequence[str], asked: Sequence[str]) -> str:
        """Why these absences look like a problem on our side, or empty. Raises JiraRefusedError
        when Jira no longer knows our account."""
        if len(gone) > FEW and 2 * len(gone) > len(asked):
            return (
                f"{len(gone)} of {len(asked)} known issues are deleted or no longer visible to our "
                "account"
            )
        self._jira.check_account()
        records = [self._collections.active.catalogue.issue(issue_id) for issue_id in gone]
        for project in sorted({record.project for record in records if record is not None}):
            if not (
                self._jira.sees_project(project) and self._jira.count(f'project = "{project}"')
            ):
                return f"our account can't see any issue of the project {project}"
        return ""
