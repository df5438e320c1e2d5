"""Recorders on consoles and phones, capture cards, and on the web."""

from __future__ import annotations

from fractions import Fraction

from support import recorder_files as files
from support.recorder_codecs import (
    APPLE,
    BASELINE,
    HARDWARE,
    HLG10,
    INTRA_REFRESH,
    MAIN10,
    NTSC,
    OPEN_GOP,
    VP8,
    VP9,
    X264,
    busy,
    seldom,
    still_for_a_while,
)
from support.recordings import (
    BT601,
    BT709,
    HDR10,
    HLG,
    UNTAGGED,
    UNTAGGED_601,
    Colours,
    Recorder,
    Recording,
)

RECORDERS = (
    Recorder(
        "PlayStation 5",
        "WebM (VP9) or MP4 (H.264); 1080p or 2160p, up to 60 fps; BT.709. HDR: HDR10 as VP9 "
        "profile 2",
        (
            Recording("ps5-webm", ".webm", VP9, rate=NTSC, seconds=3.0),
            Recording("ps5-mp4", ".mp4", HARDWARE, (1920, 1080), NTSC, 2.0),
            Recording("ps5-hdr-webm", ".webm", (*VP9, "-profile:v", "2"), seconds=3.0,
                      colours=HDR10),
        ),
        (
            ("PlayStation Blog",
             "https://blog.playstation.com/2020/11/20/share-of-the-week-the-next-generation/"),
            ("GameSpot",
             "https://www.gamespot.com/articles/ps5-can-record-at-4k-captures-last-60-minutes-of-"
             "gameplay/1100-6484258/"),
        ),
        "codecs, colours and everything about HDR",
        "WebM has 720p",
    ),
    Recorder(
        "PlayStation 4",
        "MP4; H.264; 720p (PS4 Pro: 1080p) at 30 fps; BT.709",
        (Recording("ps4", ".mp4", HARDWARE, rate=NTSC / 2),),
        (("Game Rant", "https://gamerant.com/ps4-pro-share-4k-screenshots-1080p-video/"),),
        "codec and colours",
    ),
    Recorder(
        "Xbox One, Xbox Series X|S",
        "MP4; H.264, 720p at 30 fps or 1080p at 60 fps, BT.709 without colour tags; 4K HDR: HEVC "
        "Main 10, HDR10",
        (
            Recording("xbox-one", ".mp4", HARDWARE, rate=NTSC / 2, colours=UNTAGGED),
            Recording("xbox-series-hdr10", ".mp4", MAIN10, (640, 360), NTSC, 3.0, HDR10),
        ),
        (
            ("GameSpot",
             "https://www.gamespot.com/articles/xbox-one-game-dvr-captures-in-720p-at-30-fps/"
             "1100-6412563/"),
            ("Pure Xbox",
             "https://www.purexbox.com/news/2020/09/"
             "youll_be_able_to_record_and_stream_gameplay_at_4k_60fps_on_xbox_series_x"),
        ),
        "codecs and colours",
        "HDR has 360p",
    ),
    Recorder(
        "Nintendo Switch",
        "MP4; H.264; 720p at 30 fps, up to 30 s; BT.709 without colour tags",
        (Recording("switch", ".mp4", (*X264, "-bf", "0"), rate=NTSC / 2, seconds=6.0,
                   colours=UNTAGGED),),
        (("a player's report",
          "https://ttanimu.blogspot.com/2018/01/nintendo-switch.html"),),
        "everything but the 30 s",
    ),
    Recorder(
        "iPhone",
        "Camera: MOV with a time base of 1/600 s; HEVC Main 10, HLG with Dolby Vision 8.4; "
        "variable frame rate; rotated. Screen: H.264, portrait, 10 to 60 fps",
        (
            Recording(
                "iphone-hlg-upright", ".mov", (*HLG10, *APPLE), (720, 1280), seconds=3.0,
                colours=HLG, left_out=busy, turned=90, finish=files.dolby_vision,
            ),
            Recording("iphone-screen", ".mp4", (*X264, *APPLE), (1170, 2532), seconds=3.0,
                      left_out=still_for_a_while),
        ),
        (
            ("MediaInfo of an iPhone 12's file", "https://github.com/sagz/files/releases/tag/v0.1"),
            ("Apple TN3145",
             "https://developer.apple.com/documentation/technotes/tn3145-hdr-video-metadata"),
            ("auto-editor #152, a screen recording",
             "https://github.com/WyattBlue/auto-editor/issues/152"),
        ),
        "colours of the screen recording",
        "the camera's announces Dolby Vision, but has none of its metadata",
    ),
    Recorder(
        "Android screen recording",
        "MP4; H.264; variable frame rate; BT.709 without colour tags, or tagged BT.601; portrait, "
        "stored so or rotated",
        (
            Recording("android-screen", ".mp4", BASELINE, (1080, 2400), seconds=3.0,
                      colours=UNTAGGED, left_out=still_for_a_while, sound=False),
            Recording("android-screen-601", ".mp4", BASELINE, (720, 1280), colours=BT601,
                      left_out=still_for_a_while, turned=270),
        ),
        (
            ("screenrecord",
             "https://riptutorial.com/android/example/9559/recording-the-display"),
        ),
        "colours and rotation",
    ),
    Recorder(
        "Android camera",
        "MP4; HEVC Main 10, HDR10 with HDR10+; variable frame rate; rotated",
        (Recording("android-camera-hdr10plus", ".mp4", MAIN10, (640, 360), seconds=3.0,
                   colours=HDR10, left_out=busy, turned=180),),
        (
            ("MediaInfo of a Galaxy S25's file",
             "https://github.com/nextcloud/previewgenerator/issues/546"),
            ("PhotoPrism #3295", "https://github.com/photoprism/photoprism/issues/3295"),
        ),
        "",
        "no metadata of HDR10+, 360p",
    ),
    Recorder(
        "Capture cards",
        "Transport stream with H.264, 1080i or 480i (non-square pixels); AVI with Motion JPEG, "
        "full range, BT.601; MKV with H.264, open GOPs or intra refresh",
        (
            Recording("capture-1080i", ".ts", (*X264, "-flags", "+ildct+ilme", "-x264-params",
                      "tff=1"), (1920, 1080), NTSC, 3.0, interlaced=True),
            Recording("capture-480i", ".ts", (*X264, "-flags", "+ildct+ilme", "-x264-params",
                      "tff=1"), (854, 480), NTSC, 3.0, colours=UNTAGGED_601, interlaced=True,
                      stored=(720, 480)),
            Recording("capture-mjpeg", ".avi", ("-c:v", "mjpeg", "-q:v", "3"), seconds=3.0,
                      colours=Colours("bt601", True, ("smpte170m", "unknown", "unknown"),
                                      pixels="yuvj422p")),
            Recording("capture-session", ".mkv", OPEN_GOP, (320, 180), Fraction(10),
                      300.0, sound=False),
            Recording("capture-intra-refresh", ".mkv", INTRA_REFRESH, (320, 180), Fraction(10),
                      300.0, sound=False),
        ),
        (
            ("MythTV wiki: Hauppauge HD-PVR",
             "https://www.mythtv.org/wiki?title=Hauppauge_HD-PVR&oldid=36227"),
            ("AnandTech",
             "http://www.anandtech.com/show/4273/hauppauge-colossus-hd-pvr-with-hdmi-support/3"),
        ),
        "Motion JPEG, open GOPs, intra refresh",
    ),
    Recorder(
        "Browsers (MediaRecorder)",
        "WebM (VP8, VP9) or MKV (H.264) without a duration, with clusters of unknown size; "
        "variable frame rate",
        (
            Recording("mediarecorder-vp8", ".webm", (*VP8, "-f", "webm", "-live", "1"),
                      left_out=seldom, finish=files.unseekable),
            Recording("mediarecorder-vp9", ".webm", (*VP9, "-f", "webm", "-live", "1"),
                      seconds=3.0, left_out=busy, finish=files.unseekable),
            Recording("mediarecorder-h264", ".mkv",
                      (*BASELINE, "-c:a", "libopus", "-live", "1"), left_out=busy,
                      finish=files.unseekable),
        ),
        (("fix-webm-duration", "https://github.com/yusitnikov/fix-webm-duration"),
         ("opencast-studio #517", "https://github.com/elan-ev/opencast-studio/issues/517")),
    ),
    Recorder(
        "ScreenToGif, LICEcap, Kooha (GIF)",
        "GIF; a delay of 10 ms or less plays as 100 ms, as in browsers; a longer one as it is",
        (
            Recording("gif-10ms", ".gif", ("-f", "gif"), (640, 360), Fraction(10), 3.0,
                      sound=False, written_rate=Fraction(100)),
            Recording("gif-40ms", ".gif", ("-f", "gif"), (640, 360), Fraction(25), 3.0,
                      sound=False),
        ),
        (
            ("jpegview #108", "https://github.com/sylikc/jpegview/pull/108"),
            ("ScreenToGif #410", "https://github.com/NickeManarin/ScreenToGif/issues/410"),
        ),
    ),
    Recorder(
        "Chats that re-encode (Discord, Slack)",
        "MP4 with its index at the front; H.264; BT.709",
        (Recording("chat", ".mp4", (*X264, "-bf", "3", "-movflags", "+faststart"), (854, 480),
                   colours=BT709),),
        assumed="everything",
    ),
    Recorder(
        "Twitch and other joined transport streams",
        "Transport stream, joined from segments of one stream, or from streams whose timestamps "
        "start again",
        (
            Recording("ts-segments", ".ts", (*HARDWARE,), finish=files.joined_pieces),
            Recording("ts-joined", ".ts", (*HARDWARE,), finish=files.joined_streams),
        ),
        (("twitch-utils", "https://pypi.org/project/tdh-twitch-utils/1.1/"),),
        "codec",
    ),
)  # fmt: skip
