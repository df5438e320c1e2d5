"""Signing in at the provider, with a client instead of a browser.

The fixtures replace those in conftest.py if a test file imports them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from dejabug.services import Services
from dejabug.web import create_app
from support.jira_site import Site, people
from support.oidc_site import Provider

PUBLIC = "https://dejabug.example"
CALLBACK = f"{PUBLIC}/sign-in/oidc/callback"
OURS = {"Origin": PUBLIC}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """A provider for the tests of a file."""
    running = Provider(PUBLIC)
    yield running
    running.close()


@pytest.fixture
def environment(environment: dict[str, str], provider: Provider) -> dict[str, str]:
    """The settings of a service that sends people to the provider."""
    return {**environment, **provider.environment(), "DEJABUG_PUBLIC_URL": PUBLIC}


@pytest.fixture
def app(cold_services: Services, jira: Site) -> Flask:
    """The web app; our account may ask Jira about others."""
    people(jira)["bot"].admin = True
    return create_app(cold_services)


class Browser:
    """A browser, at our pages and at the provider."""

    def __init__(self, app: Flask, provider: Provider) -> None:
        self.client, self._provider = app.test_client(), provider

    def get(self, address: str, **options: Any) -> Any:
        """A GET at our pages; the answer."""
        return self.client.get(address.removeprefix(PUBLIC), base_url=PUBLIC, **options)

    def post(self, path: str, **options: Any) -> Any:
        """A POST from our pages; the answer."""
        return self.client.post(path, base_url=PUBLIC, headers=OURS, **options)

    def begin(self, back: str = "/") -> str:
        """Where it is sent to."""
        answer = self.get("/sign-in/oidc", query_string={"next": back})
        assert answer.status_code == 303
        return str(answer.location)

    def sign_in(self, login: str = "tess", back: str = "/") -> Any:
        """What it gets when it comes back."""
        return self.get(self._provider.visit(self.begin(back), login))

    def sees(self, keys: list[str]) -> set[str]:
        """Those of the issues for which the API has an answer, other than that there is none."""
        answers = {key: self.get(f"/api/v1/issues/{key}/similar").status_code for key in keys}
        assert set(answers.values()) <= {200, 404}
        return {key for key, status in answers.items() if status == 200}

    def is_signed_in(self) -> bool:
        """Whether it may see the search page."""
        answer = self.get("/")
        assert answer.status_code in (200, 401)
        return bool(answer.status_code == 200)


@pytest.fixture
def browser(app: Flask, provider: Provider) -> Browser:
    """A browser without a session."""
    return Browser(app, provider)


def refused(answer: Any, status: int, says: str) -> None:
    """A page that says why the sign-in failed."""
    assert (answer.status_code, "Sign in with Studio account" in answer.text) == (status, True)
    assert says in answer.text
    assert "dejabug_session" not in answer.headers.get("Set-Cookie", "")
