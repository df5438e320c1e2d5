"""Running ffmpeg on a file that may be hostile: one child process, limited in all it may take."""

from __future__ import annotations

import math
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import ffmpeg

from dejabug.infra.errors import UserError
from dejabug.media.child import MEBIBYTE, Outcome, Rights, run_child
from dejabug.media.kinds import clip_demuxer
from dejabug.media.sandbox import protection

# What an attachment may be: containers of recordings. Playlists and manifests (HLS, DASH, concat),
# which would make ffmpeg open other files or addresses, are not among them.
DEMUXERS = (
    "3g2,3gp,apng,asf,avi,flv,gif,ivf,m4a,matroska,mj2,mov,mp4,mpeg,mpegts,mpegvideo,mxf,ogg,webm,"
    "webp_anim,yuv4mpegpipe"
)
# What is decoded: what phones, browsers, consoles, capture cards, recorders of screens and editors
# write. ffmpeg has some 200 more decoders, most of them for games long gone: old code that a file
# could choose to have run. Sound is not decoded at all.
DECODERS = (
    "apng,av1,bmp,camstudio,camtasia,cfhd,cinepak,cllc,dnxhd,dvvideo,dxtory,dxv,ffv1,ffvhuff,fic,"
    "flashsv,flashsv2,flv,fraps,g2m,gif,h263,h263i,h263p,h264,hap,hevc,huffyuv,hymt,jpeg2000,kgv1,"
    "lagarith,libaom-av1,libdav1d,libopenjpeg,libvpx,libvpx-vp9,magicyuv,mjpeg,mjpegb,mpeg1video,"
    "mpeg2video,mpeg4,mpegvideo,msmpeg4,msmpeg4v1,msmpeg4v2,msrle,mss1,mss2,msvideo1,mts2,notchlc,"
    "png,prores,qtrle,r10k,r210,rawvideo,rpza,rv30,rv40,screenpresso,smc,svq1,svq3,theora,tscc2,"
    "utvideo,v210,vc1,vmnc,vp3,vp6,vp6a,vp6f,vp7,vp8,vp9,vvc,webp,webp_anim,wmv1,wmv2,wmv3,zmbv"
)
# The exit status of an ffmpeg that was sent a signal: ours is the one for too much processor time.
SIGNALLED = 255
# Share of its processor time after which a child that was ended has used it up.
USED_UP = 0.9
# The most that ffmpeg may say about a file before it is ended.
MOST_TALK = 4 * MEBIBYTE
# How ffmpeg, the C library and the loader say that memory did not suffice.
NO_MEMORY = re.compile(
    r"annot allocate memory|malloc of size \d+ failed|failed to map segment|std::bad_alloc"
    r"|pthread_create|Resource temporarily unavailable"
)
# Seconds of a clip that are looked at: half an hour is a session, no clip of a bug, and an
# announced length may be a lie.
LONGEST = 1800.0
# Seconds for which a picture of a transport stream may stay on screen. After a longer time without
# one ffmpeg takes it that another recording begins, and closes the gap; by default after ten.
LONGEST_STILL = 60
TOO_MANY_PIXELS = re.compile(r"max pixel count|Picture size \d+x\d+ is invalid")
NOT_LISTED, NOT_OPENED = re.compile(r"Codec \(([\w-]{1,40})\) not on whitelist"), "opening decoder"
# Signals of a program that has gone wrong by itself.
CRASHES = frozenset(
    {
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSEGV,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)
# Exit statuses of the loader and of a shell, where ffmpeg has not even been started.
NOT_STARTED = (126, 127)

# Whether the decoder gives up rights: as many as the kernel can take, both ways or no decoding, or
# none.
Sandbox = Literal["auto", "required", "off"]


class ClipError(Exception):
    """A clip that cannot be used. `code` is short and steady, the message is for a person.

    Codes: empty, not_a_video, truncated, too_large, too_many_pixels, too_small, unsupported,
    timeout, memory, crashed, no_frames, blank.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SandboxMissingError(UserError):
    """This machine has no sandbox for the decoder as it is to have; no clip is at fault."""


@dataclass(frozen=True)
class Limits:
    """What one clip may take.

    - `timeout_seconds`, of wall clock and of processor time: a minute of 1080p60 takes about 15.
    - `memory_bytes` of address space: an 8K H.264 clip needs about 1.5 GiB with its references.
    - `max_bytes` of file.
    - `max_pixels` of one source picture (two 8K pictures; beyond lie bombs).
    - `max_duration_seconds` that are looked at.
    - `sandbox`: which rights it gives up, see `sandbox.py`.
    """

    timeout_seconds: float = 120.0
    memory_bytes: int = 2048 * MEBIBYTE
    max_bytes: int = 1024 * MEBIBYTE
    max_pixels: int = 2 * 7680 * 4320
    max_duration_seconds: float = LONGEST
    sandbox: Sandbox = "auto"


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

    By default ffmpeg chooses one of DEMUXERS by the file's content, but for those that it may take
    for something else; `demuxer` names the one to use. It is decoded by one of DECODERS or not.
    """
    demuxer = demuxer or clip_demuxer(path)
    if demuxer == "apng":
        # Pictures that name no delay: as long as browsers show them (see `rendering.py`).
        options["default_fps"] = 10
    if demuxer is not None:
        options["format"] = demuxer
    return ffmpeg.input(
        f"file:{path}",
        protocol_whitelist="file",
        format_whitelist=demuxer or DEMUXERS,
        codec_whitelist=DECODERS,
        threads=1,
        **options,
    )


def command(program: str, output: Any, *, said: str = "error") -> list[str]:
    """An ffmpeg-python output → the arguments to run; `said` is the log level of its talk."""
    # One thread a process: one process a core takes 1.87 times the clips of ffmpeg's own threads.
    steady = ["-hide_banner", "-nostdin", "-nostats", "-v", said, "-filter_threads", "1"]
    steady += ["-dts_delta_threshold", str(LONGEST_STILL)]
    arguments: list[str] = output.compile(cmd=[program, *steady])
    return arguments


def run(
    arguments: Sequence[str],
    limits: Limits,
    *,
    reads: Path,
    most_output: int,
    deadline: float | None = None,
    writes: Path | None = None,
    most_file: int = MOST_TALK,
) -> Outcome:
    """Run ffmpeg (`arguments` with the program first) within `limits`; keep `most_output` bytes.

    It may read the file `reads`, and write in the folder `writes`. A child that gives more output
    is ended: it has given what was asked for. A `deadline` of time.monotonic() is for the later
    ones of several children that share one time limit. `most_file` bounds each file that it writes
    itself, in bytes: beyond, the system ends it with SIGXFSZ. Raises ClipError (timeout),
    SandboxMissingError, and OSError where ffmpeg cannot be started.
    """
    told_protection(limits.sandbox)
    if deadline is None:
        deadline = time.monotonic() + limits.timeout_seconds
    seconds = max(1, math.ceil(limits.timeout_seconds))
    bounds = {
        # The first bound ends it with SIGXCPU, which ffmpeg may live through.
        resource.RLIMIT_CPU: (seconds, seconds + 2),
        resource.RLIMIT_FSIZE: (most_file, most_file),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (32, 32),
    }
    try:
        outcome = run_child(
            arguments,
            limits.memory_bytes,
            bounds,
            deadline,
            rights=None if limits.sandbox == "off" else Rights(reads, writes),
            most_output=most_output,
            most_talk=MOST_TALK,
        )
    except TimeoutError as error:
        raise _too_late(limits) from error
    # ffmpeg ends itself at the first signal, as if all were well.
    if outcome.status in (-signal.SIGXCPU, -signal.SIGKILL, SIGNALLED) and (
        outcome.cpu_seconds > USED_UP * seconds
    ):
        raise _too_late(limits)
    if outcome.status in NOT_STARTED and not NO_MEMORY.search(outcome.talk):
        raise OSError(f"{arguments[0]} cannot be started: {outcome.talk.strip()[:500]}")
    return outcome


def told_protection(wanted: Sandbox) -> str:
    """How this machine is protected from the decoder, for a person. Raises SandboxMissingError when
    it is not as it must be."""
    if wanted == "off":
        return "none, as DEJABUG_DECODE_SANDBOX says"
    found = protection()
    if wanted == "required" and len(found) < 2:
        raise SandboxMissingError(
            f"clips are to be decoded in a sandbox, and here is {_listed(found)}: it needs "
            "Linux 5.13 or newer on x86-64 or arm64, with Landlock switched on and allowed by the "
            "container's own seccomp profile"
        )
    return _listed(found)


def check_size(path: Path, limits: Limits) -> None:
    """Raises ClipError when the file is empty or larger than allowed."""
    size = path.stat().st_size
    if size == 0:
        raise ClipError("empty", "the file is empty")
    if size > limits.max_bytes:
        raise ClipError(
            "too_large", f"the file has {size:,} bytes, and {limits.max_bytes:,} are allowed"
        )


def no_pictures(outcome: Outcome, otherwise: ClipError) -> ClipError:
    """Why a child gave no picture, as far as ffmpeg tells or its end does; else `otherwise`."""
    if TOO_MANY_PIXELS.search(outcome.talk):
        return ClipError("too_many_pixels", "its pictures have more pixels than allowed")
    if "exceeds max_streams" in outcome.talk:
        return ClipError("unsupported", "it has more than a thousand streams")
    # A child that could not even speak lacked memory too.
    silent = outcome.status > 0 and not outcome.talk
    if silent or outcome.status == -signal.SIGKILL or NO_MEMORY.search(outcome.talk):
        return ClipError("memory", "decoding it takes more memory than allowed")
    if -outcome.status in CRASHES:
        name = signal.Signals(-outcome.status).name
        return ClipError(
            "crashed",
            f"ffmpeg crashed on it ({name}): it is damaged, made to do harm, or takes more memory "
            "than allowed",
        )
    return otherwise


def no_frames(outcome: Outcome) -> ClipError:
    """Why no picture could be decoded of a file that has some."""
    otherwise = ClipError("no_frames", "no picture of it can be decoded")
    for line, following in pairwise(outcome.talk.split("\n")):
        # Sound is not listed either; but only what is to be decoded is opened.
        codec = NOT_LISTED.search(line) if NOT_OPENED in following else None
        if codec:
            says = f"its pictures are coded as {codec[1]}, which is not read here"
            otherwise = ClipError("unsupported", says)
    return no_pictures(outcome, otherwise)


def _too_late(limits: Limits) -> ClipError:
    took = f"decoding took longer than {limits.timeout_seconds:g} s and was ended"
    return ClipError("timeout", f"{took}; a shorter recording, of the bug alone, will do")


def _listed(found: Sequence[str]) -> str:
    return " and ".join(found) if found else "nothing of the kind"
