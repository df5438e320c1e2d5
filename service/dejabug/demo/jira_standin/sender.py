"""The stand-in's webhooks: signed over the raw body, sent in order by a thread, repeated like
Cloud's when the receiver is away."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from typing import Any

import requests

# Cloud repeats on these, up to five times; its pauses of 5-15 minutes are seconds here.
REPEATED = {408, 409, 425, 429}
REPEATS = 5
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
TIMEOUT = 10


class Sender:
    """Delivers events to every registered webhook that wants them."""

    def __init__(self, hooks: dict[str, dict[str, Any]]) -> None:
        self._hooks = hooks
        self._waiting: queue.Queue[tuple[dict[str, Any], bytes]] = queue.Queue()
        self.log: list[dict[str, Any]] = []
        threading.Thread(target=self._work, name="webhooks", daemon=True).start()

    def send(self, event: str, payload: dict[str, Any]) -> None:
        """Queue an event for the webhooks that listen to it."""
        whole = {"timestamp": int(time.time() * 1000), "webhookEvent": event, **payload}
        body = json.dumps(whole).encode()
        for hook in self._hooks.values():
            if event in hook["events"] and hook.get("enabled", True):
                self._waiting.put((hook, body))

    def _work(self) -> None:
        while True:
            hook, body = self._waiting.get()
            self._deliver(hook, body)

    def _deliver(self, hook: dict[str, Any], body: bytes) -> None:
        headers = {
            "Content-Type": "application/json",
            "X-Atlassian-Webhook-Identifier": str(uuid.uuid4()),
            "X-Atlassian-Webhook-Flow": "Primary",
        }
        if hook.get("secret"):
            digest = hmac.new(hook["secret"].encode(), body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature"] = f"sha256={digest}"
        for attempt in range(REPEATS + 1):
            started = time.monotonic()
            status = _post(
                hook["url"], body, {**headers, "X-Atlassian-Webhook-Retry": str(attempt)}
            )
            took = round((time.monotonic() - started) * 1000, 1)
            event = json.loads(body)["webhookEvent"]
            self.log.append({"event": event, "status": status, "ms": took, "attempt": attempt})
            if status and status < 500 and status not in REPEATED:
                return
            time.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        return requests.post(url, data=body, headers=headers, timeout=TIMEOUT).status_code
    except requests.RequestException:
        return 0
