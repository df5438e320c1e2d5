"""The search and the status page, and what is said where they cannot be shown."""

from __future__ import annotations

from typing import Any

import redis
from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from dejabug.access.jira_users import NoJiraAccountError
from dejabug.access.principals import EmailUser
from dejabug.jira.errors import JiraError
from dejabug.web.api.auth import (
    Credential,
    caller_of,
    may_judge,
    services,
    session_credential,
)
from dejabug.web.api.models import LONGEST_WORDS
from dejabug.web.pages import oidc_sign_in, sign_in

blueprint = Blueprint(
    "pages",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/pages",
)
sign_in.register(blueprint)
oidc_sign_in.register(blueprint)

# No script and no style but our files'; `blob:` is a clip that was chosen and is played beside what
# was found.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
AWAY = "{what} cannot be asked just now. Try again soon."


@blueprint.after_request
def shield(answer: Response) -> Response:
    """Keep others' scripts, frames and eyes out."""
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers.setdefault("Referrer-Policy", "no-referrer")
    if request.endpoint != "pages.static":
        answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/")
def search() -> AnyResponse:
    """The search page."""
    return _page("search.html")


@blueprint.get("/status")
def status() -> AnyResponse:
    """The status page."""
    return _page("status.html")


@blueprint.errorhandler(redis.RedisError)
@blueprint.errorhandler(JiraError)
def away(error: Exception) -> AnyResponse:
    """Who it is, or what they may see, cannot be told: nothing is shown."""
    what = "Jira" if isinstance(error, JiraError) else "Redis"
    return sign_in.form(AWAY.format(what=what), 503)


@blueprint.errorhandler(NoJiraAccountError)
def no_jira_account(error: NoJiraAccountError) -> AnyResponse:
    """Somebody who is signed in, and may see nothing any more."""
    return sign_in.form(str(error), 403)


def _page(template: str) -> AnyResponse:
    credential = session_credential()
    if credential is None:
        back = request.full_path.rstrip("?")
        return sign_in.form(status=401, back=back)
    return make_response(render_template(template, **_known(credential)))


def _known(credential: Credential) -> dict[str, Any]:
    """What a page is told of its session."""
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
