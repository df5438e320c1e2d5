"""The long-lived worker that keeps a model warm.

RQ's default worker forks for each job: CUDA cannot be initialised again in a child, and a model
loaded by the parent is lost to it. So: one process, jobs run in it one after another, the model
loaded before the first. What RQ's SimpleWorker lacks, threads give: a heartbeat while a job runs
(without it a killed worker's job would look alive until its time-out), and a housekeeper that moves
due retries to their queues and takes back abandoned jobs, without forking either. A third thread
answers questions in words with the same model. And of each job one log line tells how it ended.
"""

from __future__ import annotations

import datetime as dt
import gc
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import redis
import structlog
from rq import Queue, worker_registration
from rq.job import Job, JobStatus
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from dejabug import media
from dejabug.encoders import EncoderError
from dejabug.index import IndexUnavailableError
from dejabug.infra.job_queue import InFlightJobs, NamedJob, ReliableQueue, is_ours
from dejabug.infra.logs import Seldom
from dejabug.infra.metrics import JOB_SECONDS, JOB_WAIT_SECONDS, JOBS, serve_metrics
from dejabug.infra.redis_tolerant_worker import RedisTolerantWorker
from dejabug.infra.refused_writes import await_writes
from dejabug.infra.temporary_folders import prune_scratch
from dejabug.infra.tracing import trace_of_job, traced
from dejabug.ingest.jobs import maintain
from dejabug.ingest.reconcile import queue_reconcile
from dejabug.jira.errors import JiraError
from dejabug.maintenance.index_repair import queue_repair
from dejabug.maintenance.jira_outage import queue_hail
from dejabug.maintenance.purge import queue_purge
from dejabug.media_store.objects import StoreAwayError
from dejabug.search.questions import ANSWERERS, Answerer
from dejabug.services import ACCOUNT, EMBEDDING_QUEUES, QUEUES, Services, connect
from dejabug.worker.learning_schedule import queue_learning

log = structlog.get_logger()

# Seconds between heartbeats while a job runs, and after which a silent worker's job is taken back.
HEARTBEAT = 10
HEARTBEAT_TTL = 60
# Seconds after which an idle worker that was killed counts no more as one.
WORKER_TTL = 90
# Seconds between rounds of maintenance, and between looks for retries that are due.
MAINTENANCE = 60
SCHEDULING = 1
# The scheduler's locks last a minute; they are renewed well within.
LOCK_RENEWAL = 20
# Seconds that an idle worker waits for a job before it looks again which queues are its own.
LOOK = 5
# Errors whose message is ours or the system's, and may be logged; another's may quote a ticket.
TOLD = (
    JiraError,
    IndexUnavailableError,
    EncoderError,
    StoreAwayError,
    redis.RedisError,
    OSError,
)
# Calls, from the innermost outwards, that are logged of an error.
DEPTH = 8
# How a job that has ended is told of, by what RQ makes of it then; all else was given up.
OUTCOMES = {
    JobStatus.FINISHED: "done",
    JobStatus.SCHEDULED: "retried",
    JobStatus.QUEUED: "retried",
}


class WarmWorker(RedisTolerantWorker):
    """A worker with a heartbeat during jobs, and JSON jobs, none of which it can lose.

    `current` tells the names of the queues that are this worker's at the moment, where those may
    change: it is asked before each job.
    """

    queue_class = ReliableQueue
    job_class = NamedJob

    def __init__(
        self,
        queues: list[Queue],
        connection: redis.Redis,
        *,
        current: Callable[[], list[str]] | None = None,
    ) -> None:
        super().__init__(
            queues,
            connection=connection,
            serializer=JSONSerializer,
            log_job_description=False,
            worker_ttl=WORKER_TTL,
        )
        self._current = current
        self._failure: dict[str, Any] = {}
        self._seldom = Seldom()

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """The next job of the queues that are this worker's now; RQ waits on one list of queues for
        minutes otherwise."""
        if self._current is None:
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        burst = timeout is None
        while True:
            self._change_queues()
            found = super().dequeue_job_and_maintain_ttl(timeout, None if burst else LOOK)
            if found is None:
                if burst:
                    return None
                continue
            job, queue = found
            if queue.name in self._change_queues():
                return found
            # Another encoder took over while we waited: the job is its workers'.
            InFlightJobs(queue.key, self.connection).put_back(job.id)

    def _change_queues(self) -> list[str]:
        """Go over to the queues that are ours now, and say so in Redis; their names."""
        before = self.queues
        try:
            names = self._current() if self._current else []
            if names != self.queue_names():
                with self.connection.pipeline(transaction=True) as pipe:
                    worker_registration.unregister(self, pipe)
                    self.queues = [
                        ReliableQueue(name, connection=self.connection, serializer=JSONSerializer)
                        for name in names
                    ]
                    worker_registration.register(self, pipe)
                    pipe.hset(self.key, "queues", ",".join(names))
                    pipe.execute()
                log.info("worker_changes_queues", queues=names)
        except redis.RedisError as error:
            self.queues = before
            log.warning("queues_not_read", why=str(error))  # RQ itself waits until Redis is back
        self._ordered_queues = self.queues[:]
        return self.queue_names()

    def prepare_job_execution(
        self,
        job: Job,
        remove_from_intermediate_queue: bool = False,  # noqa: ARG002 (RQ's signature)
    ) -> None:
        """Tell Redis that the job is begun: from now on it is not merely taken."""
        super().prepare_job_execution(job, remove_from_intermediate_queue=True)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job in this process, under its trace, while a thread keeps its heartbeat."""
        if not is_ours(job):
            log.error("foreign_job_refused", job=job.id, queue=queue.name)
            queue.remove(job)
            queue.intermediate_queue.remove(job.id)
            self.connection.delete(job.key)  # RQ's own way asks it for a status first
            return
        name = (job.func_name or "").rpartition(".")[2]
        with traced(trace_of_job(job.meta), job=name):
            if not self.begin(job, queue):
                return
            self._failure = {}
            done = threading.Event()
            beat = threading.Thread(target=self._beat, args=(job, done), daemon=True)
            beat.start()
            started = time.monotonic()
            waited = _seconds_since(job.enqueued_at)
            well = False
            try:
                well = self.perform_job(job, queue)
            finally:
                done.set()
                beat.join()
                self.set_state("idle")
                outcome = OUTCOMES.get(job.get_status(refresh=False), "done" if well else "failed")
                self._tell(job, name, outcome, time.monotonic() - started, waited)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:  # noqa: ARG002 (RQ's signature)
        """Keep what is to be logged of a job's error: what and where, and what it says if that is
        nobody's text. RQ's own line would have the whole traceback, as plain text."""
        error: BaseException = exc_info[1]
        frames = traceback.extract_tb(error.__traceback__)[-DEPTH:]
        where = [f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in frames]
        said = str(error) if isinstance(error, TOLD) else ""
        self._failure = {"error": type(error).__name__, "why": said, "where": where}

    def _tell(self, job: Job, name: str, outcome: str, seconds: float, waited: float) -> None:
        """Count a job that has ended, and log the one line on how."""
        JOBS.labels(name, outcome).inc()
        JOB_SECONDS.labels(name).observe(seconds)
        JOB_WAIT_SECONDS.labels(job.origin).observe(waited)
        tell = {"done": log.info, "retried": log.warning}.get(outcome, log.error)
        tell(
            "job_ended",
            outcome=outcome,
            ids=[each for each in job.args if isinstance(each, str)],
            seconds=round(seconds, 3),
            waited=round(waited, 3),
            **self._failure,
        )

    def get_heartbeat_ttl(self, job: Job) -> int:  # noqa: ARG002 (RQ's signature)
        """Seconds without a heartbeat after which the job counts as abandoned."""
        return HEARTBEAT_TTL

    def _beat(self, job: Job, done: threading.Event) -> None:
        while not done.wait(HEARTBEAT):
            if self.execution is None:  # it has not begun yet, or has just ended
                continue
            try:
                self.maintain_heartbeats(job)
            except redis.RedisError as error:
                if self._seldom.due("heartbeat"):
                    log.warning("heartbeat_failed", job=job.id, why=str(error))


class Housekeeper(threading.Thread):
    """Beside a worker: retries that are due go to their queues, abandoned jobs are taken back,
    promises are kept, and what webhooks missed is looked for (by a job). Several workers may have
    one; RQ's locks keep them out of each other's way.
    """

    def __init__(self, place: Services, worker: WarmWorker) -> None:
        super().__init__(name="housekeeper", daemon=True)
        self._place = Services(place.settings)
        self._worker = worker
        self._done = threading.Event()
        self._seldom = Seldom()
        self._scheduler = RQScheduler(
            {*QUEUES, *worker.queue_names()},
            connection=connect(place.settings),
            interval=SCHEDULING,
            serializer=JSONSerializer,
        )

    def run(self) -> None:
        """Until `stop`. What fails is logged, tried again, and keeps nothing else from its turn."""
        locked = maintained = float("-inf")
        while not self._done.wait(SCHEDULING):
            lock = self._scheduler.acquire_locks
            if time.monotonic() - locked > LOCK_RENEWAL and self._succeeds(lock):
                locked = time.monotonic()
            self._succeeds(self._scheduler.enqueue_scheduled_jobs)
            if time.monotonic() - maintained > MAINTENANCE:
                maintained = time.monotonic()
                self._succeeds(self._worker.clean_registries)
                for chore in (
                    maintain,
                    queue_repair,
                    queue_reconcile,
                    queue_purge,
                    queue_learning,
                    queue_hail,
                ):
                    self._succeeds(partial(chore, self._place))

    def _succeeds(self, chore: Callable[[], object] | partial[object]) -> bool:
        try:
            chore()
        except Exception as error:  # noqa: BLE001 (the house must not go unkept for one bad round)
            kind, name = type(error).__name__, getattr(chore, "func", chore).__name__
            if self._seldom.due(f"{name} {kind}"):
                log.warning("maintenance_failed", chore=name, error=kind, why=str(error))
            return False
        return True

    def stop(self) -> None:
        """End the thread and give the scheduler's locks back."""
        self._done.set()
        self.join()
        try:
            self._scheduler.release_locks()  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            log.warning("locks_not_released", why=str(error))


def run_worker(place: Services, names: list[str], *, burst: bool = False) -> None:
    """Work on these queues until told to stop (SIGTERM or SIGINT: the job in hand is finished).

    Loads the model first when a queue needs it, and raises EncoderError or LabelError when that
    fails, SandboxMissingError where clips cannot be decoded as the settings want, and ValueError
    where nothing here can speak to the media store: a worker never starts with less than it was
    asked for. While its encoder does not serve, it works on that
    encoder's own queues alone. `burst`: stop when the queues are empty.
    """
    sandbox = media.told_protection(place.settings.decode_sandbox)
    media_kept = place.objects.address if place.objects else str(place.settings.data_dir)
    place.redis.get(ACCOUNT)  # raises where Redis is away
    await_writes(place.redis)
    prune_scratch()
    version = _look_at_ffmpeg(place)
    serve_metrics(place.settings.metrics_host, place.settings.metrics_port)
    _tell_account(place)
    loaded = _open_index(place) if set(EMBEDDING_QUEUES) & set(names) else {}
    current = partial(queues_now, place, names)
    queues = [place.queue(name) for name in current()]
    worker = WarmWorker(queues, place.redis, current=current if loaded else None)
    helpers: list[Housekeeper | Answerer] = [Housekeeper(place, worker)]
    if "search" in names:
        helpers += [Answerer(place, draws=number == 0) for number in range(ANSWERERS)]
    # The model and the libraries stay. Looking through them for garbage takes Python 200 ms, again
    # and again, in which nobody's question is answered.
    gc.collect()
    gc.freeze()
    for helper in helpers:
        helper.start()
    log.info(
        "worker_ready", queues=names, ffmpeg=version, sandbox=sandbox, media=media_kept, **loaded
    )
    try:
        worker.work(burst=burst, logging_level="WARNING")
    finally:
        for helper in helpers:
            helper.stop()


def queues_now(place: Services, names: list[str]) -> list[str]:
    """Of these queues, those that a worker with the settings' model may work on at the moment, in
    order: what needs the model only while its encoder serves, and always what is that encoder's
    own."""
    found: list[str] = []
    serves = place.serves(place.own)
    for name in names:
        if name not in EMBEDDING_QUEUES or serves:
            found.append(name)
        if name in EMBEDDING_QUEUES:
            found.append(place.own.own_queue(name))
    return found


def _seconds_since(moment: dt.datetime | None) -> float:
    if moment is None:
        return 0.0
    return max(0.0, (dt.datetime.now(dt.UTC) - moment).total_seconds())


def _look_at_ffmpeg(place: Services) -> str:
    """The version of ffmpeg, for the log; warns of one that is missing or not supported."""
    try:
        found = media.look_at_ffmpeg(place.settings.ffmpeg)
    except OSError as error:
        # The first clip fails in its own right, and is tried again.
        log.warning("ffmpeg_missing", why=str(error), remedy=media.ffmpeg_remedy())
        return "none"
    if found.too_old:
        log.warning("ffmpeg_not_supported", why=found.says, remedy=media.ffmpeg_remedy())
    return found.version


def _tell_account(place: Services) -> None:
    """Tell the web which account is ours, so that our own events are ignored."""
    try:
        place.redis.set(ACCOUNT, place.jira.myself())
    except JiraError as error:
        # The first job that needs Jira fails in its own right, and is repeated.
        log.warning("jira_not_reached_at_start", why=str(error))


def _open_index(place: Services) -> dict[str, Any]:
    label = place.encoder.label
    # A broken file of labels is told now, not by every ticket's job.
    tags = place.tagger is not None
    _ = place.scale  # measured now, and not while the first question waits
    state = place.own.index.state()
    place.serving.claim(place.own.name)
    serves = place.serves(place.own)
    if not serves:
        log.warning(
            "encoder_does_not_serve",
            own=place.own.name,
            serving=place.encoder_name,
            remedy=f"dejabug encoder change '{place.own.name}' makes it ready and lets it serve",
        )
    return {
        "encoder": label,
        "serves": serves,
        "index": state.name,
        "vectors": place.settings.index_redis_address,
        "frames": state.frames,
        "tags": tags,
    }
