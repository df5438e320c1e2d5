"""`/slack/events`: receives events and commands from Slack. Bolt checks their signatures."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, abort, current_app, request
from slack_bolt.adapter.flask import SlackRequestHandler

blueprint = Blueprint("slack", __name__)
# Bytes of a request at most: a shortcut sends the whole message that it is used on.
LONGEST = 1024 * 1024


@blueprint.post("/slack/events")
def events() -> Response:
    """Answer Slack; 404 if no Slack app is set up."""
    handler = cast("SlackRequestHandler | None", current_app.extensions["slack"])
    if handler is None:
        abort(404)
    request.max_content_length = LONGEST
    return handler.handle(request)
