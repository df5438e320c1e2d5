"""What runs on queues, by the names in `infra/jobs.py`. Thin: each job is a call, and may run
twice.

Jobs carry ids, never pixels or vectors. Whatever a job cannot help (Jira down, Redis slow) it
raises, and RQ runs it again with growing pauses; what no repeat will mend (a broken clip, a deleted
issue) it records and ends well. A promise to look at an issue stays in the outbox until kept, so
that even a lost job is found again by `maintenance/upkeep.py`.
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
    """Have a function run as its row says: under its lock, and again when Jira was away."""

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
    """Re-read an issue and bring what is known of it up to date."""
    started = time.time()
    get_services().issue_sync.sync(issue_id, watch=watch)
    get_services().outbox.acknowledge(issue_id, started)


@runs(jobs.FORGET_ISSUE)
def forget_issue(issue_id: str) -> None:
    """Take an issue out whole."""
    get_services().deletion.forget_issue(issue_id)


@runs(jobs.HANDLE_COMMANDS)
def obey(issue_id: str, comment_id: str) -> None:
    """Do what a comment that speaks to us wants, once."""
    get_services().comment_events.handle(issue_id, comment_id)


@runs(jobs.SUGGEST)
def suggest(issue_id: str) -> None:
    """Rank, ask the policy, and bring the issue's one comment in line with the answer."""
    for choice in get_services().comment_publisher.refresh(issue_id):
        # Whoever reads the comment may open the panel next.
        for clip_id in filter(None, (choice.pair.clip_id, choice.pair.found_clip_id)):
            get_services().preview_maker.request(clip_id, awaited=False)


@runs(jobs.SUGGEST_AROUND)
def suggest_around(issue_id: str) -> None:
    """An issue can be read by others than before: correct the comments on similar issues."""
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
    """Embed a ticket's words, and tag its kind of bug."""
    get_model_services().indexing.index_ticket(issue_id)


@runs(jobs.MAKE_PREVIEW)
def preview_clip(clip_id: str) -> None:
    """Make a clip's preview."""
    get_services().preview_maker.make(clip_id)


@runs(jobs.READ_SIGNATURE)
def read_signature(clip_id: str) -> None:
    """Add the signature of a clip that was indexed without one."""
    get_services().signature_backfill.read(clip_id)


@runs(jobs.COMPARE_UPLOAD)
def search_upload(upload_id: str, projects: list[str]) -> None:
    """Compare an uploaded clip with those of these projects."""
    get_model_services().upload_comparison.run(upload_id, projects)


# Now and then


@runs(jobs.PROBE_JIRA)
def hail_jira() -> None:
    """See whether Jira is back."""
    get_services().jira_outage.probe()


@runs(jobs.RECONCILE)
def reconcile_job() -> None:
    """Look for what webhooks missed."""
    get_services().reconciler.run_job()


@runs(jobs.REPAIR_INDEX)
def repair_job() -> None:
    """Compare the indexes with the records."""
    get_services().index_repair.run_job()


@runs(jobs.PURGE)
def purge_job() -> None:
    """Purge what is older than footage is kept."""
    get_services().footage_purge.run_job()


@runs(jobs.LEARN)
def learn_job() -> None:
    """Learn from the studio's own duplicates, for the active encoder."""
    learning_schedule.learn_if_free(get_services())
