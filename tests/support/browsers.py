"""Chromium on the pages and on the panel, with the real web service."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect, sync_playwright
from werkzeug.serving import BaseWSGIServer, make_server

from dejabug.infra.redis_server import free_port
from dejabug.services import Services
from dejabug.web import create_app
from support.jira_site import Site
from support.repository import ROOT
from support.servers import serve_in_a_thread

PLUGIN = ROOT / "plugin"
AXE = PLUGIN / "node_modules" / "axe-core" / "axe.min.js"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Milliseconds that something may take to appear: long, since other work may keep a machine busy.
APPEARS = 30_000
expect.set_options(timeout=APPEARS)
# Read at once: the tests' services take all such variables away.
PICTURES = os.environ.get("DEJABUG_TEST_PICTURES")
# Seconds by which two clips may be apart while they play.
APART = 0.12
# The pixels of both heat maps in the browser, and the position of each relative to its clip.
HEAT = """[...document.querySelectorAll('.screen')].map((screen) => {
  const [map, media] = [screen.querySelector('canvas'), screen.querySelector('video, img')];
  const {data} = map.getContext('2d').getImageData(0, 0, map.width, map.height);
  const colours = new Set();
  for (let at = 0; at < data.length; at += 4) colours.add(`${data.slice(at, at + 4)}`);
  const [over, under] = [map.getBoundingClientRect(), media.getBoundingClientRect()];
  const [left, top] = [over.left - under.left, over.top - under.top];
  const apart = [left, top, over.width - under.width, over.height - under.height].map(Math.abs);
  const width = media.videoWidth || media.naturalWidth;
  const height = media.videoHeight || media.naturalHeight;
  const bent = (map.width * height) / (map.height * width);
  return {colours: colours.size, apart: Math.max(...apart), bent};
})"""


# Text over a clip without a solid background: a game's own display makes it unreadable.
OVER_CLIPS = """[...document.querySelectorAll('.screen *, .thumbnail *')].filter((each) => {
  const words = each.checkVisibility() && each.childElementCount === 0 && each.textContent.trim();
  if (!words || each.classList.contains('screen-note')) return false;
  const ground = each.closest('.screen-badge, figcaption') ?? each;
  return !getComputedStyle(ground).backgroundColor.startsWith('rgb(');
}).map((each) => each.outerHTML)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.fail("no Chromium: apt-get install chromium, or run the tests with make test")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def service_url() -> str:
    """Where the web service will be."""
    return f"http://127.0.0.1:{free_port()}"


class Service:
    """The real web service, which can be taken away and brought back."""

    def __init__(self, services: Services, url: str) -> None:
        self._app = create_app(services)
        self._port = int(url.rpartition(":")[2])
        self._server: BaseWSGIServer | None = None
        self.start()

    def start(self) -> None:
        """Serve at the same port as ever."""
        self._server = make_server("127.0.0.1", self._port, self._app, threaded=True)
        serve_in_a_thread(self._server)

    def stop(self) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def service(services: Services, service_url: str) -> Iterator[Service]:
    """The web service, at `service_url`."""
    running = Service(services, service_url)
    yield running
    running.stop()


class PageDesk:
    """Somebody at the pages; `complaints` is what the browser's console says was wrong."""

    def __init__(self, page: Page, url: str, secret: str) -> None:
        self.page, self.url, self._secret = page, url, secret
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)

    def sign_in(self, path: str = "/") -> None:
        """Sign in with an API token on the way to a page."""
        self.page.goto(self.url + path)
        self.page.get_by_label("API token").fill(self._secret)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()
        self.page.wait_for_load_state()

    def ask(self, words: str) -> None:
        """Search with words."""
        box = self.page.get_by_role("searchbox")
        box.fill(words)
        box.press("Enter")

    def card(self, key: str) -> Locator:
        """The result that shows a ticket."""
        return self.page.locator(f'li.card[data-key="{key}"]')

    def keep(self, name: str) -> None:
        """Save a screenshot of the page, if screenshots are wanted."""
        if PICTURES:
            self.page.wait_for_timeout(500)
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))

    def flaws(self) -> list[str]:
        """What axe finds wrong with the page for people who cannot see or point."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("axe.run().then((seen) => seen.violations)")
        return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]

    def scrolls_sideways(self) -> bool:
        """Whether the page is wider than its window."""
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))

    def _heard(self, message: Any) -> None:
        expected = re.search(r"status of (401|404|403|410|503)", message.text)
        if message.type == "error" and not expected:
            self.complaints.append(message.text)


class PanelDesk:
    """A browser at the triage lead's desk; `complaints` is what its console says was wrong."""

    def __init__(self, page: Page, jira: Site) -> None:
        self.page, self._jira = page, jira
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)

    def open(self, key: str) -> FrameLocator:
        """The panel on a ticket."""
        self.page.goto(f"{self._jira.url}/browse/{key}")
        return self.page.frame_locator("#panel")

    def inside(self, script: str) -> Any:
        """A script's answer within the panel."""
        frame = next(each for each in self.page.frames if "/forge/panel/" in each.url)
        return frame.evaluate(script)

    def first_moment(self) -> dict[str, float]:
        """The best match's first moment, as the service returns it."""
        found: dict[str, float] = self.inside(
            "fetch(`/forge/v1/issues/${window.__dejabugTest.issue.id}/similar`)"
            ".then((answer) => answer.json()).then((told) => told.matches[0].moments[0])"
        )
        return found

    def keep(self, name: str) -> None:
        """Save a screenshot of the panel, if screenshots are wanted."""
        if PICTURES:
            self.page.wait_for_timeout(600)  # the frame takes its height
            self.page.locator("#panel").screenshot(path=str(Path(PICTURES) / f"{name}.png"))

    def flaws(self) -> list[str]:
        """What axe finds wrong with the panel for people who cannot see or point."""
        self.inside(AXE.read_text("utf-8"))
        found = self.inside("axe.run().then((seen) => seen.violations)")
        return [f"{each['id']}: {each['help']}" for each in found]

    def _heard(self, message: Any) -> None:
        where = str(message.location.get("url", ""))
        if message.type == "error" and not where.endswith("favicon.ico"):
            self.complaints.append(f"{message.text} {where}")
