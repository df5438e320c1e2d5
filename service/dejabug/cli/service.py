"""The long-running processes, and looking after them."""

from __future__ import annotations

import socket
from typing import Annotated

import redis
import typer
from rich.markup import escape
from rich.table import Table

from dejabug.cli.common import app, complaints, console, fail, open_services, plain_errors
from dejabug.cli.doctor import examine
from dejabug.infra.job_queue import QUEUES
from dejabug.settings import Settings
from dejabug.worker.health import NoPulseError, feel_pulse


@app.command()
@plain_errors
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    threads: Annotated[int, typer.Option(min=1, help="Requests served at once.")] = 16,
) -> None:
    """Serve the webhooks, the API, the pages and the panel's answers.

    Behind a proxy that speaks TLS. SIGTERM lets the requests that have begun finish.
    """
    from dejabug.web import create_app
    from dejabug.web.server import run

    try:
        run(create_app(), host, port, threads)
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror}; choose another --host or --port")


@app.command()
@plain_errors
def worker(
    queues: Annotated[
        list[str] | None,
        typer.Argument(help=f"Queues in order of precedence, of: {', '.join(QUEUES)}."),
    ] = None,
    burst: Annotated[bool, typer.Option(help="Stop when the queues are empty.")] = False,
) -> None:
    """Work on queues in one long-lived process that keeps its model warm.

    One worker a GPU for `clips` and `search`; one without a model for `default` and `previews`.
    With no queue named, it works on all of them.
    """
    from dejabug.worker.main import run_worker

    names = queues or ["search", "default", "previews", "clips"]
    if unknown := sorted(set(names) - set(QUEUES)):
        fail(f"no such queue: {', '.join(unknown)}; there are: {', '.join(QUEUES)}")
    open_services(service=True)
    run_worker(names, burst=burst)


@app.command(name="worker-health")
@plain_errors
def worker_health() -> None:
    """Say whether this machine's worker is well: the health check of its container.

    Fails when it should be started again. While Redis is away nothing is known of it, and starting
    it again would only cost the loaded model.
    """
    try:
        queues = feel_pulse(open_services().redis, socket.gethostname())
    except NoPulseError as error:
        fail(str(error))
    except redis.RedisError as error:
        complaints.print(f"Redis does not answer ({error}); nothing is known of the worker.")
        return
    typer.echo(f"well, on {queues}")


@app.command()
@plain_errors
def slack() -> None:
    """Serve the Slack app by Socket Mode, where Slack cannot reach the web process."""
    from dejabug.slack import run_socket

    run_socket(open_services(service=True))


@app.command()
@plain_errors
def doctor(
    model: Annotated[bool, typer.Option(help="Also load the model (seconds).")] = True,
) -> None:
    """Look at every part (Redis, ffmpeg, model, Jira, …) and say what to do about what is wrong."""
    ill = 0
    for check in examine(open_services(), model=model):
        mark = "[green]✓[/]" if check.well else "[red]✗[/]"
        console.print(f"{mark} [bold]{check.what}[/]  {escape(check.says)}", soft_wrap=True)
        if not check.well:
            ill += 1
            console.print(f"    {escape(check.remedy)}", style="yellow", soft_wrap=True)
    if ill:
        raise typer.Exit(1)


@app.command(name="settings")
@plain_errors
def show_settings(
    markdown: Annotated[bool, typer.Option(help="The page docs/reference/settings.md.")] = False,
) -> None:
    """List every setting with its value here and what it does. Secrets are masked."""
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
        "Every setting is an environment variable. This page is made by "
        "`dejabug settings --markdown`. Sizes are bytes and times seconds unless a name says "
        "otherwise.",
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
