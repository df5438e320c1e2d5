"""What runs on queues. Thin: each job is a few calls into the rooms, and may run twice.

Jobs carry ids, never pixels or vectors. Whatever a job cannot help (Jira down, Redis slow) it
raises, and RQ runs it again with growing pauses; what no repeat will mend (a broken clip, a deleted
issue) it records and ends well. A promise to look at an issue stays in the catalogue until kept, so
that even a lost job is found again by `maintain`.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import structlog
from redis.client import Pipeline
from rq import Queue, Retry
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from dejabug import commenting, media
from dejabug.catalogue import PENDING, ClipRecord, ClipStatus, IssueRecord
from dejabug.index import Place, slug_of
from dejabug.jira.errors import (
    AttachmentGoneError,
    AttachmentTooLargeError,
    IssueGoneError,
    JiraUnavailableError,
)
from dejabug.jira.models import Issue
from dejabug.rooms import Rooms, rooms
from dejabug.tags import Tag

log = structlog.get_logger()

# Pauses between tries, in seconds: a hiccup costs seconds, a night's outage no ticket.
BACKOFF = (5, 15, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 21600)
# Seconds that a job may take. A clip: its download at a slow 2 MB/s, its decoding, its embedding.
SHORT_JOB = 300
CLIP_JOB = 1800
# Seconds that a finished job is kept: nobody waits for one.
RESULT_TTL = 300
# A promise older than this, in seconds, with no job under way, is taken up again.
STALE_PROMISE = 900
# Jira keeps this many seconds of pause for itself at most; then we try again regardless.
LONGEST_PAUSE = 3600


# Signs of a description that are read: sentence encoders take a few hundred words at most.
LONGEST_DESCRIPTION = 2000


def enqueue(
    queue: Queue,
    job: Callable[..., Any],
    *arguments: Any,
    job_id: str | None = None,
    timeout: int = SHORT_JOB,
    pipeline: Pipeline | None = None,
) -> None:
    """Put a job on a queue, with retries. With `job_id`: not if it is waiting there already."""
    if job_id is not None and _waits(queue, job_id):
        return
    queue.enqueue_call(
        job,
        args=arguments,
        timeout=timeout,
        result_ttl=RESULT_TTL,
        retry=Retry(max=len(BACKOFF), interval=list(BACKOFF)),
        job_id=job_id,
        # Arguments are ids; still, the log need not repeat them as RQ's description.
        description=f"{job.__name__}({', '.join(map(str, arguments))})",
        pipeline=pipeline,
    )


def promise_sync(place: Rooms, issue_id: str, watch: bool, pipeline: Pipeline) -> None:
    """Within a transaction: remember that this issue must be looked at, and queue it."""
    if not pipeline.explicit_transaction:
        pipeline.multi()  # RQ would begin it in the middle, which redis-py refuses
    pipeline.zadd(PENDING, {issue_id: time.time()})
    enqueue(place.queue("default"), sync_issue, issue_id, watch, pipeline=pipeline)


def _polite(job: Callable[..., Any]) -> Callable[..., Any]:
    """When Jira names a pause (Retry-After), come back after exactly that."""

    @wraps(job)
    def run(*arguments: Any) -> Any:
        try:
            return job(*arguments)
        except JiraUnavailableError as error:
            log.warning("jira_unavailable", job=job.__name__, ids=arguments, why=str(error))
            if not error.retry_after:
                raise
            pause = min(math.ceil(error.retry_after), LONGEST_PAUSE)
            return Retry(max=len(BACKOFF), interval=pause)

    return run


@_polite
def sync_issue(issue_id: str, watch: bool) -> None:
    """Re-read an issue and bring what is known of it up to date; queue its new clips.

    `watch` says that it may get a comment from now on (a webhook told of it).
    """
    started = time.time()
    place = rooms()
    try:
        issue = place.jira.issue(issue_id)
    except IssueGoneError:
        forget_issue(issue_id)
    else:
        take_in(place, issue, watch=watch)
    place.catalogue.settle(issue_id, started)


def take_in(place: Rooms, issue: Issue, *, watch: bool) -> int:
    """Bring the catalogue in line with an issue as just read; the number of clips queued."""
    catalogue = place.catalogue
    old = catalogue.issue(issue.id)
    record = IssueRecord(issue.id, issue.key, issue.project, game_of(issue), watch)
    catalogue.put_issue(record)
    kinds = place.settings.duplicate_link_types
    same = (link.issue_id for link in issue.links if link.kind.lower() in kinds)
    place.verdicts.linked(issue.id, same)
    if catalogue.put_words(issue.id, words_of(issue.summary, issue.description)):
        queue_ticket(place, issue.id)
    attached = {
        attachment.id: attachment
        for attachment in issue.attachments
        if media.is_video(attachment.filename, attachment.mime_type)
    }
    known = {clip.id: clip for clip in catalogue.clips_of(issue.id)}
    for clip_id in known.keys() - attached.keys():
        forget_clip(place, known[clip_id])
    if old is not None and (old.project, old.game) != (record.project, record.game):
        place.tickets.move(issue.id, record.project)
        for clip_id in known.keys() & attached.keys():
            place.index.move_clip(clip_id, Place(issue.id, record.project, record.game))
    queued = 0
    for clip_id, attachment in attached.items():
        clip = known.get(clip_id)
        if clip is not None and clip.status is not ClipStatus.QUEUED:
            continue
        catalogue.put_clip(ClipRecord(clip_id, issue.id, attachment.filename, attachment.size))
        queue_clip(place, clip_id)
        queued += 1
    log.info("issue_synced", issue=issue.key, clips=len(attached), queued=queued, watch=watch)
    if not queued:
        queue_suggestion(place, issue.id)
    return queued


def index_ticket(issue_id: str) -> None:
    """Embed a ticket's words, tag its kind of bug, and ask for its comment anew."""
    place = rooms()
    issue, words = place.catalogue.issue(issue_id), place.catalogue.words(issue_id)
    if issue is None or not place.catalogue.words_wait(issue_id):
        return
    tags: list[Tag] = []
    if words:
        vector = place.encoder.embed_texts([words])[0]
        place.tickets.write(issue_id, issue.project, vector)
        if place.tagger is not None:
            tags = place.tagger.tags(None, vector)
    else:
        place.tickets.forget(issue_id)
    place.catalogue.put_tags(issue_id, [tag.title for tag in tags])
    place.catalogue.words_embedded(issue_id, words)
    if place.catalogue.issue(issue_id) is None:
        place.tickets.forget(issue_id)  # deleted in Jira while we worked
        place.catalogue.put_tags(issue_id, [])
        return
    queue_suggestion(place, issue_id)


@_polite
def index_clip(clip_id: str) -> None:
    """Download a clip, sample its frames, embed them, and write them to the index."""
    place = rooms()
    clip = place.catalogue.clip(clip_id)
    issue = place.catalogue.issue(clip.issue_id) if clip else None
    if clip is None or issue is None:
        return  # forgotten while it waited
    if clip.status is ClipStatus.QUEUED:
        started = time.monotonic()
        try:
            done = _embed(place, clip, Place(issue.id, issue.project, issue.game))
        except AttachmentGoneError:
            forget_clip(place, clip)
            done = None
        except AttachmentTooLargeError as error:
            done = _failed(clip, "too_large", str(error))
        except media.ClipError as error:
            done = _failed(clip, error.code, str(error))
        if done is not None:
            place.catalogue.put_clip(done)
            log.info(
                "clip_done",
                clip=clip_id,
                issue=issue.key,
                status=str(done.status),
                reason=done.reason.split(":")[0],
                frames=done.frames,
                seconds=round(time.monotonic() - started, 2),
            )
    waiting = any(other.status is ClipStatus.QUEUED for other in place.catalogue.clips_of(issue.id))
    if not waiting:
        queue_suggestion(place, issue.id)


def _embed(place: Rooms, clip: ClipRecord, where: Place) -> ClipRecord | None:
    most = place.settings.clip_max_bytes
    with tempfile.TemporaryDirectory(prefix="dejabug-") as folder:
        path = Path(folder) / "clip"
        place.jira.download(clip.id, path, max_bytes=most, filename=clip.filename)
        frames = sample(place, path)
    vectors = place.encoder.embed_images(frames.pixels)
    place.index.write_clip(clip.id, where, frames.times, vectors)
    place.pictures.write(clip.id, frames.times.tolist(), frames.pixels)
    if place.catalogue.clip(clip.id) is None:
        # Deleted in Jira while we worked: nothing of it may stay.
        forget_clip(place, clip)
        return None
    note = "the file is cut off; what could be read is used" if frames.truncated else ""
    return ClipRecord(
        clip.id,
        clip.issue_id,
        clip.filename,
        clip.size,
        ClipStatus.INDEXED,
        note,
        len(frames.times),
        frames.duration,
    )


def sample(place: Rooms, path: Path) -> media.Frames:
    """A clip's frames as the settings want them, within their limits. Raises ClipError."""
    settings = place.settings
    return media.sample_frames(
        path,
        rate=settings.frames_per_second,
        max_frames=settings.max_frames,
        short_side=place.encoder.image_size,
        limits=media.Limits(
            timeout_seconds=settings.decode_timeout,
            memory_bytes=settings.decode_memory,
            max_bytes=settings.clip_max_bytes,
        ),
        program=media.find_ffmpeg(settings.ffmpeg),
    )


def _failed(clip: ClipRecord, code: str, message: str) -> ClipRecord:
    reason = f"{code}: {message}"
    return ClipRecord(clip.id, clip.issue_id, clip.filename, clip.size, ClipStatus.FAILED, reason)


@_polite
def suggest(issue_id: str) -> None:
    """Rank, ask the policy, and bring the issue's one comment in line with the answer."""
    place = rooms()
    lock = place.redis.lock(f"dejabug:lock:suggest:{issue_id}", timeout=SHORT_JOB)
    with lock:
        commenting.refresh_comment(place, issue_id)


def forget_issue(issue_id: str) -> None:
    """Take an issue out whole: vectors, pictures, records."""
    place = rooms()
    for clip in place.catalogue.clips_of(issue_id):
        forget_clip(place, clip)
    if place.knows_dimensions():
        place.tickets.forget(issue_id)
    place.verdicts.forget_issue(issue_id)
    place.catalogue.forget_issue(issue_id)
    log.info("issue_forgotten", issue_id=issue_id)


def forget_clip(place: Rooms, clip: ClipRecord) -> None:
    """Take a clip out whole: its record first, so that a job at work on it notices."""
    place.catalogue.forget_clip(clip)
    if clip.status is not ClipStatus.FAILED:
        place.index.forget_clip(clip.id)
    place.pictures.forget(clip.id)
    log.info("clip_forgotten", clip=clip.id)


def maintain(place: Rooms) -> None:
    """What a worker does now and then: take up forgotten promises, let the index grow."""
    for issue_id in place.catalogue.pending_since(STALE_PROMISE):
        log.warning("promise_taken_up_again", issue_id=issue_id)
        with place.redis.pipeline(transaction=True) as pipe:
            record = place.catalogue.issue(issue_id)
            promise_sync(place, issue_id, record is None or record.watched, pipe)
            pipe.execute()
    for clip in list(place.catalogue.with_status(ClipStatus.QUEUED)):
        queue_clip(place, clip.id)
    for issue_id in place.catalogue.all_words_waiting():
        queue_ticket(place, issue_id)
    if place.knows_dimensions():
        place.index.grow()


def queue_clip(place: Rooms, clip_id: str) -> None:
    """Queue a clip's embedding, unless that job waits or runs already."""
    job_id = f"clip-{_encoder_slug(place)}-{clip_id}"
    enqueue(place.queue("clips"), index_clip, clip_id, job_id=job_id, timeout=CLIP_JOB)


def queue_ticket(place: Rooms, issue_id: str) -> None:
    """Queue the embedding of a ticket's words, unless that job waits or runs already."""
    job_id = f"ticket-{_encoder_slug(place)}-{issue_id}"
    enqueue(place.queue("clips"), index_ticket, issue_id, job_id=job_id)


def queue_suggestion(place: Rooms, issue_id: str) -> None:
    """Queue an issue's comment, if it may get one."""
    record = place.catalogue.issue(issue_id)
    if record is not None and record.watched:
        enqueue(place.queue("default"), suggest, issue_id)


def game_of(issue: Issue) -> str:
    """The game an issue is about: its first component, else its project."""
    return issue.components[0] if issue.components else issue.project


def words_of(summary: str, description: str) -> str:
    """What a ticket says, as one text: its summary, and as much of its description as counts."""
    parts = (summary.strip().rstrip("."), description.strip()[:LONGEST_DESCRIPTION])
    return ". ".join(part for part in parts if part)


def _encoder_slug(place: Rooms) -> str:
    return slug_of(place.encoder_name).replace(".", "_")


def _waits(queue: Queue, job_id: str) -> bool:
    """Whether this job waits, runs, or will be tried again; its remains are cleared if not."""
    try:
        job = Job.fetch(job_id, connection=queue.connection, serializer=JSONSerializer)
    except NoSuchJobError:
        return False
    live = (JobStatus.QUEUED, JobStatus.STARTED, JobStatus.SCHEDULED, JobStatus.DEFERRED)
    if job.get_status() in live:
        return True
    job.delete()
    return False
