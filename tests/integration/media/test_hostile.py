"""Malicious files (tools/hostile), each read as a worker's job reads it.

Every run reads two of each kind and all that a test names; `make test-slow` reads all 800.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from dejabug import media
from dejabug.media import Limits
from dejabug.media.limited_process import Sandbox
from dejabug.media.limited_process import run as child
from dejabug.media.sandbox import protection
from support.processes import processes_of
from tools.hostile.catalogue import hostile_files, write_canary
from tools.hostile.kinds import KINDS, Bait, Hostile
from tools.hostile.trap import Trap
from tools.hostile.trial import FRAMES, GRACE, Trial, Verdict, try_files

# All of it is made and read once, in a minute or two.
pytestmark = pytest.mark.timeout(900)

FFMPEG = media.find_ffmpeg()
MEBIBYTE = 2**20
# Less than in production, so that a bomb goes off sooner.
LIMITS = Limits(timeout_seconds=3, memory_bytes=640 * MEBIBYTE)
# What is sound must not fail for want of time on a busy machine.
PATIENT = replace(LIMITS, timeout_seconds=60)
CODES = {
    "empty", "not_a_video", "truncated", "too_large", "too_many_pixels", "too_small", "unsupported",
    "timeout", "memory", "crashed", "no_frames",
}  # fmt: skip
# Sound recordings that are none of what is read: streams without a container, and rare ones.
NOT_READ = {"plain-raw.h264", "plain-a.nut"}


@dataclass(frozen=True)
class Run:
    """All files and what became of them."""

    folder: Path
    files: dict[str, Hostile]
    verdicts: dict[str, Verdict]
    trap: Trap
    made: Counter[str]  # how many there are of each kind, read or not

    def paths(self, kind: str) -> list[Path]:
        return [self.folder / name for name, file in self.files.items() if file.kind == kind]


# How each of these ends; codes that will do where there are several.
ENDS = {
    "stranger-nothing.mp4": "empty",
    "stranger-4-gb.mp4": "too_large",
    "stranger-4-gb-zeros.mkv": "too_large",
    "stranger-zip.mp4": "not_a_video",
    "stranger-named.heic": "not_a_video truncated",
    "reach-hls-http.mp4": "not_a_video",
    "reach-concat-path.mp4": "not_a_video",
    "reach-dash.mp4": "not_a_video",
    "reach-svg.png": "not_a_video",
    "reach-dref-path.mov": "no_frames",
    "reach-gab2-file.avi": FRAMES,
    "size-huge.png": "too_many_pixels",
    "size-huge.jpg": "too_many_pixels",
    "size-huge.gif": "too_many_pixels",
    "size-none.gif": "not_a_video",
    "size-one.png": "too_small",
    "time-lasts-10-hours.mkv": FRAMES,
    "time-says-10-hours.mkv": FRAMES,
    "streams-codec-SNOW.avi": "unsupported",
    "streams-many.mp4": "unsupported",
    "bomb-beyond.png": "too_many_pixels",
    "bomb-cmov-gigabyte.mov": "memory",
    # A picture that came before the limit is used, as of any clip that breaks off.
    "bomb-libvpx-vp9.mkv": f"timeout memory {FRAMES}",
    "pose-svg-1.mkv": FRAMES,
    "cut-h264-mp4-33701.mp4": "truncated",
}
# Files that an ffmpeg follows that is told to, and how it is told.
FOLLOWED = {
    "reach-hls-http.mp4": ["-f", "hls"],
    "reach-hls-map-http.mp4": ["-f", "hls"],
    "reach-concat-http.mp4": ["-safe", "0", "-f", "concat"],
    "reach-concat-path.mp4": ["-safe", "0", "-f", "concat"],
}
FEW, ALL = "two of each kind", "all"


def two_of_each_kind(made: list[Hostile]) -> list[Hostile]:
    """The first and the middle one of each kind, and those that the tests name."""
    kinds = {kind: [file for file in made if file.kind == kind] for kind in KINDS}
    few = {file.name for kind in kinds.values() for file in (kind[0], kind[len(kind) // 2])}
    named = {*ENDS, *FOLLOWED}
    return [file for file in made if file.name in few | named]


@pytest.fixture(scope="module", params=[FEW, pytest.param(ALL, marks=pytest.mark.slow)])
def run(tmp_path_factory: pytest.TempPathFactory, request: Any) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("hostile")
    canary = write_canary(tmp_path_factory.mktemp("canary") / "canary.ts", FFMPEG)
    with Trap() as trap:
        made = list(hostile_files(Bait(trap.address, canary), FFMPEG))
        kept = made if request.param == ALL else two_of_each_kind(made)
        files = {file.name: file for file in kept}
        for file in files.values():
            file.write(folder)
        found = Run(folder, files, {}, trap, Counter(file.kind for file in made))
        plain = found.paths("plain")
        others = [folder / name for name, file in files.items() if file.kind != "plain"]
        for paths, limits in ((others, LIMITS), (plain, PATIENT)):
            for verdict in try_files(paths, Trial(limits, FFMPEG)):
                found.verdicts[verdict.name] = verdict
        yield found
    for path in folder.iterdir():
        path.unlink()  # pytest keeps the folders of three runs


def test_there_are_hundreds_and_some_of_each_kind(run: Run) -> None:
    assert sum(run.made.values()) > 800
    for kind in KINDS:
        assert run.made[kind] >= 20, kind
        assert len(run.paths(kind)) >= 2, kind


def test_each_ends_with_pictures_or_with_a_clear_reason(run: Run) -> None:
    assert run.verdicts.keys() == run.files.keys()
    for verdict in run.verdicts.values():
        if verdict.outcome == FRAMES:
            assert verdict.frames > 0
        else:
            assert verdict.outcome in CODES, verdict
            # For a person: a sentence, and nothing of our machine's.
            assert len(verdict.says.split()) > 3
            assert str(run.folder) not in verdict.says


def test_none_takes_more_time_or_memory_than_it_may(run: Run) -> None:
    for verdict in run.verdicts.values():
        limits = PATIENT if run.files[verdict.name].kind == "plain" else LIMITS
        assert verdict.seconds < limits.timeout_seconds + GRACE, verdict
        assert verdict.peak_bytes < limits.memory_bytes, verdict


def test_none_leaves_anything_behind(run: Run) -> None:
    assert [verdict for verdict in run.verdicts.values() if verdict.left] == []
    assert processes_of(run.folder) == []


def test_none_calls_anybody_or_shows_another_file(run: Run) -> None:
    run.trap.settle()
    assert run.trap.visits == []
    assert [verdict.name for verdict in run.verdicts.values() if verdict.canary] == []


def test_sound_recordings_are_read(run: Run) -> None:
    outcomes = {name: v.outcome for name, v in run.verdicts.items() if name.startswith("plain-")}
    # What this ffmpeg cannot write is not there; older ones do not read animated WebP.
    for name, outcome in outcomes.items():
        if name in NOT_READ:
            assert outcome == "not_a_video"
        elif name != "plain-animated.webp":
            assert outcome == FRAMES, name


@pytest.mark.parametrize(("name", "codes"), ENDS.items())
def test_each_trap_ends_as_what_it_is(name: str, codes: str, run: Run) -> None:
    assert run.verdicts[name].outcome in codes.split()


LISTED, ANY = ["-protocol_whitelist", "file"], ["-protocol_whitelist", "file,http,tcp"]


def followed(run: Run, name: str, whitelist: list[str], sandbox: Sandbox) -> set[str]:
    """Where an ffmpeg got that follows a file: `called`, and `canary` when it gave that."""
    path, before = run.folder / name, len(run.trap.visits)
    head = [FFMPEG, "-v", "error", "-nostdin", *whitelist, *FOLLOWED[name], "-i", str(path)]
    arguments = [*head, "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    limits = replace(LIMITS, sandbox=sandbox)
    output = child(arguments, limits, reads=path, most_output=128 * 96 * 3).output
    run.trap.settle()
    got = {"called"} if len(run.trap.visits) > before else set()
    red, green, blue = output[:3] or (0, 0, 0)
    del run.trap.visits[before:]
    return got | ({"canary"} if red > 200 > green and 100 < blue < 200 else set())


@pytest.mark.parametrize("name", FOLLOWED)
def test_the_traps_work_and_each_of_two_fences_alone_keeps_from_them(name: str, run: Run) -> None:
    trapped = {"canary"} if name == "reach-concat-path.mp4" else {"called"}
    assert followed(run, name, ANY, "off") == trapped
    if "called" in trapped:
        assert followed(run, name, LISTED, "off") == set()
    if len(protection()) == 2:
        assert followed(run, name, ANY, "required") == set()


def test_without_the_sandbox_ffmpeg_s_own_lists_keep_them_in(run: Run) -> None:
    alone = Trial(replace(LIMITS, sandbox="off"), FFMPEG)
    verdicts = try_files(run.paths("reaching"), alone)
    assert {v.name: v.outcome for v in verdicts} == {
        v.name: run.verdicts[v.name].outcome for v in verdicts
    }
    run.trap.settle()
    assert run.trap.visits == []
    assert not any(verdict.canary for verdict in verdicts)


def test_copies_for_watching_are_made_within_the_same_limits(run: Run) -> None:
    watched = [path for kind in ("times", "reaching") for path in run.paths(kind)][::9]
    watched += [path for kind in ("bombs", "sizes", "streams") for path in run.paths(kind)][::15]
    for verdict in try_files(watched, Trial(LIMITS, FFMPEG, previews=True)):
        assert verdict.preview in {*CODES, FRAMES}, verdict
        assert verdict.peak_bytes < LIMITS.memory_bytes
        assert verdict.left == []
    run.trap.settle()
    assert run.trap.visits == []
