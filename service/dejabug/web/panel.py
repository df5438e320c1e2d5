"""`/forge/v1/…`: what the panel in Jira asks, always as its viewer.

An issue that is unknown and one that the viewer may not see get the same answer.
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
# Bytes of a request of ours at most.
LARGEST_BODY = 4096
# Forge Remote turns an error of any other content type into one without our words.
problem = partial(problems.problem, kind="application/json")
# Seconds within which a viewer's further questions on an issue are the same look at it: a panel
# asks every other second while it waits for a preview.
ONE_LOOK = 300
JSON_NAMES = {str: "a string", bool: "true or false"}


class BadBodyError(ValueError):
    """A request's body is not as it must be; the message says how."""


class HiddenError(Exception):
    """The issue is unknown, or not the viewer's to see."""


def as_viewer(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let only our app's calls through; `g.call` says who looks."""

    @wraps(view)
    def run(**arguments: Any) -> Any:
        forge: Forge | None = current_app.extensions["forge"]
        if forge is None:
            return problem(404, "Not Found", "This service is not set up for an app of Jira's.")
        g.call = forge.verify(request.headers)
        return view(**arguments)

    return run


@blueprint.get("/similar")
@as_viewer
def similar(issue_id: str) -> Response:
    """The issues whose clips are like this one's, as far as the viewer may see them."""
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
    """`HeatMapPair`: what a clip of this issue and one of another have in common at a moment, and
    what is unusual there."""
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
    """`{"other": id, "same": bool}`: the viewer says whether two issues are the same bug."""
    asked = _asked(other=str, same=bool)
    services, other = _services(), asked["other"]
    if other == issue_id:
        return problem(400, "Bad Request", "An issue cannot be compared with itself.")
    if not {issue_id, other} <= _read([issue_id, other]).keys():
        raise HiddenError
    record_verdict(services, issue_id, other, same=asked["same"], by="panel")
    return jsonify(saved=True)


@blueprint.put("/mute")
@as_viewer
def mute(issue_id: str) -> Response:
    """`{"muted": bool}`: no suggestions on this issue, or again."""
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
    """Read the issue again, with clips that failed, and look for similar ones again."""
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
    """What one viewer may see now is nobody's to keep."""
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@blueprint.errorhandler(TokenRefusedError)
def refused(error: TokenRefusedError) -> Response:
    """Not our app, or no longer valid."""
    log.warning("panel_refused", why=str(error))
    return problem(401, "Unauthorized", "This call is not of the app that this service trusts.")


@blueprint.errorhandler(WrongSiteError)
def wrong_site(error: WrongSiteError) -> Response:
    """Our app, on a site that is not ours."""
    log.warning("panel_refused", why=str(error))
    return problem(403, "Forbidden", "This service belongs to another Jira site.")


@blueprint.errorhandler(HiddenError)
@blueprint.errorhandler(WrongAccountError)
@blueprint.errorhandler(JiraRefusedError)
def hidden(error: Exception) -> Response:
    """Unknown, hidden, or Jira does not let this viewer read at all."""
    log.info("panel_shows_nothing", why=type(error).__name__)
    return problem(404, "Not Found", "There is no such issue here, or you may not see it.")


@blueprint.errorhandler(KeysUnavailableError)
@blueprint.errorhandler(JiraError)
@blueprint.errorhandler(redis.RedisError)
@blueprint.errorhandler(IndexUnavailableError)
@blueprint.errorhandler(SearchFailedError)
@blueprint.errorhandler(StoreAwayError)
def unavailable(error: Exception) -> Response:
    """A part that is needed is away: nothing is shown rather than too much."""
    log.warning("panel_unavailable", why=type(error).__name__, said=str(error))
    answer = problem(503, "Service Unavailable", "Déjà Bug cannot look right now. Try again soon.")
    answer.headers["Retry-After"] = "10"
    return answer


@blueprint.errorhandler(ValidationError)
def wrong_body(error: ValidationError) -> Response:
    """Which fields of the body are wrong."""
    wrong = {".".join(map(str, each["loc"])) for each in error.errors(include_input=False)}
    return problem(400, "Bad Request", f"Wrong in the body: {', '.join(sorted(wrong))}.")


@blueprint.errorhandler(BadBodyError)
def bad_body(error: BadBodyError) -> Response:
    """What is wrong with the body."""
    return problem(400, "Bad Request", str(error))


def _asked(**wanted: type) -> Mapping[str, Any]:
    """The body's fields, each of its type. Raises BadBodyError."""
    body = _body()
    for name, kind in wanted.items():
        if not isinstance(body.get(name), kind):
            raise BadBodyError(f"`{name}` must be given, as {JSON_NAMES[kind]}.")
    return body


def _body() -> dict[str, Any]:
    """The body, a JSON object. Raises BadBodyError."""
    # Also where no length is told in advance.
    request.max_content_length = LARGEST_BODY
    try:
        body = request.get_json(silent=True)
    except RequestEntityTooLarge:
        body = None
    if not isinstance(body, dict):
        raise BadBodyError("The body must be a JSON object.")
    return body


def _is_shown(seen: Mapping[str, Issue], issue_id: str, off: Collection[str]) -> bool:
    """Whether an issue's media may be shown to the viewer, who sees `seen`, now."""
    return issue_id in seen and seen[issue_id].project not in off


def _is_first_look(issue_id: str) -> bool:
    """Whether this is the viewer's first question on an issue for a while."""
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
    """Issues as the viewer may read them."""
    call: PanelCall = g.call
    return _services().jira_as_viewer.issues(call.viewer, call.token, issue_ids)


def _services() -> Services:
    services: Services = current_app.extensions["dejabug"]
    return services
