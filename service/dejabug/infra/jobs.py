"""Every type of job, one row each. Their functions are in `worker/jobs.py`.

Jobs are queued under the row's name. The name doesn't change when code moves, so that workers of an
older version and of this one can run each other's jobs during an upgrade.
"""

from __future__ import annotations

from dataclasses import dataclass

# Time limits in seconds. For a clip: a slow download at 2 MB/s, decoding and embedding.
SHORT_JOB = 300
CLIP_JOB = 1800
LONG_JOB = 3600


@dataclass(frozen=True)
class JobType:
    """A type of job.

    Attributes:
        name: the name under which it is queued; the last part is the name of its function.
        time_limit: seconds after which a worker stops it.
        lock: the lock that it holds while it runs; `{}` is replaced by its first argument.
        waits_for_jira: whether it is retried for as long as Jira is unavailable.
        module: the module of its function.
    """

    name: str
    time_limit: int = SHORT_JOB
    lock: str = ""
    waits_for_jira: bool = False
    module: str = "dejabug.worker.jobs"

    @property
    def function(self) -> str:
        """The name of its function."""
        return self.name.rpartition(".")[2]


# Only one job at a time reads, stores or deletes an issue. Otherwise a job that read the issue
# earlier could overwrite newer data.
ISSUE_LOCK = "dejabug:lock:issue:{}"

SYNC_ISSUE = JobType("dejabug.jobs.sync_issue", lock=ISSUE_LOCK, waits_for_jira=True)
FORGET_ISSUE = JobType("dejabug.jobs.forget_issue", lock=ISSUE_LOCK)
HANDLE_COMMANDS = JobType("dejabug.jobs.obey", lock=ISSUE_LOCK, waits_for_jira=True)
INDEX_CLIP = JobType("dejabug.jobs.index_clip", CLIP_JOB, waits_for_jira=True)
INDEX_TICKET = JobType("dejabug.jobs.index_ticket")
SUGGEST = JobType("dejabug.jobs.suggest", lock="dejabug:lock:suggest:{}", waits_for_jira=True)
SUGGEST_AROUND = JobType("dejabug.jobs.suggest_around", waits_for_jira=True)
MAKE_PREVIEW = JobType("dejabug.previewing.preview_clip", CLIP_JOB, waits_for_jira=True)
COMPARE_UPLOAD = JobType("dejabug.uploads.search_upload", 120)
READ_SIGNATURE = JobType("dejabug.index_signatures.read_signature", CLIP_JOB, waits_for_jira=True)
PROBE_JIRA = JobType("dejabug.outages.hail_jira")
RECONCILE = JobType("dejabug.reconcile.reconcile_job", 900)
REPAIR_INDEX = JobType("dejabug.index_repair.repair_job", CLIP_JOB)
PURGE = JobType("dejabug.purging.purge_job", CLIP_JOB)
LEARN = JobType("dejabug.studying.learn_job", LONG_JOB, waits_for_jira=True)

JOBS = {
    row.name: row
    for row in (
        SYNC_ISSUE,
        FORGET_ISSUE,
        HANDLE_COMMANDS,
        INDEX_CLIP,
        INDEX_TICKET,
        SUGGEST,
        SUGGEST_AROUND,
        MAKE_PREVIEW,
        COMPARE_UPLOAD,
        READ_SIGNATURE,
        PROBE_JIRA,
        RECONCILE,
        REPAIR_INDEX,
        PURGE,
        LEARN,
    )
}
