"""The pages' sessions, headers and status, with Flask's client."""

from __future__ import annotations

import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dejabug.records.types import ClipStatus
from dejabug.services import Services
from dejabug.web.api.models import LONGEST_WORDS
from support.demo_clips import COWS
from support.jira_site import Site, secure
from support.tickets import fail, history

OURS = {"Origin": "http://localhost"}


def sign_in(client: FlaskClient, secret: str, **more: Any) -> Any:
    headers = more.pop("headers", OURS)
    return client.post("/sign-in", data={"token": secret, **more}, headers=headers)


@pytest.fixture
def signed_in(client: FlaskClient, services: Services) -> FlaskClient:
    secret, _ = services.tokens.create("Tess", ["GAME"])
    assert sign_in(client, secret).status_code == 303
    return client


def test_a_token_begins_a_session_that_does_not_hold_it(
    client: FlaskClient, services: Services
) -> None:
    secret, _ = services.tokens.create("Tess", ["GAME"])
    answer = sign_in(client, secret, next="/?q=cow")
    assert (answer.status_code, answer.location) == (303, "/?q=cow")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert secret not in cookie
    session = cookie.partition("=")[2].partition(";")[0]
    (key,) = services.redis.keys("dejabug:session:*")
    assert session.encode() not in key
    assert 0 < services.redis.ttl(key) <= 12 * 3600
    assert "Have we seen" in client.get("/").text
    assert client.get("/api/v1/status").status_code == 200


def test_the_search_box_takes_as_many_signs_as_the_api(signed_in: FlaskClient) -> None:
    assert f'maxlength="{LONGEST_WORDS}"' in signed_in.get("/").text
    assert signed_in.get("/api/v1/search", query_string={"q": "x" * 501}).status_code == 400


def test_behind_https_the_cookie_is_secure(client: FlaskClient, services: Services) -> None:
    secret, _ = services.tokens.create("Tess", ["GAME"])
    answer = client.post(
        "/sign-in",
        data={"token": secret},
        base_url="https://localhost",
        headers={"Origin": "https://localhost"},
    )
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("secret", ["", "djb_", "djb_" + "A" * 43, "<script>", "🐄"])
def test_a_token_that_is_none_says_what_to_do(client: FlaskClient, secret: str) -> None:
    answer = sign_in(client, secret)
    assert answer.status_code == 401
    assert "dejabug token create" in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("page", ["/", "/status", "/?q=x"])
def test_without_a_session_a_page_asks_to_sign_in(client: FlaskClient, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 401
    assert f'name="next" value="{page}"' in answer.text


@pytest.mark.parametrize(
    "address", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "", "/\r\nx"]
)
def test_signing_in_never_leads_elsewhere(
    client: FlaskClient, services: Services, address: str
) -> None:
    secret, _ = services.tokens.create("Tess", ["GAME"])
    assert sign_in(client, secret, next=address).location == "/"


def test_a_revoked_token_ends_its_sessions_at_once(client: FlaskClient, services: Services) -> None:
    secret, token = services.tokens.create("Tess", ["GAME"])
    sign_in(client, secret)
    assert client.get("/").status_code == 200
    services.tokens.revoke(token.id)
    assert client.get("/").status_code == 401
    assert client.get("/api/v1/status").status_code == 401


def test_an_expired_token_ends_its_sessions(client: FlaskClient, services: Services) -> None:
    secret, token = services.tokens.create("Tess", ["GAME"], lifetime=100)
    sign_in(client, secret)
    services.redis.hset(f"dejabug:token:{token.id}", "expires", time.time() - 1)
    assert client.get("/api/v1/status").status_code == 401


def test_signing_out_ends_the_session_in_every_copy(signed_in: FlaskClient) -> None:
    cookie = signed_in.get_cookie("dejabug_session")
    assert cookie is not None
    assert signed_in.post("/sign-out", headers=OURS).status_code == 204
    signed_in.set_cookie("dejabug_session", cookie.value)
    assert signed_in.get("/").status_code == 401


@pytest.mark.parametrize(
    "origin", [None, "null", "https://elsewhere.example", "http://localhost:1"]
)
@pytest.mark.parametrize("path", ["/api/v1/clips/retry", "/api/v1/search/clip", "/sign-out"])
def test_other_sites_change_nothing_by_a_session(
    signed_in: FlaskClient, path: str, origin: str | None
) -> None:
    headers = {"Origin": origin} if origin else {}
    assert signed_in.post(path, headers=headers).status_code == 403
    assert signed_in.get("/").status_code == 200


def test_other_sites_sign_nobody_in(client: FlaskClient, services: Services) -> None:
    secret, _ = services.tokens.create("Tess", ["GAME"])
    answer = sign_in(client, secret, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_a_wrong_token_is_not_mended_by_a_session(signed_in: FlaskClient) -> None:
    headers = {"Authorization": "Bearer djb_" + "A" * 43}
    assert signed_in.get("/api/v1/status", headers=headers).status_code == 401


@pytest.mark.parametrize("page", ["/", "/status", "/sign-in", "/pages/search.js"])
def test_pages_are_shielded(signed_in: FlaskClient, page: str) -> None:
    answer = signed_in.get(page)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    wanted = "same-origin" if page == "/sign-in" else "no-referrer"
    assert answer.headers["Referrer-Policy"] == wanted
    assert " style=" not in answer.text
    assert "<script>" not in answer.text


def test_a_tokens_name_is_only_text(client: FlaskClient, services: Services) -> None:
    secret, _ = services.tokens.create("<script>x</script>", ["GAME"])
    sign_in(client, secret)
    assert "<script>x" not in client.get("/").text


# Status


def test_the_status_tells_what_is_indexed_and_what_failed(
    signed_in: FlaskClient, services: Services, jira: Site, clips: Any
) -> None:
    bad, _ = history(services, jira, clips, COWS[0], COWS[1])
    (foreign,) = history(services, jira, clips, COWS[2], project="OTHER")
    clip_id = fail(services, jira, bad)
    fail(services, jira, foreign)
    told = signed_in.get("/api/v1/status").get_json()
    assert told["issues"] == 3
    assert told["clips"] == {"queued": 0, "indexed": 1, "failed": 2, "purged": 0}
    assert told["index"]["algorithm"] == "FLAT"
    assert told["index"]["frames"] > 0
    assert "starter" in told["encoder"]
    assert {queue["name"] for queue in told["queues"]} >= {"default", "clips", "search"}
    (failed,) = told["failed"]
    assert (failed["id"], failed["issue"]) == (clip_id, bad)
    assert failed["reason"] == "not_a_video: it is a zip"
    assert failed["url"].endswith(f"/browse/{bad}")


def test_failed_clips_are_tried_again(
    signed_in: FlaskClient, services: Services, jira: Site, clips: Any
) -> None:
    bad, worse = history(services, jira, clips, COWS[0], COWS[1])
    one, two = fail(services, jira, bad), fail(services, jira, worse)
    answer = signed_in.post(f"/api/v1/clips/{one}/retry", headers=OURS)
    assert (answer.status_code, answer.get_json()) == (202, {"queued": 1})
    assert services.queues.get("clips").count == 1
    clip = services.collections.active.catalogue.clip(one)
    assert clip is not None
    assert (clip.status, clip.reason) == (ClipStatus.QUEUED, "")
    assert signed_in.post(f"/api/v1/clips/{one}/retry", headers=OURS).status_code == 404
    assert signed_in.post("/api/v1/clips/retry", headers=OURS).get_json() == {"queued": 1}
    assert services.collections.active.catalogue.clip(two).status is ClipStatus.QUEUED  # type: ignore[union-attr]


@pytest.mark.parametrize("why", ["foreign", "secured"])
def test_what_may_not_be_seen_is_not_tried_again(
    signed_in: FlaskClient, services: Services, jira: Site, clips: Any, why: str
) -> None:
    (key,) = history(
        services, jira, clips, COWS[0], project="OTHER" if why == "foreign" else "GAME"
    )
    clip_id = fail(services, jira, key)
    if why == "secured":
        secure(jira, key)
    assert signed_in.post(f"/api/v1/clips/{clip_id}/retry", headers=OURS).status_code == 404
    assert signed_in.post("/api/v1/clips/retry", headers=OURS).get_json() == {"queued": 0}
    assert signed_in.get("/api/v1/status").get_json()["failed"] == []


def test_before_a_worker_came_the_status_says_what_to_start(
    signed_in: FlaskClient, services: Services
) -> None:
    told = signed_in.get("/api/v1/status").get_json()
    assert told["problems"]


def test_several_clips_are_told_at_once_and_only_ones_own(
    signed_in: FlaskClient, services: Services, jira: Site, clips: Any
) -> None:
    mine = history(services, jira, clips, COWS[0], COWS[1])
    theirs = history(services, jira, clips, COWS[2], project="OTHER")
    ids = [
        services.collections.active.catalogue.clip_ids_of(str(jira.issue(key)["id"]))[0]
        for key in (*mine, *theirs)
    ]
    told = signed_in.get("/api/v1/clips", query_string={"id": [*ids, "999"]}).get_json()
    assert [clip["id"] for clip in told["clips"]] == ids[:2]
    assert signed_in.get("/api/v1/clips").status_code == 400


# What Chromium sends.
BROWSER = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
}


def test_a_browser_is_told_of_an_address_that_is_none_and_a_program_in_its_own_way(
    client: FlaskClient,
) -> None:
    page = client.get("/no/such?x=<b>", headers=BROWSER)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "There is no such page" in page.text
    assert 'href="/"' in page.text
    assert "<b>" not in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    api = client.get("/api/v1/no-such", headers=BROWSER)
    assert (api.status_code, api.mimetype) == (404, "application/problem+json")
    assert "There is no such page" not in client.get("/no/such").text
    assert client.get("/webhooks/jira", headers=BROWSER).status_code == 405


def test_an_error_of_ours_is_a_page_that_tells_its_trace_and_nothing_else(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise RuntimeError("the secret inside")

    monkeypatch.setitem(app.view_functions, "pages.search", broken)
    page = client.get("/", headers=BROWSER)
    assert page.status_code == 500
    assert "Something went wrong here" in page.text
    assert page.headers["X-Request-ID"] in page.text
    assert "secret inside" not in page.text
