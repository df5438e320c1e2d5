"""Workers in separate processes, as in production, and what happens when they are killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rq import Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from dejabug.infra import job_queue
from dejabug.infra.job_queue import InFlightJobs, enqueue
from dejabug.infra.jobs import INDEX_CLIP, JobType
from dejabug.jira.accounts import OWN_ACCOUNT
from dejabug.records.types import ClipStatus
from dejabug.search.questions import SearchFailedError
from dejabug.services import Services
from dejabug.worker import warm_worker
from dejabug.worker.warm_worker import HEARTBEAT_TTL, WarmWorker
from support.jira_site import TOKEN, Site
from support.processes import log_of
from support.waiting import wait_until
from support.webhooks import send_created


def held_clip(services: Services, clip_id: str) -> bytes | None:
    """What RQ's registry of jobs in work holds of this clip's, if a worker has it in hand."""
    entries: list[bytes] = services.redis.zrange("rq:wip:clips", 0, -1)
    return next((entry for entry in entries if f"-{clip_id}:".encode() in entry), None)


def test_a_worker_killed_in_the_middle_costs_a_repeat_and_not_a_clip(
    start: Any, cold_services: Services, jira: Site, clips: Path, tmp_path: Path
) -> None:
    """SIGKILL while a clip is embedded; another worker takes it back, and all ends well."""
    old = jira.file("GAME", "old cows", clips / "crafter-01.mov")
    send_created(cold_services, jira, old)
    first = start("default", "clips", "search", PYTHONFAULTHANDLER="1")
    wait_until(lambda: cold_services.collections.active.catalogue.count(ClipStatus.INDEXED) == 1)
    assert cold_services.redis.get(OWN_ACCOUNT) == b"bot"
    # The next download does not end: the worker dies with the job in its hands.
    jira.hold("/rest/api/2/attachment/content")
    key = jira.file("GAME", "new cows", clips / "crafter-18.mp4")
    send_created(cold_services, jira, key)
    (clip,) = wait_until(
        lambda: cold_services.collections.active.catalogue.clips_of(str(jira.issue(key)["id"]))
    )
    held = wait_until(lambda: held_clip(cold_services, clip.id))
    # A question does not wait for the job in hand.
    hits = cold_services.questions.search("cows", ["GAME"], 5, patience=20)
    assert [hit["issue_id"] for hit in hits] == [str(jira.issue(old)["id"])]
    first.kill()
    first.wait()
    # As if the minute had passed after which a silent worker's job and locks are taken back.
    cold_services.redis.zadd("rq:wip:clips", {held: 1})
    for lock in cold_services.redis.keys("rq:scheduler-lock:*"):
        cold_services.redis.delete(lock)
    start("default", "clips", "search")
    (comment,) = wait_until(lambda: jira.comments(key))
    assert f"[{old}|" in comment["body"]
    assert cold_services.collections.active.catalogue.count(ClipStatus.INDEXED) == 2
    assert cold_services.collections.active.catalogue.count(ClipStatus.QUEUED) == 0
    assert TOKEN not in log_of(tmp_path, 0) + log_of(tmp_path, 1)
    assert "cows" not in log_of(tmp_path, 0) + log_of(tmp_path, 1)


def test_a_job_in_work_has_a_heartbeat(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, a killed worker's job would look alive until its time-out."""
    monkeypatch.setattr(warm_worker, "HEARTBEAT", 0.05)
    monkeypatch.setitem(job_queue.JOBS, NAP.name, NAP)
    queue = services.queues.get("default")
    worker = WarmWorker([queue], services.redis)
    enqueue(queue, NAP)
    (job,) = queue.jobs
    BEATS.clear()
    original = worker.maintain_heartbeats

    def count(current: Job) -> None:
        original(current)
        BEATS.append(
            services.redis.zscore(f"rq:wip:{queue.name}", f"{current.id}:{job_execution(worker)}")
        )

    monkeypatch.setattr(worker, "maintain_heartbeats", count)
    worker.work(burst=True, logging_level="WARNING")
    assert len(BEATS) >= 5
    assert job.return_value(refresh=True) == "rested"
    assert worker.get_heartbeat_ttl(job) == HEARTBEAT_TTL


def job_execution(worker: WarmWorker) -> str:
    return worker.execution.id if worker.execution else ""


# Heartbeats of the job in hand.
BEATS: list[Any] = []


def nap() -> str:
    """A job that lasts for some heartbeats."""
    wait_until(lambda: len(BEATS) >= 5)
    return "rested"


NAP = JobType(f"{__name__}.nap", module=__name__)


def test_jobs_are_json(services: Services) -> None:
    """Write access to Redis must not be enough to run code in a worker."""
    enqueue(services.queues.get("clips"), INDEX_CLIP, "5")
    (number,) = services.queues.get("clips").job_ids
    data = services.redis.hget(f"rq:job:{number}", "data")
    import json
    import zlib

    assert json.loads(zlib.decompress(data))[0] == "dejabug.jobs.index_clip"  # type: ignore[arg-type]


def test_a_search_is_answered_by_a_worker_and_its_absence_is_told(
    start: Any, cold_services: Services, jira: Site, clips: Path
) -> None:
    with pytest.raises(SearchFailedError, match="dejabug worker search"):
        cold_services.questions.search("cows", ["GAME"], 5, patience=0.5)
    start("search", "clips", "default")
    send_created(cold_services, jira, jira.file("GAME", "s", clips / "crafter-01.mov"))
    wait_until(lambda: cold_services.collections.active.catalogue.count(ClipStatus.INDEXED) == 1)
    hits = cold_services.questions.search("cows", ["GAME"], 5)
    assert [hit["issue_id"] for hit in hits] == [str(jira.issue("GAME-1")["id"])]


def test_a_worker_whose_model_cannot_be_loaded_does_not_start(start: Any, tmp_path: Path) -> None:
    child = start("clips", DEJABUG_ENCODER="clip", DEJABUG_CLIP_MODEL=str(tmp_path / "nowhere"))
    assert child.wait(60) == 1
    assert "cannot load the model" in " ".join(log_of(tmp_path).split())
    assert "Traceback" not in log_of(tmp_path)


def test_a_worker_for_an_unknown_queue_says_so(start: Any, tmp_path: Path) -> None:
    assert start("frames").wait(60) == 1
    assert "unknown queue: frames" in log_of(tmp_path)


def test_sigterm_ends_a_worker_well(start: Any, cold_services: Services) -> None:
    child = start("default")
    # A worker is known before it listens to signals.
    wait_until(
        lambda: [w for w in Worker.all(cold_services.redis) if str(w.get_state()) == "idle"], 60
    )
    child.terminate()
    assert child.wait(20) == 0
    assert Worker.all(connection=cold_services.redis) == []


def test_a_job_whose_worker_died_before_it_began_is_put_back(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker on several queues too keeps on a list what it has taken and not begun."""
    monkeypatch.setitem(job_queue.JOBS, NAP.name, NAP)
    clips, default = services.queues.get("clips"), services.queues.get("default")
    enqueue(default, NAP)
    (number,) = default.job_ids
    taken = WarmWorker([clips, default], services.redis).queue_class.dequeue_any(
        [clips, default], None, services.redis, serializer=JSONSerializer
    )
    assert taken is not None
    assert default.job_ids == []
    survivor = WarmWorker([clips, default], services.redis)
    survivor.clean_registries()
    assert default.job_ids == []  # it may be about to begin
    monkeypatch.setattr(InFlightJobs, "should_be_cleaned_up", lambda *_: True)
    survivor.clean_registries()
    assert default.job_ids == [number]
    survivor.work(burst=True, logging_level="WARNING")
    assert Job.fetch(number, services.redis, JSONSerializer).return_value() == "rested"
    assert default.intermediate_queue.get_job_ids() == []


@pytest.mark.parametrize(
    "name",
    [
        "dejabug.index_repair.repair_job",
        "dejabug.index_signatures.read_signature",
        "dejabug.jobs.forget_issue",
        "dejabug.jobs.index_clip",
        "dejabug.jobs.index_ticket",
        "dejabug.jobs.obey",
        "dejabug.jobs.suggest",
        "dejabug.jobs.suggest_around",
        "dejabug.jobs.sync_issue",
        "dejabug.outages.hail_jira",
        "dejabug.previewing.preview_clip",
        "dejabug.purging.purge_job",
        "dejabug.reconcile.reconcile_job",
        "dejabug.studying.learn_job",
        "dejabug.uploads.search_upload",
    ],
)
def test_a_job_keeps_the_name_under_which_older_versions_queued_it(name: str) -> None:
    """Workers of two versions run side by side while an upgrade rolls out."""
    function = job_queue.function_of(name)
    assert function is not None
    assert function.__name__ == name.rpartition(".")[2]


def test_a_job_that_an_older_version_queued_is_run(services: Services) -> None:
    queue = services.queues.get("default")
    job = queue.enqueue("dejabug.jobs.forget_issue", "10001")
    WarmWorker([queue], services.redis).work(burst=True, logging_level="WARNING")
    assert job.get_status(refresh=True) == "finished"
