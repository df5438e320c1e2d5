"""Data sets of labelled clips: `manifest.jsonl`, one JSON object a line, clips next to it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from dejabug.infra.errors import UserError


class ManifestError(UserError):
    """A manifest cannot be used; the message names the file, the line and the reason."""


class Entry(BaseModel):
    """One clip with its ticket's words and its labels.

    Attributes:
        file: the clip's path, relative to the manifest's folder.
        game: the game's name.
        scene: the place or level.
        bug: the bug in a few words, or None for a bug-free clip.
        bug_type: slug of the bug's type (`clipping`, `missing_texture`, ...), or None.
        group: shared by the clips that show the same bug of the same game; None without a bug.
        related: shared by groups that show the same kind of bug elsewhere in the game, or None. A
            pair of two such groups counts as neither right nor wrong in `--arrivals`.
        project: the project's key; by default, each game is a separate project.
        summary: the ticket's summary.
        description: the ticket's description.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str
    game: str
    scene: str = ""
    bug: str | None = None
    bug_type: str | None = None
    group: str | None = None
    related: str | None = None
    project: str = ""
    summary: str = ""
    description: str = ""

    @model_validator(mode="after")
    def _stays_inside(self) -> Entry:
        path = Path(self.file)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{self.file!r} is outside the manifest's folder")
        return self


def read_manifest(path: Path) -> list[Entry]:
    """All entries of a manifest, or of the `manifest.jsonl` of a folder, in the file's order.

    Raises ManifestError for a missing file, a line that is not an entry, a missing clip, a file
    that is named twice, or no entries at all.
    """
    if path.is_dir():
        path = path / "manifest.jsonl"
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"cannot read {path}: {error}") from error
    entries: dict[str, Entry] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError as error:
            reason = "; ".join(
                f"{'.'.join(map(str, part['loc'])) or 'line'}: {part['msg']}"
                for part in error.errors()
            )
            raise ManifestError(f"{path}, line {number}: {reason}") from error
        if entry.file in entries:
            raise ManifestError(f"{path}, line {number}: {entry.file} is named twice")
        if not (path.parent / entry.file).is_file():
            raise ManifestError(f"{path}, line {number}: clip {entry.file} not found")
        entries[entry.file] = entry
    if not entries:
        raise ManifestError(f"{path} has no clips")
    return list(entries.values())


def duplicates_of(entry: Entry, entries: list[Entry]) -> list[Entry]:
    """The other clips of the same bug in the same game; none for a bug-free clip."""
    if entry.group is None:
        return []
    return [other for other in entries if other.group == entry.group and other.file != entry.file]
