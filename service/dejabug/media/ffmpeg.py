"""Running ffmpeg on a file that may be hostile: one child process, limited in all it may take."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import ffmpeg

MEBIBYTE = 1024 * 1024
# What an attachment may be: containers of recordings. Playlists and manifests (HLS, DASH, concat),
# which would make ffmpeg open other files or addresses, are not among them.
DEMUXERS = "3g2,3gp,asf,avi,flv,gif,ivf,m4a,matroska,mj2,mov,mp4,mpeg,mpegts,mpegvideo,mxf,ogg,webm"
# The most that ffmpeg may say about a file before it is ended.
MOST_TALK = 4 * MEBIBYTE
# ffmpeg's read-out of what it says, at most: enough for every message that we look for.
TALK_READ = 64 * 1024


class ClipError(Exception):
    """A clip that cannot be used. `code` is short and steady, the message is for a person.

    Codes: empty, not_a_video, truncated, too_large, too_many_pixels, timeout, memory, no_frames.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Limits:
    """What decoding one clip may take.

    `max_bytes` of file, `max_pixels` of one source picture (two 8K pictures; beyond lie bombs),
    `timeout_seconds` of wall clock and processor time, `memory_bytes` of address space.
    """

    timeout_seconds: float = 120.0
    memory_bytes: int = 2048 * MEBIBYTE
    max_bytes: int = 1024 * MEBIBYTE
    max_pixels: int = 2 * 7680 * 4320


@dataclass(frozen=True)
class Outcome:
    """What a child left: its standard output, what it said, and its exit status."""

    output: bytes
    talk: str
    status: int


def find_ffmpeg(chosen: str | None = None) -> str:
    """The ffmpeg to use: the chosen one, else the system's, else the packaged one.

    Raises FileNotFoundError that says what to do when there is none.
    """
    if chosen:
        path = shutil.which(chosen)
        if path is None:
            raise FileNotFoundError(f"DEJABUG_FFMPEG={chosen} is not a program that can be run")
        return path
    system = shutil.which("ffmpeg")
    if system is not None:
        return system
    try:
        import imageio_ffmpeg

        packaged: str = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise FileNotFoundError(
            "no ffmpeg: install the system's (apt-get install ffmpeg) or pip install imageio-ffmpeg"
        ) from error
    return packaged


def ffmpeg_version(program: str) -> str:
    """The version that an ffmpeg tells of itself, e.g. `7.0.2-static`."""
    answer = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=10)
    words = answer.stdout.split()
    return words[2] if words[:2] == ["ffmpeg", "version"] else "unknown"


def open_input(path: Path, **options: Any) -> Any:
    """An ffmpeg-python input that reads this local file and nothing else."""
    return ffmpeg.input(
        f"file:{path}",
        protocol_whitelist="file",
        format_whitelist=DEMUXERS,
        threads=1,
        **options,
    )


def run(arguments: Sequence[str], limits: Limits, *, most_output: int) -> Outcome:
    """Run ffmpeg (`arguments` with the program first) within `limits`; keep `most_output` bytes.

    A child that gives more is ended: it has what was asked for. Raises ClipError (timeout).
    """
    with tempfile.TemporaryFile() as talk:
        child = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=talk,
            start_new_session=True,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
        late = threading.Event()

        def too_late() -> None:
            late.set()
            _end(child)

        timer = threading.Timer(limits.timeout_seconds, too_late)
        timer.start()
        output = b""
        try:
            _limit(child.pid, limits)
            output = _read(child.stdout, most_output)
            if len(output) < most_output:
                child.wait()
        finally:
            timer.cancel()
            _end(child)
            status = child.wait()
            if child.stdout is not None:
                child.stdout.close()
        talk.seek(0)
        said = talk.read(TALK_READ).decode("utf-8", "replace")
    if late.is_set() or status == -signal.SIGXCPU:
        raise ClipError(
            "timeout", f"decoding took longer than {limits.timeout_seconds:.0f} s and was ended"
        )
    return Outcome(output, said, status)


def check_size(path: Path, limits: Limits) -> None:
    """Raises ClipError when the file is empty or larger than allowed."""
    size = path.stat().st_size
    if size == 0:
        raise ClipError("empty", "the file is empty")
    if size > limits.max_bytes:
        raise ClipError(
            "too_large", f"the file has {size:,} bytes, and {limits.max_bytes:,} are allowed"
        )


def _limit(pid: int, limits: Limits) -> None:
    seconds = max(1, round(limits.timeout_seconds))
    bounds = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: MOST_TALK,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 32,
    }
    # A child that is gone already needs no limits.
    with contextlib.suppress(ProcessLookupError):
        for what, bound in bounds.items():
            resource.prlimit(pid, what, (bound, bound))


def _read(stream: IO[bytes] | None, most: int) -> bytes:
    chunks = bytearray()
    while stream is not None and len(chunks) < most:
        chunk = stream.read(min(MEBIBYTE, most - len(chunks)))
        if not chunk:
            break
        chunks += chunk
    return bytes(chunks)


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
