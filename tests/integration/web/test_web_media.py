"""Images and previews at signed URLs: for one principal, checked at each request."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from flask.testing import FlaskClient
from PIL import Image
from pydantic import SecretStr
from werkzeug.test import TestResponse

from dejabug import media
from dejabug.access.principals import PanelViewer, Principal
from dejabug.access.signed_urls import sign_media
from dejabug.jira.errors import JiraUnavailableError
from dejabug.records.projects import Rules
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.services import Services
from dejabug.web import create_app
from dejabug.web import media as web_media
from dejabug.web.media import media_address, sheet_address
from support.parts import use_visibility
from support.webhooks import SECRET

MEDIA_SECRET = "a secret of more than thirty-two signs"
VIEWER = PanelViewer("5b10ac8d82e05b22cc7d4ef5")
ISSUE, CLIP, OTHER = "10001", "20002", "20003"


class FakeVisibility:
    """Says what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.sees: dict[Principal, set[str]] = {VIEWER: {ISSUE}}
        self.error: Exception | None = None
        self.asked: list[tuple[Principal, list[str]]] = []

    def may_see(self, principal: Principal, issue_ids: Iterable[str]) -> set[str]:
        asked = list(issue_ids)
        self.asked.append((principal, asked))
        if self.error is not None:
            raise self.error
        return self.sees.get(principal, set()) & set(asked)


# Media in a folder, and in an object store: no viewer can tell which.
both = pytest.mark.parametrize("kept", ["folder", "s3"])


@pytest.fixture
def kept() -> str:
    return "folder"


@pytest.fixture
def environment(
    environment: dict[str, str], kept: str, request: pytest.FixtureRequest
) -> dict[str, str]:
    store = request.getfixturevalue("bucket").environment if kept == "s3" else {}
    return {
        **environment,
        **store,
        "DEJABUG_MEDIA_SECRET": MEDIA_SECRET,
        "DEJABUG_PUBLIC_URL": "https://dejabug.studio.example/",
    }


@pytest.fixture
def visibility(cold_services: Services) -> FakeVisibility:
    fake = FakeVisibility()
    use_visibility(cold_services, fake)
    return fake


@pytest.fixture
def client(cold_services: Services, visibility: FakeVisibility, clips: Path) -> FlaskClient:
    """A service that knows one clip, with two pictures and a preview."""
    services = cold_services
    services.collections.active.catalogue.put_issue(IssueRecord(ISSUE, "GAME-1", "GAME", "GAME"))
    services.collections.active.catalogue.put_clip(
        ClipRecord(CLIP, ISSUE, "a.mp4", 1, ClipStatus.INDEXED, "", 2, 6.0)
    )
    pixels = np.stack([np.full((90, 160, 3), level, np.uint8) for level in (40, 200)])
    services.media.thumbnails.write(CLIP, [0.0, 1.5], pixels)
    source = clips / "crafter-05.mp4"
    services.media.previews.write(CLIP, source, media.Limits(), media.find_ffmpeg())
    return create_app(services).test_client()


def address(services: Services, clip_id: str = CLIP, principal: Principal = VIEWER) -> str:
    whole = media_address(services, clip_id, principal)
    assert whole.startswith("https://dejabug.studio.example/media/")
    return whole.removeprefix("https://dejabug.studio.example")


def preview(services: Services) -> bytes:
    found = services.media.previews.watch(CLIP)
    assert found is not None
    return found.read()


def nothing(answer: TestResponse) -> bool:
    """The one answer for all that is not to be shown."""
    body: Any = json.loads(answer.data) if answer.data else None
    return (
        answer.status_code == 404
        and answer.content_type == "application/problem+json"
        and answer.headers["Cache-Control"] == "no-store"
        and body["status"] == 404
        and body["detail"] == "There is nothing here for you, or no longer."
    )


@both
def test_a_viewer_gets_pictures_and_the_preview(
    client: FlaskClient, cold_services: Services
) -> None:
    base = address(cold_services)
    picture = client.get(f"{base}/pictures/1500.jpg")
    assert (picture.status_code, picture.content_type) == (200, "image/jpeg")
    assert picture.data == cold_services.media.thumbnails.read(CLIP, 1.5)
    video = client.get(f"{base}/video.mp4")
    assert (video.status_code, video.content_type) == (200, "video/mp4")
    assert video.data == preview(cold_services)
    for answer in (picture, video):
        headers = answer.headers
        assert headers["Cache-Control"] == "private, max-age=60"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert headers["Content-Disposition"] == "inline"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in headers


@both
def test_ranges_and_heads_and_conditions_are_answered(
    client: FlaskClient, cold_services: Services
) -> None:
    url, whole = f"{address(cold_services)}/video.mp4", preview(cold_services)
    part = client.get(url, headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.data) == (206, whole[100:300])
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(whole)}"
    tail = client.get(url, headers={"Range": "bytes=-50"})
    assert (tail.status_code, tail.data) == (206, whole[-50:])
    head = client.head(url)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole))
    assert head.headers["Accept-Ranges"] == "bytes"
    etag = head.headers["ETag"]
    # To watch it changes nothing about the file: a player's next range is of the same one.
    same = client.get(url, headers={"Range": "bytes=100-299", "If-Range": etag})
    assert (same.status_code, same.data) == (206, whole[100:300])
    kept = client.get(url, headers={"If-None-Match": etag})
    assert (kept.status_code, kept.data) == (304, b"")
    beyond = client.get(url, headers={"Range": f"bytes={len(whole) + 5}-"})
    assert (beyond.status_code, beyond.content_type) == (416, "application/problem+json")
    assert beyond.headers["Content-Range"] == f"bytes */{len(whole)}"
    picture = f"{address(cold_services)}/pictures/0.jpg"
    tag = client.head(picture).headers["ETag"]
    assert client.get(picture, headers={"If-None-Match": tag}).status_code == 304


@both
def test_watching_is_remembered(client: FlaskClient, cold_services: Services, clips: Path) -> None:
    cold_services.media.previews.write(
        OTHER, clips / "crafter-05.mp4", media.Limits(), media.find_ffmpeg()
    )
    time.sleep(0.01)  # longer than a clock's step
    assert client.get(f"{address(cold_services)}/video.mp4").status_code == 200
    one = len(preview(cold_services))
    assert cold_services.media.previews.prune(3600, one) == 1
    assert cold_services.media.previews.state(CLIP) == "ready"


def test_the_viewer_is_checked_at_each_request(
    client: FlaskClient, cold_services: Services, visibility: FakeVisibility
) -> None:
    url = f"{address(cold_services)}/video.mp4"
    assert client.get(url).status_code == 200
    visibility.sees[VIEWER] = set()
    assert nothing(client.get(url))
    etag = {"If-None-Match": "*"}
    assert nothing(client.get(url, headers=etag))
    visibility.sees[VIEWER] = {ISSUE}
    assert client.get(url).status_code == 200
    assert visibility.asked == [(VIEWER, [ISSUE])] * 4


def test_a_project_that_was_switched_off_shows_nothing_at_once(
    client: FlaskClient, cold_services: Services
) -> None:
    url = f"{address(cold_services)}/video.mp4"
    cold_services.records.projects.put("GAME", Rules("off"))
    assert nothing(client.get(url))
    cold_services.records.projects.put("GAME", Rules("quiet"))
    assert client.get(url).status_code == 200


def test_all_that_is_not_shown_looks_the_same(
    client: FlaskClient, cold_services: Services, visibility: FakeVisibility
) -> None:
    secret, now = MEDIA_SECRET.encode(), time.time()
    orphan = ClipRecord("30003", "666", "a.mp4", 1)
    cold_services.collections.active.catalogue.put_clip(orphan)
    tokens = {
        "unknown clip": sign_media(secret, "99999", VIEWER, now=now),
        "unknown issue": sign_media(secret, "30003", VIEWER, now=now),
        "another viewer": sign_media(secret, CLIP, PanelViewer("somebody"), now=now),
        "expired": sign_media(secret, CLIP, VIEWER, now=now - 301),
        "another secret": sign_media(b"x" * 32, CLIP, VIEWER, now=now),
        "the webhooks' secret": sign_media(SECRET.encode() * 3, CLIP, VIEWER, now=now),
        "no token": "not-a-token",
        "no token either": "%2e%2e",
        "not ascii": "é.é",
    }
    bodies = set()
    for token in tokens.values():
        for what in ("video.mp4", "pictures/0.jpg", "sheet.jpg"):
            answer = client.get(f"/media/{token}/{what}")
            assert nothing(answer), (token, what)
            trace = answer.headers["X-Request-ID"].encode()
            bodies.add(answer.data.replace(trace, b""))
    assert len(bodies) == 1


@pytest.mark.parametrize(
    "name", ["1", "1501", "-1", "x", "1.5", "٣", "..%2f..%2fx", "9" * 10, "9" * 5000, "%00"]
)
def test_there_are_pictures_at_the_frames_times_alone(
    client: FlaskClient, cold_services: Services, name: str
) -> None:
    assert nothing(client.get(f"{address(cold_services)}/pictures/{name}.jpg"))


@both
def test_a_contact_sheet_shows_all_pictures_of_a_clip(
    client: FlaskClient, cold_services: Services
) -> None:
    answer = client.get(f"{address(cold_services)}/sheet.jpg")
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    assert answer.headers["Cache-Control"] == "private, max-age=60"
    with Image.open(io.BytesIO(answer.data)) as sheet:
        levels = np.asarray(sheet.convert("L"))
    for level in (40, 200):
        assert (abs(levels.astype(int) - level) < 4).sum() > 90 * 160
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert client.get(f"{address(cold_services)}/sheet.jpg", headers=tag).status_code == 304


@both
@pytest.mark.parametrize("why", ["unshown", "purged", "no pictures", "hidden", "off"])
def test_no_sheet_is_drawn_of_a_clip_that_is_not_to_be_shown(
    client: FlaskClient, cold_services: Services, visibility: FakeVisibility, why: str
) -> None:
    clip = cold_services.collections.active.catalogue.clip(CLIP)
    assert clip is not None
    if why == "unshown":  # its pictures are still there: they are about to go
        cold_services.collections.active.catalogue.put_clip(replace(clip, unshown=True))
    elif why == "purged":
        cold_services.collections.active.catalogue.put_clip(clip.purged())
    elif why == "no pictures":
        cold_services.media.thumbnails.forget(CLIP)
    elif why == "hidden":
        visibility.sees[VIEWER] = set()
    else:
        cold_services.records.projects.put("GAME", Rules("off"))
    assert nothing(client.get(f"{address(cold_services)}/sheet.jpg"))
    told = cold_services.collections.active.catalogue.clip(CLIP)
    assert told is not None
    listed = sheet_address(cold_services, told, VIEWER)
    assert (listed is None) == (why in ("unshown", "purged", "no pictures"))


def test_few_sheets_are_drawn_at_once(
    client: FlaskClient, cold_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{address(cold_services)}/sheet.jpg"
    monkeypatch.setattr(web_media, "SHEETS", threading.BoundedSemaphore(1))
    monkeypatch.setattr(web_media, "SHEET_PATIENCE", 0.01)
    web_media.SHEETS.acquire()
    busy = client.get(url)
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "2")
    web_media.SHEETS.release()
    assert client.get(url).status_code == 200
    assert client.get(url).status_code == 200


def test_a_damaged_picture_is_left_out_of_the_sheet(
    client: FlaskClient, cold_services: Services
) -> None:
    (path, *_) = sorted((cold_services.settings.data_dir / "pictures").rglob("*.jpg"))
    path.write_bytes(b"no picture")
    answer = client.get(f"{address(cold_services)}/sheet.jpg")
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")


@both
def test_a_preview_that_was_not_made_yet_is_not_there(
    client: FlaskClient, cold_services: Services
) -> None:
    cold_services.media.previews.forget(CLIP)
    assert nothing(client.get(f"{address(cold_services)}/video.mp4"))


@pytest.mark.parametrize("error", [JiraUnavailableError("away"), redis.ConnectionError("away")])
def test_when_nobody_can_tell_nothing_is_shown(
    client: FlaskClient, cold_services: Services, visibility: FakeVisibility, error: Exception
) -> None:
    visibility.error = error
    answer = client.get(f"{address(cold_services)}/video.mp4")
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"ftyp" not in answer.data
    assert b"away" not in answer.data


def test_redis_away_gets_503(cold_services: Services) -> None:
    away = Services(
        cold_services.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    )
    answer = create_app(away).test_client().get(f"{address(cold_services)}/video.mp4")
    assert answer.status_code == 503


def test_no_address_is_kept_longer_than_it_lives(client: FlaskClient) -> None:
    token = sign_media(MEDIA_SECRET.encode(), CLIP, VIEWER, now=time.time(), lifetime=9)
    answer = client.get(f"/media/{token}/video.mp4")
    kept = int(answer.headers["Cache-Control"].removeprefix("private, max-age="))
    assert 0 <= kept <= 9


def test_without_a_secret_there_is_nothing(client: FlaskClient, cold_services: Services) -> None:
    url = f"{address(cold_services)}/video.mp4"
    none = cold_services.settings.model_copy(update={"media_secret": SecretStr("")})
    open_services_ = Services(none)
    assert nothing(create_app(open_services_).test_client().get(url))
    with pytest.raises(ValueError, match="DEJABUG_MEDIA_SECRET"):
        media_address(open_services_, CLIP, VIEWER)


def test_the_service_does_not_start_with_a_secret_that_could_be_guessed(
    cold_services: Services,
) -> None:
    weak = cold_services.settings.model_copy(update={"media_secret": SecretStr("short")})
    with pytest.raises(ValueError, match="DEJABUG_MEDIA_SECRET"):
        create_app(Services(weak))


@both
def test_a_long_preview_comes_in_pieces(
    client: FlaskClient, cold_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_media, "BLOCK", 1000)
    url, whole = f"{address(cold_services)}/video.mp4", preview(cold_services)
    assert len(whole) > 5000
    assert client.get(url).data == whole
    part = client.get(url, headers={"Range": "bytes=500-4321"})
    assert (part.status_code, part.data) == (206, whole[500:4322])


def test_only_reading_is_offered(client: FlaskClient, cold_services: Services) -> None:
    for method in ("post", "put", "delete", "patch"):
        assert getattr(client, method)(f"{address(cold_services)}/video.mp4").status_code == 405


def test_neither_tokens_nor_viewers_are_logged(
    client: FlaskClient,
    cold_services: Services,
    visibility: FakeVisibility,
    capsys: pytest.CaptureFixture[str],
) -> None:
    base = address(cold_services)
    client.get(f"{base}/video.mp4")
    visibility.sees.clear()
    client.get(f"{base}/video.mp4")
    visibility.error = JiraUnavailableError(f"no answer about {VIEWER.name}")
    client.get(f"{base}/video.mp4")
    said = "".join(capsys.readouterr())
    assert "media_not_shown" in said
    assert "media_not_decided" in said
    assert VIEWER.name not in said
    assert base.split("/")[2] not in said
