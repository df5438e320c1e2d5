"""The supported recorders, each with test clips that are generated with its parameters.

In tests/, `python -m support.recorders --markdown` prints the table of docs/reference/recorders.md,
and `python -m support.recorders FOLDER [NAME …]` generates the clips in a folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from support import recorders_desktop, recorders_devices
from support.recordings import build

RECORDERS = (*recorders_desktop.RECORDERS, *recorders_devices.RECORDERS)
RECORDINGS = {clip.name: clip for recorder in RECORDERS for clip in recorder.clips}


def markdown() -> str:
    """The table of `docs/reference/recorders.md`."""
    lines = ["| recorder | what it writes | test clips | source |", "| --- | --- | --- | --- |"]
    for recorder in RECORDERS:
        clips = ", ".join(f"`{clip.name}`" for clip in recorder.clips)
        sources = [f"[{name}]({address})" for name, address in recorder.sources]
        sources += [f"assumed: {recorder.assumed}"] if recorder.assumed else []
        sources += [f"the clips differ: {recorder.differs}"] if recorder.differs else []
        writes = recorder.writes.replace("|", "\\|")
        name = recorder.name.replace("|", "\\|")
        lines.append(f"| {name} | {writes} | {clips} | {'; '.join(sources)} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> None:
    """The command."""
    if arguments == ["--markdown"]:
        print(markdown(), end="")
        return
    for name in arguments[1:] or RECORDINGS:
        print(build(RECORDINGS[name], Path(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
