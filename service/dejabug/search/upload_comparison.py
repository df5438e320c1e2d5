"""The job that compares an uploaded clip with what is known, beside a worker's model."""

from __future__ import annotations

from typing import Any

import structlog

from dejabug import media
from dejabug.access import policy
from dejabug.access.policy import UPLOAD, PairMatch
from dejabug.infra.metrics import searching
from dejabug.infra.reply_list import put_reply
from dejabug.ingest.clip_indexer import note_on, sample, sha256_of, signature_of
from dejabug.media_store.objects import StoreAwayError
from dejabug.ranking import TimedVectors
from dejabug.retrieval.same_files import same_file_pairs, twins_of
from dejabug.retrieval.similar_issues import doubted
from dejabug.search.uploads import KEPT, PAIRS, ForgottenError, forget, upload_key
from dejabug.services import Services

log = structlog.get_logger()

# Seconds that reading an uploaded clip may take: questions wait behind it.
DECODING = 30.0
FAILED = "the search failed in its worker; its log says why"
AWAY = "store_away: the clip cannot be fetched just now; send it again"


@searching("clip")
def search_upload(place: Services, upload_id: str, projects: list[str]) -> None:
    """The job: sample, embed and compare an upload; its file is deleted in any case."""
    try:
        end = _answer(place, upload_id, projects)
        place.uploads.discard(upload_id)  # before anybody is told
        _end(place, upload_id, **end)
    except ForgottenError:
        forget(place, upload_id)
        log.info("upload_forgotten", upload=upload_id)


def _answer(place: Services, upload_id: str, projects: list[str]) -> dict[str, str]:
    try:
        pairs, note = _compare(place, upload_id, projects)
    except media.ClipError as error:
        return {"state": "failed", "reason": f"{error.code}: {error}"}
    except StoreAwayError:
        return {"state": "failed", "reason": AWAY}
    except ForgottenError:
        raise
    except Exception:
        place.uploads.discard(upload_id)
        _end(place, upload_id, state="failed", reason=FAILED)
        raise
    return {"state": "done", "reason": note, "pairs": PAIRS.dump_json(pairs).decode()}


def _compare(place: Services, upload_id: str, projects: list[str]) -> tuple[list[PairMatch], str]:
    """What an upload is like, and what of it was not looked at."""
    _tell(place, upload_id, state="sampling")
    with place.uploads.reading(upload_id) as path:
        content = sha256_of(path)
        frames = sample(place, path, timeout=DECODING)
    _tell(place, upload_id, state="embedding")
    vectors = place.encoder.embed_images(frames.pixels)
    _tell(place, upload_id, state="comparing")
    kept = place.own
    twins = twins_of(kept, content, projects)
    matches = place.finder_of(kept).like(
        TimedVectors(frames.times, vectors),
        projects,
        signature=signature_of(frames),
        without_clips={twin.id for twin in twins},
    )
    places = kept.index.places(match.clip_id for match in matches)
    issue_of = {clip_id: where.issue_id for clip_id, where in places.items()}
    pairs = policy.pair_matches(UPLOAD, matches, issue_of)
    if len(frames.times) == 1 and frames.duration == 0:
        pairs = [doubted(place, pair) for pair in pairs]
    pairs += same_file_pairs(UPLOAD, twins, frames.times)
    return policy.best_per_issue("", pairs), note_on(frames)


def _tell(place: Services, upload_id: str, **told: str) -> None:
    """Write down how far an upload is. Raises ForgottenError."""
    row: dict[Any, Any] = dict(told)
    with place.redis.pipeline(transaction=True) as pipe:
        pipe.hset(upload_key(upload_id), mapping=row)
        pipe.expire(upload_key(upload_id), KEPT)
        pipe.hexists(upload_key(upload_id), "caller")
        known = pipe.execute()[-1]
    if not known:
        raise ForgottenError


def _end(place: Services, upload_id: str, **told: str) -> None:
    _tell(place, upload_id, **told)
    put_reply(place.redis, upload_id, True)
    why = told.get("reason", "").split(":")[0]
    log.info("upload_done", upload=upload_id, state=told["state"], why=why)
