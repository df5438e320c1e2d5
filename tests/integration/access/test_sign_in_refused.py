"""Sign-ins that must fail: refused, replayed, planted, stolen, forged; and the rate limit.
Against a real provider, with tokens signed by its key and by others."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from joserfc.jwk import RSAKey

from dejabug.services import Services
from dejabug.web import create_app
from dejabug.web.pages import sign_in_limits
from support.oidc_site import CLIENT, KEY, SECRET, Provider, signed, unpadded
from support.signing_in import CALLBACK, Browser, app, browser, environment, provider, refused

__all__ = ["app", "browser", "environment", "provider"]


def test_who_says_no_at_the_provider_is_told_how_to_go_on(browser: Browser) -> None:
    refused(browser.sign_in(""), 403, "Studio account refused the sign-in")


@pytest.mark.parametrize("error", ["server_error", "<script>", "login_required"])
def test_an_error_of_the_provider_s_is_said_in_our_own_words(browser: Browser, error: str) -> None:
    (state,) = parse_qs(urlsplit(browser.begin()).query)["state"]
    asked = {"error": error, "error_description": "<b>call 555</b>", "state": state}
    answer = browser.get(CALLBACK, query_string=asked)
    refused(answer, 403, "Studio account refused the sign-in")
    assert "555" not in answer.text


def test_an_answer_counts_once_also_with_a_copy_of_its_cookie(
    browser: Browser, provider: Provider
) -> None:
    there = provider.visit(browser.begin(), "tess")
    way = {"domain": "dejabug.example", "path": "/sign-in/oidc"}
    kept = browser.client.get_cookie("dejabug_sign_in", **way)
    assert kept is not None
    assert browser.get(there).status_code == 303
    browser.post("/sign-out")
    assert browser.client.get_cookie("dejabug_sign_in", **way) is None
    browser.client.set_cookie("dejabug_sign_in", kept.value, **way)
    refused(browser.get(there), 400, "This sign-in has expired")


@pytest.mark.parametrize("state", ["", "wrong", "é"])
def test_an_answer_with_another_state_does_not_count_and_ends_the_attempt(
    browser: Browser, provider: Provider, state: str
) -> None:
    there = provider.visit(browser.begin(), "tess")
    code = parse_qs(urlsplit(there).query)["code"]
    answer = browser.get(CALLBACK, query_string={"code": code, "state": state})
    refused(answer, 400, "This sign-in has expired")
    refused(browser.get(there), 400, "This sign-in has expired")


def test_nobody_is_signed_in_as_somebody_else_by_a_link(
    browser: Browser, app: Flask, provider: Provider
) -> None:
    attacker = Browser(app, provider)
    there = provider.visit(attacker.begin(), "ada")
    refused(browser.get(there), 400, "This sign-in has expired")
    browser.begin()  # also while one of their own is under way
    refused(browser.get(there), 400, "This sign-in has expired")


def test_a_stolen_code_is_of_no_use_in_another_sign_in(
    browser: Browser, app: Flask, provider: Provider
) -> None:
    (code,) = parse_qs(urlsplit(provider.visit(browser.begin(), "tess")).query)["code"]
    attacker = Browser(app, provider)
    (state,) = parse_qs(urlsplit(attacker.begin()).query)["state"]
    answer = attacker.get(CALLBACK, query_string={"code": code, "state": state})
    refused(answer, 403, "verify this sign-in")


def test_an_answer_of_another_issuer_does_not_count(browser: Browser, provider: Provider) -> None:
    there = provider.visit(browser.begin(), "tess")
    assert "iss=" in there
    refused(
        browser.get(re.sub("iss=[^&]+", "iss=https%3A%2F%2Felsewhere.example", there)),
        400,
        "verify this sign-in",
    )


NOW = int(time.time())
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "true"}, private=True)
FORGED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no nonce": ({"nonce": None}, {}),
    "another nonce": ({"nonce": "n"}, {}),
    "no audience": ({"aud": None}, {}),
    "another audience": ({"aud": "another"}, {}),
    "another audience, given to us": ({"aud": "another", "azp": CLIENT}, {}),
    "ours and given to another": ({"aud": [CLIENT, "another"], "azp": "another"}, {}),
    "ours among others": ({"aud": [CLIENT, "another"]}, {}),
    "no issuer": ({"iss": None}, {}),
    "another issuer": ({"iss": "https://elsewhere.example"}, {}),
    "over": ({"exp": NOW - 100}, {}),
    "never over": ({"exp": None}, {}),
    "of tomorrow": ({"iat": NOW + 86_400}, {}),
    "not yet": ({"nbf": NOW + 86_400}, {}),
    "nobody's": ({"sub": None}, {}),
    "another key": ({}, {"key": OTHER_KEY}),
    "a key that nobody knows": ({}, {"key": OTHER_KEY, "kid": "new"}),
    "no signature": ({}, {"alg": "none", "key": b""}),
    "our own secret": ({}, {"alg": "HS256", "key": SECRET.encode()}),
    "a public key as secret": ({}, {"alg": "HS256", "key": KEY.as_pem(private=False)}),
    "about somebody else": ({"sub": "ada", "email": None}, {}),
}


def test_a_token_that_is_signed_as_it_should_be_counts(
    browser: Browser, provider: Provider
) -> None:
    address = browser.begin()
    provider.give_out(signed(provider.claims(address)))
    assert browser.get(provider.visit(address, "tess")).status_code == 303


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_token_does_not_count(browser: Browser, provider: Provider, forgery: str) -> None:
    changes, signing = FORGED[forgery]
    address = browser.begin()
    provider.give_out(signed(provider.claims(address, **changes), **signing))
    refused(browser.get(provider.visit(address, "tess")), 403, "verify this sign-in")
    assert not browser.is_signed_in()


@pytest.mark.parametrize("how", ["payload", "signature", "stripped", "noise", "empty"])
def test_a_damaged_token_does_not_count(browser: Browser, provider: Provider, how: str) -> None:
    address = browser.begin()
    head, payload, signature = signed(provider.claims(address, email="x@x.example")).split(".")
    ada = unpadded(json.dumps(provider.claims(address)).encode())
    damaged = {
        "payload": f"{head}.{ada}.{signature}",
        "signature": f"{head}.{payload}.{signature[:-8]}AAAAAAAA",
        "stripped": f"{head}.{payload}.",
        "noise": "é.b.c",
        "empty": "..",
    }[how]
    provider.give_out(damaged)
    refused(browser.get(provider.visit(address, "tess")), 403, "verify this sign-in")


@pytest.mark.parametrize(
    "back", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "", "/\r\nx"]
)
def test_signing_in_never_leads_elsewhere(browser: Browser, back: str) -> None:
    assert browser.sign_in(back=back).location == "/"


def test_neither_codes_nor_tokens_nor_e_mails_are_logged(
    browser: Browser,
    provider: Provider,
    cold_services: Services,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    # The addresses of what is called, ours and others', are for those who look for a fault there.
    for other in ("urllib3", "werkzeug"):
        caplog.set_level(logging.WARNING, other)
    said = []
    for login in ("tess", "unconfirmed"):
        address = browser.begin()
        (kept,) = cold_services.redis.keys("dejabug:sign-in:*")
        said += [json.loads(cold_services.redis.get(kept))[name] for name in ("verifier", "nonce")]
        there = provider.visit(address, login)
        said += parse_qs(urlsplit(there).query)["code"]
        browser.get(there)
    provider.give_out(forged := signed({"sub": "x"}, OTHER_KEY))
    browser.sign_in()
    captured = capfd.readouterr()
    heard = captured.out + captured.err + caplog.text
    assert "sign_in_failed" in heard
    for secret in (*said, forged, "studio.example", SECRET):
        assert secret not in heard


# How often, and what is away


def test_tokens_are_not_guessed_on_end_and_a_valid_one_passes_always(
    browser: Browser, cold_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_limits, "FAILURES", 2)
    secret, _ = cold_services.tokens.create("Tess", ["GAME"])

    def guess(address: str = "10.0.0.1") -> Any:
        origin = {"REMOTE_ADDR": address}
        return browser.post("/sign-in", data={"token": "djb_x"}, environ_base=origin)

    assert [guess().status_code for _ in range(3)] == [401, 401, 429]
    limited = guess()
    refused(limited, 429, "Too many sign-in attempts")
    assert 0 < int(limited.headers["Retry-After"]) <= 30
    assert guess("10.0.0.2").status_code == 401
    monkeypatch.setattr(sign_in_limits, "ALL_FAILURES", 1)
    assert [guess(f"10.0.0.{each}").status_code for each in (3, 4)] == [401, 429]
    signed_in = browser.post(
        "/sign-in", data={"token": secret}, environ_base={"REMOTE_ADDR": "10.0.0.1"}
    )
    assert signed_in.status_code == 303


def test_answers_that_fail_are_counted_and_those_that_do_not_are_not(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_limits, "FAILURES", 1)
    assert browser.get(CALLBACK).status_code == 400
    refused(browser.get(CALLBACK), 429, "Too many sign-in attempts")
    assert browser.sign_in().status_code == 303


def test_begins_are_counted_since_each_is_kept(
    browser: Browser, cold_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_limits, "BEGINS", 2)
    statuses = [browser.get("/sign-in/oidc").status_code for _ in range(3)]
    assert statuses == [303, 303, 429]
    assert len(cold_services.redis.keys("dejabug:sign-in:*")) == 2


def test_with_the_provider_away_a_token_still_opens(
    cold_services: Services, provider: Provider
) -> None:
    nowhere = cold_services.settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    browser = Browser(create_app(Services(nowhere)), provider)
    for _ in range(2):
        refused(
            browser.get("/sign-in/oidc"),
            503,
            "Sign-in with Studio account is not available right now",
        )
    secret, _ = cold_services.tokens.create("Tess", ["GAME"])
    assert browser.post("/sign-in", data={"token": secret}).status_code == 303


def test_without_a_provider_there_is_no_such_way(cold_services: Services) -> None:
    alone = cold_services.settings.model_copy(update={"oidc_issuer": ""})
    client = create_app(Services(alone)).test_client()
    assert client.get("/sign-in/oidc").status_code == 404
    assert client.get("/sign-in/oidc/callback").status_code == 404
    assert "Sign in with" not in client.get("/sign-in").text
