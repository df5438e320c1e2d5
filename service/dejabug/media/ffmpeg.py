"""Everything about calling ffmpeg: finding the program, its formats, arguments and error messages.

It reads files that may be malicious; `limited_process.py` sets its limits.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import ffmpeg

from dejabug.media.errors import ClipError
from dejabug.media.kinds import clip_demuxer
from dejabug.media.limited_process import NO_MEMORY, Outcome

# Containers that an attachment may have: those of recordings. Playlists and manifests (HLS, DASH,
# concat) would make ffmpeg open other files or URLs, so they are not allowed.
DEMUXERS = (
    "3g2,3gp,apng,asf,avi,flv,gif,ivf,m4a,matroska,mj2,mov,mp4,mpeg,mpegts,mpegvideo,mxf,ogg,webm,"
    "webp_anim,yuv4mpegpipe"
)
# Codecs that are decoded: what phones, browsers, consoles, capture cards, screen recorders and
# editors write. ffmpeg has some 200 more decoders, most of them for obsolete games: old code that a
# file could choose to run. Sound is never decoded.
DECODERS = (
    "apng,av1,bmp,camstudio,camtasia,cfhd,cinepak,cllc,dnxhd,dvvideo,dxtory,dxv,ffv1,ffvhuff,fic,"
    "flashsv,flashsv2,flv,fraps,g2m,gif,h263,h263i,h263p,h264,hap,hevc,huffyuv,hymt,jpeg2000,kgv1,"
    "lagarith,libaom-av1,libdav1d,libopenjpeg,libvpx,libvpx-vp9,magicyuv,mjpeg,mjpegb,mpeg1video,"
    "mpeg2video,mpeg4,mpegvideo,msmpeg4,msmpeg4v1,msmpeg4v2,msrle,mss1,mss2,msvideo1,mts2,notchlc,"
    "png,prores,qtrle,r10k,r210,rawvideo,rpza,rv30,rv40,screenpresso,smc,svq1,svq3,theora,tscc2,"
    "utvideo,v210,vc1,vmnc,vp3,vp6,vp6a,vp6f,vp7,vp8,vp9,vvc,webp,webp_anim,wmv1,wmv2,wmv3,zmbv"
)
# Seconds that one frame of a transport stream may stay on screen. After a longer gap ffmpeg assumes
# that another recording begins, and closes the gap; its default is ten.
LONGEST_STILL = 60
TOO_MANY_PIXELS = re.compile(r"max pixel count|Picture size \d+x\d+ is invalid")
NOT_LISTED, NOT_OPENED = re.compile(r"Codec \(([\w-]{1,40})\) not on whitelist"), "opening decoder"
# Signals of a program that crashed by itself.
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


def find_ffmpeg(chosen: str | None = None) -> str:
    """The ffmpeg to use: the configured one, else the system's, else the packaged one.

    Raises FileNotFoundError that says what to do if there is none.
    """
    if chosen:
        path = shutil.which(chosen)
        if path is None:
            raise FileNotFoundError(f"DEJABUG_FFMPEG={chosen} is not an executable program")
        return path
    system = shutil.which("ffmpeg")
    if system is not None:
        return system
    try:
        import imageio_ffmpeg

        packaged: str = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise FileNotFoundError(
            "ffmpeg not found: apt-get install ffmpeg, or pip install 'dejabug[ffmpeg]'"
        ) from error
    return packaged


def ffmpeg_version(program: str) -> str:
    """The version that an ffmpeg reports, e.g. `7.0.2-static`."""
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

    By default ffmpeg chooses one of DEMUXERS by the file's content; `demuxer` names the one to use
    for files that it could mistake. Only DECODERS may decode it.
    """
    demuxer = demuxer or clip_demuxer(path)
    if demuxer == "apng":
        # Frames without a delay last as long as in browsers (see `rendering.py`).
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
    """An ffmpeg-python output → the arguments to run; `said` is ffmpeg's log level."""
    # One thread a process: one process per core gets 1.87 times the clips of ffmpeg's own threads.
    steady = ["-hide_banner", "-nostdin", "-nostats", "-v", said, "-filter_threads", "1"]
    steady += ["-dts_delta_threshold", str(LONGEST_STILL)]
    arguments: list[str] = output.compile(cmd=[program, *steady])
    return arguments


def no_pictures(outcome: Outcome, otherwise: ClipError) -> ClipError:
    """Why ffmpeg gave no frame, if its messages or its exit status say; else `otherwise`."""
    if TOO_MANY_PIXELS.search(outcome.talk):
        return ClipError("too_many_pixels", "its resolution is above the limit")
    if "exceeds max_streams" in outcome.talk:
        return ClipError("unsupported", "it has more than 1,000 streams")
    # A child that did not even print an error ran out of memory too.
    silent = outcome.status > 0 and not outcome.talk
    if silent or outcome.status == -signal.SIGKILL or NO_MEMORY.search(outcome.talk):
        return ClipError("memory", "decoding it takes more memory than the limit allows")
    if -outcome.status in CRASHES:
        name = signal.Signals(-outcome.status).name
        return ClipError(
            "crashed",
            f"ffmpeg crashed on it ({name}): the file is damaged or malicious, or decoding it "
            "takes more memory than the limit allows",
        )
    return otherwise


def no_frames(outcome: Outcome) -> ClipError:
    """Why no frame could be decoded from a file that has some."""
    otherwise = ClipError("no_frames", "none of its frames can be decoded")
    for line, following in pairwise(outcome.talk.split("\n")):
        # Sound codecs are not listed either, but only what is decoded gets opened.
        codec = NOT_LISTED.search(line) if NOT_OPENED in following else None
        if codec:
            says = f"its video codec {codec[1]} is not supported"
            otherwise = ClipError("unsupported", says)
    return no_pictures(outcome, otherwise)
