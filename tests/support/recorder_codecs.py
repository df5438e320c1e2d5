"""ffmpeg's arguments for the output of recorders' encoders, and which frames they leave out."""

from __future__ import annotations

from fractions import Fraction

NTSC = Fraction(60000, 1001)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "18")
# Groups of pictures as hardware encoders of graphics cards make them: one reference, no B-pictures.
HARDWARE = (*X264, "-coder", "cabac", "-8x8dct", "1", "-refs", "1", "-bf", "0", "-g", "30")
BASELINE = (*X264, "-profile:v", "baseline")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "18", "-tag:v", "hvc1")
QUIET = "log-level=error"
MASTERED = (
    "hdr10=1:repeat-headers=1:max-cll=1000,203:master-display="
    "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
)
MAIN10 = (*X265, "-crf", "8", "-x265-params", f"{QUIET}:{MASTERED}:bframes=0")
# Keyframes that pictures before them need, or none after the first: such files cannot be read by
# their keyframes alone.
OPEN_GOP = (
    *("-c:v", "libx264", "-preset", "superfast", "-bf", "3", "-g", "20"),
    *("-x264-params", "open-gop=1"),
)
INTRA_REFRESH = (*X264, "-bf", "0", "-g", "20", "-intra-refresh", "1")
HLG10 = (*X265, "-crf", "8", "-x265-params", f"{QUIET}:bframes=0")
SVT_AV1 = ("-c:v", "libsvtav1", "-preset", "8", "-crf", "12", "-g", "60")
LIVE_VPX = ("-deadline", "realtime", "-cpu-used", "8", "-b:v", "4M")
VP8 = ("-c:v", "libvpx", *LIVE_VPX)
VP9 = ("-c:v", "libvpx-vp9", *LIVE_VPX, "-row-mt", "1")
FRAGMENTED = ("-movflags", "+frag_keyframe+empty_moov+delay_moov")
FINALISED = ("-movflags", "+hybrid_fragmented", "-frag_duration", "500000")
OPENH264 = ("-c:v", "libopenh264", "-slices", "4", "-rc_mode", "off", "-qmin", "18", "-qmax", "18")
# x264 at a constant bit rate pads with filler NAL units.
FILLED = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "60", "-b:v", "2500k"),
    *("-maxrate", "2500k", "-bufsize", "2500k", "-x264-params", "nal-hrd=cbr:force-cfr=1"),
)
APPLE = ("-video_track_timescale", "600")


def still_for_a_while(number: int) -> bool:
    """Nothing moves: frames 40 to 75 and 100 to 111 are left out."""
    return 40 <= number < 76 or 100 <= number < 112


def busy(number: int) -> bool:
    """A game that does not keep up: every third frame is missing for a while."""
    return 30 <= number < 90 and number % 3 == 2


def seldom(number: int) -> bool:
    """A screen on which little moves: one frame in four."""
    return number % 4 != 0 and number < 112
