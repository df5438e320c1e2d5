"""The search page's box, addresses and expired searches, in a real browser with the real service.

DEJABUG_TEST_PICTURES names a folder for screenshots.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from dejabug.search import search, uploads
from dejabug.services import Services
from support.browsers import PageDesk, Service
from support.demo_clips import COWS, PLACEHOLDER, QUIET
from support.jira_site import Site
from support.made_clips import still_of
from support.search_worker import searching
from support.tickets import history, tell
from support.waiting import wait_until

PHONE = {"width": 390, "height": 844}
# A slow phone network, in bytes a second and milliseconds.
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}

FAST = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


@pytest.fixture
def environment(environment: dict[str, str], service_url: str) -> dict[str, str]:
    more = {"DEJABUG_PUBLIC_URL": service_url, "DEJABUG_API_REQUESTS_PER_MINUTE": "10000"}
    return {**environment, **more}


@pytest.fixture(params=["light"])
def desk(
    browser: Browser, services: Services, service: Service, service_url: str, request: Any
) -> Iterator[PageDesk]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 860}, color_scheme=request.param
    )
    secret, _ = services.tokens.create("Tess", ["GAME"])
    found = PageDesk(context.new_page(), service_url, secret)
    with searching(services):
        yield found
    context.close()
    assert found.complaints == []


@pytest.fixture
def keys(services: Services, jira: Site, clips: Path) -> list[str]:
    """Old tickets: two of cows, one of something else, and a newer one of cows."""
    found = history(services, jira, clips, COWS[0], COWS[1], PLACEHOLDER[0], QUIET)
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    return [*found, key]


# Pastes text, or a file by name, type and bytes in base 64, onto the element that has the focus.
PASTE = """([text, file]) => {
  const pasted = new DataTransfer();
  if (text) pasted.setData("text/plain", text);
  if (file) {
    const bytes = Uint8Array.from(atob(file[2]), (letter) => letter.charCodeAt(0));
    pasted.items.add(new File([bytes], file[0], { type: file[1] }));
  }
  const how = { clipboardData: pasted, bubbles: true, cancelable: true };
  return (document.activeElement ?? document.body).dispatchEvent(new ClipboardEvent("paste", how));
}"""


def paste(page: Page, text: str = "", file: Path | None = None, kind: str = "image/png") -> bool:
    """Paste; whether the browser itself would go on to insert something."""
    sent = [file.name, kind, base64.b64encode(file.read_bytes()).decode()] if file else None
    inserted: bool = page.evaluate(PASTE, [text, sent])
    return inserted


@pytest.mark.parametrize(
    "written",
    [
        "https://jira.studio.example/browse/{key}",
        "http://10.0.0.7:8080/jira/browse/{key}?focusedCommentId=1#comment-1",
        "https://elsewhere.example/jira/software/c/projects/GAME/boards/7?selectedIssue={key}",
        "https://studio.atlassian.net/jira/software/projects/GAME/issues/{key}?jql=a%20%3D%20b",
        "   {key}  ",
    ],
)
def test_a_typed_or_pasted_link_to_jira_is_a_search_by_its_key(
    desk: PageDesk, keys: list[str], written: str
) -> None:
    page, asked = desk.page, []
    page.on("request", lambda each: asked.append(each.url))
    desk.sign_in()
    key, box = keys[-1], page.get_by_role("searchbox")
    text = written.format(key=key.lower())
    desk.ask(text)
    expect(desk.card(keys[0])).to_be_visible()
    expect(box).to_have_value(key)
    assert page.url == f"{desk.url}/?q={key}"
    page.goto(desk.url)
    box.focus()
    assert paste(page, text) is False
    expect(desk.card(keys[0])).to_be_visible()
    expect(box).to_have_value(key)
    page.goto(desk.url)
    box.blur()
    assert paste(page, text) is False  # anywhere on the page
    expect(desk.card(keys[0])).to_be_visible()
    assert {url.split("/")[2] for url in asked if not url.startswith("blob:")} == {
        desk.url.split("/")[2]
    }


def test_words_with_a_link_or_in_another_field_stay_as_they_are(
    desk: PageDesk, keys: list[str]
) -> None:
    desk.sign_in("/?q=meadow")
    expect(desk.card(keys[0])).to_be_visible()
    box, link = desk.page.get_by_role("searchbox"), "https://jira.studio.example/browse/GAME-1"
    box.fill("cows as in ")
    box.press("End")
    assert paste(desk.page, link) is True
    desk.page.locator("#filters > summary").click()
    desk.page.locator("#pick-status summary").click()
    desk.page.get_by_label("Other status").focus()
    assert paste(desk.page, link) is True
    assert desk.page.url.endswith("/?q=meadow")


def test_a_pasted_screenshot_or_clip_is_searched_with(
    desk: PageDesk, keys: list[str], clips: Path, tmp_path: Path
) -> None:
    desk.sign_in()
    page, shot = desk.page, still_of(clips / COWS[0], tmp_path / "image.png")
    page.get_by_role("searchbox").blur()
    assert paste(page, file=shot) is False
    expect(desk.card(keys[0])).to_be_visible()
    assert "job=" in page.url
    page.get_by_role("searchbox").focus()
    assert paste(page, file=clips / COWS[2], kind="video/mp4") is False
    expect(page.locator("li.card").first).to_be_visible()
    page.locator("li.card .clip").first.click()
    expect(page.locator("dialog figcaption").first).to_contain_text(COWS[2])
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("open="))
    address = page.url
    # Cells of a spreadsheet are text and an image: in the box, the text is wanted.
    page.get_by_role("searchbox").focus()
    assert paste(page, "two cells", shot) is True
    assert page.url == address


def test_slash_goes_to_the_search_box_and_escape_leaves_it(desk: PageDesk, keys: list[str]) -> None:
    desk.sign_in("/?q=meadow")
    page = desk.page
    expect(desk.card(keys[0])).to_be_visible()
    box, cap = page.get_by_role("searchbox"), page.locator("kbd")
    expect(box).not_to_be_focused()
    expect(cap).to_have_text("/")
    expect(cap).to_be_visible()
    page.keyboard.press("/")
    expect(box).to_be_focused()
    expect(cap).to_be_hidden()
    expect(box).to_have_value("meadow")
    page.keyboard.press("End")
    page.keyboard.type("/x")
    expect(box).to_have_value("meadow/x")
    page.keyboard.press("Escape")
    expect(box).not_to_be_focused()
    expect(box).to_have_value("meadow/x")
    page.locator("#filters > summary").click()
    page.locator("#pick-status summary").click()
    other = page.get_by_label("Other status")
    other.focus()
    page.keyboard.press("/")
    expect(other).to_be_focused()
    expect(other).to_have_value("/")
    other.fill("")
    page.get_by_label("Open", exact=True).focus()
    page.keyboard.press("Control+/")
    expect(box).not_to_be_focused()
    page.keyboard.press("/")
    expect(box).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("li.card .clip").first.click()
    expect(page.locator("#compare")).to_be_visible()
    page.keyboard.press("/")
    expect(box).not_to_be_focused()


# How the page looks at each frame from its first on: one row for each change.
WATCH = """() => {
  window.seen = [];
  const look = () => {
    const by = (id) => document.getElementById(id);
    if (by("results")) {
      const row = [
        by("search").classList.contains("asked"), by("q").value,
        by("results").children.length > 0,
        Boolean(document.querySelector("dialog[open], #opening:not([hidden])")),
      ];
      if (String(row) !== String(seen.at(-1))) seen.push(row);
    }
    requestAnimationFrame(look);
  };
  look();
}"""


@pytest.mark.parametrize("desk", ["light", "dark"], indirect=True)
def test_a_shared_address_shows_what_it_asks_for_at_once_on_a_slow_connection(
    desk: PageDesk, keys: list[str], request: Any
) -> None:
    desk.sign_in()
    page, (key, opened) = desk.page, (keys[-1], keys[0])
    network = page.context.new_cdp_session(page)
    network.send("Network.emulateNetworkConditions", SLOW)
    page.add_init_script(f"({WATCH})()")
    page.goto(f"{desk.url}/?q={key}&status=Open&open={opened}", wait_until="commit")
    expect(page.locator("#opening")).to_be_visible()
    expect(page.locator("#opening")).to_contain_text(f"Opening {opened}…")
    expect(page.get_by_text("Have we seen")).not_to_be_in_viewport()
    expect(page.locator("#said")).to_have_text("Searching…")
    expect(page.locator("#results .skeleton")).to_have_count(8)
    expect(page.locator("#pick-status .chosen")).to_have_text("Open")
    expect(page.locator("#filter-count")).to_have_text("(1)")
    assert page.title() == f"{key} · Déjà Bug"
    desk.keep(f"page-opening-{request.node.callspec.params['desk']}")
    assert desk.flaws() == []
    network.send("Network.emulateNetworkConditions", FAST)
    expect(page.locator("#compare")).to_be_visible()
    expect(page.locator("#opening")).to_be_hidden()
    assert page.evaluate("document.activeElement.closest('#compare') !== null")
    # At no time was it the empty home page, without its query, or without a view.
    assert {tuple(row) for row in page.evaluate("seen")} == {(True, key, True, True)}
    page.keyboard.press("Escape")
    expect(page.locator("#compare")).to_be_hidden()
    expect(page).to_have_url(f"{desk.url}/?q={key}&status=Open")


def test_a_view_can_be_left_while_it_is_opening(desk: PageDesk, keys: list[str]) -> None:
    desk.sign_in()
    page, held, holding = desk.page, [], [True]

    def hold(route: Route) -> None:
        if holding:
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/v1/clips?*", hold)
    page.goto(f"{desk.url}/?q={keys[-1]}&open={keys[0]}")
    expect(desk.card(keys[0])).to_be_visible()
    wait_until(lambda: page.wait_for_timeout(50) or held)
    expect(page.locator("#opening")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#opening-close")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).not_to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#opening")).to_be_hidden()
    expect(page).to_have_url(f"{desk.url}/?q={keys[-1]}")
    holding.clear()
    for route in held:
        route.continue_()
    page.wait_for_timeout(500)
    expect(page.locator("#compare")).to_be_hidden()
    # By a click it opens all the same.
    desk.card(keys[0]).locator(".clip").click()
    expect(page.locator("#compare")).to_be_visible()
    expect(page.locator("#opening")).to_be_hidden()


def test_a_result_that_is_not_there_is_not_opened_and_the_page_says_so(
    desk: PageDesk, keys: list[str]
) -> None:
    desk.sign_in(f"/?q=meadow&open={keys[0]}0")
    expect(desk.page.locator("#note")).to_have_text(f"{keys[0]}0 is not in these results.")
    expect(desk.page.locator("dialog[open]")).to_have_count(0)
    expect(desk.page.locator("#opening")).to_be_hidden()
    desk.page.goto(f"{desk.url}/?q=meadow&open=<b>x</b>")
    expect(desk.card(keys[0])).to_be_visible()
    expect(desk.page.locator("#note")).to_be_hidden()


def expire(services: Services, kind: str) -> None:
    """Have what is kept under a kind of key expire."""
    for key in services.redis.keys(f"dejabug:{kind}:*"):
        services.redis.delete(key)


@pytest.fixture
def old_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploads and pages were begun an hour ago."""
    count = iter(range(1, 100))
    begun = f"{int(time.time() - 3600):08x}"
    for module in (search, uploads):
        monkeypatch.setattr(module, "new_id", lambda: f"{begun}{next(count):024x}")


def test_results_that_have_expired_are_searched_for_again_by_one_button(
    desk: PageDesk, keys: list[str], services: Services, old_ids: None
) -> None:
    def few(route: Route) -> None:
        route.continue_(url=route.request.url.replace("limit=24", "limit=2"))

    page = desk.page
    page.route("**/api/v1/search?*", few)
    desk.sign_in("/?q=meadow")
    expect(page.locator("li.card")).to_have_count(2)
    expire(services, "page")
    page.get_by_role("button", name="Show more").click()
    says = "These results have expired: they are kept for 5 minutes. Search again."
    expect(page.get_by_role("alert")).to_contain_text(says)
    expect(page.locator("li.card")).to_have_count(2)
    desk.keep("page-results-expired")
    assert desk.flaws() == []
    page.get_by_role("alert").get_by_role("button", name="Search again").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator("li.card")).to_have_count(2)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("li.card")).to_have_count(4)


def test_a_clip_search_that_has_expired_offers_the_clip_or_the_file_chooser(
    desk: PageDesk, keys: list[str], clips: Path, services: Services, old_ids: None
) -> None:
    desk.sign_in()
    page = desk.page
    page.locator("#file").set_input_files(clips / COWS[2])
    expect(desk.card(keys[0])).to_be_visible()
    first = page.url
    expire(services, "upload")
    page.locator("#filters > summary").click()
    page.locator("#pick-status summary").click()
    page.get_by_label("Open", exact=True).check()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(
        "This clip search has expired: clips are deleted once they are compared, and results after "
        "15 minutes. Drop the clip again."
    )
    # This page still has the file.
    alert.get_by_role("button", name="Search again").click()
    expect(desk.card(keys[0])).to_be_visible()
    assert page.url.split("?")[1] != first.split("?")[1]
    expire(services, "upload")
    page.reload()
    expect(alert).to_contain_text("Drop the clip again.")
    desk.keep("page-upload-expired")
    assert desk.flaws() == []
    with page.expect_file_chooser() as chooser:
        alert.get_by_role("button", name="Choose a clip").click()
    chooser.value.set_files(clips / COWS[2])
    expect(desk.card(keys[0])).to_be_visible()
    expect(alert).to_be_hidden()


@pytest.mark.parametrize("job", ["0" * 24 + "f" * 8, "f" * 32, "x", "../clips/1"])
def test_an_address_of_another_persons_clip_search_says_who_sees_it(
    desk: PageDesk, services: Services, job: str
) -> None:
    desk.sign_in(f"/?job={job}")
    alert = desk.page.get_by_role("alert")
    says = "has expired" if job.startswith("0") else "only the person who uploads a clip"
    expect(alert).to_contain_text(says)
    expect(alert.get_by_role("button", name="Choose a clip")).to_be_visible()


def test_a_session_that_has_ended_says_so_and_comes_back(
    desk: PageDesk, keys: list[str], services: Services
) -> None:
    desk.sign_in("/?q=meadow")
    expect(desk.card(keys[0])).to_be_visible()
    expire(services, "session")
    desk.ask("cows")
    page = desk.page
    expect(page.get_by_text("Your session has ended. Sign in again to continue.")).to_be_visible()
    desk.keep("sign-in-ended")
    assert desk.flaws() == []
    page.get_by_label("API token").fill("djb_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Invalid or expired token. Paste the whole")
    expect(page.get_by_text("Your session has ended")).to_be_hidden()
    desk.sign_in("/?q=cows")
    expect(desk.card(keys[0])).to_be_visible()


def test_a_thumbnail_whose_address_has_expired_is_loaded_again(
    desk: PageDesk, keys: list[str]
) -> None:
    page, refused = desk.page, []

    def once(route: Route) -> None:
        """The first addresses have expired."""
        if len({*refused, route.request.url}) > 1 or len(refused) > 0:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=404)

    page.route("**/media/**/*.jpg", once)
    desk.sign_in(f"/?q={keys[-1]}")
    expect(desk.card(keys[0])).to_be_visible()
    shown = "[...document.querySelectorAll('.picture')].every((each) => each.naturalWidth > 0)"
    wait_until(lambda: page.wait_for_timeout(50) or page.evaluate(shown))
    assert len(refused) == 1
    expect(page.locator(".clip.blank")).to_have_count(0)
