"""Waiting for a result, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

from support.patience import PATIENCE


def wait_until(what: Callable[[], Any], timeout: float = PATIENCE) -> Any:
    """Wait for something to be true, and return it."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"did not come true within {timeout} s")


def answers(url: str, timeout: float = 5.0, **options: Any) -> bool:
    """Whether an address is answered well by now; no answer within so many seconds is none yet."""
    try:
        return requests.get(url, timeout=timeout, **options).ok
    except (requests.ConnectionError, requests.Timeout):
        return False
