"""Runs ffmpeg within limits: one child process with few rights, which is gone at the end.

`run` enforces, each time:

- time, wall clock and CPU: the deadline, and RLIMIT_CPU;
- memory: the address space, set before the program runs (LAUNCHER);
- output, kept up to a number of bytes; its messages (MOST_TALK); each file that it writes, and core
  dumps and open files (RLIMIT_FSIZE, RLIMIT_CORE, RLIMIT_NOFILE);
- rights: its files, no network, few system calls, by `sandbox.py`.

The size of the input is checked before (`check_size`). ffmpeg's own options limit how many pixels
and seconds are read.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dejabug.media.errors import ClipError, SandboxMissingError
from dejabug.media.sandbox import protection, without_rights

MEBIBYTE = 1024 * 1024
# An argument that stands for a second output: ffmpeg's name for a file that is already open.
SIDE = "pipe:side"
# Started first, with KiB of address space and then the program and its arguments: this one limit
# must hold before the program runs. Set from outside, it came too late for an ffmpeg that took a
# gigabyte in its first milliseconds.
LAUNCHER = ("/bin/sh", "-c", 'ulimit -v "$0" && exec "$@"')
# ffmpeg's exit status after a signal; ours is the one for too much CPU time.
SIGNALLED = 255
# A child that was stopped after this share of its CPU time counts as having used all of it.
USED_UP = 0.9
# The most that ffmpeg may print about a file before it is stopped.
MOST_TALK = 4 * MEBIBYTE
# How ffmpeg, the C library and the loader report that memory ran out.
NO_MEMORY = re.compile(
    r"annot allocate memory|malloc of size \d+ failed|failed to map segment|std::bad_alloc"
    r"|pthread_create|Resource temporarily unavailable"
)
# Seconds of a clip that are analysed: half an hour is a play session, not a clip of a bug, and the
# length that a file announces may be false.
LONGEST = 1800.0
# Exit statuses of the loader and of a shell when ffmpeg was not even started.
NOT_STARTED = (126, 127)

# Whether the decoder gives up rights: as many as the kernel supports, both kinds or no decoding, or
# none.
Sandbox = Literal["auto", "required", "off"]


@dataclass(frozen=True)
class Limits:
    """The limits for one clip.

    - `timeout_seconds`, of wall clock and of CPU time: a minute of 1080p60 takes about 15.
    - `memory_bytes` of address space: an 8K H.264 clip needs about 1.5 GiB with its references.
    - `max_bytes` of file.
    - `max_pixels` of one source frame (two 8K frames; anything larger is a decompression bomb).
    - `max_duration_seconds` that are analysed.
    - `sandbox`: which rights it gives up, see `sandbox.py`.
    """

    timeout_seconds: float = 120.0
    memory_bytes: int = 2048 * MEBIBYTE
    max_bytes: int = 1024 * MEBIBYTE
    max_pixels: int = 2 * 7680 * 4320
    max_duration_seconds: float = LONGEST
    sandbox: Sandbox = "auto"


@dataclass(frozen=True)
class Outcome:
    """What a child left: its standard output, its messages, its exit status (a signal's number,
    negative), the seconds of CPU time that it took, and what it wrote to SIDE."""

    output: bytes
    talk: str
    status: int
    cpu_seconds: float = 0.0
    beside: bytes = b""


@dataclass(frozen=True)
class Rights:
    """The files that a child may use: one to read, and a folder to write to, if any."""

    reads: Path
    writes: Path | None = None


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

    It may read the file `reads`, and write to the folder `writes`. A child that gives more output
    is stopped: it has given what was asked for. A `deadline` of time.monotonic() is for the later
    of several children that share one time limit. `most_file` limits each file that it writes
    itself, in bytes: beyond that, the system stops it with SIGXFSZ. Raises ClipError (timeout),
    SandboxMissingError, and OSError if ffmpeg cannot be started.
    """
    told_protection(limits.sandbox)
    if deadline is None:
        deadline = time.monotonic() + limits.timeout_seconds
    seconds = max(1, math.ceil(limits.timeout_seconds))
    bounds = {
        # The soft limit ends it with SIGXCPU, which ffmpeg may survive.
        resource.RLIMIT_CPU: (seconds, seconds + 2),
        resource.RLIMIT_FSIZE: (most_file, most_file),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (32, 32),
    }
    try:
        outcome = _run_child(
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
    # ffmpeg exits at the first signal as if all were well.
    if outcome.status in (-signal.SIGXCPU, -signal.SIGKILL, SIGNALLED) and (
        outcome.cpu_seconds > USED_UP * seconds
    ):
        raise _too_late(limits)
    if outcome.status in NOT_STARTED and not NO_MEMORY.search(outcome.talk):
        raise OSError(f"cannot start {arguments[0]}: {outcome.talk.strip()[:500]}")
    return outcome


def check_size(path: Path, limits: Limits) -> None:
    """Raises ClipError when the file is empty or larger than the limit."""
    size = path.stat().st_size
    if size == 0:
        raise ClipError("empty", "the file is empty")
    if size > limits.max_bytes:
        raise ClipError(
            "too_large", f"the file has {size:,} bytes; the limit is {limits.max_bytes:,} bytes"
        )


def told_protection(wanted: Sandbox) -> str:
    """How this machine is protected from the decoder, for people. Raises SandboxMissingError when
    the protection is less than required."""
    if wanted == "off":
        return "none (DEJABUG_DECODE_SANDBOX=off)"
    found = protection()
    if wanted == "required" and len(found) < 2:
        raise SandboxMissingError(
            "DEJABUG_DECODE_SANDBOX=required, but this machine's sandbox for decoding clips is "
            f"incomplete (found: {_listed(found)}). It needs Linux 5.13 or newer on x86-64 or "
            "arm64, with Landlock enabled and allowed by the container's seccomp profile"
        )
    return _listed(found)


def _run_child(
    arguments: Sequence[str],
    memory_bytes: int,
    bounds: Mapping[int, tuple[int, int]],
    deadline: float,
    *,
    rights: Rights | None,
    most_output: int,
    most_talk: int,
) -> Outcome:
    """Run a program until its end, until it has given `most_output` bytes, or until `deadline` of
    time.monotonic(); then it and its whole group are gone.

    It has `memory_bytes` of address space; other `bounds` are RLIMIT_… → soft and hard. With
    `rights` None it keeps all our rights. What it writes to the argument SIDE is kept in memory, up
    to the limit for a file. Raises TimeoutError, and OSError if rights cannot be given up. A
    program that cannot be started ends like a shell's, with 126 or 127.
    """
    # Its messages are held in memory: a full disk must not look like a child without errors.
    talk, side = os.memfd_create("talk"), os.memfd_create("side")
    try:
        named = [f"pipe:{side}" if each == SIDE else each for each in arguments]
        child = _start(named, memory_bytes, talk, side, rights)
        try:
            _limit(child.pid, bounds)
            output = _read(child, most_output, deadline)
            if len(output) < most_output:
                _await_end(child.pid, deadline)
        finally:
            cpu_seconds = _end(child)
        said = os.pread(talk, most_talk, 0).decode("utf-8", "replace")
        beside = os.pread(side, os.fstat(side).st_size, 0)
    finally:
        os.close(talk)
        os.close(side)
    return Outcome(output, said, child.returncode, cpu_seconds, beside)


def _start(
    arguments: Sequence[str], memory_bytes: int, talk: int, side: int, rights: Rights | None
) -> subprocess.Popen[bytes]:
    limited = [*LAUNCHER, str(memory_bytes // 1024), *arguments]
    with Path(os.devnull).open() as nothing:

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                limited,
                stdin=nothing,
                stdout=subprocess.PIPE,
                stderr=talk,
                pass_fds=(side,),
                start_new_session=True,
                # One arena for all threads: glibc would reserve 64 MiB of address space for each.
                env={"PATH": os.defpath, "LC_ALL": "C", "MALLOC_ARENA_MAX": "1"},
            )

        if rights is None:
            return start()
        return without_rights(start, Path(arguments[0]), rights.reads, rights.writes)


def _limit(pid: int, bounds: Mapping[int, tuple[int, int]]) -> None:
    # Set from outside, after the start: no code of ours runs between fork and exec, which is not
    # safe with threads. A child that has already ended needs no limits.
    with contextlib.suppress(ProcessLookupError):
        for what, bound in bounds.items():
            resource.prlimit(pid, what, bound)


def _read(child: subprocess.Popen[bytes], most: int, deadline: float) -> bytes:
    """Its standard output, at most `most` bytes. Raises TimeoutError at the deadline."""
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


def _await_end(pid: int, deadline: float) -> None:
    """Wait for a child to end without reaping it. Raises TimeoutError at the deadline."""
    handle = os.pidfd_open(pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(handle, selectors.EVENT_READ)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
    finally:
        os.close(handle)


def _end(child: subprocess.Popen[bytes]) -> float:
    """End the child with its group; returns the seconds of CPU time that it took.

    It has not been reaped yet, so its process id cannot belong to another process.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.stdout is not None:
        child.stdout.close()
    return used.ru_utime + used.ru_stime


def _too_late(limits: Limits) -> ClipError:
    took = f"decoding took longer than {limits.timeout_seconds:g} s and was stopped"
    return ClipError("timeout", f"{took}; attach a shorter recording that shows only the bug")


def _listed(found: Sequence[str]) -> str:
    return " and ".join(found) if found else "nothing"
