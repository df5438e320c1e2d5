"""The service's processes, and the commands that check them."""

from __future__ import annotations

import socket
from typing import Annotated

import redis
import typer
from rich.markup import escape
from rich.table import Table

from dejabug.cli.common import (
    ADMINISTRATION,
    RUN_THE_SERVICE,
    app,
    complaints,
    console,
    fail,
    open_services,
    plain_errors,
    product,
)
from dejabug.cli.doctor import examine
from dejabug.infra.job_queue import QUEUES
from dejabug.settings import Settings
from dejabug.worker.health import NoPulseError, feel_pulse


@app.command(rich_help_panel=RUN_THE_SERVICE)
@plain_errors
def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on. Use `0.0.0.0` in a container.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    threads: Annotated[int, typer.Option(min=1, help="Requests handled in parallel.")] = 16,
) -> None:
    """Start the web service: webhooks, pages, API, Jira panel.

    It needs Redis, and a proxy for TLS in front of it. It never loads the model; start workers for
    that. SIGTERM lets running requests finish.

    Example:

    `dejabug serve --host 0.0.0.0 --port 8080`
    """
    from dejabug.web import create_app
    from dejabug.web.server import run

    try:
        run(create_app(), host, port, threads)
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror}. Choose another --host or --port.")


@app.command(rich_help_panel=RUN_THE_SERVICE)
@plain_errors
def worker(
    queues: Annotated[
        list[str] | None,
        typer.Argument(
            help=f"Queues to work on, most urgent first: {', '.join(QUEUES)}. Default: all."
        ),
    ] = None,
    burst: Annotated[bool, typer.Option(help="Stop when the queues are empty.")] = False,
) -> None:
    """Start a worker: it indexes clips and answers searches.

    It also writes the comments in Jira and does maintenance. The queues `clips` and `search` need
    the model, which is loaded once. Run one such worker per GPU, and one worker without a model for
    `default` and `previews`.

    Examples:

    `dejabug worker`

    `dejabug worker search clips`

    `dejabug worker default previews`
    """
    from dejabug.worker.main import run_worker

    names = queues or ["search", "default", "previews", "clips"]
    if unknown := sorted(set(names) - set(QUEUES)):
        fail(f"unknown queue: {', '.join(unknown)}. Queues: {', '.join(QUEUES)}")
    open_services(service=True)
    run_worker(names, burst=burst)


@app.command(name="worker-health", rich_help_panel=RUN_THE_SERVICE)
@plain_errors
def worker_health() -> None:
    """Check this machine's worker, for a container's health check.

    Exits with status 1 when the worker should be restarted. Exits with 0 while Redis does not
    answer: the worker's state is unknown then, and a restart would only reload the model.
    """
    try:
        queues = feel_pulse(open_services().redis, socket.gethostname())
    except NoPulseError as error:
        fail(str(error))
    except redis.RedisError as error:
        complaints.print(f"Redis does not answer ({error}), so the worker's state is unknown.")
        return
    typer.echo(f"healthy, works on: {queues}")


@app.command(rich_help_panel=RUN_THE_SERVICE)
@plain_errors
def slack() -> None:
    """Start the Slack app in Socket Mode.

    Use this if Slack can't reach the web service. Needs DEJABUG_SLACK_BOT_TOKEN and
    DEJABUG_SLACK_APP_TOKEN.
    """
    from dejabug.slack import run_socket

    run_socket(open_services(service=True))


@app.command(rich_help_panel=RUN_THE_SERVICE)
@plain_errors
def doctor(
    model: Annotated[
        bool, typer.Option(help="Also load the model, which takes some seconds.")
    ] = True,
) -> None:
    """Check every part of the setup, and say how to fix problems.

    Checks Redis, ffmpeg, the model, Jira, sign-in, the index, the workers and more. Exits with
    status 1 when a check fails.

    Example:

    `dejabug doctor --no-model`
    """
    console.print(product(), highlight=False)
    ill = 0
    for check in examine(open_services(), model=model):
        mark = "[green]✓[/]" if check.well else "[red]✗[/]"
        console.print(f"{mark} [bold]{check.what}[/]  {escape(check.says)}", soft_wrap=True)
        if not check.well:
            ill += 1
            console.print(f"    {escape(check.remedy)}", style="yellow", soft_wrap=True)
    if ill:
        raise typer.Exit(1)


@app.command(name="settings", rich_help_panel=ADMINISTRATION)
@plain_errors
def show_settings(
    markdown: Annotated[
        bool,
        typer.Option(
            "--markdown", help="Print the page docs/reference/settings.md, with the defaults."
        ),
    ] = False,
) -> None:
    """List all settings with their values and descriptions.

    Every setting is an environment variable. Secrets are masked.

    Example:

    `DEJABUG_MAX_FRAMES=60 dejabug settings`
    """
    if markdown:
        typer.echo(_settings_page(), nl=False)
        return
    values = open_services().settings
    told = {"redis_url": values.redis_address}
    if values.index_redis_url:
        told["index_redis_url"] = values.index_redis_address
    table = Table("variable", "value", "what it does")
    for name, field in Settings.model_fields.items():
        value = told.get(name, getattr(values, name))
        table.add_row(f"DEJABUG_{name.upper()}", escape(str(value)), field.description)
    console.print(table)


def _settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "For people who install Déjà Bug: every setting is an environment variable. Sizes are in "
        "bytes and times in seconds unless the name says otherwise. `dejabug settings` shows the "
        "values in use.",
        "",
        "This page is generated by `dejabug settings --markdown`.",
        "",
        "| variable | default | what it does |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = getattr(field.default, "get_secret_value", lambda d=field.default: d)()
        shown = f"`{default}`" if default not in ("", None) else "none"
        about = (field.description or "").replace("|", "\\|")
        lines.append(f"| `DEJABUG_{name.upper()}` | {shown} | {about} |")
    return "\n".join(lines) + "\n"
