"""Recorders on computers: Windows, macOS, Linux."""

from __future__ import annotations

from fractions import Fraction

from support import recorder_files as files
from support.recorder_codecs import (
    APPLE,
    BASELINE,
    FILLED,
    FINALISED,
    FRAGMENTED,
    HARDWARE,
    MAIN10,
    OPENH264,
    QUIET,
    SVT_AV1,
    VP8,
    X264,
    X265,
    busy,
    seldom,
    still_for_a_while,
)
from support.recordings import (
    BT601,
    FULL_RANGE,
    HDR10,
    UNTAGGED,
    Colours,
    Recorder,
    Recording,
)

RECORDERS = (
    Recorder(
        "OBS Studio",
        "MKV, fragmented MP4 or hybrid MP4; H.264 from x264 at a constant bit rate, padded with "
        "filler, or HEVC or AV1 from the graphics card; constant frame rate; BT.709",
        (
            Recording("obs-cbr-mkv", ".mkv", FILLED),
            Recording("obs-cbr-fragmented", ".mp4", (*FILLED, *FRAGMENTED)),
            Recording(
                "obs-cbr-hybrid",
                ".mp4",
                (*FILLED, "-movflags", "+hybrid_fragmented+negative_cts_offsets"),
                rate=Fraction(60),
            ),
            Recording(
                "obs-hevc",
                ".mkv",
                (*X265, "-x265-params", f"{QUIET}:bframes=2:keyint=120:repeat-headers=1"),
                (640, 360),
                Fraction(60),
                3.0,
            ),
            Recording("obs-av1", ".mp4", SVT_AV1, (640, 360), seconds=3.0),
            Recording("obs-session", ".mkv", (*X264, "-bf", "2", "-g", "20"), (320, 180),
                      Fraction(10), 300.0, sound=False),
        ),
        (
            ("OBS: Hybrid MP4", "https://obsproject.com/kb/hybrid-mp4"),
            (
                "obs-x264.c",
                "https://github.com/obsproject/obs-studio/blob/04712b5fe9b22d4ec3b8e4d5ab5728121c3f7ac1/"
                "plugins/obs-x264/obs-x264.c",
            ),
        ),
        "the structure of HEVC and AV1 streams",
    ),
    Recorder(
        "NVIDIA ShadowPlay, NVIDIA App",
        "MP4; H.264 High at a variable bit rate, a keyframe every 30 frames; variable frame rate "
        "around 60 fps; BT.601, tagged so. With HDR on: HEVC Main 10, HDR10",
        (
            Recording(
                "shadowplay", ".mp4", HARDWARE, (1920, 1080), Fraction(60), colours=BT601,
                left_out=busy, jitter=0.004,
            ),
            Recording(
                "nvidia-app-hdr10", ".mp4", MAIN10, (640, 360), Fraction(60), 3.0, HDR10,
                left_out=busy,
            ),
        ),
        (
            ("MediaInfo of a ShadowPlay file", "https://pastebin.com/7Tss4brj"),
            ("staxrip #160", "https://github.com/stax76/staxrip/issues/160"),
        ),
        "everything about the HDR file",
    ),
    Recorder(
        "AMD Software (ReLive)",
        "MP4; H.264 High or HEVC; variable frame rate; BT.709 without colour tags",
        (
            Recording("relive-h264", ".mp4", HARDWARE, rate=Fraction(60), colours=UNTAGGED,
                      left_out=busy),
            Recording("relive-hevc", ".mp4", (*X265, "-x265-params", f"{QUIET}:bframes=0"),
                      colours=UNTAGGED, seconds=3.0),
        ),
        (("IFME #13, on AMD's Game DVR", "https://github.com/Anime4000/IFME/issues/13"),),
        "everything but the variable frame rate",
    ),
    Recorder(
        "Xbox Game Bar",
        "MP4; H.264; 30 or 60 fps, uneven; BT.709 without colour tags",
        (
            Recording("game-bar-30", ".mp4", (*HARDWARE, "-brand", "mp42"), colours=UNTAGGED,
                      jitter=0.005),
            Recording("game-bar-60", ".mp4", (*HARDWARE, "-brand", "mp42"),
                      rate=Fraction(60), colours=UNTAGGED, jitter=0.003, left_out=busy),
        ),
        (
            (
                "AppCaptureVideoEncodingFrameRateMode",
                "https://learn.microsoft.com/en-us/UWP/api/"
                "windows.media.capture.appcapturevideoencodingframeratemode",
            ),
        ),
        "codec, colours and uneven times",
    ),
    Recorder(
        "Steam game recording, Steam Deck",
        "DASH segments (.m4s), exported as one MP4; H.264 High; 30 or 60 fps; BT.709",
        (
            Recording("steam-export", ".mp4", (*HARDWARE, "-movflags", "+faststart"),
                      rate=Fraction(60)),
            Recording("steam-joined-segments", ".mp4", (*HARDWARE, "-an"), sound=False,
                      finish=files.joined_segments),
            Recording("steam-deck", ".mp4", (*HARDWARE, "-movflags", "+faststart"), (1280, 800)),
        ),
        (
            ("steam-for-linux #11433",
             "https://github.com/ValveSoftware/steam-for-linux/issues/11433"),
            ("Steam Media Viewer",
             "https://github.com/Riviawolf/Steam-Media-Viewer/releases/tag/v1.0.0"),
        ),
        "frame rates and colours",
    ),
    Recorder(
        "Windows Snipping Tool",
        "MP4; H.264; up to 30 fps, variable; the size of the selected area; BT.709 without colour "
        "tags",
        (Recording("snipping-tool", ".mp4", X264, (1366, 768), colours=UNTAGGED,
                   left_out=still_for_a_while),),
        assumed="everything",
    ),
    Recorder(
        "Bandicam, ShareX",
        "MP4; H.264 Baseline; variable frame rate; BT.709 without colour tags",
        (Recording("bandicam", ".mp4", BASELINE, (1152, 720), Fraction(24), colours=UNTAGGED,
                   left_out=busy),),
        (("MediaInfo of a Bandicam file", "https://pastebin.com/A8BvMGhk"),),
        "colours",
    ),
    Recorder(
        "macOS screenshot toolbar, QuickTime Player",
        "MOV with a time base of 1/600 s; H.264 or HEVC (other apps: ProRes); variable frame rate; "
        "Retina resolutions; BT.709, limited or full range; HDR10 since macOS 26",
        (
            Recording("mac-h264", ".mov", (*X264, *APPLE), (2880, 1800), seconds=3.0,
                      left_out=still_for_a_while),
            Recording("mac-hevc", ".mov", (*X265, "-x265-params", QUIET, *APPLE), (756, 492),
                      Fraction(60), 3.0, left_out=still_for_a_while),
            Recording("mac-full-range", ".mov", (*X264, *APPLE), colours=FULL_RANGE),
            Recording(
                "mac-prores", ".mov", ("-c:v", "prores_ks", "-profile:v", "2"), (640, 400),
                seconds=2.0, colours=Colours(pixels="yuv422p10le"),
            ),
            Recording("mac-hdr10", ".mov", (*MAIN10, *APPLE), (720, 450), seconds=3.0,
                      colours=HDR10),
        ),
        (
            ("support #190, ffprobe of such a file",
             "https://github.com/appaheadgmbh/support/issues/190"),
            ("QuickRecorder #206", "https://github.com/lihaoyun6/QuickRecorder/issues/206"),
            (
                "Apple: captureHDRRecordingPreservedSDRHDR10",
                "https://developer.apple.com/documentation/screencapturekit/scstreamconfiguration/"
                "preset/capturehdrrecordingpreservedsdrhdr10",
            ),
        ),
        "colours, and when full range is used",
    ),
    Recorder(
        "GNOME screencast",
        "MP4 (fragmented, turned into a regular one at the end) with H.264 from the graphics card "
        "or OpenH264, several slices per frame; or WebM with VP8; variable frame rate, 30 fps at "
        "most; BT.709, VP8 without colour tags",
        (
            Recording("gnome-mp4", ".mp4", (*OPENH264, *FINALISED), left_out=busy, sound=False),
            Recording("gnome-webm", ".webm", VP8, colours=UNTAGGED, left_out=seldom, sound=False),
        ),
        (
            (
                "screencastService.js",
                "https://github.com/GNOME/gnome-shell/blob/05bd285b9784375cdab1bbd32242103756b9ef52/"
                "js/dbusServices/screencast/screencastService.js",
            ),
            ("screencast-extra-feature, which copies GNOME's newer pipelines",
             "https://github.com/WSID/gnome-shell-screencast-extra-feature"),
        ),
        "colours",
    ),
    Recorder(
        "Kooha",
        "MP4 (fragmented, turned into a regular one at the end) or MKV; H.264 Baseline; BT.709. "
        "WebM and GIF: see GNOME and the GIF recorders",
        (
            Recording("kooha-mp4", ".mp4",
                      (*BASELINE, *FINALISED), sound=False),
            Recording("kooha-mkv", ".mkv", BASELINE, left_out=seldom),
        ),
        (("profiles.yml",
          "https://github.com/SeaDve/Kooha/blob/22e362b8001aa1fc4f538ae9326f33d67d3c5e5f/"
          "data/resources/profiles.yml"),),
        "colours",
    ),
    Recorder(
        "SimpleScreenRecorder",
        "MKV; H.264 from x264 at constant quality, with B-frames; frames may be skipped; BT.709",
        (Recording("simplescreenrecorder", ".mkv", (*X264, "-bf", "3"), left_out=busy),),
        (
            (
                "VideoEncoder.cpp",
                "https://github.com/MaartenBaert/ssr/blob/013a3e5f1960ab8c40e7e7c9326b2b8b4d44ca95/"
                "src/AV/Output/VideoEncoder.cpp",
            ),
            ("a log of it", "https://pastebin.com/83hMMRQF"),
        ),
    ),
    Recorder(
        "wf-recorder",
        "MKV or MP4; H.264 from x264; variable frame rate; BT.709 without colour tags",
        (Recording("wf-recorder", ".mkv", X264, colours=UNTAGGED, left_out=still_for_a_while,
                   sound=False),),
        (("README", "https://github.com/ammen99/wf-recorder"),),
        "variable frame rate, colours",
    ),
)  # fmt: skip
