"""The images of README and docs, from the running product."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tools.screens import shots
from tools.screens.browser import PANEL, Scheme, context, settle, sign_in
from tools.screens.stage import Stage

# CSS pixels of the window, and image pixels for each of them.
WIDTH, HEIGHT, SCALE = 1100, 760, 1.5
# Jira's header would lie over the panel.
NO_HEADER = "header { display: none !important; }"
# Around an element that is cut out, CSS pixels.
MARGIN = 8


def take_images(browser: Browser, stage: Stage, folder: Path) -> None:
    """Write comment.png, panel.png, panel-dark.png and search.png into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if not stage.ticket:
        stage.file_ticket()
        stage.wait_for_comment()
        stage.wait_until_idle()
    names: dict[Scheme, str] = {"light": "panel", "dark": "panel-dark"}
    for scheme, name in names.items():
        page = _page(browser, scheme)
        shots.player(page, stage)
        picture = page.locator(PANEL).screenshot(style=NO_HEADER)
        _write(picture, folder / f"{name}.png")
        page.context.close()
    page = _page(browser, "light")
    shots.comment(page, stage)
    _write(_around(page, "article.comment"), folder / "comment.png")
    sign_in(page, stage.service)
    shots.words(page, stage)
    _write(page.screenshot(), folder / "search.png")
    page.context.close()


def _page(browser: Browser, scheme: Scheme) -> Page:
    return context(browser, WIDTH, HEIGHT, scheme, SCALE).new_page()


def _around(page: Page, selector: str) -> bytes:
    """A picture of the first such element, with a margin."""
    box = page.locator(selector).first.bounding_box()
    if box is None:
        raise RuntimeError(f"{selector} is not on the page")
    settle(page)
    top = page.evaluate("window.scrollY")
    return page.screenshot(
        full_page=True,
        clip={
            "x": box["x"] - MARGIN,
            "y": box["y"] + top - MARGIN,
            "width": box["width"] + 2 * MARGIN,
            "height": box["height"] + 2 * MARGIN,
        },
    )


def _write(picture: bytes, path: Path) -> None:
    """Write a PNG as small as it gets without loss."""
    Image.open(io.BytesIO(picture)).convert("RGB").save(path, optimize=True)
