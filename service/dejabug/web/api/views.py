"""The views of the API."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, get_origin

from flask import Blueprint, Response, current_app, jsonify, request
from pydantic import BaseModel
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_list_header

from dejabug.infra.metrics import SUGGESTIONS
from dejabug.records.progress import progress_of
from dejabug.search import uploads
from dejabug.search.disclosure import Filters
from dejabug.search.search import Page, words_question
from dejabug.search.uploads import Upload
from dejabug.web.api import docs, errors, openapi, status, verdicts
from dejabug.web.api.auth import caller, changing_caller, judging_caller, let_in, services
from dejabug.web.api.clips import clips_for, seen_clips
from dejabug.web.api.errors import BadRequestError, ExpiredJobError, NotHereError
from dejabug.web.api.models import (
    KEY,
    Clip,
    ClipIds,
    Clips,
    Job,
    Judgement,
    Narrowed,
    Question,
    Recorded,
    Results,
    Retried,
    Similar,
    Status,
    Words,
)
from dejabug.web.api.openapi import EVENTS, Operation, describes
from dejabug.web.api.progress import STREAMS, events
from dejabug.web.api.uploading import receive_file
from dejabug.web.heat_maps import HeatMapPair, HeatMaps, heat_maps_at, spots
from dejabug.web.problems import problem

blueprint = Blueprint("api", __name__, url_prefix=errors.PREFIX)
errors.register(blueprint)
docs.register(blueprint)

# Seconds to wait for an upload's results before answering with its job instead.
AT_ONCE = 4.0
# The most bytes of a JSON body.
LARGEST_BODY = 4096
# Patterns of the parts of addresses.
NUMBER = r"[0-9]{1,18}"
ID = r"[0-9a-f]{32}"
Query = TypeVar("Query", bound=BaseModel)


def by_token(view: Callable[..., Any]) -> Callable[..., Any]:
    """Require a token or a session of the pages, within the rate limit, and forbid caching."""

    @wraps(view)
    def run(**arguments: Any) -> Any:
        let_in()
        operation: Operation = view.__dict__["operation"]
        for name, pattern in operation.patterns.items():
            if re.fullmatch(pattern, arguments[name], re.ASCII) is None:
                raise BadRequestError(f"Invalid `{name}` in the address; expected {pattern}.")
        answer = current_app.make_response(view(**arguments))
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    return run


@blueprint.get("/search")
@by_token
@describes(Operation(Words, {200: Results}, (403, 404, 410)))
def search() -> Response:
    """Search by words. Compares them with the text of the tickets and with what their clips
    show."""
    asked = _query(Words)
    if asked.cursor:
        return _told(_further(asked, words_question(asked.q, unlikely=asked.unlikely)))
    wanted = (asked.q, asked.filters(), asked.limit)
    return _told(services().search.by_words(caller(), *wanted, unlikely=asked.unlikely))


@blueprint.get("/issues/<key>/similar")
@by_token
@describes(Operation(Question, {200: Similar}, (403, 404, 410), {"key": KEY}))
def similar(key: str) -> Response:
    """Find issues with clips similar to this issue's. For an issue without clips, compares its
    text."""
    asked = _query(Question)
    if asked.cursor:
        page = _further(asked, f"issue {key.upper()}")
    else:
        page = services().search.like_issue(caller(), key, asked.filters(), asked.limit)
    record = services().collections.active.catalogue.issue_by_key(key)
    if record is None:  # deleted meanwhile
        raise NotHereError
    how = progress_of(services().collections.active.catalogue, record)
    return _json(Similar(**dict(_results(page)), state=how.state, reason=how.reason))


@blueprint.post("/issues/<key>/verdicts")
@by_token
@describes(Operation(None, {200: Recorded}, (403, 404), {"key": KEY}, body=Judgement))
def verdict(key: str) -> Response:
    """Record whether two issues are duplicates.

    People who are signed in may do this for issues that they can see in Jira, and tokens that were
    made with `--verdicts`.
    """
    who = judging_caller()
    asked = Judgement.model_validate(_body())
    verdicts.record(services(), who, key, asked.other, same=asked.same)
    return _json(Recorded(issue=key.upper(), other=asked.other.upper(), same=asked.same))


@blueprint.post("/search/clip")
@by_token
@describes(Operation(Narrowed, {200: Job, 202: Job}, (403, 413), upload=True))
def search_clip() -> tuple[Response, int, dict[str, str]]:
    """Find issues with clips similar to an uploaded clip.

    Returns the results if they are ready within about 4 seconds, otherwise a job to poll or to
    follow as events. With the header `Prefer: respond-async` it always returns a job. The clip is
    deleted as soon as it has been compared.
    """
    asked = _query(Narrowed)
    who, filters = caller(), asked.filters()
    projects = services().disclosure.projects_of(who, filters)
    with services().clip_uploads.receiving() as (upload_id, folder):
        receive_file(request, folder, services().settings.upload_max_bytes)
    services().clip_uploads.submit(upload_id, who.principal.name, projects, asked.model_dump_json())
    # RFC 7240, 4.1.
    if "respond-async" not in parse_list_header(request.headers.get("Prefer", "")):
        services().clip_uploads.await_end(upload_id, AT_ONCE)
    job = _job(_upload(upload_id), Question(limit=asked.limit, cursor=""))
    status = 200 if job.state in uploads.ENDED else 202
    return _json(job), status, {"Location": f"{errors.PREFIX}/jobs/{upload_id}"}


@blueprint.get("/jobs/<job_id>")
@by_token
@describes(Operation(Question, {200: Job}, (403, 404, 410), {"job_id": ID}, events=True))
def job(job_id: str) -> Response:
    """Get the state of an uploaded clip, and its results.

    Filters given here replace all filters of the upload. With `Accept: text/event-stream` it sends
    an event `progress` at each step and `end` at the last one; then fetch the results as JSON.
    """
    asked, upload = _query(Question), _upload(job_id)
    if request.accept_mimetypes.best_match(["application/json", EVENTS]) != EVENTS:
        return _json(_job(upload, asked))
    if not STREAMS.acquire(blocking=False):
        busy = problem(
            503, "Service Unavailable", "Too many event streams. Poll the job as JSON instead."
        )
        busy.headers["Retry-After"] = "2"
        return busy
    stream = Response(events(services(), job_id, caller().principal.name), mimetype=EVENTS)
    stream.call_on_close(STREAMS.release)
    stream.headers["X-Accel-Buffering"] = "no"
    return stream


@blueprint.delete("/jobs/<job_id>")
@by_token
@describes(Operation(None, {204: None}, (403, 404, 410), {"job_id": ID}))
def forget_job(job_id: str) -> Response:
    """Cancel the search with an uploaded clip, and delete the clip and its results."""
    services().clip_uploads.forget(_upload(job_id).id)
    return Response(status=204)


@blueprint.get("/clips/<clip_id>")
@by_token
@describes(Operation(None, {200: Clip}, (404,), {"clip_id": NUMBER}))
def clip(clip_id: str) -> Response:
    """Get a clip, and the addresses of its frames and preview."""
    found = clips_for(services(), caller().principal, [clip_id])
    if not found:
        raise NotHereError
    return _json(found[0])


@blueprint.get("/clips")
@by_token
@describes(Operation(ClipIds, {200: Clips}))
def clips() -> Response:
    """Get several clips. Leaves out clips that do not exist or that the caller may not see."""
    return _json(Clips(clips=clips_for(services(), caller().principal, _query(ClipIds).id)))


@blueprint.get("/heat-maps")
@by_token
@describes(Operation(HeatMapPair, {200: HeatMaps}, (404,)))
def heat_maps() -> Response:
    """Compare two frames: heat maps of what matches, and of what is unusual."""
    asked = _query(HeatMapPair)
    seen = seen_clips(services(), caller().principal, [asked.here, asked.there])
    pair = spots(services(), asked, {clip.id: clip for clip, _ in seen})
    if len(pair) < 2:
        raise NotHereError
    return _json(heat_maps_at(services(), *pair))


@blueprint.post("/clips/<clip_id>/retry")
@by_token
@describes(Operation(None, {202: Retried}, (403, 404), {"clip_id": NUMBER}))
def retry(clip_id: str) -> tuple[Response, int]:
    """Retry a failed clip."""
    count = status.retry(services(), changing_caller(), clip_id)
    if not count:
        raise NotHereError
    return _json(Retried(queued=count)), 202


@blueprint.post("/clips/retry")
@by_token
@describes(Operation(None, {202: Retried}, (403,)))
def retry_all() -> tuple[Response, int]:
    """Retry all failed clips of the caller's projects."""
    return _json(Retried(queued=status.retry(services(), changing_caller()))), 202


@blueprint.get("/status")
@by_token
@describes(Operation(None, {200: Status}))
def status_report() -> Response:
    """Get the status: what is indexed with which model, the queues, and the failed clips."""
    return _json(status.report(services(), caller()))


@blueprint.get("/openapi.json")
def openapi_document() -> Response:
    """The OpenAPI document."""
    return jsonify(openapi.document(current_app))


def _query(model: type[Query]) -> Query:
    """The query's parameters. Raises ValidationError if some are invalid or unknown."""
    lists = {
        name for name, each in model.model_fields.items() if get_origin(each.annotation) is list
    }
    given: dict[str, Any] = {}
    for name, values in request.args.lists():
        if name not in lists and len(values) > 1:
            raise BadRequestError(f"Give `{name}` only once.")
        given[name] = values if name in lists else values[0]
    return model.model_validate(given)


def _body() -> Any:
    """The body, as JSON. Raises BadRequestError."""
    request.max_content_length = LARGEST_BODY
    try:
        body = request.get_json(silent=True)
    except RequestEntityTooLarge:
        body = None
    if not isinstance(body, dict):
        raise BadRequestError(
            "The body must be a JSON object of at most 4 KiB, with Content-Type: application/json."
        )
    return body


def _further(asked: Question, question: str) -> Page:
    return services().search.further(caller(), asked.cursor, question, asked.limit, asked.filters())


def _upload(upload_id: str) -> Upload:
    upload = services().clip_uploads.look(upload_id, caller().principal.name)
    if upload is None:
        raise ExpiredJobError if uploads.has_expired(upload_id) else NotHereError
    return upload


def _job(upload: Upload, asked: Question) -> Job:
    results = None
    if upload.state == "done":
        if asked.cursor:
            page = _further(asked, f"upload {upload.id}")
        else:
            filters = _filters(upload, asked)
            page = services().search.like_upload(caller(), upload, filters, asked.limit)
        results = _results(page)
    return Job(id=upload.id, state=upload.state, reason=upload.reason or None, results=results)


def _filters(upload: Upload, asked: Question) -> Filters:
    """The filters of this request, or else those of the upload."""
    given = asked.filters()
    if given == Filters():
        return Narrowed.model_validate_json(upload.asked).filters()
    wanted = services().disclosure.projects_of(caller(), given)
    if given.project and not upload.projects.issuperset(wanted):
        only = ", ".join(sorted(upload.projects))
        raise BadRequestError(
            f"This clip was compared with {only} only. To search other projects, upload it again."
        )
    return given


def _results(page: Page) -> Results:
    SUGGESTIONS.labels("api").inc(len(page.results))
    return Results(
        results=page.results, next=page.cursor, encoder=services().collections.active.label()
    )


def _told(page: Page) -> Response:
    return _json(_results(page))


def _json(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), content_type="application/json")
