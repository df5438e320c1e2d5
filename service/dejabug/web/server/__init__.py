"""The web server: waitress, with deadlines for whole requests and threads kept for webhooks.

waitress receives heads and bodies in one loop and gives a request to a thread only when it is
complete, so a slow client costs a socket and no thread. What is added here:

- `request.py`: a request is refused by its head where its body need not be read (too long, not
  signed, no token), and has a deadline for all of it.
- `threads.py`: webhooks and health checks have threads of their own.
- `listener.py`: enforces the deadlines, and on SIGTERM finishes what has begun.
"""

from __future__ import annotations

import logging
import signal
import tempfile
from typing import Any

from flask import Flask

from dejabug.services import Services
from dejabug.web.server.listener import Listener, adjustments
from dejabug.web.server.request import Bodies
from dejabug.web.server.threads import Threads

__all__ = ["make_listener", "run"]


def make_listener(app: Flask, host: str, port: int, threads: int) -> Listener:
    """The app on an address, not yet running; port 0 takes a free one. Raises OSError when the
    address is taken or isn't this machine's."""
    # Searches wait in the queue under load; a line for each would fill the log.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    bodies = Bodies(app)
    return Listener(app.wsgi_app, adjustments(host, port), bodies, Threads(threads))


def run(app: Flask, host: str, port: int, threads: int) -> None:
    """Serve the app until SIGTERM or SIGINT, then finish the requests that have begun."""
    _keep_bodies_on_disk(app.extensions["dejabug"])
    listener = make_listener(app, host, port, threads)

    def stop(*_: Any) -> None:
        listener.stop()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    listener.serve()


def _keep_bodies_on_disk(services: Services) -> None:
    """Put long bodies on the disk of the uploads that they become: `/tmp` is often small.
    With an object store, `TMPDIR` names the folder, as for the uploads."""
    if services.media.objects is None:
        folder = services.settings.data_dir
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.tempdir = str(folder)
