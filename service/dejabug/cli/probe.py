"""`dejabug probe`: what is read from a file, and why parts are skipped."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from rich.markup import escape
from rich.table import Table

from dejabug.cli.common import TRY_IT, app, console, fail, open_services, plain_errors
from dejabug.ingest.clip_report import CLIP_IMAGE_SIZE, ClipReport, examine_clip
from dejabug.ingest.clip_sheet import facts, sheet_of

# A frame's file name: its time in seconds.
FRAME_NAME = re.compile(r"\d{4,}\.\d{3}\.png")


@app.command(rich_help_panel=TRY_IT)
@plain_errors
def probe(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Videos or screenshots."),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for scripts: one line per file.")
    ] = False,
    frames: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write the frames to this folder as PNG files, named by their time in seconds: "
            "0003.500.png. With several files, each gets a subfolder.",
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png", help="Write all frames to one image. Only with a single file."
        ),
    ] = None,
    image_size: Annotated[
        int,
        typer.Option(
            min=16,
            max=1024,
            help="Pixels of a frame's shorter side, as the encoder reads it. CLIP: "
            f"{CLIP_IMAGE_SIZE}, `starter`: 260.",
        ),
    ] = CLIP_IMAGE_SIZE,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite frames that are already in the folder.")
    ] = False,
) -> None:
    """Show which frames are read from a clip, and what is skipped.

    Reads the file as a worker does: with the same settings, limits and sandbox. Needs no Redis, no
    Jira and no model. Exits with status 1 when a file can't be read.

    Examples:

    `dejabug probe clip.mp4`

    `dejabug probe clip.mp4 --sheet sheet.png`

    `dejabug probe --json --frames frames/ *.mp4`
    """
    for path in files:
        if not path.is_file():
            fail(
                f"{path} {'is a folder' if path.is_dir() else 'does not exist'}: "
                "name a video or an image file"
            )
    _check_sheet(sheet, files)
    folders = _folders(frames, files, force=force)
    settings = open_services().settings
    failed = False
    try:
        for number, path in enumerate(files):
            report = examine_clip(settings, path, image_size)
            if as_json:
                typer.echo(json.dumps(report.as_json(), ensure_ascii=False))
            else:
                _tell(report, first=number == 0)
            if report.frames is None:
                failed = True
                continue
            if frames is not None:
                _write_frames(report, folders[number], quiet=as_json)
            if sheet is not None:
                sheet_of(report).save(sheet, "PNG", optimize=True)
                _told_written(f"Contact sheet: {sheet}", quiet=as_json)
    except OSError as error:  # no ffmpeg, a full disk, or no permission to write
        fail(str(error))
    if failed:
        raise typer.Exit(1)


def _check_sheet(sheet: Path | None, files: Sequence[Path]) -> None:
    if sheet is None:
        return
    if len(files) > 1:
        fail("--sheet works with a single file only: run the command once per file")
    if sheet.suffix.lower() != ".png":
        fail(f"--sheet writes a PNG file: use a name like {sheet.with_suffix('.png').name}")
    if sheet.exists() and sheet.samefile(files[0]):
        fail(f"--sheet would overwrite the input file {sheet}: choose another name")


def _folders(frames: Path | None, files: Sequence[Path], *, force: bool) -> list[Path]:
    """The folder for each file's frames. Frames of another file or of an earlier run must not be
    mixed up with this one's."""
    if frames is None:
        return []
    folders = [frames] if len(files) == 1 else [frames / path.name for path in files]
    if len(set(folders)) < len(folders):
        fail(
            "two of the files have the same name, so their frames would go to the same folder: run "
            "the command once per file, with different folders"
        )
    for folder in folders:
        if _frames_in(folder) and not force:
            fail(f"{folder} already has frames: choose another folder, or overwrite with --force")
    return folders


def _frames_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if FRAME_NAME.fullmatch(path.name)]


def _write_frames(report: ClipReport, folder: Path, *, quiet: bool) -> None:
    assert report.frames is not None
    folder.mkdir(parents=True, exist_ok=True)
    for old in _frames_in(folder):
        old.unlink()
    for time, pixels in zip(report.times, report.frames.pixels, strict=True):
        Image.fromarray(pixels).save(folder / f"{time:08.3f}.png")
    _told_written(f"Frames: {len(report.times)} in {folder}", quiet=quiet)


def _told_written(words: str, *, quiet: bool) -> None:
    if not quiet:
        console.print(escape(words), soft_wrap=True, highlight=False)


def _tell(report: ClipReport, *, first: bool) -> None:
    if not first:
        console.print()
    console.print(f"[bold]{escape(str(report.path))}[/]", soft_wrap=True, highlight=False)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, words in facts(report):
        table.add_row(f"  {name}", escape(words), style="yellow" if name == "note" else "")
    failed = report.failure is not None
    status = f"{report.status}: {report.reason}" if failed else str(report.status)
    table.add_row("  status", escape(status), style="red" if failed else "green")
    console.print(table, highlight=False)
