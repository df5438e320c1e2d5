"""Connecting Jira to this service, and proving it: `jira install`, `jira check`."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import requests
import typer
from rich.markup import escape

from dejabug.cli.common import app, complaints, console, fail, open_services, plain_errors
from dejabug.cli.doctor import Check
from dejabug.infra.errors import UserError
from dejabug.jira.accounts import OWN_ACCOUNT
from dejabug.jira.errors import HooksClosedError, JiraError, JiraRefusedError
from dejabug.jira.webhook_registration import PATH, Hook, Hooks, Request, by_hand
from dejabug.records.webhook_keys import REFUSALS, echo_key
from dejabug.services import Services

# What stands in for the secret wherever something is shown.
MASK = "(the value of DEJABUG_WEBHOOK_SECRET)"
# The comment that is written to see whether its event arrives. Nobody is meant to read it.
PASSING = "Déjà Bug is checking its webhook; this comment goes away by itself."
# Seconds between two looks for the event, and that the web service may take to answer from here.
POLL = 0.1
WEB_TIMEOUT = 5
INSTALL = "Register it with: dejabug jira install"

jira_app = typer.Typer(
    help="Connect Jira: register the webhook, and prove that its events arrive.",
    no_args_is_help=True,
)
app.add_typer(jira_app, name="jira")


@jira_app.command()
@plain_errors
def install(
    url: Annotated[
        str | None,
        typer.Option(
            help="Where Jira reaches this service, e.g. `https://dejabug.studio.example`; "
            "DEJABUG_PUBLIC_URL when not given."
        ),
    ] = None,
    jql: Annotated[
        str | None, typer.Option(help="Only events of issues that this JQL finds.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Send it again, e.g. for a changed secret.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the request, without the secret.")
    ] = False,
) -> None:
    """Register Jira's webhook to this service, or put the one that is there right.

    The account needs *Administer Jira*. Where Jira does not let it, this tells what to click.
    """
    services = open_services()
    secret = services.settings.webhook_secret.get_secret_value()
    if not secret:
        fail(
            "set DEJABUG_WEBHOOK_SECRET first, to 32 or more random characters: "
            "openssl rand -hex 32"
        )
    wanted = Hook(_address(url or services.settings.public_url), jql=jql or "")
    services.jira.myself()  # a wrong token is told as such, not as a missing permission
    hooks = Hooks(services.jira)
    try:
        _install(hooks, wanted, jql, secret, update=update, dry_run=dry_run)
    except HooksClosedError as error:
        _tell_by_hand(hooks, wanted, str(error))
    except JiraRefusedError as error:
        if error.status not in (401, 403):
            raise
        _tell_by_hand(hooks, wanted, "our account does not administer this Jira")


@jira_app.command()
@plain_errors
def check(
    issue: Annotated[
        str, typer.Option(help="An issue to comment on for a moment; best one nobody watches.")
    ],
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds to wait for the comment's event.")
    ] = 60.0,
) -> None:
    """Prove that Jira's events arrive: write a comment, wait until it is told of, and delete it.

    Ends with status 0 when all is well. Watchers of the issue may get an e-mail.
    """
    ill = 0
    for found in _examine(open_services(), issue, timeout):
        ill += not found.well
        mark = "[green]✓[/]" if found.well else "[red]✗[/]"
        console.print(f"{mark} [bold]{found.what}[/]  {escape(found.says)}", soft_wrap=True)
        if not found.well:
            console.print(f"    {escape(found.remedy)}", style="yellow", soft_wrap=True)
    if ill:
        raise typer.Exit(1)


# Installing


def _install(
    hooks: Hooks, wanted: Hook, jql: str | None, secret: str, *, update: bool, dry_run: bool
) -> None:
    there = next((hook for hook in hooks.all() if hook.url.rstrip("/") == wanted.url), None)
    if there is None:
        done = f"Registered: {wanted.name} at {wanted.url}"
    else:
        wanted = there.mended(jql)
        faults = there.faults() + (["its filter is another one"] if wanted.jql != there.jql else [])
        if not faults and not update:
            console.print(
                f"It is there already, and right: {there.name} at {there.url}. Jira does not tell "
                "its secret; --update sends ours again.",
                soft_wrap=True,
            )
            _tell_proof()
            return
        done = f"Put right: {there.name} at {there.url} ({'; '.join(faults) or 'sent again'})"
    if dry_run:
        _show(hooks.request(wanted, MASK))
        return
    hooks.put(wanted, secret)
    console.print(escape(done), soft_wrap=True)
    if not hooks.site.cloud:
        console.print(
            "Data Center's pages do not say how a secret is sent over REST. If the check tells of "
            "refused signatures, enter it by hand: Administration → System → WebHooks → Secret.",
            style="yellow",
            soft_wrap=True,
        )
    _tell_proof()


def _address(base: str) -> str:
    """The webhook's URL from the service's. Raises UserError for what is none."""
    try:
        parts = urlsplit(base.strip())
    except ValueError:  # a broken IPv6 address
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError("say where Jira reaches this service: --url https://dejabug.studio.example")
    whole = base.strip().rstrip("/")
    return whole if whole.endswith(PATH) else whole + PATH


def _show(request: Request) -> None:
    console.print(f"{request.method} /{request.path}", markup=False, highlight=False)
    typer.echo(json.dumps(request.body, indent=2, ensure_ascii=False))


def _tell_by_hand(hooks: Hooks, wanted: Hook, why: str) -> None:
    complaints.print(
        f"[red]dejabug:[/] {escape(why)}. It takes the permission Administer Jira, and no scoped "
        "token. An administrator does it by hand:",
        soft_wrap=True,
        highlight=False,
    )
    for number, line in enumerate(by_hand(hooks.site.cloud, wanted), start=1):
        console.print(f"  {number}. {line}", markup=False, highlight=False, soft_wrap=True)
    _tell_proof()
    raise typer.Exit(1)


def _tell_proof() -> None:
    console.print("Prove it with: dejabug jira check --issue KEY", highlight=False)


# Checking


def _examine(services: Services, issue_key: str, timeout: float) -> Iterator[Check]:
    """All steps, one after another; the later ones use what the earlier ones found."""
    try:
        account, server = services.jira.myself(), services.jira.server()
    except JiraError as error:
        yield Check("account", False, str(error), "See: dejabug doctor")
        return
    # The web service knows our own events by this, also before any worker has started.
    services.redis.set(OWN_ACCOUNT, account)
    yield Check("account", True, f"{account} at {server}")
    hook = _registered(services)
    yield hook
    trip = yield from _round_trip(services, issue_key, timeout, hook)
    # Where events arrive, it matters to nobody whether the service can be reached from here.
    if not trip.well and services.settings.public_url:
        yield _web_service(services.settings.public_url)


def _our_hooks(services: Services) -> list[Hook]:
    """The webhooks that lead to us; where our own address is set, those that lead exactly there."""
    hooks = [hook for hook in Hooks(services.jira).all() if hook.is_ours]
    public = services.settings.public_url
    return [hook for hook in hooks if not public or hook.url.startswith(f"{public}/")]


def _registered(services: Services) -> Check:
    what = "webhook"
    try:
        hooks = _our_hooks(services)
    except (HooksClosedError, JiraRefusedError):
        says = "not looked at, since our account does not administer Jira"
        return Check(what, True, says)
    except JiraError as error:
        return Check(what, False, str(error), "Try again when Jira is well.")
    if not hooks:
        where = services.settings.public_url or "…"
        return Check(what, False, f"none leads to {where}{PATH}", INSTALL)
    faults = [f"{hook.url}: {fault}" for hook in hooks for fault in hook.faults()]
    if faults:
        return Check(what, False, "; ".join(faults), "Put it right with: dejabug jira install")
    told = (f"{hook.url}, for {hook.jql}" if hook.jql else hook.url for hook in hooks)
    return Check(what, True, "; ".join(told))


def _web_service(base: str) -> Check:
    """Whether the web service answers at its public address."""
    try:
        answer = requests.get(f"{base}/healthz", timeout=WEB_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        says = f"{base} does not answer from here: {type(error).__name__}"
    else:
        if answer.ok:
            return Check("web service", True, f"{base} answers")
        says = f"{base}/healthz answers {answer.status_code}"
    return Check("web service", False, says, "Start it (dejabug serve), and see what is before it.")


def _round_trip(
    services: Services, issue_key: str, timeout: float, hook: Check
) -> Generator[Check, None, Check]:
    """Write a comment, wait for its event, delete it in any case; gives what became of the event
    once more."""
    refused = _refusals(services)
    try:
        issue_id = services.jira.issue(issue_key).id
        started = time.monotonic()
        comment = services.jira.create_passing_comment(issue_id, PASSING)
    except JiraError as error:
        remedy = "Our account must see this issue, and be allowed to comment on it."
        trip = Check("round trip", False, str(error), remedy)
        yield trip
        return trip
    try:
        seconds = _seen_after(services, comment, started, timeout)
    finally:
        left = _delete(services, issue_id, comment)
    if seconds is None:
        says = f"no event of our comment within {timeout:.0f} s"
        trip = Check("round trip", False, says, _remedy(_refusals(services) - refused, hook))
    else:
        trip = Check("round trip", True, f"{seconds * 1000:.0f} ms from our comment to its event")
    yield trip
    yield left
    return trip


def _seen_after(services: Services, comment: str, started: float, timeout: float) -> float | None:
    """Seconds until the web service was told of our comment; None when it was not."""
    while (passed := time.monotonic() - started) < timeout:
        if services.redis.exists(echo_key(comment)):
            return passed
        time.sleep(POLL)
    return None


def _delete(services: Services, issue_id: str, comment: str) -> Check:
    try:
        services.jira.delete_comment(issue_id, comment)
    except JiraError as error:
        remedy = f"Delete our comment {comment} by hand, or allow our account to delete its own."
        return Check("comment", False, str(error), remedy)
    return Check("comment", True, "deleted again")


def _refusals(services: Services) -> int:
    return int(services.redis.get(REFUSALS) or 0)


def _remedy(refused: int, hook: Check) -> str:
    if refused:
        return (
            f"{refused} events were refused meanwhile, since they were not signed with our secret. "
            "Send it again (dejabug jira install --update), or enter DEJABUG_WEBHOOK_SECRET as the "
            "webhook's Secret in Jira; a web service that runs has the secret of its start."
        )
    if not hook.well:
        return f"See the webhook above. {hook.remedy}"
    return (
        "Is the webhook's URL right, and does Jira reach it (firewall, certificate)? Does the web "
        "service run (dejabug serve), with this DEJABUG_REDIS_URL? Does the webhook's JQL let this "
        "issue through? Jira's System → WebHooks page tells of failures."
    )
