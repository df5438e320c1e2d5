"""The pages and states that are captured: for each, how to get there.

They find things by role and label, since the pages' looks change more often than their meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, Route

from tools.screens.browser import (
    COMPARE,
    PANEL,
    panel,
    see_suggestions,
    settle,
    show,
    wait_for_images,
)
from tools.screens.stage import Stage

# Words that find clips in the stage's projects, and words that find none.
WORDS = "truck drives through a wall"
NOTHING = "invoice template for accounting"
# A search by clip that nobody started, as one is after a quarter of an hour.
EXPIRED = "/?job=" + 32 * "0"
# A ticket whose clip shows no bug, and so has no duplicate.
LONELY = "TORCS-1"


@dataclass(frozen=True)
class Shot:
    """A picture's name, what it shows, and how a page gets there."""

    name: str
    shows: str
    go: Callable[[Page, Stage], None]
    whole_page: bool = False


def _to(address: str) -> Callable[[Page, Stage], None]:
    """Open a page of Déjà Bug."""
    return lambda page, stage: _open(page, stage.service + address)


def _open(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)


def _search(page: Page, stage: Stage, words: str) -> None:
    _open(page, stage.service)
    page.get_by_role("searchbox").fill(words)
    page.get_by_role("button", name="Search", exact=True).click()


def _results(page: Page) -> None:
    """Wait for a search's results."""
    page.locator("#results > li:not(.skeleton)").first.wait_for()
    wait_for_images(page)
    settle(page)


def words(page: Page, stage: Stage) -> None:
    """Results for words."""
    _search(page, stage, WORDS)
    _results(page)


def key(page: Page, stage: Stage) -> None:
    """Results for a ticket's key."""
    _search(page, stage, stage.ticket)
    _results(page)


def comparison(page: Page, stage: Stage) -> None:
    """Two clips side by side, opened from a result."""
    key(page, stage)
    page.locator("#results > li").first.get_by_role("button").first.click()
    page.get_by_role("dialog").wait_for()
    page.wait_for_timeout(1500)
    wait_for_images(page)
    pause(page)


def no_results(page: Page, stage: Stage) -> None:
    """A search that finds nothing."""
    _search(page, stage, NOTHING)
    page.locator("#empty, [role=status]:not(:empty)").first.wait_for()
    page.wait_for_timeout(1500)
    settle(page)


def filters(page: Page, stage: Stage) -> None:
    """The filters, open."""
    words(page, stage)
    details = page.locator("details#filters, details:has(> summary:text('Filters'))").first
    details.evaluate("element => { element.open = true; }")
    settle(page)


def clip(page: Page, stage: Stage) -> None:
    """Results for an uploaded clip."""
    _open(page, stage.service)
    page.locator("input[type=file]").first.set_input_files(stage.clip)
    _results(page)


def problem(page: Page, stage: Stage) -> None:
    """A search while the service cannot answer."""
    _open(page, stage.service)
    page.route(re.compile(r"/api/v1/(search|issues)"), _fail)
    page.get_by_role("searchbox").fill(WORDS)
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("alert").first.wait_for()
    settle(page)


def expired(page: Page, stage: Stage) -> None:
    """The address of a search by clip that is no longer kept."""
    _open(page, stage.service + EXPIRED)
    page.get_by_role("alert").first.wait_for()
    settle(page)


def signed_out(page: Page, stage: Stage) -> None:
    """The sign-in page, as somebody sees it who has not signed in."""
    page.context.clear_cookies()
    _open(page, f"{stage.service}/sign-in")


def tickets(page: Page, stage: Stage) -> None:
    """Jira's list of tickets."""
    _open(page, stage.jira)


def create(page: Page, stage: Stage) -> None:
    """Jira's form for a new ticket."""
    _open(page, f"{stage.jira}/create?project={stage.project}")


def ticket(page: Page, stage: Stage) -> None:
    """The new ticket in Jira."""
    suggestions(page, stage)
    page.evaluate("window.scrollTo(0, 0)")


def comment(page: Page, stage: Stage) -> None:
    """Our comment on the new ticket."""
    suggestions(page, stage)
    show(page, page.locator("article.comment").first, margin=110)
    settle(page)


def suggestions(page: Page, stage: Stage) -> None:
    """The panel with suggestions."""
    _panel(page, stage, stage.ticket)
    see_suggestions(page)
    _show_panel(page)


def player(page: Page, stage: Stage) -> None:
    """The panel's player."""
    suggestions(page, stage)
    panel(page).get_by_role("button", name=COMPARE).first.click()
    panel(page).locator("video, .screen img").first.wait_for()
    page.wait_for_timeout(1500)
    wait_for_images(panel(page))
    pause(page)
    _show_panel(page)


def waiting(page: Page, stage: Stage) -> None:
    """The panel on a ticket whose clip is not read yet."""
    _panel(page, stage, stage.ticket)
    page.wait_for_timeout(1500)
    _show_panel(page)


def lonely(page: Page, stage: Stage) -> None:
    """The panel on a ticket without a likely match."""
    _panel(page, stage, LONELY)
    page.wait_for_timeout(1500)
    wait_for_images(panel(page))
    _show_panel(page)


def broken(page: Page, stage: Stage) -> None:
    """The panel when Déjà Bug cannot be reached."""
    page.route(re.compile(r"/forge/v1/"), _fail)
    _panel(page, stage, stage.ticket)
    panel(page).get_by_role("alert").first.wait_for()
    _show_panel(page)


def pause(page: Page) -> None:
    """Stop every clip that plays, at its moment: a picture of it must not depend on luck."""
    for frame in page.frames:
        frame.evaluate("document.querySelectorAll('video').forEach((video) => video.pause())")
    settle(page)


def _panel(page: Page, stage: Stage, issue: str) -> None:
    page.goto(f"{stage.jira}/browse/{issue}")
    page.locator(PANEL).wait_for()
    panel(page).locator("body :is(h1, h2, h3, p, button)").first.wait_for()


def _show_panel(page: Page) -> None:
    page.wait_for_timeout(600)  # the panel's height follows its page
    show(page, page.locator(PANEL), margin=100)
    settle(page)


def _fail(route: Route) -> None:
    route.abort("connectionrefused")


# In the order of the contact sheet. The first ones are taken while the new ticket is not read yet.
BEFORE = [Shot("panel-waiting", "The panel while a new ticket is being read", waiting)]
SHOTS = [
    Shot("search-home", "The search page", _to("/")),
    Shot("search-words", "Results for words", words),
    Shot("search-key", "Results for a ticket's key", key),
    Shot("search-comparison", "A result's clip beside the ticket's own", comparison),
    Shot("search-filters", "The filters, open", filters),
    Shot("search-clip", "Results for an uploaded clip", clip),
    Shot("search-no-results", "A search that finds nothing", no_results),
    Shot("search-problem", "A search while the service doesn't answer", problem),
    Shot("search-expired", "A link to a clip search that has expired", expired),
    Shot("status", "The status page", _to("/status"), whole_page=True),
    Shot("api-docs", "The API docs", _to("/api/v1/docs")),
    Shot("missing-page", "A page that doesn't exist", _to("/no/such/page")),
    Shot("sign-in", "The sign-in page", signed_out),
    Shot("jira-tickets", "The stand-in Jira's list of tickets", tickets),
    Shot("jira-create", "The stand-in Jira's form for a new ticket", create),
    Shot("jira-ticket", "A new ticket with its clip", ticket),
    Shot("jira-comment", "Déjà Bug's comment on it", comment),
    Shot("panel-suggestions", "The panel with suggestions", suggestions),
    Shot("panel-player", "The panel's player", player),
    Shot("panel-no-suggestions", "The panel on a ticket without a likely match", lonely),
    Shot("panel-error", "The panel when Déjà Bug can't be reached", broken),
]
