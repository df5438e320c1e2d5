"""`/media/<token>/…`: frames and previews for one principal, whose access is checked each time.

Everything that must not be shown gets the same 404, so that nobody learns which clips exist. While
Redis or Jira is not available, nothing is shown.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from itertools import chain
from threading import BoundedSemaphore
from typing import Literal

import redis
import structlog
from flask import Blueprint, Response, abort, current_app, request, send_file
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import FileWrapper

from dejabug.access.principals import Principal
from dejabug.access.signed_urls import (
    BadTokenError,
    MediaGrant,
    check_secret,
    read_media,
    sign_media,
)
from dejabug.jira.errors import JiraError
from dejabug.media_store.blobs import BlobReader
from dejabug.media_store.objects import StoreAwayError
from dejabug.records.types import ClipRecord, IssueRecord
from dejabug.services import Services
from dejabug.web.problems import problem
from dejabug.web.sheets import drawn_sheet

log = structlog.get_logger()
blueprint = Blueprint("media", __name__, url_prefix="/media")

# Seconds that a browser may cache an answer: as long as Jira's answer about a principal is cached.
LONGEST_KEPT = 60
Video = Literal["none", "preparing", "ready"]
# Bytes per read: half a minute of video takes two requests to an object store.
BLOCK = 1024 * 1024
# Contact sheets drawn at once: the largest takes a second of a core.
SHEETS = BoundedSemaphore(2)
# Contact sheets that wait or are drawn: other requests need the threads.
SHEETS_ASKED = BoundedSemaphore(5)
SHEET_PATIENCE = 5.0  # seconds
# Digits of a time in milliseconds at most: eleven days.
LONGEST_TIME = 9


def media_address(services: Services, clip_id: str, principal: Principal) -> str:
    """The address of a clip's frames and preview for this principal, valid for some minutes: append
    `/video.mp4` or `/pictures/<milliseconds>.jpg`.

    Raises ValueError when no secret is set.
    """
    token = sign_media(_secret(services), clip_id, principal, now=time.time())
    return f"{services.settings.public_url}/media/{token}"


def sheet_address(services: Services, clip: ClipRecord, principal: Principal) -> str | None:
    """The address of a clip's contact sheet for this principal, valid for some minutes; None if its
    frames are not kept or not shown."""
    if (
        clip.unshown
        or not services.settings.shows_media
        or not services.media.thumbnails.times(clip.id)
    ):
        return None
    return f"{media_address(services, clip.id, principal)}/sheet.jpg"


def video_state(services: Services, clip: ClipRecord) -> Video:
    """The state of a clip's preview; a still image has none."""
    if clip.still or clip.unshown:
        return "none"
    state = services.media.previews.state(clip.id)
    return "preparing" if state == "missing" else state


@blueprint.get("/<token>/pictures/<name>.jpg")
def picture(token: str, name: str) -> Response:
    """The frame of a clip at a time in milliseconds."""
    grant = _granted(token)
    if not (name.isascii() and name.isdigit() and len(name) <= LONGEST_TIME):
        abort(404)
    data = _services().media.thumbnails.read(grant.clip_id, int(name) / 1000)
    if data is None:
        abort(404)
    etag = hashlib.sha256(data).hexdigest()[:32]
    return _sent(send_file(io.BytesIO(data), "image/jpeg", conditional=True, etag=etag), grant)


@blueprint.get("/<token>/sheet.jpg")
def sheet(token: str) -> Response:
    """A clip's contact sheet."""
    grant = _granted(token)
    clip = _services().collections.active.catalogue.clip(grant.clip_id)
    if clip is None or clip.unshown:
        abort(404)
    busy = problem(
        503,
        "Service Unavailable",
        "Too many contact sheets are being drawn. Try again in a moment.",
    )
    busy.headers["Retry-After"] = "2"
    if not SHEETS_ASKED.acquire(blocking=False):
        return busy
    try:
        if not SHEETS.acquire(timeout=SHEET_PATIENCE):
            return busy
        try:
            data = drawn_sheet(_services(), clip)
        finally:
            SHEETS.release()
    finally:
        SHEETS_ASKED.release()
    if data is None:
        abort(404)
    etag = hashlib.sha256(data).hexdigest()[:32]
    return _sent(send_file(io.BytesIO(data), "image/jpeg", conditional=True, etag=etag), grant)


@blueprint.get("/<token>/video.mp4")
def video(token: str) -> Response:
    """A clip's preview, complete or in ranges (RFC 9110, 14)."""
    grant = _granted(token)
    found = _services().media.previews.watch(grant.clip_id)
    if found is None:
        abort(404)
    try:
        if found.path is not None:  # the web server sends it with sendfile
            whole = send_file(found.path.absolute(), "video/mp4", conditional=True)
            return _sent(whole, grant)
        return _sent(_read_in_blocks(found), grant)
    except FileNotFoundError:
        _services().media.previews.forget(grant.clip_id)  # it is generated again
        abort(404)


@blueprint.get("/<path:_anything>")
def anything_else(_anything: str) -> Response:
    """Other addresses below `/media/` get the same answer."""
    abort(404)


@blueprint.errorhandler(404)
def nothing_here(_error: Exception) -> Response:
    """One answer for what is unknown, hidden, expired or made up."""
    return problem(
        404,
        "Not Found",
        "This link has expired, or you don't have access. Reload the page that it came from.",
    )


@blueprint.errorhandler(416)
def no_such_range(error: RequestedRangeNotSatisfiable) -> Response:
    """A range beyond the end of the file; Content-Range has its length."""
    answer = problem(416, "Range Not Satisfiable", "The range is beyond the end of the file.")
    answer.headers["Content-Range"] = f"bytes */{error.length}"
    return answer


@blueprint.errorhandler(JiraError)
@blueprint.errorhandler(redis.RedisError)
def cannot_tell(error: Exception) -> Response:
    """Redis or Jira can't say whether the principal may see this: show nothing."""
    log.warning("media_not_decided", why=type(error).__name__)
    answer = problem(
        503, "Service Unavailable", "Can't check your access right now. Try again in a minute."
    )
    answer.headers["Retry-After"] = "5"
    return answer


@blueprint.errorhandler(StoreAwayError)
def store_away(error: StoreAwayError) -> Response:
    """The media store is not available."""
    log.warning("media_not_read", why=str(error))
    answer = problem(
        503,
        "Service Unavailable",
        "The media store is not available right now. Try again in a minute.",
    )
    answer.headers["Retry-After"] = "5"
    return answer


@blueprint.record_once
def refuse_a_weak_secret(state: BlueprintSetupState) -> None:
    """Raises ValueError at start if the secret is weak; without a secret, every address is 404."""
    secret = _secret(state.app.extensions["dejabug"])
    if secret:
        check_secret(secret)


def _granted(token: str) -> MediaGrant:
    """What this token may show now; ends the request with 404 if nothing."""
    services = _services()
    secret = _secret(services)
    if not secret:
        abort(404)
    try:
        grant = read_media(secret, token, now=time.time())
    except BadTokenError:
        abort(404)
    clip = services.collections.active.catalogue.clip(grant.clip_id)
    issue = services.collections.active.catalogue.issue(clip.issue_id) if clip else None
    if issue is None or not _shown(services, issue, grant.principal):
        log.info("media_not_shown", clip=grant.clip_id, known=issue is not None)
        abort(404)
    return grant


def _shown(services: Services, issue: IssueRecord, principal: Principal) -> bool:
    """Whether this principal may see an issue's media now. Raises JiraError."""
    off = services.records.projects.rules(issue.project).mode == "off"
    return not off and issue.id in services.visibility.may_see(principal, [issue.id])


def _read_in_blocks(file: BlobReader) -> Response:
    """The requested part of a preview. Raises StoreAwayError and FileNotFoundError before
    anything is sent; if the store fails later, the answer ends early."""
    answer = Response(mimetype="video/mp4")
    answer.response = FileWrapper(file, BLOCK)  # type: ignore[arg-type]
    answer.content_length = file.size
    answer.set_etag(file.version)
    answer.make_conditional(request, accept_ranges=True, complete_length=file.size)
    if request.method == "GET" and answer.status_code in (200, 206):
        parts: Iterator[bytes] = iter(answer.response)
        answer.response = chain([next(parts, b"")], parts)
    return answer


def _sent(answer: Response, grant: MediaGrant) -> Response:
    left = max(0, min(LONGEST_KEPT, int(grant.expires - time.time())))
    answer.headers["Cache-Control"] = f"private, max-age={left}"
    answer.headers["Content-Disposition"] = "inline"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    # The panel, which shows it, is a page of Jira.
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _services() -> Services:
    services: Services = current_app.extensions["dejabug"]
    return services


def _secret(services: Services) -> bytes:
    return services.settings.media_secret.get_secret_value().encode()
