"""Tags, languages and names that imitate lines of ffmpeg's own output about a file."""

from __future__ import annotations

from collections.abc import Iterator

from tools.hostile import matroska as mkv
from tools.hostile import movie
from tools.hostile.kinds import Hostile
from tools.hostile.pictures import jpeg

# What our own code looks for in ffmpeg's output.
LINES = {
    "svg": "\nInput #0, svg_pipe, from 'x':\n",
    "concat": "\nInput #0, concat, from '/etc/passwd':\n",
    "size": "\n  Stream #0:0: Video: h264, yuv420p, 999999999x999999999, 25 fps\n",
    "size-long": "\n  Stream #0:0: Video: h264, yuv420p, "
    + "9" * 9000
    + "x"
    + "9" * 9000
    + ", 1 fps\n",
    "size-none": "\n  Stream #0:0: Video: h264, yuv420p, 0x0, 0 fps\n",
    "aspect": "\n  Stream #0:0: Video: h264, 64x64 [SAR 999999999:1], 1.2.3.4 fps\n",
    "rate": "\n  Stream #0:0: Video: h264, 64x64, ...... fps\n",
    "duration": "\n  Duration: 999999999999:99:99.99, start\n",
    "turned": "\n    displaymatrix: rotation of -99999999999999 degrees\n",
    "memory": "\nCannot allocate memory\n",
    "pixels": "\nmax pixel count\n",
    "loader": "\nerror while loading shared libraries: x\n",
    "disk": "\nNo space left on device\n",
    "encoder": "\nUnknown encoder 'libx264'\n",
    "moov": "\nmoov atom not found\n",
    "tracer": "\n[trace_headers @ 0x1] Packet: 1 bytes, key frame, pts 0, dts 0, duration 1.\n",
    "tracer-long": "\n[trace_headers @ 0x1] Packet: 1 bytes" + ", pts 9" * 9000 + "\n",
    "videos": ": Video: a" * 6000 + " (attached pic)\n",
    "blanks": "\n" * 60_000 + "x",
    "spaces": " \t" * 30_000,
    "controls": "\x1b[31m\x07\x00\x08\x7f\u2028\u202e\ufeff",
}


def posing() -> Iterator[Hostile]:
    """Each line as a tag's name, as its text, as a language, as a file's name, as a title."""
    frame = jpeg(128, 96)
    frames = [(0, frame), (500, frame)]
    tables = movie.samples([len(frame)] * 2, movie.FIRST)
    for name, line in LINES.items():
        entry = mkv.track(128, 96, more=mkv.element("22B59C", "eng)" + line))
        tags = mkv.tag(line, "text") + mkv.tag("TITLE", line)
        attached = mkv.element(mkv.ATTACHMENTS, mkv.attachment(line[:900], "text/plain", b"x"))
        for number, (where, content) in enumerate(
            {
                "a track's language": mkv.matroska([entry], frames),
                "a tag's name and text": mkv.matroska([mkv.track(128, 96)], frames, before=tags),
                "an attachment's name": mkv.matroska([mkv.track(128, 96)], frames, before=attached),
            }.items()
        ):
            why = f"{where} that imitates ffmpeg's message ({name})"
            yield Hostile(f"pose-{name}-{number}.mkv", "posing", why, content)
        title = movie.full(b"udta", b"") + movie.box(b"udta", movie.box(b"\xa9nam", line.encode()))
        track = movie.trak(movie.entry(128, 96), tables, title=line.encode()[:60_000])
        content = movie.movie([frame] * 2, track, more=title)
        why = f"a handler's name and a title that imitate ffmpeg's message ({name})"
        yield Hostile(f"pose-{name}.mp4", "posing", why, content)
