"""Take pictures of the running product: `python -m tools.screens`.

Starts the demo's studio (the index is kept for the next run) and takes screenshots in a browser:
every page and state for a contact sheet (--out), the docs' images and a film (--readme).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dejabug.demo.parts import console
from dejabug.demo.processes import ProcessError
from tools.screens.browser import chromium
from tools.screens.film import make_film
from tools.screens.readme import take_images
from tools.screens.sheet import take_all
from tools.screens.stage import stage

IMAGES = Path("docs/images")


def main() -> int:
    """The exit status: 1 when a state could not be reached."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.screens",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--out", type=Path, help="folder for the contact sheet: every page, its index.html")
    add("--readme", action="store_true", help=f"write the images of {IMAGES} and the film")
    add("--film", action="store_true", help=f"write only the film, {IMAGES}/dejabug.gif")
    add("--state", type=Path, default=Path(".state/screens"), help="folder that keeps the studio")
    add("--fresh", action="store_true", help="index everything again")
    options = parser.parse_args()
    if not (options.out or options.readme or options.film):
        parser.error("say what to take: --out FOLDER, --readme or --film")
    failed = 0
    try:
        with stage(options.state, fresh=options.fresh) as studio, chromium() as browser:
            if options.readme or options.film:
                with studio.story.step(f"the film: {IMAGES}/dejabug.gif"):
                    make_film(browser, studio, IMAGES / "dejabug.gif")
            if options.readme:
                with studio.story.step(f"the images of {IMAGES}"):
                    take_images(browser, studio, IMAGES)
            if options.out:
                studio.forget_tickets()
                with studio.story.step(f"the contact sheet: {options.out}/index.html"):
                    taken = take_all(browser, studio, options.out)
                failed = sum(bool(each.problem) for each in taken)
    except ProcessError as error:
        sys.exit(str(error))
    if failed:
        console.print(f"[red]{failed} pictures show something else than they should.[/]")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
