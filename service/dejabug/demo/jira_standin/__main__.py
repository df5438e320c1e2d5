"""Run a Jira on this machine to try Déjà Bug with: tickets with gameplay clips, webhooks, REST API.

It answers like Jira Cloud as far as Déjà Bug uses it. Everything is kept in --data, so the tickets
and the accounts' tokens are the same after a restart.
"""

from __future__ import annotations

import argparse
import gc
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from werkzeug.serving import WSGIRequestHandler, make_server

from dejabug.demo.jira_standin.app import create_app
from dejabug.demo.jira_standin.forge import Forge
from dejabug.demo.jira_standin.store import User
from dejabug.demo.ports import is_free

PORT = 8766
# The projects of --tickets few. The clip for a new ticket has a duplicate in the first one.
FEW = ("SUPER", "CRAFT")
EXAMPLES = """
example:
  %(prog)s                       a Jira at http://127.0.0.1:8766 with 45 tickets
  %(prog)s --tickets none        an empty one
  %(prog)s --port 9000 --data ~/jira

environment:
  STANDIN_TOKEN   the accounts' tokens are this text with -bot, -tester or -admin appended
                  (default: a random one, kept in the data folder)
"""


class Quiet(WSGIRequestHandler):
    """Leaves the terminal to what a person must read."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print nothing for a request."""


def main() -> None:
    """Serve until ended. The address is written to `--port-file` and to standard output."""
    options = _parser().parse_args()
    if options.port and not is_free(options.port):
        sys.exit(f"Port {options.port} is in use. Choose another with --port, or 0 for a free one.")
    given = os.environ.get("STANDIN_TOKEN")
    token = given or _kept_token(options.data)
    app = create_app(
        options.data,
        accounts(token),
        app_of_ours=Forge(options.plugin, options.remote),
        client_secret=f"{token}-oidc",
    )
    # A snapshot's tickets stay: Python need not search them for garbage while somebody waits.
    gc.freeze()
    handler = WSGIRequestHandler if options.verbose else Quiet
    server = make_server("127.0.0.1", options.port, app, threaded=True, request_handler=handler)
    address = f"http://127.0.0.1:{server.port}"
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        clip = _file_tickets(options.tickets, address, token)
        if options.port_file:
            fresh = options.port_file.with_name(options.port_file.name + ".new")
            fresh.write_text(address, "utf-8")
            fresh.replace(options.port_file)
        print(f"Stand-in Jira at {address}  (tickets are kept in {options.data})", flush=True)
        if not given:  # a secret that somebody else made is not printed: it would be in a log
            print(_described(address, token, clip), flush=True)
        serving.join()
    except KeyboardInterrupt:
        print("Stopped. The tickets are kept.")
    finally:
        server.shutdown()
        server.server_close()
        app.extensions["store"].save()


def accounts(token: str) -> list[User]:
    """The site's people. Déjà Bug's own account administers Jira, so that it may register its
    webhook and ask what others may see."""
    return [
        User("bot", "Déjà Bug", "bot@studio.example", f"{token}-bot", admin=True),
        User("tester", "Tess Tester", "tess@studio.example", f"{token}-tester"),
        User(
            "admin",
            "Ada Admin",
            "ada@studio.example",
            f"{token}-admin",
            ["Secret", "Staff"],
            admin=True,
        ),
    ]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dejabug.demo.jira_standin",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    folder = Path(".state/jira")
    add: Callable[..., object] = parser.add_argument
    add("--data", type=Path, default=folder, help=f"folder for tickets and files ({folder})")
    add("--port", type=int, default=PORT, help=f"port on 127.0.0.1; 0 picks a free one ({PORT})")
    add(
        "--tickets",
        choices=("none", "few", "all"),
        default="few",
        help="tickets to file when the folder has none: 45 of two games, or all 156 (few)",
    )
    add("--verbose", action="store_true", help="print every request")
    add("--port-file", type=Path, help="write the address to this file when ready")
    add("--plugin", type=Path, help="folder of the Jira app (plugin/), to show its built panel")
    add("--remote", default="", help="address of the Déjà Bug service behind the panel")
    return parser


def _kept_token(folder: Path) -> str:
    """The token of this folder, made the first time; only its owner can read the file."""
    path = folder / "token"
    if path.exists():
        return path.read_text("utf-8").strip()
    folder.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(16)
    path.touch(mode=0o600)
    path.write_text(token, "utf-8")
    return token


def _file_tickets(which: str, address: str, token: str) -> Path | None:
    """File the demo's tickets where there are none yet. A clip for a new ticket, if they are there:
    it shows a bug that one of them shows, too."""
    if which == "none":
        return None
    # Only here does the stand-in know the demo around it.
    from dejabug.demo.studio import Studio, split

    data = split(None, None)
    keys = data.project_keys()
    if which == "few":
        data = data.of_projects(FEW)
    studio = Studio(address, token)
    if not studio.has_tickets():
        for _ in studio.import_history(data, keys):
            pass
    return data.folder / data.held_back.file


def _described(address: str, token: str, clip: Path | None) -> str:
    """What to do with it, for a person."""
    lines = [
        "Press Ctrl-C to stop it.",
        "",
        "Settings for Déjà Bug:",
        f"  DEJABUG_JIRA_URL={address}",
        "  DEJABUG_JIRA_USER=bot@studio.example",
        f"  DEJABUG_JIRA_TOKEN={token}-bot",
        "  DEJABUG_ENCODER=starter    # only without access to the model hub",
        "",
        "Let people sign in to Déjà Bug's pages with this Jira (optional):",
        f"  DEJABUG_OIDC_ISSUER={address}",
        "  DEJABUG_OIDC_CLIENT_ID=dejabug",
        f"  DEJABUG_OIDC_CLIENT_SECRET={token}-oidc",
    ]
    if clip is not None:
        lines += ["", "Later, file a ticket with this clip; its bug was filed before:"]
        lines += [f"  {address}/create?project=SUPER", f"  {clip}"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
