"""A job that Jira keeps from its work: when it is tried again."""

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

# Jira keeps this many seconds of pause for itself at most; then we try again regardless.
LONGEST_PAUSE = 3600
# Pauses that Jira may name to one job, and tries while it is away: many jobs may be in each other's
# way for long, and no outage is a reason to give up a ticket.
MOST_PAUSES = 10_000
# How Jira refuses an account whose token has run out (jira/errors.py, `login_failed`, has the 404).
NOBODY = (401, 404)
# The jobs that wait for Jira to be back, a set: maintenance/jira_outage.py has them run then.
WAITS_FOR_JIRA = "dejabug:waits-for-jira"


def retry_on_jira_outage(job: Callable[..., Any]) -> Callable[..., Any]:
    """When Jira names a pause (Retry-After), come back after exactly that. While it is away, or
    does not know our account, wait for it, however long that takes."""

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
    """Note that the job in hand waits for Jira, and when it is tried again in any case. Raises the
    error where there is no job."""
    job = get_current_job()
    if job is None:
        raise error
    job.connection.sadd(WAITS_FOR_JIRA, job.id)
    tried = job.number_of_retries or 0
    return Retry(max=MOST_PAUSES, interval=BACKOFF[min(tried, len(BACKOFF) - 1)])
