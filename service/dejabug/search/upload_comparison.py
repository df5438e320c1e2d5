"""The job that compares an uploaded clip with the index, in a worker that has the model."""

from __future__ import annotations

import structlog

from dejabug import media
from dejabug.encoders import Encoder
from dejabug.infra.metrics import searching
from dejabug.ingest.clip_indexer import ClipIndexer, note_on, sha256_of, signature_of
from dejabug.media_store.objects import StoreAwayError
from dejabug.ranking import TimedVectors
from dejabug.records.collections import Collections
from dejabug.retrieval.pairs import UPLOAD, PairMatch, best_per_issue, pair_matches
from dejabug.retrieval.retrievers import Retrievers
from dejabug.retrieval.same_files import same_file_pairs, twins_of
from dejabug.retrieval.similar_issues import SimilarIssues
from dejabug.search.uploads import PAIRS, ClipUploads, ForgottenError

log = structlog.get_logger()

# Seconds that decoding an uploaded clip may take: other uploads wait for it.
DECODING = 30.0
FAILED = "the search failed; the worker's log has the reason"
AWAY = "store_away: the media store did not return the clip; upload it again"


class UploadComparison:
    """Compares an uploaded clip with the clips of the configured encoder."""

    def __init__(
        self,
        encoder: Encoder,
        collections: Collections,
        retrievers: Retrievers,
        clip_indexer: ClipIndexer,
        clip_uploads: ClipUploads,
        similar_issues: SimilarIssues,
    ) -> None:
        self._encoder = encoder
        self._collections = collections
        self._retrievers = retrievers
        self._clip_indexer = clip_indexer
        self._clip_uploads = clip_uploads
        self._similar_issues = similar_issues

    @searching("clip")
    def run(self, upload_id: str, projects: list[str]) -> None:
        """The job: sample, embed and compare an upload. Its file is always deleted."""
        try:
            end = self._answer(upload_id, projects)
            self._clip_uploads.discard(upload_id)  # before the user gets the results
            self._clip_uploads.end(upload_id, **end)
        except ForgottenError:
            self._clip_uploads.forget(upload_id)
            log.info("upload_forgotten", upload=upload_id)

    def _answer(self, upload_id: str, projects: list[str]) -> dict[str, str]:
        try:
            pairs, note = self._compare(upload_id, projects)
        except media.ClipError as error:
            return {"state": "failed", "reason": f"{error.code}: {error}"}
        except StoreAwayError:
            return {"state": "failed", "reason": AWAY}
        except ForgottenError:
            raise
        except Exception:
            self._clip_uploads.discard(upload_id)
            self._clip_uploads.end(upload_id, state="failed", reason=FAILED)
            raise
        return {"state": "done", "reason": note, "pairs": PAIRS.dump_json(pairs).decode()}

    def _compare(self, upload_id: str, projects: list[str]) -> tuple[list[PairMatch], str]:
        """The clips that match an upload, and a note on the part that was left out."""
        self._clip_uploads.note_step(upload_id, state="sampling")
        with self._clip_uploads.reading(upload_id) as path:
            content = sha256_of(path)
            frames = self._clip_indexer.sample(path, timeout=DECODING)
        self._clip_uploads.note_step(upload_id, state="embedding")
        vectors = self._encoder.embed_images(frames.pixels)
        self._clip_uploads.note_step(upload_id, state="comparing")
        collection = self._collections.configured
        twins = twins_of(collection, content, projects)
        matches = self._retrievers.of(collection).like(
            TimedVectors(frames.times, vectors),
            projects,
            signature=signature_of(frames),
            without_clips={twin.id for twin in twins},
        )
        places = collection.index.places(match.clip_id for match in matches)
        issue_of = {clip_id: where.issue_id for clip_id, where in places.items()}
        pairs = pair_matches(UPLOAD, matches, issue_of)
        if len(frames.times) == 1 and frames.duration == 0:
            pairs = [self._similar_issues.doubted(pair) for pair in pairs]
        pairs += same_file_pairs(UPLOAD, twins, frames.times)
        return best_per_issue("", pairs), note_on(frames)
