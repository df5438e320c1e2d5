"""Which parts of a provider's metadata are trusted, where we redirect by it, and what the doctor
reports; over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from dejabug.cli.doctor import Check, examine
from dejabug.infra.errors import UserError
from dejabug.services import Services
from dejabug.web import create_app
from dejabug.web.oidc import guarded_session as fence_module
from dejabug.web.oidc.discovery import ProviderAwayError, read_document
from dejabug.web.oidc.guarded_session import LARGEST, fence, local_origin, may_reach
from support.servers import serve_in_a_thread

HTTPS = "https://login.studio.example"


class Site:
    """Serves what a test wants at the address of the document."""

    def __init__(self) -> None:
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.answer: Response = Response(status=404)
        self.asked: list[str] = []
        serve_in_a_thread(self._server)

    def describe(self, **changes: Any) -> None:
        told = {
            "issuer": self.url,
            "authorization_endpoint": f"{HTTPS}/auth",
            "token_endpoint": f"{HTTPS}/token",
            "jwks_uri": f"{self.url}/keys",
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
            **changes,
        }
        self.answer = Response(json.dumps(told), content_type="application/json")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, environ: Any, start_response: Any) -> Any:
        self.asked.append(Request(environ).path)
        return self.answer(environ, start_response)


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    yield found
    found.close()


def test_a_document_is_read_at_the_issuer_s_well_known_address(site: Site) -> None:
    site.describe()
    assert read_document(site.url).token_endpoint == f"{HTTPS}/token"
    assert site.asked == ["/.well-known/openid-configuration"]


def test_a_slash_at_an_issuer_s_end_may_be_there_or_not(site: Site) -> None:
    site.describe(issuer=f"{site.url}/")
    assert read_document(site.url).issuer == f"{site.url}/"
    assert read_document(f"{site.url}/").issuer == f"{site.url}/"
    assert set(site.asked) == {"/.well-known/openid-configuration"}


def test_only_what_is_used_is_handed_on_and_only_public_keys_sign(site: Site) -> None:
    site.describe(verify=False, proxies={"https": "http://elsewhere.example"}, scope="all")
    told = read_document(site.url).for_authlib()
    assert not {"verify", "proxies", "scope"} & told.keys()
    assert told["id_token_signing_alg_values_supported"] == ["RS256", "ES256"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"issuer": "https://login.elsewhere.example"}, "another issuer"),
        ({"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}, "another issuer"),
        ({"token_endpoint": "http://login.studio.example/token"}, "token_endpoint"),
        ({"token_endpoint": "http://127.0.0.1:1/token"}, "token_endpoint"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri"),
        ({"jwks_uri": "https://me@elsewhere.example/"}, "jwks_uri"),
        ({"userinfo_endpoint": "ftp://login.studio.example"}, "userinfo_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
        ({"authorization_endpoint": "https://a.example/\r\nSet-Cookie: x"}, "authorization"),
        ({"token_endpoint": None}, "token_endpoint"),
        ({"id_token_signing_alg_values_supported": ["none", "HS256"]}, "no public key"),
    ],
)
def test_what_cannot_be_used_is_named(site: Site, changes: dict[str, Any], says: str) -> None:
    site.describe(**changes)
    with pytest.raises(ProviderAwayError, match=says):
        read_document(site.url)


@pytest.mark.parametrize(
    "answer",
    [
        Response("<html>", content_type="text/html"),
        Response("[]"),
        Response(status=500),
        Response(status=302, headers={"Location": f"{HTTPS}/elsewhere"}),
        Response(status=301, headers={"Location": "/"}),
        Response(b" " * (LARGEST + 1)),
    ],
)
def test_an_answer_that_is_none_ends_in_one_error(site: Site, answer: Response) -> None:
    site.answer = answer
    with pytest.raises(ProviderAwayError, match="well-known"):
        read_document(site.url)
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    "issuer",
    ["http://login.studio.example", "http://10.0.0.1", "http://127.0.0.1.elsewhere.example", "x"],
)
def test_an_issuer_elsewhere_is_asked_by_https_only(issuer: str) -> None:
    with pytest.raises(ProviderAwayError, match="not an https address"):
        read_document(issuer)


@pytest.mark.parametrize(
    ("url", "issuer", "may"),
    [
        (f"{HTTPS}/auth?x=1", HTTPS, True),
        ("https://keys.elsewhere.example/", HTTPS, True),  # Google's are on another host
        ("http://127.0.0.1/token", HTTPS, False),
        ("http://localhost:8080/token", "http://localhost:8080/realms/studio", True),
        ("http://[::1]:8080/token", "http://[::1]:8080", True),
        ("http://localhost:80801/token", "http://localhost:8080", False),
        ("http://localhost:8080@elsewhere.example/", "http://localhost:8080", False),
        ("https://[bad/", HTTPS, False),
        ("//elsewhere.example/", HTTPS, False),
        ("", HTTPS, False),
    ],
)
def test_where_a_provider_may_send_us(url: str, issuer: str, may: bool) -> None:
    assert may_reach(url, issuer) is may


def test_a_fenced_session_goes_nowhere_else(site: Site) -> None:
    with fence(requests.Session(), HTTPS) as session:
        for address in (site.url, "file:///etc/passwd", "ftp://elsewhere.example"):
            with pytest.raises(requests.exceptions.InvalidSchema):
                session.get(address)
    assert site.asked == []
    assert local_origin(HTTPS) == ""


def test_an_answer_that_trickles_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.answer = Response(b" " * 40_000)
    monkeypatch.setattr(fence_module, "LONGEST", -1)
    with (
        fence(requests.Session(), site.url) as session,
        pytest.raises(requests.ConnectionError, match="too slow"),
    ):
        session.get(site.url)


# The doctor


def examined(services: Services, **settings: Any) -> Check:
    known = Services(services.settings.model_copy(update=settings))
    return next(each for each in examine(known, model=False) if each.what == "sign-in")


def test_the_doctor_looks_at_the_provider(cold_services: Services, site: Site) -> None:
    whole = {
        "oidc_issuer": site.url,
        "oidc_client_id": "dejabug",
        "oidc_client_secret": type(cold_services.settings.jira_token)("secret"),
        "public_url": "https://dejabug.example",
    }
    site.describe()
    well = examined(cold_services, **whole)
    assert well.well
    assert "https://dejabug.example/sign-in/oidc/callback" in well.says
    assert examined(cold_services).well
    assert "tokens only" in examined(cold_services).says
    for name, value in whole.items():
        half = examined(cold_services, **{**whole, name: type(value)("")})
        assert not half.well
        assert f"DEJABUG_{name.upper()}" in half.says
        if name != "oidc_issuer":
            broken = cold_services.settings.model_copy(update={**whole, name: type(value)("")})
            with pytest.raises(UserError, match=f"DEJABUG_{name.upper()}"):
                create_app(Services(broken))
    site.describe(issuer="https://login.elsewhere.example")
    assert "another issuer" in examined(cold_services, **whole).says
    site.close()
    away = examined(cold_services, **whole)
    assert (away.well, "cannot be read" in away.says) == (False, True)
