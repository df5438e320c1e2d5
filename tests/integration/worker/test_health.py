"""A worker's health, as its container's health check reads it."""

from __future__ import annotations

import datetime as dt
import socket

import pytest
from rq.job import Job
from typer.testing import CliRunner

from dejabug import cli
from dejabug.infra import job_queue
from dejabug.infra.job_queue import enqueue
from dejabug.infra.jobs import SHORT_JOB, JobType
from dejabug.services import Services
from dejabug.worker.health import OVERRUN, NoPulseError, feel_pulse
from dejabug.worker.warm_worker import WarmWorker

HERE = socket.gethostname()


def look() -> str:
    """A job that says how its worker is, and what is said of it when it has hung for long."""
    from dejabug.services import get_services

    connection = get_services().redis
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=SHORT_JOB + OVERRUN + 1)
    with pytest.raises(NoPulseError) as error:
        feel_pulse(connection, HERE, later)
    return f"{feel_pulse(connection, HERE)}; {error.value}"


LOOK = JobType(f"{__name__}.look", module=__name__)


def test_a_worker_that_works_is_well_and_one_whose_job_hangs_is_not(
    cold_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(job_queue.JOBS, LOOK.name, LOOK)
    queue = cold_services.queues.get("default")
    enqueue(queue, LOOK)
    (job,) = queue.jobs
    WarmWorker([queue], cold_services.redis).work(burst=True, logging_level="WARNING")
    said = Job.fetch(
        job.id, connection=cold_services.redis, serializer=queue.serializer
    ).return_value()
    assert str(said).startswith(f"default; job {job.id} hangs: ")


def test_a_machine_without_a_worker_has_no_pulse_whoever_else_works(
    cold_services: Services,
) -> None:
    worker = WarmWorker([cold_services.queues.get("clips")], cold_services.redis)
    worker.hostname = "another"
    worker.register_birth()
    assert feel_pulse(cold_services.redis, "another") == "clips"
    with pytest.raises(NoPulseError, match=f"no worker is running on {HERE}"):
        feel_pulse(cold_services.redis, HERE)


def test_the_later_one_counts_where_a_killed_one_is_still_known(cold_services: Services) -> None:
    for name in ("clips", "search"):
        worker = WarmWorker([cold_services.queues.get(name)], cold_services.redis)
        worker.register_birth()
        worker.heartbeat()
    assert feel_pulse(cold_services.redis, HERE) == "search"


def test_while_redis_is_away_no_worker_is_blamed(
    cold_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = CliRunner().invoke(cli.app, ["worker-health"])
    assert asked.exit_code == 1
    assert "no worker" in asked.stderr
    monkeypatch.setattr("dejabug.cli.service.feel_pulse", _away)
    asked = CliRunner().invoke(cli.app, ["worker-health"])
    assert asked.exit_code == 0
    assert "the worker's state is unknown" in asked.stderr


def _away(*_: object) -> str:
    import redis

    raise redis.ConnectionError("away")
