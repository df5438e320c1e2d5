"""Callers of `dejabug.search.search`, and clips to search with."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from dejabug.access.principals import Caller, TokenPrincipal
from dejabug.retrieval.results import Found
from dejabug.search.search import Filters
from dejabug.services import ModelServices, Services
from support.workers import work

GAME = Caller(TokenPrincipal("a"), frozenset({"GAME"}))
BOTH = Caller(TokenPrincipal("b"), frozenset({"GAME", "OTHER"}))
ALL = Filters()


def text_search(
    services: ModelServices, words: str, projects: list[str], limit: int
) -> list[dict[str, Any]]:
    """What a worker with the model answers to words."""
    (vector,) = services.text_search.embed([words])
    return services.text_search.find(words, vector, projects, limit)


def send(services: Services, path: Path) -> str:
    """Send a clip to search with, as GAME; the id of the upload."""
    with services.clip_uploads.receiving() as (upload_id, folder):
        shutil.copyfile(path, folder / "clip")
    services.clip_uploads.submit(upload_id, GAME.principal.name, ["GAME"], "{}")
    return upload_id


def uploaded(services: Services, path: Path) -> list[Found]:
    """Send a clip and have it compared; what is found."""
    upload_id = send(services, path)
    work(services)
    upload = services.clip_uploads.look(upload_id, GAME.principal.name)
    assert upload is not None
    return services.search.like_upload(GAME, upload, ALL, 10).results
