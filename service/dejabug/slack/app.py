"""The Bolt app: which call is answered by what. Each is acknowledged at once on a thread of Bolt's,
and worked on after on one of ours: so that neither Slack (3 s) nor the web process waits, however
many questions are in hand."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import redis
import structlog
from slack_bolt import App, Args, BoltRequest, BoltResponse, Respond
from slack_bolt.adapter.flask import SlackRequestHandler
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from dejabug.access.jira_users import NoJiraAccountError
from dejabug.index import IndexUnavailableError
from dejabug.infra import rate_limit
from dejabug.infra.errors import UserError
from dejabug.infra.metrics import RATE_REFUSALS, SLACK, serve_metrics
from dejabug.infra.refused_writes import keep_briefly
from dejabug.infra.tracing import begin_trace
from dejabug.jira.errors import JiraError
from dejabug.media_store.objects import StoreAwayError
from dejabug.search.disclosure import HiddenIssueError
from dejabug.search.questions import SearchFailedError
from dejabug.search.search import NoSuchPageError
from dejabug.search.uploads import TooManyUploadsError
from dejabug.services import Services
from dejabug.slack import answering, blocks
from dejabug.slack.blocks import Message
from dejabug.slack.files import NoFileError
from dejabug.slack.users import SlackUser

log = structlog.get_logger()

SHORTCUT = "find_similar_bugs"
# Questions worked on at once; more wait their turn.
THREADS = 8
# Seconds that a call of ours to Slack may take.
TIMEOUT = 10
# Seconds that a signature is remembered: Slack's counts for five minutes on either side of now.
REMEMBERED = 600
AWAY = "Jira or the search cannot be asked just now; please try again in a minute."


class TooManyError(Exception):
    """Somebody has asked too often; the message says how long to wait."""


def http_handler(services: Services) -> SlackRequestHandler | None:
    """What answers at `/slack/events`; None where no Slack app is set up."""
    settings = services.settings
    secrets = (settings.slack_signing_secret, settings.slack_bot_token)
    if not all(each.get_secret_value() for each in secrets):
        return None
    return SlackRequestHandler(create_bolt(services))


def run_socket(services: Services) -> None:
    """Serve by Socket Mode until ended. Raises UserError where a token is not set."""
    settings = services.settings
    if not settings.slack_app_token.get_secret_value():
        raise UserError("DEJABUG_SLACK_APP_TOKEN is empty; see docs/how-to/slack.md")
    if not settings.slack_bot_token.get_secret_value():
        raise UserError("DEJABUG_SLACK_BOT_TOKEN is empty; see docs/how-to/slack.md")
    token = settings.slack_app_token.get_secret_value()
    serve_metrics(settings.metrics_host, settings.metrics_port)
    SocketModeHandler(create_bolt(services), token).start()  # type: ignore[no-untyped-call]


def create_bolt(services: Services, client: WebClient | None = None) -> App:
    """The app; `client` speaks to Slack."""
    token = services.settings.slack_bot_token.get_secret_value()
    bolt = App(
        name="dejabug",
        client=client or WebClient(token=token, timeout=TIMEOUT),
        signing_secret=services.settings.slack_signing_secret.get_secret_value(),
        token_verification_enabled=False,  # the service starts without Slack
    )
    _register(bolt, services)
    return bolt


def _register(bolt: App, services: Services) -> None:
    # Not Bolt's own threads: a question may take minutes, and the next acknowledgement needs one.
    threads = ThreadPoolExecutor(THREADS, "slack")

    def later(what: str, args: Args, answer: Callable[[], Message]) -> None:
        """Acknowledge a call, and answer it as soon as a thread is free."""
        args.ack()
        SLACK.labels(what).inc()
        threads.submit(_answer, args.respond, answer)

    @bolt.middleware
    def once(request: BoltRequest, next: Callable[[], BoltResponse]) -> BoltResponse:
        """A signed request that comes again within its signature's life is not worked on."""
        for signature in request.headers.get("x-slack-signature", ()):
            key = f"dejabug:slack:{hashlib.sha256(signature.encode()).hexdigest()}"
            if not keep_briefly(services.redis, key, "1", REMEMBERED, new=True):
                log.info("slack_replay")
                return BoltResponse(status=200, body="")
        return next()

    @bolt.command("/dejabug")
    def command(args: Args) -> None:
        text = str(args.body.get("text") or "").strip()
        if text.lower() in ("", "help"):
            later("command", args, lambda: blocks.plain(blocks.HELP))
        else:
            later("command", args, lambda: answering.answer_text(_user(services, args), text))

    @bolt.action(blocks.NEXT)
    def following(args: Args) -> None:
        value = str(args.body["actions"][0]["value"])
        later("next", args, lambda: answering.answer_next(_user(services, args), value))

    @bolt.action(blocks.SHARE)
    def share(args: Args) -> None:
        value = str(args.body["actions"][0]["value"])
        later("share", args, lambda: answering.answer_share(_user(services, args), value))

    @bolt.shortcut({"callback_id": SHORTCUT, "type": "message_action"})
    def similar(args: Args) -> None:
        attached = list((args.body.get("message") or {}).get("files") or ())
        later("clip", args, lambda: answering.answer_clip(_user(services, args), attached))

    @bolt.error
    def failed(error: Exception, respond: Respond) -> BoltResponse:
        """What goes wrong before a question is in hand."""
        _tell(respond, error)
        return BoltResponse(status=200, body="")


def _answer(respond: Respond, answer: Callable[[], Message]) -> None:
    try:
        _send(respond, answer())
    except Exception as error:  # noqa: BLE001 (nobody above this thread would tell of it)
        _tell(respond, error)


def _tell(respond: Respond, error: Exception) -> None:
    """Every error ends in a clear answer to one person, and in one line of the log."""
    text = _explained(error)
    if text is None:
        log.error("slack_failed", why=type(error).__name__)
    else:
        log.info("slack_not_answered", why=type(error).__name__)
    if respond.response_url:
        _send(respond, blocks.plain(text or f"That went wrong here. {AWAY}"))


def _user(services: Services, args: Args) -> SlackUser:
    """Who is asking, within their rate. Raises TooManyError."""
    begin_trace()
    user, home = str(args.context.user_id), args.context.authorize_result
    wait = rate_limit.take(
        services.redis, f"slack:{user}", services.settings.api_requests_per_minute
    )
    if wait:
        RATE_REFUSALS.labels("slack").inc()
        raise TooManyError(f"Slow down, please: ask again in {math.ceil(wait)} s.")
    assert home is not None  # Bolt lets no other call in
    return SlackUser(services, args.client, home, user)


def _explained(error: Exception) -> str | None:
    """What a person can do about an error; None for one that nobody thought of."""
    if isinstance(error, TooManyError | NoJiraAccountError):
        return str(error)
    if isinstance(error, NoFileError):
        return f"Not searched: {error}"
    if isinstance(error, TooManyUploadsError):
        return f"Not searched: {error}; please try again in a minute."
    if isinstance(error, HiddenIssueError):
        return "That ticket is not known here, or not yours to see."
    if isinstance(error, NoSuchPageError):
        return "These results are over: they are kept for five minutes. Please ask again."
    away = (
        JiraError,
        SearchFailedError,
        IndexUnavailableError,
        StoreAwayError,
        redis.RedisError,
        SlackApiError,
    )
    return AWAY if isinstance(error, away) else None


def _send(respond: Respond, message: Message) -> None:
    """Answer; in words only when Slack cannot take the pictures (`invalid_blocks`)."""
    answer = respond(message)
    if answer.status_code != 200 and blocks.has_pictures(message):
        log.info("slack_without_pictures", status=answer.status_code)
        answer = respond(blocks.without_pictures(message))
    if answer.status_code != 200:
        log.warning("slack_refused_answer", status=answer.status_code, says=answer.body[:60])
