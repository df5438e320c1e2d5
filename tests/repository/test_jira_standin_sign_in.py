"""The stand-in Jira as an OpenID Connect provider, for services on this machine only."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from dejabug.demo.jira_standin import sign_in
from support.jira_site import TOKEN, Site

CALLBACK = "http://127.0.0.1:1/sign-in/oidc/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
ASKED = {
    "client_id": sign_in.CLIENT_ID,
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "state": "a state",
    "nonce": "a nonce",
    "code_challenge": CHALLENGE.decode(),
    "code_challenge_method": "S256",
}
SECRET = f"{TOKEN}-oidc"


@pytest.fixture
def provider(jira: Site) -> Site:
    """A stand-in at which people can sign in."""
    jira.app.extensions["sign_in"] = sign_in.SignIn(SECRET)
    return jira


def authorize(provider: Site, **changes: str) -> requests.Response:
    """What a browser is answered that comes to sign in."""
    asked = {**ASKED, **changes}
    address = f"{provider.url}/oauth/authorize"
    return requests.get(address, params=asked, allow_redirects=False, timeout=10)


def code_of(answer: requests.Response) -> str:
    """The code that a browser is sent back with."""
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def redeem(provider: Site, code: str, secret: str = SECRET, **changes: str) -> requests.Response:
    """What the service is answered that has a code."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    form |= {"code_verifier": VERIFIER, **changes}
    who = (sign_in.CLIENT_ID, secret)
    return requests.post(f"{provider.url}/oauth/token", data=form, auth=who, timeout=10)


def test_a_code_is_worth_one_id_token_of_the_tester(provider: Site) -> None:
    answer = authorize(provider)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{CALLBACK}?")
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["state"] == ["a state"]
    code = code_of(answer)
    told: Any = redeem(provider, code).json()
    document: Any = requests.get(
        f"{provider.url}/.well-known/openid-configuration", timeout=10
    ).json()
    key = jwt.PyJWKClient(document["jwks_uri"]).get_signing_key_from_jwt(told["id_token"])
    claims = jwt.decode(
        told["id_token"],
        key,
        ["RS256"],
        audience=sign_in.CLIENT_ID,
        issuer=document["issuer"],
    )
    assert (claims["email"], claims["email_verified"]) == ("tess@studio.example", True)
    assert claims["nonce"] == "a nonce"
    assert redeem(provider, code).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"redirect_uri": CALLBACK.replace("127.0.0.1", "localhost")},
        {"code": "another"},
    ],
)
def test_a_code_is_worth_nothing_with_anything_else_changed(
    provider: Site, changes: dict[str, str]
) -> None:
    code = code_of(authorize(provider))
    assert redeem(provider, **{"code": code, **changes}).status_code == 400
    assert redeem(provider, code).status_code == (400 if "code" not in changes else 200)


def test_only_the_client_redeems_a_code(provider: Site) -> None:
    code = code_of(authorize(provider))
    assert redeem(provider, code, secret="wrong").status_code == 401
    assert redeem(provider, code, secret="").status_code == 401


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/sign-in/oidc/callback",
        "http://evil.example/sign-in/oidc/callback",
        "http://127.0.0.1@evil.example/sign-in/oidc/callback",
        "http://127.0.0.1.evil.example/sign-in/oidc/callback",
        "http://[/sign-in/oidc/callback",
        "http://127.0.0.1:1/elsewhere",
        f"{CALLBACK}?next=x",
        f"{CALLBACK}#x",
        "",
    ],
)
def test_a_code_goes_to_no_other_address(provider: Site, address: str) -> None:
    answer = authorize(provider, redirect_uri=address)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    "changes",
    [{"code_challenge_method": "plain"}, {"response_type": "token"}, {"client_id": "other"}],
)
def test_a_sign_in_without_pkce_is_refused(provider: Site, changes: dict[str, str]) -> None:
    assert authorize(provider, **changes).status_code == 400


def test_without_a_secret_nobody_signs_in(jira: Site) -> None:
    assert authorize(jira).status_code == 404
    for path in ("/.well-known/openid-configuration", "/oauth/token"):
        method = "POST" if path.startswith("/oauth") else "GET"
        assert requests.request(method, jira.url + path, timeout=10).status_code in (401, 404)


def test_an_expired_code_is_worth_nothing(
    provider: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sign_in, "LIFETIME", 0)
    assert redeem(provider, code_of(authorize(provider))).status_code == 400
