"""Connect Jira to this service and test the connection: `jira install`, `jira check`."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import requests
import typer
from rich.markup import escape

from dejabug.cli.common import (
    JIRA,
    app,
    complaints,
    console,
    counted,
    fail,
    open_services,
    plain_errors,
)
from dejabug.cli.doctor import Check
from dejabug.infra.errors import UserError
from dejabug.jira.accounts import OWN_ACCOUNT
from dejabug.jira.errors import HooksClosedError, JiraError, JiraRefusedError
from dejabug.jira.webhook_registration import PATH, Hook, Hooks, Request, by_hand
from dejabug.records.webhook_keys import REFUSALS, echo_key
from dejabug.services import Services

# Shown in place of the secret.
MASK = "(the value of DEJABUG_WEBHOOK_SECRET)"
# The comment that tests whether its event arrives. It is deleted right away.
PASSING = "Déjà Bug is testing its webhook. It will delete this comment in a moment."
# Seconds between checks for the event, and that the web service may take to answer.
POLL = 0.1
WEB_TIMEOUT = 5
INSTALL = "Register it with: dejabug jira install"

jira_app = typer.Typer(
    help="Register the webhook in Jira, and test it.",
    no_args_is_help=True,
)
app.add_typer(jira_app, name="jira", rich_help_panel=JIRA)


@jira_app.command()
@plain_errors
def install(
    url: Annotated[
        str | None,
        typer.Option(
            help="Address at which Jira reaches this service, e.g. "
            "`https://dejabug.studio.example`. Default: DEJABUG_PUBLIC_URL."
        ),
    ] = None,
    jql: Annotated[
        str | None, typer.Option(help="Send only events of issues that match this JQL.")
    ] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="Send the webhook again, e.g. after the secret changed."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the request without sending it.")
    ] = False,
) -> None:
    """Register the webhook in Jira, or fix the existing one.

    DEJABUG_JIRA_USER's account needs the permission *Administer Jira*. If Jira doesn't allow it,
    this prints the steps to do by hand.

    Examples:

    `dejabug jira install --url https://dejabug.studio.example`

    `dejabug jira install --jql "project in (GAME, RACE)" --dry-run`
    """
    services = open_services()
    secret = services.settings.webhook_secret.get_secret_value()
    if not secret:
        fail(
            "DEJABUG_WEBHOOK_SECRET is not set. Set it to 32 or more random characters, for "
            "example the output of: openssl rand -hex 32"
        )
    wanted = Hook(_address(url or services.settings.public_url), jql=jql or "")
    services.jira.myself()  # report a wrong token as such, not as a missing permission
    hooks = Hooks(services.jira)
    try:
        _install(hooks, wanted, jql, secret, update=update, dry_run=dry_run)
    except HooksClosedError as error:
        _tell_by_hand(hooks, wanted, str(error))
    except JiraRefusedError as error:
        if error.status not in (401, 403):
            raise
        _tell_by_hand(
            hooks, wanted, "Déjà Bug's Jira account doesn't have the permission Administer Jira"
        )


@jira_app.command()
@plain_errors
def check(
    issue: Annotated[
        str,
        typer.Option(
            help="Issue to comment on for a moment. Choose one that nobody watches: watchers may "
            "get an email."
        ),
    ],
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds to wait for the comment's event.")
    ] = 60.0,
) -> None:
    """Test that Jira's events arrive, with a short-lived comment.

    Writes a comment on an issue, waits for its event, and deletes the comment. Exits with status 1
    when a check fails.

    Example:

    `dejabug jira check --issue GAME-1`
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
        wanted = there.fixed(jql)
        faults = there.faults() + (["its JQL filter differs"] if wanted.jql != there.jql else [])
        if not faults and not update:
            console.print(
                f"Already registered, nothing to fix: {there.name} at {there.url}. Jira doesn't "
                "show a webhook's secret; to send the secret again, use --update.",
                soft_wrap=True,
            )
            _tell_proof()
            return
        done = f"Updated: {there.name} at {there.url} ({'; '.join(faults) or 'sent again'})"
    if dry_run:
        _show(hooks.request(wanted, MASK))
        return
    hooks.put(wanted, secret)
    console.print(escape(done), soft_wrap=True)
    if not hooks.site.cloud:
        console.print(
            "Atlassian doesn't document how to send a webhook's secret to Data Center over REST. "
            "If the check reports rejected signatures, enter the secret by hand: Administration → "
            "System → WebHooks → Secret.",
            style="yellow",
            soft_wrap=True,
        )
    _tell_proof()


def _address(base: str) -> str:
    """The webhook's URL from the service's. Raises UserError for an invalid URL."""
    try:
        parts = urlsplit(base.strip())
    except ValueError:  # a broken IPv6 address
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(
            "specify the address at which Jira reaches this service, for example: "
            "--url https://dejabug.studio.example"
        )
    whole = base.strip().rstrip("/")
    return whole if whole.endswith(PATH) else whole + PATH


def _show(request: Request) -> None:
    console.print(f"{request.method} /{request.path}", markup=False, highlight=False)
    typer.echo(json.dumps(request.body, indent=2, ensure_ascii=False))


def _tell_by_hand(hooks: Hooks, wanted: Hook, why: str) -> None:
    complaints.print(
        f"[red]dejabug:[/] {escape(why)}. Registering a webhook needs the permission Administer "
        "Jira and a token without scopes. Ask a Jira administrator to do this by hand:",
        soft_wrap=True,
        highlight=False,
    )
    for number, line in enumerate(by_hand(hooks.site.cloud, wanted), start=1):
        console.print(f"  {number}. {line}", markup=False, highlight=False, soft_wrap=True)
    _tell_proof()
    raise typer.Exit(1)


def _tell_proof() -> None:
    console.print("Test it with: dejabug jira check --issue KEY", highlight=False)


# Checking


def _examine(services: Services, issue_key: str, timeout: float) -> Iterator[Check]:
    """All steps in order; later steps use the results of earlier ones."""
    try:
        account, server = services.jira.myself(), services.jira.server()
    except JiraError as error:
        yield Check("account", False, str(error), "See: dejabug doctor")
        return
    # The web service recognises our own events by this, even before a worker has started.
    services.redis.set(OWN_ACCOUNT, account)
    yield Check("account", True, f"{account} at {server}")
    hook = _registered(services)
    yield hook
    trip = yield from _round_trip(services, issue_key, timeout, hook)
    # If events arrive, it doesn't matter whether the service can be reached from this machine.
    if not trip.well and services.settings.public_url:
        yield _web_service(services.settings.public_url)


def _our_hooks(services: Services) -> list[Hook]:
    """The webhooks that point to us; if DEJABUG_PUBLIC_URL is set, only those that point to it."""
    hooks = [hook for hook in Hooks(services.jira).all() if hook.is_ours]
    public = services.settings.public_url
    return [hook for hook in hooks if not public or hook.url.startswith(f"{public}/")]


def _registered(services: Services) -> Check:
    what = "webhook"
    try:
        hooks = _our_hooks(services)
    except (HooksClosedError, JiraRefusedError):
        says = "not checked: our Jira account doesn't have the permission Administer Jira"
        return Check(what, True, says)
    except JiraError as error:
        return Check(what, False, str(error), "Try again when Jira is available.")
    if not hooks:
        where = services.settings.public_url or "…"
        return Check(what, False, f"no webhook points to {where}{PATH}", INSTALL)
    faults = [f"{hook.url}: {fault}" for hook in hooks for fault in hook.faults()]
    if faults:
        return Check(what, False, "; ".join(faults), "Fix it with: dejabug jira install")
    told = (f"{hook.url}, for {hook.jql}" if hook.jql else hook.url for hook in hooks)
    return Check(what, True, "; ".join(told))


def _web_service(base: str) -> Check:
    """Whether the web service answers at its public address."""
    try:
        answer = requests.get(f"{base}/healthz", timeout=WEB_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        says = f"{base} can't be reached from this machine: {type(error).__name__}"
    else:
        if answer.ok:
            return Check("web service", True, f"{base} answers")
        says = f"{base}/healthz answers with status {answer.status_code}"
    remedy = "Start it with `dejabug serve`, and check the proxy in front of it."
    return Check("web service", False, says, remedy)


def _round_trip(
    services: Services, issue_key: str, timeout: float, hook: Check
) -> Generator[Check, None, Check]:
    """Write a comment, wait for its event, always delete the comment. Returns the check of the
    event, which is also yielded."""
    refused = _refusals(services)
    try:
        issue_id = services.jira.issue(issue_key).id
        started = time.monotonic()
        comment = services.jira.create_passing_comment(issue_id, PASSING)
    except JiraError as error:
        remedy = "Allow Déjà Bug's Jira account to see this issue and to comment on it."
        trip = Check("round trip", False, str(error), remedy)
        yield trip
        return trip
    try:
        seconds = _seen_after(services, comment, started, timeout)
    finally:
        left = _delete(services, issue_id, comment)
    if seconds is None:
        says = f"the test comment's event did not arrive within {timeout:.0f} s"
        trip = Check("round trip", False, says, _remedy(_refusals(services) - refused, hook))
    else:
        trip = Check("round trip", True, f"{seconds * 1000:.0f} ms from the comment to its event")
    yield trip
    yield left
    return trip


def _seen_after(services: Services, comment: str, started: float, timeout: float) -> float | None:
    """Seconds until the web service received our comment's event; None if it did not."""
    while (passed := time.monotonic() - started) < timeout:
        if services.redis.exists(echo_key(comment)):
            return passed
        time.sleep(POLL)
    return None


def _delete(services: Services, issue_id: str, comment: str) -> Check:
    try:
        services.jira.delete_comment(issue_id, comment)
    except JiraError as error:
        remedy = (
            f"Delete the comment {comment} by hand, or give Déjà Bug's Jira account the permission "
            "Delete own comments."
        )
        return Check("comment", False, str(error), remedy)
    return Check("comment", True, "deleted")


def _refusals(services: Services) -> int:
    return int(services.redis.get(REFUSALS) or 0)


def _remedy(refused: int, hook: Check) -> str:
    if refused:
        return (
            f"{counted(refused, 'event')} arrived with a wrong signature. Send the secret to Jira "
            "again (dejabug jira install --update), or enter the value of DEJABUG_WEBHOOK_SECRET "
            "as the webhook's Secret in Jira. Restart the web service if you changed the setting."
        )
    if not hook.well:
        return f"Fix the webhook first (see above). {hook.remedy}"
    return (
        "Check that the webhook's URL is right and that Jira can reach it (firewall, certificate), "
        "that the web service runs (dejabug serve) with the same DEJABUG_REDIS_URL, and that the "
        "webhook's JQL matches this issue. Jira lists failed deliveries under System → WebHooks."
    )
