"""The search page, the status page, and what people see when these cannot be shown."""

from __future__ import annotations

from typing import Any

import redis
from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from dejabug.access.jira_users import NoJiraAccountError
from dejabug.access.principals import EmailUser
from dejabug.infra.labels import LIKELY, POSSIBLE, VERY_LIKELY
from dejabug.jira.comments import SCORE_HELP
from dejabug.jira.errors import JiraError
from dejabug.search.search import PAGES_KEPT
from dejabug.search.uploads import KEPT
from dejabug.web.api.auth import (
    Credential,
    caller_of,
    may_judge,
    services,
    session_credential,
)
from dejabug.web.api.models import LONGEST_WORDS
from dejabug.web.pages import oidc_sign_in, sign_in
from dejabug.web.pages.asked import DAYS, LISTS, AskedSearch
from dejabug.web.pages.modules import modules_of

blueprint = Blueprint(
    "pages",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/pages",
)
sign_in.register(blueprint)
oidc_sign_in.register(blueprint)

# Scripts and styles from our own files only. `blob:` is the clip that somebody uploads: it plays
# next to the clips that are found.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
AWAY = "{what} is not available right now. Try again in a minute."
# Placeholders for results during a search.
SKELETONS = 8
# Filters by the name of their parameter.
FILTERS = {"project": "Project", "game": "Game", "status": "Status", "kind": "Kind of bug"}


@blueprint.after_request
def shield(answer: Response) -> Response:
    """Set the headers that keep other sites' scripts and frames out, and answers out of caches."""
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers.setdefault("Referrer-Policy", "no-referrer")
    if request.endpoint != "pages.static":
        answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/")
def search() -> AnyResponse:
    """The search page."""
    return _page(
        "search.html",
        asked=AskedSearch.of(request.args),
        filters={name: FILTERS[name] for name in LISTS},
        days=DAYS,
        modules=modules_of("search.js"),
        skeletons=SKELETONS,
        page_minutes=PAGES_KEPT // 60,
        job_minutes=KEPT // 60,
    )


@blueprint.get(SCORE_HELP)
def score_help() -> str:
    """What scores mean. Comments in Jira link to it: static text, also for readers who are not
    signed in, that says nothing about this installation."""
    floors = {"possible": POSSIBLE, "likely": LIKELY, "very_likely": VERY_LIKELY}
    return render_template("score-help.html", **floors)


@blueprint.get("/status")
def status() -> AnyResponse:
    """The status page."""
    return _page("status.html", modules=modules_of("status.js"))


@blueprint.errorhandler(redis.RedisError)
@blueprint.errorhandler(JiraError)
def away(error: Exception) -> AnyResponse:
    """Redis or Jira can't say who this is, or what they may see: show nothing."""
    what = "Jira" if isinstance(error, JiraError) else "Redis"
    return sign_in.form(AWAY.format(what=what), 503)


@blueprint.errorhandler(NoJiraAccountError)
def no_jira_account(error: NoJiraAccountError) -> AnyResponse:
    """The user is signed in, but may not see anything any more."""
    return sign_in.form(str(error), 403)


def _page(template: str, **more: Any) -> AnyResponse:
    credential = session_credential()
    if credential is None:
        back = request.full_path.rstrip("?")
        return sign_in.form(status=401, back=back)
    return make_response(render_template(template, **_known(credential), **more))


def _known(credential: Credential) -> dict[str, Any]:
    """What a page shows about its session."""
    caller = caller_of(credential)
    if isinstance(credential, EmailUser):
        name, known_by = credential.email, "as"
    else:
        name, known_by = credential.name, "with the token"
    return {
        "name": name,
        "known_by": known_by,
        "projects": sorted(caller.projects),
        "anybody": caller.is_anonymous,
        "judges": may_judge(credential, caller),
        "longest": LONGEST_WORDS,
        "most": services().settings.upload_max_bytes,
    }
