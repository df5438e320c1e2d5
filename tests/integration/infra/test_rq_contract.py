"""What our worker replaces of RQ, much of it private: a new RQ must be read before it is used.

Where this fails after an upgrade: compare the new methods of RQ with ours (`infra/job_queue.py`,
`infra/redis_tolerant_worker.py`, `worker/warm_worker.py`), run `make test` and `make chaos`, and
write down the new sums. Decision 032 says why RQ is held to one minor version.
"""

from __future__ import annotations

import hashlib
import inspect
from importlib.metadata import requires, version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rq import Queue, SimpleWorker
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job

from dejabug.infra.job_queue import InFlightJobs, NamedJob, ReliableQueue
from dejabug.worker.warm_worker import WarmWorker

# Methods that are called inside RQ's own, or that ours rely on without replacing them.
RELIED_ON = {
    SimpleWorker: ("work", "cleanup_execution", "maintain_heartbeats", "prepare_execution"),
    Queue: ("enqueue_job",),
    Job: ("create", "retry"),
    IntermediateQueue: ("remove",),
}
PAIRS = (
    (WarmWorker, SimpleWorker),
    (ReliableQueue, Queue),
    (NamedJob, Job),
    (InFlightJobs, IntermediateQueue),
)


def replaced(ours: type, theirs: type) -> set[str]:
    """Names of RQ's methods that a class of ours, or one between, replaces."""
    names: set[str] = set()
    for each in ours.__mro__[: ours.__mro__.index(theirs)]:
        names |= {name for name in vars(each) if hasattr(theirs, name)}
    return {name for name in names if inspect.isroutine(getattr(theirs, name)) and name[:2] != "__"}


def sums() -> dict[str, str]:
    """A short sum of the source of each of RQ's methods that matter to us."""
    found = {}
    for ours, theirs in PAIRS:
        for name in sorted(replaced(ours, theirs) | set(RELIED_ON[theirs])):
            source = inspect.getsource(inspect.unwrap(getattr(theirs, name)))
            digest = hashlib.sha256(source.encode()).hexdigest()
            found[f"{theirs.__name__}.{name}"] = digest[:12]
    return found


READ = {
    "IntermediateQueue.cleanup": "e465aaeb5d29",
    "IntermediateQueue.remove": "a323c7ca6ef3",
    "Job.create": "dcdde04c5a05",
    "Job.retry": "4a0f7cec2323",
    "Queue.enqueue_job": "0e05fbb378d5",
    "Queue.lpop": "97f779a56918",
    "SimpleWorker._pubsub_exception_handler": "5213e36c3b77",
    "SimpleWorker.check_for_suspension": "e8095ae1fcf9",
    "SimpleWorker.cleanup_execution": "f662af055aed",
    "SimpleWorker.dequeue_job_and_maintain_ttl": "0c0b1bc6c873",
    "SimpleWorker.execute_job": "d8a40d49f515",
    "SimpleWorker.get_heartbeat_ttl": "1ca53202c2d1",
    "SimpleWorker.handle_exception": "e4e6449c147a",
    "SimpleWorker.heartbeat": "d00c83971db2",
    "SimpleWorker.maintain_heartbeats": "d57ba90e633a",
    "SimpleWorker.perform_job": "8f75687c8510",
    "SimpleWorker.prepare_execution": "899b4eaa689f",
    "SimpleWorker.prepare_job_execution": "783c9dc74a37",
    "SimpleWorker.register_birth": "4690ab4f7b74",
    "SimpleWorker.register_death": "92e03f8d3c57",
    "SimpleWorker.run_maintenance_tasks": "b2589c362668",
    "SimpleWorker.set_shutdown_requested_date": "022619a0feec",
    "SimpleWorker.set_state": "bb8d4f1d93ff",
    "SimpleWorker.work": "04b5cdf8e554",
}


def test_rq_is_the_one_that_was_read() -> None:
    assert sums() == READ


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_what_replaces_a_method_of_rq_takes_what_that_takes(ours: type, theirs: type) -> None:
    for name in replaced(ours, theirs):
        theirs_takes = list(inspect.signature(getattr(theirs, name)).parameters)
        ours_takes = list(inspect.signature(getattr(ours, name)).parameters)
        assert ours_takes[: len(theirs_takes)] == theirs_takes, name


def test_an_rq_that_was_not_read_is_not_installed() -> None:
    (wanted,) = (
        Requirement(text)
        for text in requires("dejabug") or []
        if canonicalize_name(Requirement(text).name) == "rq"
    )
    assert version("rq") in wanted.specifier
    assert "2.13.0" not in wanted.specifier
    assert "3.0.0" not in wanted.specifier
