"""Progress of an upload as server-sent events (HTML Standard, 9.2)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import redis
import structlog

from dejabug.search.uploads import ENDED
from dejabug.services import Services

log = structlog.get_logger()

# Seconds between two checks, between keep-alive comments, and of one stream: browsers reconnect.
LOOK = 0.2
SIGN_OF_LIFE = 5.0
LONGEST = 60.0
# A stream occupies a thread of the web process; the others stay free for webhooks and searches.
# Acquired before a stream, and released when its answer is closed, even if it never started (HEAD).
STREAMS = threading.BoundedSemaphore(3)


def events(services: Services, upload_id: str, caller: str) -> Iterator[str]:
    """An event `progress` at each change, and an event `end` with the last state. If Redis fails
    meanwhile, the stream ends: the browser reconnects and gets the error then."""
    try:
        yield from _events(services, upload_id, caller)
    except redis.RedisError as error:
        log.warning("stream_ended", upload=upload_id, why=type(error).__name__)


def _events(services: Services, upload_id: str, caller: str) -> Iterator[str]:
    yield "retry: 1000\n\n"
    begun = told = time.monotonic()
    before = ""
    while time.monotonic() - begun < LONGEST:
        upload = services.clip_uploads.look(upload_id, caller)
        if upload is None:
            return
        if upload.state != before:
            before, told = upload.state, time.monotonic()
            said = json.dumps({"state": upload.state, "reason": upload.reason or None})
            yield f"event: {'end' if upload.state in ENDED else 'progress'}\ndata: {said}\n\n"
        if upload.state in ENDED:
            return
        if time.monotonic() - told > SIGN_OF_LIFE:
            told = time.monotonic()
            yield ": still working\n\n"
        time.sleep(LOOK)
