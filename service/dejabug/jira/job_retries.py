"""When to retry a job that failed because of Jira."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from rq import Retry, get_current_job

from dejabug.infra.job_queue import BACKOFF
from dejabug.infra.metrics import JIRA_PAUSES
from dejabug.jira.errors import JiraError, JiraRefusedError, JiraUnavailableError

log = structlog.get_logger()

# We respect pauses up to this many seconds; then we try again regardless.
LONGEST_PAUSE = 3600
# The most pauses and retries of one job while Jira is unavailable or limits us. High, because many
# jobs may share the limit for long, and no outage is a reason to give up a ticket.
MOST_PAUSES = 10_000
# How Jira rejects an account whose token has expired (for the 404, see `login_failed` in
# jira/errors.py).
NOBODY = (401, 404)
# The set of jobs that wait for Jira. maintenance/jira_outage.py runs them once Jira is back.
WAITS_FOR_JIRA = "dejabug:waits-for-jira"


def retry_on_jira_outage(job: Callable[..., Any]) -> Callable[..., Any]:
    """If Jira requests a pause (Retry-After), retry after exactly that pause. While Jira is
    unavailable or rejects our account, keep retrying, however long that takes."""

    @wraps(job)
    def run(*arguments: Any) -> Any:
        try:
            return job(*arguments)
        except JiraUnavailableError as error:
            log.warning("jira_unavailable", why=str(error), reason=error.reason)
            if not error.retry_after:
                return _wait_for_jira(error)
            pause = min(math.ceil(error.retry_after), LONGEST_PAUSE)
            JIRA_PAUSES.inc(pause)
            return Retry(max=MOST_PAUSES, interval=pause)
        except JiraRefusedError as error:
            if error.status not in NOBODY:
                raise
            log.error("jira_knows_us_not", why=str(error))
            return _wait_for_jira(error)

    return run


def _wait_for_jira(error: JiraError) -> Retry:
    """Record that the current job waits for Jira, and return when to retry it at the latest. Raises
    the error if there is no current job."""
    job = get_current_job()
    if job is None:
        raise error
    job.connection.sadd(WAITS_FOR_JIRA, job.id)
    tried = job.number_of_retries or 0
    return Retry(max=MOST_PAUSES, interval=BACKOFF[min(tried, len(BACKOFF) - 1)])
