"""The fuzz targets: each takes any bytes, and may raise only what its parser documents.

Any other exception is a finding, and so is a run that takes seconds.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from dejabug.access.principals import PanelViewer
from dejabug.access.signed_urls import BadTokenError, read_media, sign_media
from dejabug.jira import jql, webhook_events
from dejabug.jira.models import parse_comment, parse_issue
from dejabug.media.ffmpeg import no_frames, no_pictures
from dejabug.media.kinds import demuxer_of
from dejabug.media.limited_process import Outcome
from dejabug.media.probe import Probe, described
from dejabug.media.signatures import media_kind
from dejabug.media.stills import read_pixmap
from dejabug.media.timeline import timeline_of
from dejabug.settings import Settings
from dejabug.suggestions import comment_commands
from dejabug.web import forge
from dejabug.web.api.errors import BadRequestError
from dejabug.web.api.uploading import receive_file

SECRET = b"a secret of more than sixteen bytes"
SITE = "https://api.atlassian.com/ex/jira/1"
APP = "ari:cloud:ecosystem::app/1"
BOUNDARY = "frontier"
LONGEST = 1800.0


@dataclass(frozen=True)
class Target:
    """An entry point; `seeds` are typical inputs."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def talk(data: bytes) -> None:
    """ffmpeg's messages about a file, which the file can influence."""
    text = data.decode("utf-8", "replace")
    for demuxer in (None, "png_pipe"):
        about = described(text, demuxer)
        assert about is None or about.width >= 0 <= about.height
    outcome = Outcome(b"", text, status=1)
    assert no_frames(outcome).code
    assert no_pictures(outcome, no_frames(outcome)).code


def timeline(data: bytes) -> None:
    """ffmpeg's listing of packets, and its trace of their headers."""
    listing, _, said = data.decode("utf-8", "replace").partition("\f")
    for codec in ("h264", "hevc"):
        about = Probe("matroska,webm", codec, 64, 64, duration=10.0, fps=25.0)
        told = timeline_of(listing, said, about, LONGEST)
        assert told.duration is None or 0 <= told.duration <= LONGEST


def pixmap(data: bytes) -> None:
    """An image as ffmpeg outputs it."""
    pixels = read_pixmap(data)
    assert pixels is None or pixels.size > 0


def magic(data: bytes) -> None:
    """A file's first bytes."""
    pictures = {None, "png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe"}
    assert demuxer_of(data[:32]) in pictures
    assert demuxer_of(data) in pictures
    assert media_kind(data) != ""


def webhook(data: bytes) -> None:
    """A webhook's body, and its signature."""
    with contextlib.suppress(webhook_events.PayloadError):
        event = webhook_events.parse_event(data)
        assert event.kind == "ignored" or event.issue_id.isdigit()
    with contextlib.suppress(webhook_events.SignatureError):
        webhook_events.verify_signature("s", b"", data.decode("latin-1"))
        raise AssertionError("any value is accepted as a signature")


def issue(data: bytes) -> None:
    """Jira's JSON of an issue and of a comment."""
    with contextlib.suppress(ValueError, RecursionError):
        raw = json.loads(data)
        if isinstance(raw, dict):
            for parse in (parse_issue, parse_comment):
                _unless_missing(parse, raw)


def _unless_missing(parse: Callable[[Any], object], raw: Any) -> None:
    # Not suppressed above: a ValueError of ours is a finding.
    try:
        parse(raw)
    except KeyError:
        return
    except (ValueError, RecursionError) as error:
        raise AssertionError(f"{parse.__name__}: {type(error).__name__}") from error


def comment(data: bytes) -> None:
    """A comment that may contain a command, and times and searches in it."""
    text = data.decode("utf-8", "replace")
    assert len(comment_commands.commands_in(text)) <= comment_commands.MOST_COMMANDS
    jql.unix_time(text)
    jql.oldest_first(text)


def address(data: bytes) -> None:
    """The token in a media URL."""
    with contextlib.suppress(BadTokenError):
        read_media(SECRET, data.decode("utf-8", "replace"), now=2e9)
        raise AssertionError("any value is accepted as a token")


@cache
def _forge() -> tuple[forge.Forge, rsa.RSAPrivateKey]:
    """A verifier of panel calls that knows one key, named `k`."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    verifier = forge.Forge(
        Settings(
            forge_app_id=APP,
            forge_api_url=SITE,
            public_url="https://dejabug.example",
            media_secret=SECRET.decode(),  # type: ignore[arg-type]
        )
    )
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
    key = jwt.PyJWK({**public, "alg": "RS256", "kid": "k"})

    class Keys:
        def of(self, key_id: str) -> jwt.PyJWK | None:
            return key if key_id == "k" else None

    verifier._keys = Keys()  # type: ignore[assignment]
    return verifier, private


def panel(data: bytes) -> None:
    """A call's token, unchanged, and as the claims of a signed one."""
    verifier, private = _forge()
    text = data.decode("latin-1").translate({0: None, 10: None, 13: None})
    tokens = [text]
    with contextlib.suppress(ValueError, RecursionError, TypeError):
        claims = json.loads(data)
        if isinstance(claims, dict):
            tokens.append(jwt.encode(claims, private, "RS256", headers={"kid": "k"}))
    for token in tokens:
        headers = Headers({"Authorization": f"Bearer {token}", "x-forge-oauth-user": "t"})
        with contextlib.suppress(forge.TokenRefusedError, forge.WrongSiteError):
            call = verifier.verify(headers)
            assert token is not text
            assert call.viewer.name


def upload(data: bytes) -> None:
    """A multipart body."""
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}",
        "CONTENT_LENGTH": str(len(data)),
        "wsgi.input": io.BytesIO(data),
    }
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(BadRequestError, HTTPException):
            receive_file(Request(environ), Path(folder), most=10_000)
            assert (Path(folder) / "clip").stat().st_size > 0
        assert {path.parent for path in Path(folder).rglob("*")} <= {Path(folder)}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _part(name: str, content: str) -> str:
    head = f'Content-Disposition: form-data; name="{name}"; filename="a.mp4"'
    return f"--{BOUNDARY}\r\n{head}\r\nContent-Type: video/mp4\r\n\r\n{content}\r\n"


SAID = b"""Input #0, matroska,webm, from 'file:clip':
  Duration: 00:00:04.00, start: 0.000000, bitrate: 188 kb/s
  Stream #0:0(eng): Video: h264 (High), yuv420p(tv, progressive), 160x120 [SAR 1:1 DAR 4:3], 25 fps
    Side data:
      displaymatrix: rotation of -90.00 degrees
[aac @ 0x1] Codec (snow) not on whitelist 'a'
[dec @ 0x1] Error while opening decoder: Invalid argument
"""
LISTED = b"""#tb 0: 1/1000
0,          0,          0,       40,    28800, 0x4c2fbf2e
0,         40, NOPTS,       40,      800, 0x4c2fbf2e, F=0x0
\f[trace_headers @ 0x1] Packet: 342790 bytes, key frame, pts 0, dts 0, duration 2048.
[trace_headers @ 0x1] 1           nal_ref_idc                                                11 = 3
[trace_headers @ 0x1] 3           nal_unit_type                                           00111 = 5
"""
ISSUE = {
    "id": "10", "key": "GAME-1",
    "fields": {
        "summary": "s", "description": {"type": "doc", "content": [{"text": "t"}]},
        "status": {"name": "Open", "statusCategory": {"key": "new"}}, "security": {"name": "x"},
        "project": {"key": "GAME", "projectTypeKey": "software"}, "components": [{"name": "c"}],
        "fixVersions": [{"name": "1"}], "resolution": {"name": "Done"},
        "attachment": [{"id": "5", "filename": "a.mp4", "mimeType": "video/mp4", "size": 7,
                        "author": {"accountId": "a"}, "created": "2026-01-12T09:00:00.000+0100"}],
        "issuelinks": [{"type": {"name": "Duplicate"}, "outwardIssue": {"id": "4", "key": "A-1"}}],
    },
}  # fmt: skip
EVENT = {
    "webhookEvent": "jira:issue_updated", "user": {"accountId": "a"},
    "issue": {"id": "1", "key": "A-1"},
    "changelog": {"items": [{"field": "Attachment", "to": "5"},
                            {"field": "Key", "fromString": "B-1"}]},
}  # fmt: skip
SPOKEN = {
    "webhookEvent": "comment_created", "issue": {"id": "1"},
    "comment": {"id": "7", "self": "https://x/rest/api/2/issue/1/comment/7", "body": "/dejabug"},
}  # fmt: skip
CLAIMS = {
    "iss": forge.ISSUER, "aud": APP, "iat": 1, "exp": 4_000_000_000, "principal": "a",
    "app": {"apiBaseUrl": SITE},
}  # fmt: skip

TARGETS = {
    "talk": Target(talk, (SAID,)),
    "timeline": Target(timeline, (LISTED,)),
    "pixmap": Target(pixmap, (b"P6\n2 1\n255\n" + bytes(6),)),
    "magic": Target(magic, (b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8X" + bytes(16), b"BM")),
    "webhook": Target(webhook, (_json(EVENT), _json(SPOKEN), b"sha256=00")),
    "issue": Target(issue, (_json(ISSUE), _json({"id": "1", "body": "b", "author": {}}))),
    "comment": Target(
        comment, (b"{*}/dejabug not [GAME-1|x]\n> /dejabug mute", b"2026-01-12T09:00:00.000+0100")
    ),
    "address": Target(address, (sign_media(SECRET, "5", PanelViewer("r"), now=1).encode(),)),
    "panel": Target(panel, (_json(CLAIMS), b"eyJhbGciOiJub25lIiwia2lkIjoiayJ9.e30.")),
    "upload": Target(upload, ((_part("file", "clip") + f"--{BOUNDARY}--\r\n").encode(),)),
}
