"""The functions of the jobs in `infra/jobs.py`. Each is a single call, and must be safe to run
twice.

Jobs carry ids, never pixels or vectors. A job raises temporary errors (Jira down, Redis slow), and
RQ retries it with growing pauses. It records permanent errors (a broken clip, a deleted issue) and
ends normally. An issue stays in the outbox until it was read, so that `maintenance/upkeep.py` finds
even a lost job.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from dejabug.infra import jobs
from dejabug.infra.jobs import JobType
from dejabug.infra.locks import held
from dejabug.jira.job_retries import retry_on_jira_outage
from dejabug.services import get_model_services, get_services
from dejabug.worker import learning_schedule


def runs(row: JobType) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a function as its row says: with its lock, and with retries while Jira is unavailable."""

    def decorate(job: Callable[..., None]) -> Callable[..., None]:
        @wraps(job)
        def run(*arguments: Any) -> None:
            if not row.lock:
                job(*arguments)
                return
            with held(get_services().redis, row.lock.format(*arguments)):
                job(*arguments)

        return retry_on_jira_outage(run) if row.waits_for_jira else run

    return decorate


# Issues


@runs(jobs.SYNC_ISSUE)
def sync_issue(issue_id: str, watch: bool) -> None:
    """Read an issue from Jira and update its records."""
    started = time.time()
    get_services().issue_sync.sync(issue_id, watch=watch)
    get_services().outbox.acknowledge(issue_id, started)


@runs(jobs.FORGET_ISSUE)
def forget_issue(issue_id: str) -> None:
    """Delete all data of an issue."""
    get_services().deletion.forget_issue(issue_id)


@runs(jobs.HANDLE_COMMANDS)
def obey(issue_id: str, comment_id: str) -> None:
    """Run the commands in a comment, once."""
    get_services().comment_events.handle(issue_id, comment_id)


@runs(jobs.SUGGEST)
def suggest(issue_id: str) -> None:
    """Find similar issues, and write, update or delete the issue's comment."""
    for choice in get_services().comment_publisher.refresh(issue_id):
        # People who read the comment may open the panel next.
        for clip_id in filter(None, (choice.pair.clip_id, choice.pair.found_clip_id)):
            get_services().preview_maker.request(clip_id, awaited=False)


@runs(jobs.SUGGEST_AROUND)
def suggest_around(issue_id: str) -> None:
    """Update the comments on similar issues after the readers of an issue changed."""
    record = get_services().collections.active.catalogue.issue(issue_id)
    if record is not None:
        for other in get_services().similar_issues.nearest(record):
            get_services().scheduler.suggest(other)


# Clips


@runs(jobs.INDEX_CLIP)
def index_clip(clip_id: str) -> None:
    """Download a clip, sample its frames, embed them, and write them to the index."""
    get_model_services().indexing.index_clip(clip_id)


@runs(jobs.INDEX_TICKET)
def index_ticket(issue_id: str) -> None:
    """Embed a ticket's text, and tag its kind of bug."""
    get_model_services().indexing.index_ticket(issue_id)


@runs(jobs.MAKE_PREVIEW)
def preview_clip(clip_id: str) -> None:
    """Generate a clip's preview."""
    get_services().preview_maker.make(clip_id)


@runs(jobs.READ_SIGNATURE)
def read_signature(clip_id: str) -> None:
    """Add the signature of a clip that was indexed without one."""
    get_services().signature_backfill.read(clip_id)


@runs(jobs.COMPARE_UPLOAD)
def search_upload(upload_id: str, projects: list[str]) -> None:
    """Compare an uploaded clip with the clips of these projects."""
    get_model_services().upload_comparison.run(upload_id, projects)


# Periodic


@runs(jobs.PROBE_JIRA)
def hail_jira() -> None:
    """Check whether Jira is available again."""
    get_services().jira_outage.probe()


@runs(jobs.RECONCILE)
def reconcile_job() -> None:
    """Catch up on changes that webhooks missed."""
    get_services().reconciler.run_job()


@runs(jobs.REPAIR_INDEX)
def repair_job() -> None:
    """Compare the indexes with the records and fix differences."""
    get_services().index_repair.run_job()


@runs(jobs.PURGE)
def purge_job() -> None:
    """Delete clips that are older than DEJABUG_RETENTION_DAYS."""
    get_services().footage_purge.run_job()


@runs(jobs.LEARN)
def learn_job() -> None:
    """Learn weights from the studio's duplicates, for the active encoder."""
    learning_schedule.learn_if_free(get_services())
