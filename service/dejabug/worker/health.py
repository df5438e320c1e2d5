"""Whether the worker of this machine is well: what a container's health check asks.

A worker tells Redis that it lives, and on which machine; a container counts as one. Its heartbeats
are a thread's and go on while a job hangs in a call into C (a driver, say), which no time-out of
RQ's ends; so a job that has long overrun its time-out counts as well.
"""

from __future__ import annotations

import datetime as dt

import redis
from rq import Worker
from rq.exceptions import NoSuchJobError
from rq.serializers import JSONSerializer

from dejabug.infra.refused_writes import refused

# Seconds past its time-out after which a job hangs; a call that is merely slow has ended by then.
OVERRUN = 300


class NoPulseError(Exception):
    """The worker should be started again; the message says why."""


def feel_pulse(connection: redis.Redis, machine: str, now: dt.datetime | None = None) -> str:
    """What the worker on this machine (its host name) listens to, when it is well.

    Raises NoPulseError, and redis.RedisError, which says nothing of the worker.
    """
    if (why := refused(connection)) is not None:
        raise redis.ResponseError(str(why))  # it waits, and so would its successor
    known = Worker.all(connection=connection, serializer=JSONSerializer)
    here = [worker for worker in known if worker.hostname == machine]
    if not here:
        raise NoPulseError(f"no worker of {machine} is known to Redis")
    # One that was killed is known for some minutes more; a living one was heard later.
    worker = max(here, key=lambda one: one.last_heartbeat.timestamp() if one.last_heartbeat else 0)
    names = ", ".join(worker.queue_names())
    try:
        job = worker.get_current_job()
    except NoSuchJobError:  # it ended in this moment
        job = None
    if job is not None and job.started_at is not None and job.timeout:
        took = ((now or dt.datetime.now(dt.UTC)) - job.started_at).total_seconds()
        if took > float(job.timeout) + OVERRUN:
            raise NoPulseError(f"job {job.id} hangs: {took:.0f} s of {job.timeout} s")
    return names
