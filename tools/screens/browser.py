"""Chromium, and what finding something on a page that may change needs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import (
    Browser,
    BrowserContext,
    FrameLocator,
    Locator,
    Page,
    sync_playwright,
)
from playwright.sync_api import (
    TimeoutError as TooLateError,
)

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Milliseconds that something may take to appear.
APPEARS = 20_000
# Milliseconds after which a panel is opened again.
PATIENCE = 8_000
# Milliseconds in which fonts, images and transitions come to rest.
SETTLES = 400

Scheme = Literal["light", "dark"]
COMPARE = re.compile(r"compare", re.IGNORECASE)
PANEL = "iframe[title='Déjà Bug']"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A Chromium without a window. Raises SystemExit when there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise SystemExit("No Chromium found. Install it: make browser")
    with sync_playwright() as driver:
        running = driver.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--hide-scrollbars"]
        )
        yield running
        running.close()


def context(
    browser: Browser,
    width: int,
    height: int,
    scheme: Scheme,
    scale: float = 1,
    *,
    moves: bool = False,
) -> BrowserContext:
    """A browser window of this size in CSS pixels, with `scale` image pixels each. Unless it
    `moves`, it asks for reduced motion: players then show the matching moment and don't start."""
    made = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        device_scale_factor=scale,
        locale="en-GB",
        reduced_motion="no-preference" if moves else "reduce",
    )
    made.set_default_timeout(APPEARS)
    return made


def sign_in(page: Page, service: str) -> None:
    """Sign in to the pages, as with the link that `dejabug up` prints."""
    page.goto(f"{service}/sign-in/oidc")


def settle(page: Page) -> None:
    """Wait for what loads, then for transitions."""
    page.wait_for_load_state("load")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(SETTLES)


def panel(page: Page) -> FrameLocator:
    """The panel on a ticket's page."""
    return page.frame_locator(PANEL)


def see_suggestions(page: Page) -> None:
    """Wait until the panel on a ticket's page suggests something."""
    compare = panel(page).get_by_role("button", name=COMPARE).first
    try:
        compare.wait_for(timeout=PATIENCE)
    except TooLateError:
        page.reload()  # the panel may have got its last answer just before the clip was done
        compare.wait_for()
    wait_for_images(panel(page))


def show(page: Page, target: Locator, margin: int = 72) -> None:
    """Scroll so that the top of something is `margin` pixels below the window's top."""
    target.evaluate("element => element.scrollIntoView({block: 'start', behavior: 'instant'})")
    page.evaluate(f"window.scrollBy({{top: -{margin}, behavior: 'instant'}})")


def wait_for_images(target: FrameLocator | Page) -> None:
    """Wait until every image that is there has loaded, and every video shows a frame."""
    target.locator("body").evaluate(
        """body => Promise.race([
          Promise.all([...body.querySelectorAll('img, video')].map((each) => new Promise((done) => {
            const ready = each.tagName === 'IMG' ? each.complete : each.readyState >= 2;
            if (ready) return done();
            for (const name of ['load', 'loadeddata', 'error']) each.addEventListener(name, done);
          }))),
          new Promise((done) => setTimeout(done, 5000)),
        ])"""
    )
