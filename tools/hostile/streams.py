"""Very many streams, tags, chapters and attachments around a few frames."""

from __future__ import annotations

from collections.abc import Iterator

from tools.hostile import matroska as mkv
from tools.hostile import movie, riff
from tools.hostile.kinds import Hostile
from tools.hostile.pictures import jpeg

MANY = 1500  # streams; ffmpeg accepts a thousand


def crowded() -> Iterator[Hostile]:
    """Matroska, MP4 and AVI files of that kind."""
    frame = jpeg(128, 96)
    frames = [(0, frame), (500, frame)]
    one = [mkv.track(128, 96)]
    font = mkv.attachment("f.ttf", "application/x-truetype-font", bytes(3_000_000))
    small = mkv.attachment("a.txt", "text/plain", b"x")
    cover = mkv.attachment("cover.jpg", "image/jpeg", jpeg(4000, 4000))
    tags = mkv.element(
        mkv.TAG,
        mkv.element("63C0", b"")
        + b"".join(
            mkv.element(
                mkv.SIMPLE_TAG,
                mkv.element(mkv.TAG_NAME, f"T{n}") + mkv.element(mkv.TAG_TEXT, "x" * 90),
            )
            for n in range(20_000)
        ),
    )
    chapters = b"".join(
        mkv.element(mkv.CHAPTER, mkv.element("73C4", n + 1) + mkv.element("91", n * 10**6))
        for n in range(20_000)
    )  # fmt: skip
    sound = mkv.element(
        mkv.TRACK,
        mkv.element("D7", 1)
        + mkv.element("73C5", 1)
        + mkv.element("83", 2)
        + mkv.element("86", "A_OPUS"),
    )
    made = {
        "many-tracks": (f"{MANY} video tracks", [mkv.track(128, 96, number=n % 126 + 1)
                        for n in range(MANY)], b"", frames),
        "many-codecs": ("100 tracks, each of an old codec", [mkv.track(128, 96, number=n + 1,
                        codec=OLD_CODECS[n % len(OLD_CODECS)]) for n in range(100)], b"", frames),
        "no-tracks": ("no track at all", [], b"", frames),
        "sound-only": ("sound, and an image as its cover", [sound], mkv.element(mkv.ATTACHMENTS,
                       cover), []),
        "same-number": ("two tracks with one number", one * 2, b"", frames),
        "fonts": ("ten fonts of three megabytes", one, mkv.element(mkv.ATTACHMENTS, font * 10),
                  frames),
        "attachments": ("10,000 attachments", one, mkv.element(mkv.ATTACHMENTS,
                        small * 10_000), frames),
        "tags": ("20,000 tags", one, mkv.element(mkv.TAGS, tags), frames),
        "tag-huge": ("a tag of eight megabytes", one, mkv.tag("TITLE", "x" * 8_000_000), frames),
        "chapters": ("20,000 chapters", one, mkv.element(mkv.CHAPTERS, mkv.element(
                     mkv.EDITION, chapters)), frames),
        "empty-blocks": ("10,000 empty frames", one, b"", [(n, b"") for n in
                         range(10_000)]),
    }  # fmt: skip
    for name, (why, tracks, before, shown) in made.items():
        content = mkv.matroska(tracks, shown, before=before)
        yield Hostile(f"streams-{name}.mkv", "streams", why, content)
    tables = movie.samples([len(frame)] * 2, movie.FIRST)
    entry = movie.entry(128, 96)
    traks = [movie.trak(entry, tables, number=n + 1) for n in range(MANY)]
    yield Hostile("streams-many.mp4", "streams", f"{MANY} tracks", movie.movie([frame] * 2, *traks))
    entries = movie.movie([frame] * 2, movie.trak(entry * 2000, tables))
    yield Hostile("streams-entries.mp4", "streams", "2,000 sample entries", entries)
    for handler in (b"soun", b"text", b"hint", b"tmcd", b"meta"):
        track = movie.trak(entry, tables, handler=handler)
        why = f"video whose handler is {handler.decode()}"
        content = movie.movie([frame] * 2, track)
        yield Hostile(f"streams-{handler.decode()}.mp4", "streams", why, content)
    content = riff.avi([riff.video(128, 96, frames=1)] * 99, [riff.chunk(b"00dc", frame)] * 3)
    yield Hostile("streams-many.avi", "streams", "99 streams", content)
    content = riff.avi([riff.video(128, 96, frames=1)], [riff.chunk(b"77dc", frame)] * 300)
    yield Hostile(
        "streams-unknown.avi", "streams", "frames of a stream that does not exist", content
    )
    for codec in OLD_FOURCCS:
        stream = riff.video(128, 96, frames=4, codec=codec)
        content = riff.avi([stream], [riff.chunk(b"00dc", frame)] * 4, frames=4)
        why = f"an old codec, {codec.decode()}, that ffmpeg would run"
        yield Hostile(f"streams-codec-{codec.decode().strip()}.avi", "streams", why, content)


OLD_CODECS = ("V_MS/VFW/FOURCC", "V_REAL/RV10", "V_REAL/RV40", "V_SNOW", "V_DIRAC", "V_QUICKTIME",
              "V_PRORES", "V_THEORA", "V_MPEG1", "V_MPEG4/ISO/AVC", "V_MPEGH/ISO/HEVC", "V_VP8",
              "V_AV1", "V_FFV1", "V_MJPEG", "S_TEXT/WEBVTT", "S_VOBSUB", "S_HDMV/PGS")  # fmt: skip
OLD_FOURCCS = (b"SNOW", b"IV50", b"IV32", b"TM20", b"DUCK", b"CLJR", b"WNV1", b"VCR1", b"LOCO",
               b"AASC", b"TSCC", b"CSCD", b"ZMBV", b"FPS1", b"LAGS", b"MSS2", b"G2M4", b"DXTY")  # fmt: skip
