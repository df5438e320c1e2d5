"""The film of README: a ticket with a clip, Déjà Bug's comment, one click, both clips in step."""

from __future__ import annotations

import io
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Error, Frame, Locator, Page

from dejabug.demo.parts import console
from tools.screens.browser import (
    COMPARE,
    PANEL,
    context,
    panel,
    see_suggestions,
    settle,
    show,
    wait_for_images,
)
from tools.screens.cut import Cut, captions
from tools.screens.slow_motion import SlowMotion
from tools.screens.stage import Stage

# Image pixels of the film without its caption, and how much larger a CSS pixel is shown.
WIDTH, HEIGHT, SCALE = 960, 560, 1.2
CAPTIONS = (
    "A tester files a bug with a gameplay clip",
    "Déjà Bug compares the clip with every earlier one",
    "Seconds later, it comments: this was filed before",
    "One click opens both clips side by side",
    "They play in sync, from the matching moment",
)
# Frames per second while clips play, and how long they play: seconds. More makes a larger file.
RATE, PLAYS = 8, 4.0
# Frames of a movement of the pointer or of the page, and milliseconds of each.
STEPS, STEP = 7, 60


def make_film(browser: Browser, stage: Stage, path: Path) -> None:
    """Play the story in the running studio, and write it as an animated GIF."""
    stage.forget_tickets()
    window = context(
        browser, round(WIDTH / SCALE), round(HEIGHT / SCALE), "light", SCALE, moves=True
    )
    window.add_init_script(SlowMotion.SCRIPT)
    page = window.new_page()
    take = _Take(page, Cut(captions(browser, CAPTIONS, WIDTH)))
    try:
        _file(take, stage)
        _comment(take, stage)
        _play(take)
    except Error:
        page.screenshot(path=stage.story.folder / "failed.png", full_page=True)
        console.print(f"[red]The film failed here: {stage.story.folder / 'failed.png'}[/]")
        raise
    window.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    take.cut.write(path)


class _Take:
    """Records a page, with a pointer that the browser itself does not draw."""

    def __init__(self, page: Page, cut: Cut) -> None:
        self.page = page
        self.cut = cut
        self.scene = 0
        self._at = (0.82 * WIDTH / SCALE, 0.7 * HEIGHT / SCALE)

    def hold(self, milliseconds: int, *, pressed: bool = False) -> None:
        """Record the page as it is now, to be seen for that long."""
        picture = Image.open(io.BytesIO(self.page.screenshot(animations="disabled")))
        at = (self._at[0] * SCALE, self._at[1] * SCALE)
        self.cut.add(picture.convert("RGB"), self.scene, milliseconds, at, pressed=pressed)

    def move_to(self, target: Locator) -> None:
        """Move the pointer to something that is in the window."""
        box = target.bounding_box()
        if box is None:
            raise RuntimeError(f"{target} is not on the page")
        end = (box["x"] + min(box["width"] / 2, 48), box["y"] + box["height"] / 2)
        begin = self._at
        for step in range(1, STEPS + 1):
            part = _eased(step / STEPS)
            x, y = (a + (b - a) * part for a, b in zip(begin, end, strict=True))
            self._at = (x, y)
            self.page.mouse.move(*self._at)
            self.hold(STEP)

    def scroll_to(self, target: Locator, margin: int) -> None:
        """Scroll smoothly until something is `margin` CSS pixels below the window's top."""
        begin = self.page.evaluate("window.scrollY")
        show(self.page, target, margin)
        end = self.page.evaluate("window.scrollY")
        for step in range(1, STEPS + 1):
            place = begin + (end - begin) * _eased(step / STEPS)
            self.page.evaluate(f"window.scrollTo({{top: {place}, behavior: 'instant'}})")
            self.hold(STEP)

    def click(self, target: Locator) -> None:
        """Move to something, and press."""
        self.move_to(target)
        self.hold(350)
        self.hold(120, pressed=True)
        target.click()


def _file(take: _Take, stage: Stage) -> None:
    page = take.page
    page.goto(f"{stage.jira}/create?project={stage.project}")
    page.get_by_label("Summary").fill(stage.summary)
    page.get_by_label("Description").fill(stage.description)
    page.get_by_label("Clips").set_input_files(stage.clip)
    page.evaluate("document.body.style.paddingBottom = '160px'")  # to scroll past the caption
    show(page, page.get_by_label("Summary"), margin=84)
    settle(page)
    take.hold(1500)
    with stage.paused_worker():
        take.click(page.get_by_role("button", name="Create", exact=True))
        page.wait_for_url(re.compile("/browse/"))
        stage.remember(page.url.rpartition("/")[2].partition("#")[0])
        take.scene = 1
        panel(page).locator("body *").first.wait_for()
        page.locator("video").first.evaluate("video => { video.currentTime = 2; }")
        page.wait_for_timeout(1200)
        show(page, page.locator("video").first, margin=64)
        settle(page)
        take.hold(1700)


def _comment(take: _Take, stage: Stage) -> None:
    page = take.page
    stage.wait_for_comment()
    page.locator("article.comment").first.wait_for()
    see_suggestions(page)
    wait_for_images(page)
    stage.wait_until_idle()
    page.wait_for_timeout(600)
    take.scene = 2
    take.scroll_to(page.locator("article.comment").first, margin=70)
    take.hold(3000)


def _play(take: _Take) -> None:
    page = take.page
    take.scene = 3
    take.scroll_to(page.locator(PANEL), margin=104)
    take.hold(500)
    slow = SlowMotion(_frame_of(page))
    slow.begin()
    take.click(panel(page).get_by_role("button", name=COMPARE).first)
    slow.wait_for_clips()
    page.wait_for_timeout(700)  # the panel's height follows
    take.scroll_to(panel(page).locator("video").first, margin=110)
    take.scene = 4
    take.hold(500)
    for _ in range(round(PLAYS * RATE)):
        for _ in range(2):  # a player takes a long tick for a sleep
            slow.tick(500 // RATE)
        take.hold(1000 // RATE)
    take.hold(1500)
    slow.end()


def _frame_of(page: Page) -> Frame:
    handle = page.locator(PANEL).element_handle()
    frame = handle.content_frame() if handle else None
    if frame is None:
        raise RuntimeError("the panel is not on the page")
    return frame


def _eased(part: float) -> float:
    """Slow at both ends."""
    return part * part * (3 - 2 * part)
