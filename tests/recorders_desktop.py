"""Recorders of computers: Windows, macOS, Linux."""

from __future__ import annotations

from fractions import Fraction

import recorder_files as files
from recorder_codecs import (
    APPLE,
    BASELINE,
    FILLED,
    FRAGMENTED,
    HARDWARE,
    MAIN10,
    QUIET,
    SVT_AV1,
    VP8,
    X264,
    X265,
    busy,
    seldom,
    still_for_a_while,
)
from recordings import (
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
        "MKV, fragmented MP4 or hybrid MP4; H.264 by x264 in constant bit rate, padded with "
        "fillers, or HEVC and AV1 by the graphics card; constant frame rate; BT.709",
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
                "https://github.com/obsproject/obs-studio/blob/master/plugins/obs-x264/obs-x264.c",
            ),
        ),
        "structure of what the card's encoder writes",
    ),
    Recorder(
        "NVIDIA ShadowPlay, NVIDIA App",
        "MP4; H.264 High in variable bit rate, a keyframe every 30 pictures, tagged BT.601; with "
        "HDR switched on HEVC Main 10, HDR10; 60 fps, variable",
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
        "the HDR file's parameters",
    ),
    Recorder(
        "AMD Software (ReLive)",
        "MP4; H.264 High or HEVC; variable frame rate; no colour tags, BT.709",
        (
            Recording("relive-h264", ".mp4", HARDWARE, rate=Fraction(60), colours=UNTAGGED,
                      left_out=busy),
            Recording("relive-hevc", ".mp4", (*X265, "-x265-params", f"{QUIET}:bframes=0"),
                      colours=UNTAGGED, seconds=3.0),
        ),
        (("IFME #13, on AMD's Game DVR", "https://github.com/Anime4000/IFME/issues/13"),),
        "all but the variable frame rate",
    ),
    Recorder(
        "Xbox Game Bar",
        "MP4; H.264; 30 or 60 fps, as set, with pictures that come late; no colour tags, BT.709",
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
        "codec, colours and irregular times",
    ),
    Recorder(
        "Steam game recording, Steam Deck",
        "DASH segments (.m4s) of H.264 High, exported as one MP4; 60 fps; BT.709",
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
        "MP4; H.264; 30 fps, variable; the size of the chosen part of the screen",
        (Recording("snipping-tool", ".mp4", X264, (1018, 634), colours=UNTAGGED,
                   left_out=still_for_a_while),),
        assumed="all",
    ),
    Recorder(
        "Bandicam, ShareX",
        "MP4; H.264 Baseline; variable frame rate; no colour tags",
        (Recording("bandicam", ".mp4", BASELINE, (1152, 720), Fraction(24), colours=UNTAGGED,
                   left_out=busy),),
        (("MediaInfo of a Bandicam file", "https://pastebin.com/A8BvMGhk"),),
        "colours",
    ),
    Recorder(
        "macOS screenshot toolbar, QuickTime Player",
        "MOV with 600 ticks a second; H.264, HEVC, or ProRes from other apps; pictures only when "
        "something moves; sizes of Retina screens; BT.709, full range too; HDR10 from macOS 26 on",
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
        "colour tags, full range",
    ),
    Recorder(
        "GNOME screencast",
        "WebM; VP8 in real time; up to 30 fps, a picture a second when nothing moves; no colour "
        "tags, BT.709",
        (Recording("gnome-webm", ".webm", VP8, colours=UNTAGGED, left_out=seldom, sound=False),),
        (
            (
                "screencastService.js",
                "https://github.com/GNOME/gnome-shell/blob/main/js/dbusServices/screencast/"
                "screencastService.js",
            ),
        ),
        "colours",
    ),
    Recorder(
        "Kooha",
        "MP4 in fragments of half a second, finished as an ordinary one, or MKV; H.264 Baseline; "
        "WebM; GIF",
        (
            Recording("kooha-mp4", ".mp4",
                      (*BASELINE, "-movflags", "+hybrid_fragmented", "-frag_duration", "500000"),
                      sound=False),
            Recording("kooha-mkv", ".mkv", BASELINE, left_out=seldom),
        ),
        (("profiles.yml",
          "https://github.com/SeaDve/Kooha/blob/main/data/resources/profiles.yml"),),
        "colours",
    ),
    Recorder(
        "SimpleScreenRecorder",
        "MKV; H.264 by x264, constant quality, B-pictures; constant frame rate, pictures may be "
        "left out; BT.709",
        (Recording("simplescreenrecorder", ".mkv", (*X264, "-bf", "3"), left_out=busy),),
        (
            (
                "VideoEncoder.cpp",
                "https://github.com/MaartenBaert/ssr/blob/master/src/AV/Output/VideoEncoder.cpp",
            ),
            ("a log of it", "https://pastebin.com/83hMMRQF"),
        ),
    ),
    Recorder(
        "wf-recorder",
        "MKV or MP4; H.264 by x264; pictures only when something moves; no colour tags",
        (Recording("wf-recorder", ".mkv", X264, colours=UNTAGGED, left_out=still_for_a_while,
                   sound=False),),
        (("README", "https://github.com/ammen99/wf-recorder"),),
        "variable frame rate, colours",
    ),
)  # fmt: skip
