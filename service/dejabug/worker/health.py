"""Check the health of this machine's worker, for a container's health check.

A worker sends heartbeats to Redis, with its host name; each container has its own. The heartbeats
come from a thread, so they continue while a job hangs in C code (such as a driver), which RQ's
time-outs can't stop. So a job that has run far past its time limit also fails the check.
"""

from __future__ import annotations

import datetime as dt

import redis
from rq import Worker
from rq.exceptions import NoSuchJobError
from rq.serializers import JSONSerializer

from dejabug.infra.refused_writes import refused

# A job counts as hanging when it has run this many seconds past its time limit. A call that is only
# slow has ended by then.
OVERRUN = 300


class NoPulseError(Exception):
    """The worker should be started again; the message says why."""


def feel_pulse(connection: redis.Redis, machine: str, now: dt.datetime | None = None) -> str:
    """The queues of the worker on this machine (its host name), if it is healthy.

    Raises NoPulseError, or redis.RedisError if the worker's state is unknown.
    """
    if (why := refused(connection)) is not None:
        raise redis.ResponseError(str(why))  # the worker waits, and a restarted one would, too
    known = Worker.all(connection=connection, serializer=JSONSerializer)
    here = [worker for worker in known if worker.hostname == machine]
    if not here:
        raise NoPulseError(f"no worker is running on {machine}: Redis has no heartbeat from one")
    # Redis keeps the entry of a killed worker for some minutes; a live one has a later heartbeat.
    worker = max(here, key=lambda one: one.last_heartbeat.timestamp() if one.last_heartbeat else 0)
    names = ", ".join(worker.queue_names())
    try:
        job = worker.get_current_job()
    except NoSuchJobError:  # it has just ended
        job = None
    if job is not None and job.started_at is not None and job.timeout:
        took = ((now or dt.datetime.now(dt.UTC)) - job.started_at).total_seconds()
        if took > float(job.timeout) + OVERRUN:
            raise NoPulseError(
                f"job {job.id} hangs: running for {took:.0f} s, time limit {job.timeout} s"
            )
    return names
