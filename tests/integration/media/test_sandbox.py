"""What the decoder's process must not do, tested with programs that try to do it."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from dejabug import media
from dejabug.media import Limits, SandboxMissingError, sandbox
from dejabug.media.limited_process import Outcome, run
from support.processes import dejabug, processes_of
from support.waiting import wait_until

FFMPEG = media.find_ffmpeg()
BOTH = len(sandbox.protection()) == 2
needs_both = pytest.mark.skipif(not BOTH, reason="this kernel has no Landlock, or no seccomp")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "clip"
    path.parent.mkdir()
    path.write_text("the clip")
    return path


def attempt(words: str, clip: Path, writes: Path | None = None, *, free: bool = False) -> Outcome:
    """What a shell can do in the decoder's place; `free` with all our rights."""
    limits = Limits(timeout_seconds=20, sandbox="off" if free else "required")
    shell = ["/bin/sh", "-c", words]
    return run(shell, limits, reads=clip, writes=writes, most_output=10_000)


@needs_both
def test_it_reads_its_clip_and_no_other_file(clip: Path) -> None:
    (clip.parent / "neighbour").write_text("secret")
    assert attempt(f"cat {clip}", clip).output == b"the clip"
    for other in (clip.parent / "neighbour", "/etc/passwd", f"/proc/{os.getpid()}/environ"):
        assert attempt(f"cat {other}", clip, free=True).output
        refused = attempt(f"cat {other}", clip)
        assert refused.output == b""
        assert "Permission denied" in refused.talk
    assert "Permission denied" in attempt(f"ls {clip.parent}", clip).talk


@needs_both
def test_it_writes_in_its_folder_and_nowhere_else(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    attempt(f"echo new > {out}/new; echo more > {clip}; echo x > {clip.parent}/x", clip, out)
    assert (out / "new").read_text() == "new\n"
    assert clip.read_text() == "the clip"
    assert [path.name for path in clip.parent.iterdir()] == ["clip"]
    assert attempt(f"echo x > {out}/later", clip).status != 0


@needs_both
@pytest.mark.parametrize("scheme", ["http", "tcp", "udp"])
def test_it_reaches_nobody(scheme: str, clip: Path) -> None:
    kind = socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as trap:
        trap.bind(("127.0.0.1", 0))
        trap.settimeout(0.2)
        if scheme != "udp":
            trap.listen()
        address = f"{scheme}://127.0.0.1:{trap.getsockname()[1]}"
        arguments = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "color=duration=0.1"]
        arguments += ["-f", "mpegts", address]
        refused = run(arguments, Limits(sandbox="required"), reads=clip, most_output=1)
        assert "Operation not permitted" in refused.talk or "Permission denied" in refused.talk
        with pytest.raises(TimeoutError):
            trap.recvfrom(1) if scheme == "udp" else trap.accept()
        # The same program does reach the trap when it may.
        child = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
        trap.settimeout(20)
        assert trap.recvfrom(65536) if scheme == "udp" else trap.accept()
        child.kill()
        child.wait()


@needs_both
def test_it_sends_us_no_signal(clip: Path) -> None:
    assert attempt("kill -0 $PPID", clip, free=True).status == 0
    assert attempt("kill -0 $PPID", clip).status != 0


@needs_both
def test_what_it_starts_ends_with_it_and_we_keep_our_rights(clip: Path) -> None:
    attempt(f"tail -f {clip} > /dev/null & exit", clip, free=True)
    wait_until(lambda: processes_of(clip) == [])
    assert Path("/etc/passwd").read_text()
    socket.socket().close()


def test_a_program_that_cannot_be_started_is_no_fault_of_the_clip(
    clip: Path, tmp_path: Path
) -> None:
    wrapper = tmp_path / "ffmpeg"
    wrapper.write_text("#!/bin/sh\nexec /nowhere/ffmpeg\n")
    wrapper.chmod(0o755)
    with pytest.raises(OSError, match="cannot start"):
        media.probe(clip, program=str(wrapper))


@pytest.mark.parametrize("missing", [[], ["seccomp"]])
def test_a_machine_without_a_sandbox_says_so(
    missing: list[str], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There is no other kernel here.
    monkeypatch.setattr("dejabug.media.limited_process.protection", lambda: missing)
    assert media.told_protection("auto") == (missing[0] if missing else "nothing")
    with pytest.raises(SandboxMissingError, match="DEJABUG_DECODE_SANDBOX=required"):
        media.probe(clip, limits=Limits(sandbox="required"))


def test_the_doctor_reads_a_picture_in_the_sandbox(
    environment: dict[str, str], tmp_path: Path
) -> None:
    wrapper = tmp_path / "ffmpeg"
    wrapper.write_text(f'#!/bin/sh\nexec {FFMPEG} "$@"\n')
    wrapper.chmod(0o755)
    # Beside an ffmpeg that lies in the sandbox's way: the wrapper may be started, its ffmpeg not.
    chosen = {**environment, "DEJABUG_FFMPEG": str(wrapper)}
    done = dejabug("doctor", "--no-model", **chosen)
    if BOTH and not FFMPEG.startswith(sandbox.PROGRAMS):
        assert "✗ sandbox" in done.stdout
        assert "DEJABUG_DECODE_SANDBOX" in done.stdout
    done = dejabug("doctor", "--no-model", **chosen, DEJABUG_DECODE_SANDBOX="off")
    assert "✓ sandbox" in done.stdout
    assert "none (DEJABUG_DECODE_SANDBOX=off)" in done.stdout


def decision(machine: str, number: int, audit: int | None = None) -> int:
    """What the filter says of a system call, by the rules of classic BPF."""
    orders = list(struct.iter_unpack("HBBI", sandbox._filter(machine)))
    seen = {sandbox.NUMBER_AT: number, sandbox.MACHINE_AT: audit or sandbox.MACHINES[machine]}
    place = value = 0
    while True:
        code, met, missed, operand = orders[place]
        if code == sandbox.RETURN:
            return int(operand)
        place += 1
        if code == sandbox.LOAD:
            value = seen[operand]
        elif code == sandbox.IF_EQUAL:
            place += met if value == operand else missed
        else:
            assert code == sandbox.IF_FROM
            place += met if value >= operand else missed


@pytest.mark.parametrize(("column", "machine"), list(enumerate(sandbox.MACHINES)))
def test_the_filter_refuses_its_calls_on_each_machine(column: int, machine: str) -> None:
    refused = {numbers[column] for numbers in sandbox.REFUSED.values()}
    for number in range(600):
        expected = sandbox.REFUSE if number in refused else sandbox.ALLOW
        assert decision(machine, number) == expected, number
    assert decision(machine, 1, audit=0x40000003) == sandbox.END  # a 32-bit program's
    if machine == "x86_64":
        assert decision(machine, sandbox.SECOND_ABI + 41) == sandbox.REFUSE
