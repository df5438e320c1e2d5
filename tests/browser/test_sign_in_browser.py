"""The redirects to the provider and back in a real browser, and the sign-in page itself.

DEJABUG_TEST_PICTURES names a folder in which screenshots are saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from dejabug.services import Services
from support.browsers import PageDesk, Service
from support.demo_clips import COWS, QUIET
from support.jira_site import Site
from support.oidc_site import Provider
from support.search_worker import searching
from support.tickets import history

NARROW = {"width": 320, "height": 640}
WIDE = {"width": 1240, "height": 700}
BUTTON = "Sign in with Studio account"


@pytest.fixture
def provider(service_url: str) -> Iterator[Provider]:
    running = Provider(service_url)
    yield running
    running.close()


@pytest.fixture
def environment(
    environment: dict[str, str], service_url: str, provider: Provider
) -> dict[str, str]:
    return {**environment, **provider.environment(), "DEJABUG_PUBLIC_URL": service_url}


@pytest.fixture(params=["light"])
def desk(
    browser: Browser,
    services: Services,
    service: Service,
    service_url: str,
    jira: Site,
    request: Any,
) -> Iterator[PageDesk]:
    jira.app.extensions["store"].users["bot"].admin = True
    context = browser.new_context(viewport=NARROW, color_scheme=request.param)
    found = PageDesk(context.new_page(), service_url, "")
    yield found
    context.close()
    assert found.complaints == []


def test_an_account_signs_in_at_the_provider_and_finds_what_jira_shows_to_it(
    desk: PageDesk, services: Services, jira: Site, clips: Path
) -> None:
    mine = history(services, jira, clips, COWS[0])
    theirs = history(services, jira, clips, QUIET, project="OTHER")
    jira.app.extensions["store"].users["tester"].projects = ["GAME"]
    page = desk.page
    page.goto(f"{desk.url}/?q=cows")
    page.get_by_role("link", name=BUTTON).click()
    page.get_by_label("Login").fill("tess")
    with searching(services):
        page.get_by_role("button", name="Continue").click()
        expect(desk.card(mine[0])).to_be_visible()
    assert page.url == f"{desk.url}/?q=cows"
    expect(desk.card(theirs[0])).to_have_count(0)
    expect(page.locator("body")).not_to_contain_text("OTHER")
    expect(page.get_by_title("Signed in as Tess@studio.example")).to_be_visible()
    assert not desk.scrolls_sideways()
    desk.keep("sign-in-results")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name=BUTTON)).to_be_visible()
    page.goto(f"{desk.url}/status")
    expect(page.get_by_role("link", name=BUTTON)).to_be_visible()


def test_who_says_no_at_the_provider_can_try_again(desk: PageDesk) -> None:
    page = desk.page
    page.goto(desk.url)
    page.get_by_role("link", name=BUTTON).click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("was refused")
    assert desk.flaws() == []
    desk.keep("sign-in-refused")
    page.get_by_role("link", name=BUTTON).click()
    page.get_by_label("Login").fill("tess")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("there is nothing for you to find")).to_be_visible()
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    assert desk.flaws() == []
    desk.keep("sign-in-nothing")


@pytest.mark.parametrize("desk", ["light", "dark"], indirect=True)
def test_the_sign_in_page_shuts_nobody_out(desk: PageDesk, request: Any) -> None:
    theme = request.node.callspec.params["desk"]
    page = desk.page
    page.goto(desk.url)
    expect(page.get_by_role("link", name=BUTTON)).to_be_visible()
    expect(page.get_by_label("API token")).to_be_hidden()
    assert desk.flaws() == []
    assert not desk.scrolls_sideways()
    desk.keep(f"sign-in-{theme}")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=BUTTON)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("API token")).to_be_focused()
    page.keyboard.type("djb_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    expect(page.get_by_label("API token")).to_be_focused()
    assert desk.flaws() == []
    assert not desk.scrolls_sideways()
    desk.keep(f"sign-in-token-{theme}")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.goto(f"{desk.url}/sign-in")
    desk.keep(f"sign-in-wide-{theme}")
