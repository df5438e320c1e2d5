"""A report on a file → lines for people to read, and a contact sheet."""

from __future__ import annotations

from PIL import Image

from dejabug.ingest.clip_report import ClipReport
from dejabug.media import Frames, Probe
from dejabug.media.kinds import is_evidence, may_be_evidence
from dejabug.media.probe import PICTURE_CODECS
from dejabug.media.tracks import Track
from dejabug.media_store.contact_sheet import Tile, beside_words, contact_sheet, left_out_after

NOT_FETCHED = (
    "a ticket's attachment with this name is skipped, unless Jira reports it as a video or an image"
)


def facts(report: ClipReport) -> list[tuple[str, str]]:
    """The facts, as names and descriptions, in the order in which people look for them."""
    about, lines = report.about, list[tuple[str, str]]()
    name = report.path.name
    if not is_evidence(name, None) and not may_be_evidence(name, None):
        lines.append(("name", NOT_FETCHED))
    if about is not None:
        lines += [("format", _format(about)), *_track_lines(report, about)]
        if report.duration is not None and not about.is_image:
            lines.append(("duration", f"{report.duration:.3f}".rstrip("0").rstrip(".") + " s"))
        lines += [("size", _size(report, about)), ("colours", _colours(report, about))]
        if about.first_field:
            only = f"only the {about.first_field} field, which comes first, is read"
            lines.append(("interlaced", only))
    if report.frames is not None:
        lines += [("frames", _counts(report.frames)), ("times", _times(report))]
    lines += [("note", note) for note in report.notes]
    return lines


def sheet_of(report: ClipReport) -> Image.Image:
    """The contact sheet of a clip that could be read. Raises ValueError for any other."""
    frames = report.frames
    if frames is None:
        raise ValueError(f"{report.path} has no frames: {report.reason}")
    counts = left_out_after(report.times, report.sampled_times)
    tiles = [
        Tile(
            Image.fromarray(pixels),
            time,
            beside_words(count, duplicates=frames.dropped, blank=frames.blank),
        )
        for time, pixels, count in zip(report.times, frames.pixels, counts, strict=True)
    ]
    told = [f"{name}: {words}" for name, words in facts(report) if name != "times"]
    return contact_sheet(report.path.name, told, tiles)


def _format(about: Probe) -> str:
    if about.is_image:
        return f"{about.codec}, a single image"
    rate = f", {about.fps:g} frames per second" if about.fps else ""
    return f"{about.codec} in {about.container}{rate}"


def _track_lines(report: ClipReport, about: Probe) -> list[tuple[str, str]]:
    others = report.other_tracks
    if not others:
        return []
    shown = next((each for each in report.tracks.found if each.number == about.track), None)
    why = "the file marks it as the default" if shown and shown.default else "the first video track"
    passed = "; ".join(_track(track) for track in others)
    return [("track", f"stream {about.track}: {why}"), ("not read", passed)]


def _track(track: Track) -> str:
    what = f"stream {track.number}: {track.codec}, {track.width} x {track.height}"
    cover = track.cover or track.codec in PICTURE_CODECS
    return f"{what}, cover image" if cover else what


def _size(report: ClipReport, about: Probe) -> str:
    words = [f"{about.width} x {about.height} pixels"]
    stored, shown = about.stored_size, (about.width, about.height)
    if all(stored) and stored != shown:
        words.append(f"stored as {stored[0]} x {stored[1]}")
    if report.tracks.rotation:
        words.append(f"rotated by {report.tracks.rotation:g}°")
    if report.sampled_size:
        words.append("frames {} x {}".format(*report.sampled_size))
    return ", ".join(words)


def _colours(report: ClipReport, about: Probe) -> str:
    colours = about.colours
    words = colours.told()
    matrix = colours.matrix_shown(*about.stored_size)
    if matrix and matrix != colours.matrix:
        words += f", read as {matrix}"
    if report.mapper:
        what = "tone-mapped to SDR" if colours.curve != "sdr" else "converted to BT.709"
        by = "zscale" if report.mapper == "zscale" else "tables (this ffmpeg has no zscale)"
        words += f"; {what} by {by}"
    return words


def _counts(frames: Frames) -> str:
    words = [f"{len(frames.sampled_times)} sampled", f"{len(frames.times)} kept"]
    if frames.dropped:
        words.append(f"{frames.dropped} dropped as near-duplicates")
    if frames.blank:
        words.append(f"{frames.blank} dropped as black or a single colour")
    return ", ".join(words)


def _times(report: ClipReport) -> str:
    return " ".join(f"{time:g}" for time in report.times) + " s"
