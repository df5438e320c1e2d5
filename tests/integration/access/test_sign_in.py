"""Signing in at a real provider, and what the users who come from there can see."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from dejabug.access import visibility_cache
from dejabug.access.jira_users import NoJiraAccountError
from dejabug.services import Services
from dejabug.web import create_app
from support.demo_clips import COWS, QUIET
from support.jira_site import Site, people, secure
from support.oidc_site import Provider, signed
from support.signing_in import (
    CALLBACK,
    PUBLIC,
    Browser,
    app,
    browser,
    environment,
    provider,
    refused,
)
from support.tickets import fail, history

__all__ = ["app", "browser", "environment", "provider"]

# Who comes in


def test_the_provider_is_asked_with_state_nonce_and_pkce_for_our_own_address(
    browser: Browser, provider: Provider, cold_services: Services
) -> None:
    answer = browser.client.get("/sign-in/oidc", base_url="https://elsewhere.example")
    assert answer.location.startswith(f"{provider.issuer}/auth?")
    asked = {name: value for name, (value,) in parse_qs(urlsplit(answer.location).query).items()}
    assert asked["redirect_uri"] == CALLBACK
    assert (asked["response_type"], asked["scope"]) == ("code", "openid email")
    assert asked["code_challenge_method"] == "S256"
    assert all(len(asked[name]) >= 20 for name in ("state", "nonce", "code_challenge"))
    cookie = answer.headers["Set-Cookie"]
    for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/sign-in/oidc", "Max-Age=600"):
        assert attribute in cookie
    (key,) = cold_services.redis.keys("dejabug:sign-in:*")
    assert cookie.partition("=")[2].partition(";")[0].encode() not in key
    assert 0 < cold_services.redis.ttl(key) <= 600


def test_who_signs_in_is_the_account_with_their_e_mail(
    browser: Browser, cold_services: Services, jira: Site
) -> None:
    for project in ("GAME", "OTHER", "UNREAD"):
        jira.file(project, "one")
    cold_services.redis.sadd("dejabug:projects", "GAME", "OTHER", "GONE")
    people(jira)["tester"].projects = ["GAME", "UNREAD"]
    answer = browser.sign_in(back="/?q=cow")
    assert (answer.status_code, answer.location) == (303, "/?q=cow")
    session = next(each for each in answer.headers.getlist("Set-Cookie") if "_session=" in each)
    for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/;", "Max-Age=43200"):
        assert attribute in f"{session};"
    page = browser.get("/").text
    assert "Signed in as Tess@studio.example" in page
    assert re.findall(r'name="project" value="(\w+)"', page) == ["GAME"]
    (key,) = cold_services.redis.keys("dejabug:session:*")
    assert 0 < cold_services.redis.ttl(key) <= 12 * 3600
    foreign = browser.get("/api/v1/search", query_string={"q": "cow", "project": "OTHER"})
    assert foreign.status_code == 403
    assert "your projects: GAME" in foreign.get_json()["detail"]


def test_an_account_sees_what_jira_shows_to_it_and_nothing_else(
    services: Services, browser: Browser, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = history(services, jira, clips, COWS[0], COWS[1])
    theirs = history(services, jira, clips, QUIET, project="OTHER")
    people(jira)["tester"].projects = ["GAME"]
    browser.sign_in()
    assert browser.sees([*mine, *theirs, "GAME-99"]) == set(mine)
    ids = [
        services.collections.active.catalogue.clip_ids_of(str(jira.issue(key)["id"]))[0]
        for key in (*mine, *theirs)
    ]
    told = browser.get("/api/v1/clips", query_string={"id": ids}).get_json()["clips"]
    assert [clip["id"] for clip in told] == ids[:2]
    picture = f"{told[0]['media']}/pictures/{round(told[0]['times'][0] * 1000)}.jpg"
    assert browser.get(picture).status_code == 200
    monkeypatch.setattr(visibility_cache, "ANSWER_TTL_SECONDS", 0)  # as if each minute had passed
    secure(jira, mine[0])
    for key in services.redis.keys("dejabug:sight:*"):
        services.redis.delete(key)
    assert browser.sees(mine) == {mine[1]}
    assert browser.get(picture).status_code == 404
    people(jira)["tester"].levels.append("Secret")
    assert browser.sees(mine) == set(mine)
    people(jira)["tester"].active = False
    assert browser.get(picture).status_code == 404


def test_a_provider_that_puts_the_e_mail_into_the_id_token_is_as_good(
    app: Flask, cold_services: Services
) -> None:
    other = Provider(PUBLIC, lean=False, method="client_secret_post")
    settings = cold_services.settings.model_copy(update={"oidc_issuer": other.issuer})
    browser = Browser(create_app(Services(settings)), other)
    assert browser.sign_in().status_code == 303
    other.close()
    assert "Tess@studio.example" in browser.get("/").text


def test_microsoft_s_word_for_a_confirmed_e_mail_counts_where_there_is_no_other(
    browser: Browser, provider: Provider
) -> None:
    def come(**claims: Any) -> Any:
        address = browser.begin()
        provider.give_out(signed(provider.claims(address, **claims)))
        return browser.get(provider.visit(address, "tess"))

    assert come(email_verified=None, xms_edov=True).status_code == 303
    refused(come(email_verified=False, xms_edov=True), 403, "email")
    refused(come(email_verified=None, xms_edov=False), 403, "email")
    refused(come(email_verified="no"), 403, "email")


@pytest.mark.parametrize("login", ["unconfirmed", "silent", "no-mail"])
def test_an_e_mail_that_nobody_confirmed_is_no_e_mail(browser: Browser, login: str) -> None:
    refused(browser.sign_in(login), 403, "confirmed email address")
    assert not browser.is_signed_in()


def test_who_is_unknown_to_jira_and_may_see_nothing_is_told_whom_to_ask(browser: Browser) -> None:
    refused(browser.sign_in("nobody"), 403, "Ask your administrator")


def test_who_is_unknown_to_jira_sees_public_projects_and_changes_nothing(
    services: Services, app: Flask, provider: Provider, jira: Site, clips: Path
) -> None:
    game = history(services, jira, clips, COWS[0], COWS[1])
    other = history(services, jira, clips, QUIET, project="OTHER")
    settings = services.settings.model_copy(update={"public_projects": "game"})
    browser = Browser(create_app(Services(settings)), provider)
    assert browser.sign_in("nobody").status_code == 303
    assert browser.sees([*game, *other]) == set(game)
    secure(jira, game[0])
    services.visibility_cache.forget_issue(str(jira.issue(game[0])["id"]))
    assert browser.sees(game) == {game[1]}
    assert "public projects only" in browser.get("/").text
    clip_id = fail(services, jira, game[1])
    for path in (f"/api/v1/clips/{clip_id}/retry", "/api/v1/clips/retry"):
        assert browser.post(path).status_code == 403
    assert 'class="read-only"' in browser.get("/status").text
    assert b"nobody@" not in b" ".join(services.redis.scan_iter())
    browser.sign_in("tess")
    assert "read-only" not in browser.get("/status").text
    assert browser.post(f"/api/v1/clips/{clip_id}/retry").status_code == 202


def test_an_account_that_sees_no_project_is_told_so(browser: Browser, jira: Site) -> None:
    people(jira)["tester"].projects = []
    browser.sign_in()
    assert "so a search finds nothing" in browser.get("/").text


@pytest.mark.parametrize("leaves", ["deactivated", "another email", "no administrator"])
def test_who_leaves_jira_loses_access_within_a_minute(
    browser: Browser, cold_services: Services, jira: Site, leaves: str
) -> None:
    jira.file("GAME", "one")
    cold_services.redis.sadd("dejabug:projects", "GAME")
    browser.sign_in()
    assert browser.is_signed_in()
    if leaves == "deactivated":
        people(jira)["tester"].active = False
    elif leaves == "another email":
        people(jira)["tester"].email = "tess@elsewhere.example"
    else:
        people(jira)["bot"].admin = False
    (key,) = cold_services.redis.keys("dejabug:person:*")
    assert 0 < cold_services.redis.ttl(key) <= 60
    cold_services.redis.delete(key)  # as if the minute had passed
    refused(browser.get("/"), 403, "Ask your administrator")
    answer = browser.get("/api/v1/status")
    assert (answer.status_code, answer.get_json()["detail"]) == (403, str(NoJiraAccountError()))


def test_when_jira_cannot_be_asked_nobody_comes_in_and_nothing_is_shown(
    browser: Browser, cold_services: Services, jira: Site
) -> None:
    browser.sign_in()
    cold_services.redis.delete(*cold_services.redis.keys("dejabug:person:*"))
    jira.fail(path="/rest/api/2/user/search", status=503, count=3)
    assert browser.get("/api/v1/status").status_code == 503
    refused(browser.get("/"), 503, "Jira is not available")
    refused(browser.sign_in("ada"), 503, "Jira is not available")
    assert "Tess@" in browser.get("/").text


def test_each_person_has_a_rate_of_their_own(app: Flask, provider: Provider, jira: Site) -> None:
    services: Services = app.extensions["dejabug"]
    slow = Services(services.settings.model_copy(update={"api_requests_per_minute": 2}))
    tess, twin, ada = (Browser(create_app(slow), provider) for _ in range(3))
    for each, login in ((tess, "tess"), (twin, "tess"), (ada, "ada")):
        each.sign_in(login)
    assert [each.get("/api/v1/clips?id=1").status_code for each in (tess, twin, tess)] == [
        200,
        200,
        429,
    ]
    assert ada.get("/api/v1/clips?id=1").status_code == 200


def test_a_session_that_a_browser_brought_is_not_taken_over_and_ends(
    app: Flask, provider: Provider, cold_services: Services
) -> None:
    victim, attacker = Browser(app, provider), Browser(app, provider)
    attacker.sign_in("ada")
    planted = attacker.client.get_cookie("dejabug_session", "dejabug.example")
    assert planted is not None
    victim.client.set_cookie("dejabug_session", planted.value, domain="dejabug.example")
    victim.sign_in("tess")
    assert "Tess@" in victim.get("/").text
    assert not attacker.is_signed_in()
    assert victim.post("/sign-out").status_code == 204
    assert not victim.is_signed_in()
    assert cold_services.redis.keys("dejabug:session:*") == []
