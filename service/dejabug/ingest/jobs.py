"""What runs on queues. Thin: each job is a few calls, and may run twice.

Jobs carry ids, never pixels or vectors. Whatever a job cannot help (Jira down, Redis slow) it
raises, and RQ runs it again with growing pauses; what no repeat will mend (a broken clip, a deleted
issue) it records and ends well. A promise to look at an issue stays in the catalogue until kept, so
that even a lost job is found again by `maintain`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

import structlog
from redis.client import Pipeline

from dejabug.infra.download import UnwantedError
from dejabug.infra.job_queue import CLIP_JOB, enqueue
from dejabug.infra.locks import held
from dejabug.infra.temporary_folders import prune_scratch
from dejabug.infra.tracing import current_trace, traced
from dejabug.ingest.clip_indexer import embed_clip, embed_ticket, fill_terms, tell_outcome
from dejabug.ingest.previews import queue_preview
from dejabug.jira.errors import CommentGoneError, IssueGoneError
from dejabug.jira.models import Attachment, Issue
from dejabug.jira.outage import polite
from dejabug.records.collection import Collection
from dejabug.records.issue_fields import evidence, fingerprint_of, game_of, location_of, words_of
from dejabug.records.retention import clip_record
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.retrieval import neighbourhood
from dejabug.retrieval.similar_issues import first_to_read, rank, rank_anew
from dejabug.services import Services, services
from dejabug.suggestions import comment_commands, comment_publisher

log = structlog.get_logger()

# A promise older than this, in seconds, is taken up again, by one more job than it may have.
STALE_PROMISE = 900
# Seconds after which a preview that nobody watched is taken away; it is made anew when asked for.
UNWATCHED = 30 * 24 * 3600
# Why a clip failed that Jira did not show when it was embedded for an encoder that is made ready.
GONE = "gone: Jira shows this attachment no more"


def promise_sync(
    place: Services, issue_id: str, watch: bool, pipeline: Pipeline, *, job_id: str | None = None
) -> None:
    """Within a transaction: remember that this issue must be looked at, and queue it, both under
    the thread's trace. With `job_id`: no second job of that name."""
    if not pipeline.explicit_transaction:
        pipeline.multi()  # RQ would begin it in the middle, which redis-py refuses
    with traced(current_trace()) as trace:
        place.outbox.add(issue_id, trace, pipeline, watch=watch)
        queue = place.queue("default")
        enqueue(queue, sync_issue, issue_id, watch, job_id=job_id, pipeline=pipeline)


def alone(job: Callable[..., None]) -> Callable[..., None]:
    """One job at a time reads an issue and takes it in, or forgets it: what was read first is
    older, and would undo what came after."""

    @wraps(job)
    def run(issue_id: str, *more: Any, **options: Any) -> None:
        with held(services().redis, f"dejabug:lock:issue:{issue_id}"):
            job(issue_id, *more, **options)

    return run


@polite
@alone
def sync_issue(issue_id: str, watch: bool) -> None:
    """Re-read an issue and bring what is known of it up to date; queue its new clips.

    `watch` says that it may get a comment from now on (a webhook told of it).
    """
    started = time.time()
    place = services()
    try:
        issue = place.jira.issue(issue_id)
    except IssueGoneError:
        _gone(place, issue_id)
    else:
        take_in(place, issue, watch=watch)
    place.outbox.acknowledge(issue_id, started)


def _gone(place: Services, issue_id: str) -> None:
    """An issue that Jira does not show us is forgotten, unless its whole project is hidden: then
    our account has lost a permission, which may come back. Shown is nothing of it either way."""
    record = place.catalogue.issue(issue_id)
    if record is not None and not place.jira.sees_project(record.project):
        log.error("project_hidden", issue=record.key, remedy="give our account Browse Projects")
        correct_comments_naming(place, issue_id)
        return
    _forget(place, issue_id, may_return=True)
    place.catalogue.put_hidden(issue_id)


def take_in(place: Services, issue: Issue, *, watch: bool) -> int:
    """Bring the catalogue in line with an issue as just read; the number of clips queued."""
    catalogue, kinds = place.catalogue, place.settings.duplicate_link_types
    old = catalogue.issue(issue.id)
    # Where it was hidden from us, a comment of ours that it has is to be put right.
    watch = watch or place.comments.begun(issue.id)
    game = game_of(issue)
    record = IssueRecord(
        issue.id,
        issue.key,
        issue.project,
        game,
        watch,
        fingerprint_of(issue, kinds),
        restricted=issue.security is not None,
    )
    place.readers.forget_issue(issue.id)
    place.verdicts.linked(issue.id, issue.duplicates(kinds))
    if old is not None and replace(old, watched=watch) != record:
        # Without a face until all is told: a worker that is killed at it tells all again.
        catalogue.put_issue(replace(record, face=""))
        _tell_of_change(place, old, record)
    catalogue.put_issue(record)
    if place.projects.rules(issue.project).mode == "off":
        return 0
    attached = evidence(issue, place.jira, place.catalogue, place.retention)
    for clip_id in set(catalogue.clip_ids_of(issue.id)) - {file.id for file in attached}:
        forget_clip(place, clip_id, issue.id)
    # What answers counts; what is made ready to answer is fed alike.
    queued, *_ = [_feed(place, kept, issue, attached) for kept in place.fed]
    log.info("issue_synced", issue=issue.key, clips=len(attached), queued=queued, watch=watch)
    if not queued:
        queue_suggestion(place, issue.id)
    return queued


def _tell_of_change(place: Services, old: IssueRecord, record: IssueRecord) -> None:
    """Bring in line what rests on an issue as it was when it was last read; all of it where that
    was broken off."""
    broken_off = not old.face
    if broken_off or old.face != record.face:
        correct_comments_naming(place, record.id)
    if broken_off or old.restricted > record.restricted or old.project != record.project:
        enqueue(place.queue("default"), suggest_around, record.id)
    if broken_off or location_of(old) != location_of(record):
        where = location_of(record)
        for kept in place.indexed():
            kept.tickets.move(record.id, record.project, restricted=record.restricted)
            for clip_id in kept.catalogue.clip_ids_of(record.id):
                kept.index.move_clip(clip_id, where)


def _feed(place: Services, kept: Collection, issue: Issue, attached: Sequence[Attachment]) -> int:
    """Queue for a collection what of an issue is new to it; the number of clips queued."""
    if kept.catalogue.put_words(issue.id, words_of(issue.summary, issue.description)):
        queue_ticket(place, issue.id, kept)
    known = {clip.id: clip for clip in kept.catalogue.clips_of(issue.id)}
    queued, cutoffs = 0, place.retention.cutoffs()
    for file in attached:
        clip = known.get(file.id)
        if clip is not None and clip.status is not ClipStatus.QUEUED:
            continue
        fresh = clip_record(file, issue, cutoffs)
        kept.catalogue.put_clip(fresh)
        if fresh.status is ClipStatus.QUEUED:
            queue_clip(place, file.id, kept)
            queued += not fresh.unsure  # no clip yet
    return queued


@polite
@alone
def obey(issue_id: str, comment_id: str) -> None:
    """Do what a comment that speaks to us wants, once."""
    place = services()
    if place.comments.obeyed(comment_id):
        return
    try:
        issue = place.jira.issue(issue_id)
        comment = place.jira.comment(issue_id, comment_id)
    except (IssueGoneError, CommentGoneError):
        return
    if comment.author_id == place.jira.myself():
        return
    commands = comment_commands.heard(comment, customers=issue.service_project)
    if not commands:
        return
    take_in(place, issue, watch=True)
    record = place.catalogue.issue(issue_id)
    if record is not None:
        comment_commands.obey(place, record, comment.author, commands)
        place.comments.put_obeyed(comment_id)
        requeue_clips(place, issue_id)
        queue_suggestion(place, issue_id)


def requeue_clips(place: Services, issue_id: str) -> None:
    """Queue an issue's clips that wait, unless their jobs do already."""
    for clip in place.catalogue.clips_of(issue_id):
        if clip.status is ClipStatus.QUEUED:
            queue_clip(place, clip.id)


def index_ticket(issue_id: str) -> None:
    """Embed a ticket's words, tag its kind of bug, and ask for its comment anew."""
    place = services()
    kept = place.own
    if not kept.catalogue.words_wait(issue_id):
        return
    # They may change meanwhile, and no second job of this name is queued beside this one.
    while kept.catalogue.words_wait(issue_id):
        if not embed_ticket(place, kept, issue_id):
            return
    if place.serves(kept):
        queue_suggestion(place, issue_id)


@polite
def index_clip(clip_id: str) -> None:
    """Download a clip, sample its frames, embed them, and write them to the index."""
    place = services()
    kept = place.own
    clip = kept.catalogue.clip(clip_id)
    issue = kept.catalogue.issue(clip.issue_id) if clip else None
    if clip is None or issue is None:
        # Forgotten while it waited, or while a worker was at it that was killed before it noticed.
        if not any(each.catalogue.clip(clip_id) for each in place.collections()):
            forget_clip(place, clip_id, issue_id="")
        return
    if place.retention.cutoffs().purges(issue.project, clip.attached):
        purge_clip(place, kept, clip)  # it has become too old while it waited
    elif clip.status is ClipStatus.QUEUED:
        try:
            _index(place, kept, clip, issue)
        except UnwantedError:
            place.catalogue.put_no_media(issue.id, clip.id)
            forget_clip(place, clip.id, issue.id)
            log.info("attachment_is_no_media", attachment=clip.id, issue=issue.key, size=clip.size)
    waiting = any(other.status is ClipStatus.QUEUED for other in kept.catalogue.clips_of(issue.id))
    if not waiting and place.serves(kept):
        queue_suggestion(place, issue.id)
        if place.catalogue.came_back(issue.id):
            enqueue(place.queue("default"), suggest_around, issue.id)


def _index(place: Services, kept: Collection, clip: ClipRecord, issue: IssueRecord) -> None:
    """Embed a clip and tell what became of it. Raises like `embed_clip`."""
    started = time.monotonic()
    done = embed_clip(place, kept, clip, location_of(issue))
    if done is None and not place.serves(kept):
        # Perhaps it is our account that lost a permission: what serves must not suffer for it.
        done = replace(clip, status=ClipStatus.FAILED, reason=GONE)
    if done is not None and (done := kept.catalogue.put_outcome(done)) is not None:
        tell_outcome(place, kept, done, time.monotonic() - started)
    else:
        _take_back(place, kept, clip)


def _take_back(place: Services, kept: Collection, clip: ClipRecord) -> None:
    """Deleted in Jira or purged, perhaps while we worked: nothing of the clip may stay."""
    now = kept.catalogue.clip(clip.id)
    if now is not None and now.status is ClipStatus.PURGED:
        purge_clip(place, kept, now)
    else:
        forget_clip(place, clip.id, clip.issue_id)


@polite
def suggest(issue_id: str) -> None:
    """Rank, ask the policy, and bring the issue's one comment in line with the answer."""
    place = services()
    with held(place.redis, f"dejabug:lock:suggest:{issue_id}"):
        chosen = comment_publisher.refresh_comment(place, issue_id)
    for choice in chosen:
        # Whoever reads the comment may open the panel next.
        for clip_id in filter(None, (choice.pair.clip_id, choice.pair.found_clip_id)):
            queue_preview(place, clip_id, awaited=False)


@polite
def suggest_around(issue_id: str) -> None:
    """An issue can be read by others than before: bring the comments on its like in line."""
    place = services()
    record = place.catalogue.issue(issue_id)
    if record is not None:
        ranked = rank(place, record)
        for pair in ranked[: first_to_read(ranked)]:
            queue_suggestion(place, pair.found_issue_id)


@alone
def forget_issue(issue_id: str) -> None:
    """Take an issue out whole: vectors, pictures, records, and its name from other comments."""
    _forget(services(), issue_id)


def _forget(place: Services, issue_id: str, *, may_return: bool = False) -> None:
    """The same; of an issue that `may_return`, since Jira hides it, what people said and that we
    commented is kept."""
    for clip_id in place.catalogue.clip_ids_of(issue_id):
        forget_clip(place, clip_id, issue_id)
    collections = place.collections()
    for kept in collections:
        if kept.knows_dimensions():
            kept.tickets.forget(issue_id)
    if not may_return:
        place.verdicts.forget_issue(issue_id)
    place.comments.forget_issue(issue_id, may_return=may_return)
    place.readers.forget_issue(issue_id)
    rank_anew(place, issue_id)
    for kept in collections:
        kept.catalogue.forget_issue(issue_id)
    correct_comments_naming(place, issue_id)
    log.info("issue_forgotten", issue_id=issue_id)


def forget_clip(place: Services, clip_id: str, issue_id: str) -> None:
    """Take a clip out whole, under every encoder: its records first, so that a job at work on it
    notices; its name among its issue's clips last, so that a worker that is killed at this finds it
    again."""
    for kept in place.collections():
        clip = kept.catalogue.clip(clip_id)
        if clip is not None:
            kept.catalogue.forget_clip(clip, listed=True)
        if kept.knows_dimensions():
            kept.index.forget_clip(clip_id)
    place.pictures.forget(clip_id)
    place.previews.forget(clip_id)
    place.catalogue.unlist_clip(clip_id, issue_id)
    log.info("clip_forgotten", clip=clip_id)


def purge_clip(place: Services, kept: Collection, clip: ClipRecord) -> None:
    """Take out all of a clip's footage, and remember that it was here."""
    forget_clip(place, clip.id, clip.issue_id)
    kept.catalogue.put_clip(clip.purged())


def refresh_comments_of(place: Services, project: str) -> int:
    """Bring our comments in a project in line with its rules; how many issues may have one."""
    watched = [issue for issue in place.catalogue.issues_of(project) if issue.watched]
    for issue in watched:
        queue_suggestion(place, issue.id)
    return len(watched)


def correct_comments_naming(place: Services, issue_id: str) -> None:
    """What our comments on other issues say of this one is to be put right."""
    for other in place.comments.naming(issue_id):
        queue_suggestion(place, other)


def maintain(place: Services) -> None:
    """What a worker does now and then: take up forgotten promises, let the index grow."""
    for issue_id in place.outbox.older_than(STALE_PROMISE):
        with (
            traced(place.outbox.trace(issue_id)),
            place.redis.pipeline(transaction=True) as pipe,
        ):
            log.warning("promise_taken_up_again", issue_id=issue_id)
            watch, again = place.outbox.watches(issue_id), f"sync-again-{issue_id}"
            promise_sync(place, issue_id, watch, pipe, job_id=again)
            pipe.execute()
    for kept in place.fed:
        queue_waiting(place, kept)
    place.previews.prune(UNWATCHED, place.settings.preview_max_bytes)
    place.uploads.prune()
    if place.objects is not None:
        place.objects.sweep()
    prune_scratch()
    for kept in filter(Collection.knows_dimensions, place.fed):
        fill_terms(kept)
        neighbourhood.catch_up(kept)
        kept.index.grow()  # the last, since another Redis may be away


def queue_waiting(place: Services, kept: Collection) -> None:
    """Queue all that waits to be embedded for a collection, unless it is queued already."""
    for clip in list(kept.catalogue.with_status(ClipStatus.QUEUED)):
        queue_clip(place, clip.id, kept)
    for issue_id in kept.catalogue.all_words_waiting():
        queue_ticket(place, issue_id, kept)


def queue_clip(place: Services, clip_id: str, kept: Collection | None = None) -> None:
    """Queue a clip's embedding for a collection (by default what serves), unless that job waits or
    runs already."""
    kept = kept or place.collection
    job_id = f"clip-{_job_slug(kept)}-{clip_id}"
    enqueue(place.clips_queue(kept), index_clip, clip_id, job_id=job_id, timeout=CLIP_JOB)


def retry_clip(place: Services, clip: ClipRecord) -> None:
    """Try a clip that failed once more."""
    place.catalogue.put_clip(replace(clip, status=ClipStatus.QUEUED, reason=""))
    queue_clip(place, clip.id)


def queue_ticket(place: Services, issue_id: str, kept: Collection) -> None:
    """Queue the embedding of a ticket's words, unless that job waits or runs already."""
    job_id = f"ticket-{_job_slug(kept)}-{issue_id}"
    enqueue(place.clips_queue(kept), index_ticket, issue_id, job_id=job_id)


def queue_suggestion(place: Services, issue_id: str) -> None:
    """An issue's like may be others than before: queue its comment, if it may get one."""
    rank_anew(place, issue_id)
    record = place.catalogue.issue(issue_id)
    if record is not None and record.watched:
        enqueue(place.queue("default"), suggest, issue_id)


def _job_slug(kept: Collection) -> str:
    return kept.slug.replace(".", "_")
