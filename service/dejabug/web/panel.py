"""`/forge/v1/…`: the API of the panel in Jira, always with the viewer's access.

An unknown issue and one that the viewer may not see get the same answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from functools import partial, wraps
from typing import Any

import redis
import structlog
from flask import Blueprint, Response, current_app, g, jsonify, request
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from dejabug.access.jira_as_viewer import WrongAccountError
from dejabug.index import IndexUnavailableError
from dejabug.infra.metrics import SUGGESTIONS, searching
from dejabug.infra.refused_writes import keep_briefly
from dejabug.jira.errors import JiraError, JiraRefusedError
from dejabug.jira.models import Issue
from dejabug.media_store.objects import StoreAwayError
from dejabug.records.progress import progress_of, why
from dejabug.search.questions import SearchFailedError
from dejabug.services import Services
from dejabug.web import problems
from dejabug.web.forge import (
    Forge,
    KeysUnavailableError,
    PanelCall,
    TokenRefusedError,
    WrongSiteError,
)
from dejabug.web.heat_maps import HeatMapPair, heat_maps_at, spots
from dejabug.web.matches import FailedClip, IssueName, Match, Progress, Similar, matches_for
from dejabug.web.verdicts import record_verdict

log = structlog.get_logger()
blueprint = Blueprint("panel", __name__, url_prefix="/forge/v1/issues/<issue_id>")
# Bytes of a panel's request at most.
LARGEST_BODY = 4096
# Forge Remote drops the text of errors with any other content type.
problem = partial(problems.problem, kind="application/json")
# Seconds within which a viewer's requests for an issue count as one view: a panel asks every two
# seconds while it waits for a preview.
ONE_LOOK = 300
JSON_NAMES = {str: "a string", bool: "true or false"}


class BadBodyError(ValueError):
    """The request's body is wrong; the message says what to change."""


class HiddenError(Exception):
    """The issue isn't indexed, or the viewer doesn't have access."""


def as_viewer(view: Callable[..., Any]) -> Callable[..., Any]:
    """Allow only our app's calls; `g.call` has the viewer."""

    @wraps(view)
    def run(**arguments: Any) -> Any:
        forge: Forge | None = current_app.extensions["forge"]
        if forge is None:
            return problem(
                404,
                "Not Found",
                "The Jira app is not set up on this service: DEJABUG_FORGE_APP_ID is empty.",
            )
        g.call = forge.verify(request.headers)
        return view(**arguments)

    return run


@blueprint.get("/similar")
@as_viewer
def similar(issue_id: str) -> Response:
    """The issues with similar clips that the viewer may see."""
    services = _services()
    active = services.collections.active
    link_type = services.settings.duplicate_links.split(",")[0].strip()
    record = active.catalogue.issue(issue_id)
    if record is None:
        name = _name(_own(issue_id))
        unknown = Similar(issue=name, state="unknown", link_type=link_type, encoder=active.label())
        return _told(unknown)
    progress = progress_of(active.catalogue, record)
    total = len(progress.clips) + 1
    muted = services.records.comments.muted(issue_id)
    off = services.records.projects.rules(record.project).mode == "off"
    matches: list[Match] = []
    if muted or off:
        own = _own(issue_id)
    else:
        with searching("panel"):
            found = matches_for(services, record, g.call.viewer, _read)
        if found is None:
            raise HiddenError
        own, matches = found
        if _is_first_look(issue_id):
            SUGGESTIONS.labels("panel").inc(len(matches))
    return _told(
        Similar(
            issue=_name(own),
            state="off" if off else "indexing" if progress.waiting else "ready",
            progress=Progress(done=total - progress.waiting, total=total),
            clips=len(progress.clips),
            failed=[
                FailedClip(filename=clip.filename, reason=why(clip)) for clip in progress.failed
            ],
            muted=muted,
            matches=matches,
            link_type=link_type,
            encoder=active.label(),
        )
    )


@blueprint.post("/heat-maps")
@as_viewer
def heat_maps(issue_id: str) -> Response:
    """`HeatMapPair`: heat maps of a frame of this issue's clip and a frame of another issue's: what
    matches, and what is unusual."""
    asked = HeatMapPair.model_validate(_body())
    services = _services()
    clips = services.collections.active.catalogue.clips([asked.here, asked.there])
    seen = _read({issue_id, *(clip.issue_id for clip in clips.values())})
    if asked.here not in clips or clips[asked.here].issue_id != issue_id:
        raise HiddenError
    off = services.records.projects.off()
    shown = {key: each for key, each in clips.items() if _is_shown(seen, each.issue_id, off)}
    pair = spots(services, asked, shown)
    if len(pair) < 2:
        raise HiddenError
    return jsonify(heat_maps_at(services, *pair).model_dump())


@blueprint.post("/verdicts")
@as_viewer
def verdict(issue_id: str) -> Response | tuple[Response, int]:
    """`{"other": id, "same": bool}`: record whether two issues are the same bug."""
    asked = _asked(other=str, same=bool)
    services, other = _services(), asked["other"]
    if other == issue_id:
        return problem(400, "Bad Request", "An issue can't be a duplicate of itself.")
    if not {issue_id, other} <= _read([issue_id, other]).keys():
        raise HiddenError
    record_verdict(services, issue_id, other, same=asked["same"], by="panel")
    return jsonify(saved=True)


@blueprint.put("/mute")
@as_viewer
def mute(issue_id: str) -> Response:
    """`{"muted": bool}`: turn suggestions on this issue off or on."""
    asked = _asked(muted=bool)
    _own(issue_id)
    services = _services()
    services.records.comments.mute(issue_id, asked["muted"])
    services.scheduler.suggest(issue_id)
    log.info("muted", issue_id=issue_id, muted=asked["muted"], by="panel")
    return jsonify(muted=asked["muted"])


@blueprint.post("/again")
@as_viewer
def again(issue_id: str) -> tuple[Response, int]:
    """Read the issue again, retry its failed clips, and search for similar issues again."""
    _own(issue_id)
    services = _services()
    record = services.collections.active.catalogue.issue(issue_id)
    if record is not None:
        services.comment_commands.look_again(record)
    with services.redis.pipeline(transaction=True) as pipe:
        services.scheduler.sync_issue(issue_id, record is not None and record.watched, pipe)
        pipe.execute()
    return jsonify(queued=True), 202


@blueprint.after_request
def nobody_keeps_it(answer: Response) -> Response:
    """Forbid caching: an answer is for one viewer at one time."""
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@blueprint.errorhandler(TokenRefusedError)
def refused(error: TokenRefusedError) -> Response:
    """Not our app, or an expired token."""
    log.warning("panel_refused", why=str(error))
    return problem(
        401,
        "Unauthorized",
        "This call isn't from the Jira app in DEJABUG_FORGE_APP_ID, or its token has expired.",
    )


@blueprint.errorhandler(WrongSiteError)
def wrong_site(error: WrongSiteError) -> Response:
    """Our app on another site."""
    log.warning("panel_refused", why=str(error))
    return problem(403, "Forbidden", "This service is set up for another Jira site.")


@blueprint.errorhandler(HiddenError)
@blueprint.errorhandler(WrongAccountError)
@blueprint.errorhandler(JiraRefusedError)
def hidden(error: Exception) -> Response:
    """Unknown, hidden, or Jira rejected the viewer's token."""
    log.info("panel_shows_nothing", why=type(error).__name__)
    return problem(404, "Not Found", "This issue isn't indexed, or you don't have access.")


@blueprint.errorhandler(KeysUnavailableError)
@blueprint.errorhandler(JiraError)
@blueprint.errorhandler(redis.RedisError)
@blueprint.errorhandler(IndexUnavailableError)
@blueprint.errorhandler(SearchFailedError)
@blueprint.errorhandler(StoreAwayError)
def unavailable(error: Exception) -> Response:
    """A part that is needed is not available: show nothing."""
    log.warning("panel_unavailable", why=type(error).__name__, said=str(error))
    answer = problem(
        503, "Service Unavailable", "Déjà Bug is not available right now. Try again in a minute."
    )
    answer.headers["Retry-After"] = "10"
    return answer


@blueprint.errorhandler(ValidationError)
def wrong_body(error: ValidationError) -> Response:
    """The wrong fields of the body."""
    wrong = {".".join(map(str, each["loc"])) for each in error.errors(include_input=False)}
    return problem(400, "Bad Request", f"Invalid fields in the body: {', '.join(sorted(wrong))}.")


@blueprint.errorhandler(BadBodyError)
def bad_body(error: BadBodyError) -> Response:
    """What is wrong with the body."""
    return problem(400, "Bad Request", str(error))


def _asked(**wanted: type) -> Mapping[str, Any]:
    """The body, with these fields of these types. Raises BadBodyError."""
    body = _body()
    for name, kind in wanted.items():
        if not isinstance(body.get(name), kind):
            raise BadBodyError(f"`{name}` is required and must be {JSON_NAMES[kind]}.")
    return body


def _body() -> dict[str, Any]:
    """The body, a JSON object. Raises BadBodyError."""
    # Also if the request has no Content-Length.
    request.max_content_length = LARGEST_BODY
    try:
        body = request.get_json(silent=True)
    except RequestEntityTooLarge:
        body = None
    if not isinstance(body, dict):
        raise BadBodyError("The body must be a JSON object.")
    return body


def _is_shown(seen: Mapping[str, Issue], issue_id: str, off: Collection[str]) -> bool:
    """Whether the viewer, who sees the issues `seen`, may see an issue's media now."""
    return issue_id in seen and seen[issue_id].project not in off


def _is_first_look(issue_id: str) -> bool:
    """Whether this is the viewer's first request for an issue in ONE_LOOK seconds."""
    viewer = hashlib.sha256(g.call.viewer.name.encode()).hexdigest()[:16]
    key = f"dejabug:looked:{issue_id}:{viewer}"
    return keep_briefly(_services().redis, key, "1", ONE_LOOK, new=True)


def _told(answer: Similar) -> Response:
    return jsonify(answer.model_dump(mode="json", by_alias=True))


def _name(issue: Issue) -> IssueName:
    return IssueName(id=issue.id, key=issue.key)


def _own(issue_id: str) -> Issue:
    """The issue itself, if the viewer may see it. Raises HiddenError."""
    issue = _read([issue_id]).get(issue_id)
    if issue is None:
        raise HiddenError
    return issue


def _read(issue_ids: Any) -> dict[str, Issue]:
    """The issues that the viewer may read."""
    call: PanelCall = g.call
    return _services().jira_as_viewer.issues(call.viewer, call.token, issue_ids)


def _services() -> Services:
    services: Services = current_app.extensions["dejabug"]
    return services
