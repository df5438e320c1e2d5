"""Takes every picture in every size and colour scheme, and writes the contact sheet."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Error

from dejabug.demo.parts import console
from tools.screens.browser import Scheme, context, sign_in
from tools.screens.shots import BEFORE, SHOTS, Shot
from tools.screens.stage import Stage

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
STYLE = """
  :root { color-scheme: light dark } body { font: 15px/1.4 system-ui, sans-serif; margin: 24px }
  h2 { margin: 40px 0 8px }
  .row { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start }
  figure { margin: 0 } figcaption { font-size: 13px; opacity: .7; margin-bottom: 4px }
  img { border: 1px solid #8888; display: block; height: 420px; width: auto }
  .failed { color: #c33 }
"""


@dataclass(frozen=True)
class Taken:
    """A picture that was taken, or why it could not be."""

    shot: Shot
    size: str
    scheme: Scheme
    problem: str = ""

    @property
    def file(self) -> str:
        """The picture's name: what it shows, the size, the colours."""
        return f"{self.shot.name}--{self.size}-{self.scheme}.png"


def take_all(browser: Browser, stage: Stage, out: Path) -> list[Taken]:
    """Take every picture. A state that cannot be reached is reported, and the rest goes on."""
    out.mkdir(parents=True, exist_ok=True)
    with stage.paused_worker():
        stage.file_ticket()
        taken = _take(browser, stage, out, BEFORE)
    stage.wait_for_comment()
    stage.wait_until_idle()
    taken += _take(browser, stage, out, SHOTS)
    (out / "index.html").write_text(_page(taken), "utf-8")
    return taken


def _take(browser: Browser, stage: Stage, out: Path, shots: Sequence[Shot]) -> list[Taken]:
    taken = []
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            started = time.monotonic()
            with context(browser, width, height, scheme) as window:
                for shot in shots:
                    # A page for each, so that what one did is over.
                    page = window.new_page()
                    sign_in(page, stage.service)
                    made = Taken(shot, size, scheme)
                    try:
                        shot.go(page, stage)
                    except Error as error:
                        made = Taken(shot, size, scheme, error.message.splitlines()[0])
                        console.print(f"[red]✗ {made.file}: {made.problem}[/]", markup=True)
                    page.screenshot(path=out / made.file, full_page=shot.whole_page)
                    page.close()
                    taken.append(made)
            took = time.monotonic() - started
            console.print(f"  [dim]{len(shots)} of {size}, {scheme}: {took:.0f} s[/]")
    return taken


def _page(taken: Sequence[Taken]) -> str:
    """The contact sheet."""
    rows = []
    for shot in [*BEFORE, *SHOTS]:
        figures = "".join(
            f"<figure><figcaption>{each.size}, {each.scheme}"
            f"{_problem(each)}</figcaption>"
            f'<a href="{each.file}"><img src="{each.file}" alt="{html.escape(shot.shows)}" '
            'loading="lazy"></a></figure>'
            for each in taken
            if each.shot == shot
        )
        rows.append(f'<h2>{html.escape(shot.shows)}</h2><div class="row">{figures}</div>')
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Déjà Bug, every page</title>'
        f"<style>{STYLE}</style><h1>Déjà Bug, every page and state</h1>{''.join(rows)}</html>\n"
    )


def _problem(taken: Taken) -> str:
    return f' <b class="failed">{html.escape(taken.problem)}</b>' if taken.problem else ""
