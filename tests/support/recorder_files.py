"""Changes that some recorders make to a file and ffmpeg does not make by itself."""

from __future__ import annotations

from pathlib import Path

from support.recordings import run


def joined_segments(coded: Path, path: Path) -> None:
    """Steam's segments with the part that introduces them, one after the other."""
    folder = coded.parent
    dash = ["-f", "dash", "-seg_duration", "1", "-use_template", "1", "-use_timeline", "1"]
    run("-i", coded, "-map", "0:v", "-c", "copy", *dash, folder / "session.mpd")
    parts = [folder / "init-stream0.m4s", *sorted(folder.glob("chunk-stream0-*.m4s"))]
    if len(parts) < 3:
        raise RuntimeError(f"too few segments in {folder}")
    path.write_bytes(b"".join(part.read_bytes() for part in parts))


def joined_pieces(coded: Path, path: Path) -> None:
    """A transport stream cut into segments and joined again; its clock goes on."""
    folder = coded.parent
    cut = ["-f", "segment", "-segment_time", "1", "-segment_format", "mpegts"]
    run("-i", coded, "-map", "0", "-c", "copy", *cut, folder / "piece-%03d.ts")
    path.write_bytes(b"".join(p.read_bytes() for p in sorted(folder.glob("piece-*.ts"))))


def joined_streams(coded: Path, path: Path) -> None:
    """Two whole transport streams, one after the other: the second one's clock starts again."""
    first, second = (coded.with_name(f"{name}.ts") for name in ("first", "second"))
    run("-i", coded, "-map", "0", "-c", "copy", "-t", "2", first)
    run("-ss", "2", "-i", coded, "-map", "0", "-c", "copy", second)
    path.write_bytes(first.read_bytes() + second.read_bytes())


def unseekable(coded: Path, path: Path) -> None:
    """As a browser writes it: to a place where nothing can be changed afterwards."""
    muxer = "webm" if path.suffix == ".webm" else "matroska"
    live = ["-f", muxer, "-live", "1", "pipe:1"]
    path.write_bytes(run("-i", coded, "-map", "0", "-c", "copy", *live))


def dolby_vision(coded: Path, path: Path) -> None:
    """Announce Dolby Vision 8.4 (a `dvvC` box in the sample entry), as an iPhone does.

    After ETSI's and Dolby's "Dolby Vision Streams Within the ISO Base Media File Format": version
    1.0, profile 8, level 4, the base layer and its metadata are there, compatible with HLG (4).
    """
    content = coded.read_bytes()
    bits = (8 << 9) | (4 << 3) | (1 << 2) | 1
    record = bytes([1, 0]) + bits.to_bytes(2, "big") + bytes([4 << 4]) + bytes(19)
    box = (8 + len(record)).to_bytes(4, "big") + b"dvvC" + record
    entry = content.index(b"hvc1", content.index(b"stsd")) - 4
    end = entry + int.from_bytes(content[entry : entry + 4], "big")
    if content.index(b"mdat") > content.index(b"moov"):
        raise RuntimeError("offsets of samples would have to be changed")
    grown = bytearray(content[:end] + box + content[end:])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"):
        at = grown.rindex(name, 0, end) - 4
        size = int.from_bytes(grown[at : at + 4], "big") + len(box)
        grown[at : at + 4] = size.to_bytes(4, "big")
    path.write_bytes(grown)
