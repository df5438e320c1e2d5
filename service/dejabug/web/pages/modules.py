"""Which script files a page needs, so that the browser loads them at once instead of one after the
other, as it finds their imports."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

STATIC = (Path(__file__).parent / "static").resolve()
IMPORT = re.compile(r"""^(?:import|export)\s[^;]*?["'](\.[^"']+\.js)["'];""", re.MULTILINE)


@cache
def modules_of(name: str) -> tuple[str, ...]:
    """The files that a module imports, directly or not, below `static/` and in order of names."""
    found: set[str] = set()
    _follow(STATIC / name, found)
    return tuple(sorted(found - {name}))


def _follow(file: Path, found: set[str]) -> None:
    name = file.relative_to(STATIC).as_posix()
    if name in found:
        return
    found.add(name)
    for imported in IMPORT.findall(file.read_text("utf-8")):
        _follow((file.parent / imported).resolve(), found)
