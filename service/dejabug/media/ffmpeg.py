"""Running ffmpeg on a file that may be hostile: one child process, limited in all it may take."""

from __future__ import annotations

import contextlib
import math
import os
import re
import resource
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

MEBIBYTE = 1024 * 1024
# What an attachment may be: containers of recordings. Playlists and manifests (HLS, DASH, concat),
# which would make ffmpeg open other files or addresses, are not among them.
DEMUXERS = (
    "3g2,3gp,asf,avi,flv,gif,ivf,m4a,matroska,mj2,mov,mp4,mpeg,mpegts,mpegvideo,mxf,ogg,webm,"
    "webp_anim"
)
# The exit status of an ffmpeg that was sent a signal: ours is the one for too much processor time.
SIGNALLED = 255
# The most that ffmpeg may say about a file before it is ended.
MOST_TALK = 4 * MEBIBYTE
# How ffmpeg, the C library and the loader say that memory did not suffice.
NO_MEMORY = re.compile(
    r"annot allocate memory|malloc of size \d+ failed|failed to map segment"
    r"|pthread_create|Resource temporarily unavailable"
)
TOO_MANY_PIXELS = re.compile(r"max pixel count|Picture size \d+x\d+ is invalid")


class ClipError(Exception):
    """A clip that cannot be used. `code` is short and steady, the message is for a person.

    Codes: empty, not_a_video, truncated, too_large, too_many_pixels, too_small, timeout, memory,
    no_frames.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Limits:
    """What one clip may take.

    - `timeout_seconds`, of wall clock and of processor time: a minute of 1080p60 takes about 15.
    - `memory_bytes` of address space: an 8K H.264 clip needs about 1.5 GiB with its references.
    - `max_bytes` of file.
    - `max_pixels` of one source picture (two 8K pictures; beyond lie bombs).
    - `max_duration_seconds` that are looked at: half an hour is a session, no clip of a bug, and an
      announced length may be a lie.
    """

    timeout_seconds: float = 120.0
    memory_bytes: int = 2048 * MEBIBYTE
    max_bytes: int = 1024 * MEBIBYTE
    max_pixels: int = 2 * 7680 * 4320
    max_duration_seconds: float = 1800.0


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


def writes_h264(program: str) -> bool:
    """Whether this ffmpeg has libx264, which previews need."""
    asked = [program, "-hide_banner", "-encoders"]
    answer = subprocess.run(asked, capture_output=True, text=True, timeout=10)
    return "libx264" in answer.stdout


def open_input(path: Path, demuxer: str | None = None, **options: Any) -> Any:
    """An ffmpeg-python input that reads this local file and nothing else.

    By default ffmpeg chooses one of DEMUXERS by the file's content; `demuxer` names the one to use.
    """
    if demuxer is not None:
        options["format"] = demuxer
    return ffmpeg.input(
        f"file:{path}",
        protocol_whitelist="file",
        format_whitelist=demuxer or DEMUXERS,
        threads=1,
        **options,
    )


def command(program: str, output: Any, *, said: str = "error") -> list[str]:
    """An ffmpeg-python output → the arguments to run; `said` is the log level of its talk."""
    # One thread a process: one process a core takes 1.87 times the clips of ffmpeg's own threads.
    steady = ["-hide_banner", "-nostdin", "-nostats", "-v", said, "-filter_threads", "1"]
    arguments: list[str] = output.compile(cmd=[program, *steady])
    return arguments


def run(
    arguments: Sequence[str],
    limits: Limits,
    *,
    most_output: int,
    deadline: float | None = None,
    most_file: int = MOST_TALK,
) -> Outcome:
    """Run ffmpeg (`arguments` with the program first) within `limits`; keep `most_output` bytes.

    A child that gives more is ended: it has given what was asked for. A `deadline` of
    time.monotonic() is for the later ones of several children that share one time limit.
    `most_file` bounds each file that it writes itself, in bytes: beyond, the system ends it with
    SIGXFSZ. Raises ClipError (timeout).
    """
    if deadline is None:
        deadline = time.monotonic() + limits.timeout_seconds
    with tempfile.TemporaryFile() as talk:
        child = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=talk,
            start_new_session=True,
            # One arena for all threads: glibc would reserve 64 MiB of address space for each.
            env={"PATH": os.defpath, "LC_ALL": "C", "MALLOC_ARENA_MAX": "1"},
        )
        try:
            _limit(child.pid, limits, most_file)
            output = _read(child, most_output, deadline)
            if len(output) < most_output:
                child.wait(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise _too_late(limits) from error
        finally:
            _end(child)
        talk.seek(0)
        said = talk.read(MOST_TALK).decode("utf-8", "replace")
    status = child.returncode
    # Its share of processor time: ffmpeg ends itself at the first signal, as if all were well.
    if status in (-signal.SIGXCPU, SIGNALLED):
        raise _too_late(limits)
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


def lacked_memory(outcome: Outcome) -> bool:
    """Whether ffmpeg tells that the limit of memory was in its way, or could not even tell."""
    starved = outcome.status != 0 and not outcome.talk
    return starved or NO_MEMORY.search(outcome.talk) is not None


def no_frames(outcome: Outcome) -> ClipError:
    """Why a child gave no picture."""
    if TOO_MANY_PIXELS.search(outcome.talk):
        return ClipError("too_many_pixels", "its pictures are larger than allowed")
    if lacked_memory(outcome):
        return ClipError("memory", "decoding it takes more memory than allowed")
    return ClipError("no_frames", "no picture of it can be decoded")


def _limit(pid: int, limits: Limits, most_file: int) -> None:
    seconds = max(1, math.ceil(limits.timeout_seconds))
    bounds = {
        resource.RLIMIT_AS: (limits.memory_bytes, limits.memory_bytes),
        # At one bound for both, Linux sends SIGKILL, which cannot be told from a lack of memory.
        resource.RLIMIT_CPU: (seconds, seconds + 2),
        resource.RLIMIT_FSIZE: (most_file, most_file),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (32, 32),
    }
    # Set from outside, after the start: no code of ours runs between fork and exec, which is not
    # safe beside threads. A child that is gone already needs no limits.
    with contextlib.suppress(ProcessLookupError):
        for what, bound in bounds.items():
            resource.prlimit(pid, what, bound)


def _read(child: subprocess.Popen[bytes], most: int, deadline: float) -> bytes:
    """Its standard output, `most` bytes at most. Raises TimeoutError at the deadline."""
    assert child.stdout is not None
    pipe, chunks = child.stdout.fileno(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(chunks) < most:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError
            chunk = os.read(pipe, min(MEBIBYTE, most - len(chunks)))
            if not chunk:
                break
            chunks += chunk
    return bytes(chunks)


def _too_late(limits: Limits) -> ClipError:
    return ClipError(
        "timeout", f"decoding took longer than {limits.timeout_seconds:g} s and was ended"
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child with its group, unless it has ended: its number may be another's by then."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdout is not None:
        child.stdout.close()
