"""Start the stand-in: `python -m dejabug.demo.jira_standin --data DIR`."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path

from werkzeug.serving import make_server

from dejabug.demo.jira_standin.app import create_app
from dejabug.demo.jira_standin.forge import Forge
from dejabug.demo.jira_standin.store import User


def main() -> None:
    """Serve until ended; the address is written to `--port-file` and to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder for tickets and files")
    parser.add_argument("--port", type=int, default=0, help="port of the loopback; 0 picks one")
    parser.add_argument("--port-file", type=Path, help="the address is written here when ready")
    parser.add_argument("--plugin", type=Path, help="folder of our Jira app, with its panel built")
    parser.add_argument("--remote", default="", help="address of the service behind the panel")
    options = parser.parse_args()
    token = os.environ.get("STANDIN_TOKEN")
    if not token:
        sys.exit("STANDIN_TOKEN must hold the token that the stand-in's accounts share")
    users = [
        User("bot", "Déjà Bug", "bot@studio.example", f"{token}-bot"),
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
    app = create_app(options.data, users, app_of_ours=Forge(options.plugin, options.remote))
    # A snapshot's tickets stay, and nobody is to wait while Python looks through them for garbage.
    gc.freeze()
    server = make_server("127.0.0.1", options.port, app, threaded=True)
    address = f"http://127.0.0.1:{server.port}"
    if options.port_file:
        fresh = options.port_file.with_name(options.port_file.name + ".new")
        fresh.write_text(address, "utf-8")
        fresh.replace(options.port_file)
    print(f"Stand-in Jira at {address}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
