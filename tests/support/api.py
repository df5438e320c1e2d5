"""Callers of the HTTP API, and the answers they get."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dejabug.services import Services
from dejabug.web.api import views
from support.demo_clips import COWS
from support.workers import work

API = "/api/v1"


class Caller:
    """Somebody with a token."""

    def __init__(self, app: Flask, services: Services, *projects: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.secret, self.token = services.tokens.create("test", projects)
        # All of its requests have one name, so that answers can be compared whole.
        self.headers = {"Authorization": f"Bearer {self.secret}", "X-Request-ID": "of-a-test"}

    def get(self, path: str, **options: Any) -> Any:
        """A GET of a path below /api/v1; the answer."""
        headers = {**self.headers, **options.pop("headers", {})}
        return self.client.get(API + path, headers=headers, **options)

    def search(self, q: str, **options: Any) -> Any:
        """Search with words; the answer."""
        return self.get("/search", query_string={"q": q, **options})

    def send(
        self, content: bytes, name: str = "clip.mp4", query: str = "", prefer: str = ""
    ) -> Any:
        return self.client.post(
            f"{API}/search/clip{query}",
            headers={**self.headers, "Prefer": prefer},
            data={"file": (io.BytesIO(content), name)},
            content_type="multipart/form-data",
        )


def compared(caller: Caller, services: Services, clip: Path, query: str = "") -> str:
    """Send a clip, and have it compared; the path of its job."""
    answer = caller.send(clip.read_bytes(), query=query, prefer="respond-async")
    work(services)
    return str(answer.headers["Location"].removeprefix(API))


def sent_without_worker(caller: Caller, clips: Path) -> str:
    """Send a clip while no worker compares clips; returns its job's id."""
    views.AT_ONCE, usual = 0.1, views.AT_ONCE
    try:
        return str(caller.send((clips / COWS[0]).read_bytes()).get_json()["id"])
    finally:
        views.AT_ONCE = usual


def is_problem(answer: Any, status: int, says: str) -> None:
    """Assert that an answer is a problem with this status, whose detail says this."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    told = answer.get_json()
    assert set(told) == {"type", "title", "status", "detail", "trace"}
    assert told["status"] == status
    assert says in told["detail"]


def keys_of_job(answer: Any) -> list[str]:
    """The keys of the tickets that a job has found."""
    assert answer.status_code == 200, answer.text
    return [found["key"] for found in answer.get_json()["results"]["results"]]


def uploads_left(services: Services) -> list[Path]:
    """The files in the uploads folder."""
    return list((services.settings.data_dir / "uploads").glob("*"))


@pytest.fixture
def caller(app: Flask, services: Services) -> Caller:
    """Somebody with a token for the project GAME."""
    return Caller(app, services, "GAME")
