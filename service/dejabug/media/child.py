"""One child process: started with few rights, held to its limits, and gone at the end."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dejabug.media.sandbox import without_rights

MEBIBYTE = 1024 * 1024
# An argument that stands for a second output: ffmpeg's name for a file that is open already.
SIDE = "pipe:side"
# What is started first, with KiB of address space and then the program and its arguments: this one
# limit must hold before the program runs. Set from outside, it came too late for an ffmpeg that
# took a gigabyte in its first milliseconds.
LAUNCHER = ("/bin/sh", "-c", 'ulimit -v "$0" && exec "$@"')


@dataclass(frozen=True)
class Outcome:
    """What a child left: its standard output, what it said, and its exit status (a signal's number,
    negative), the seconds of processor time that it took, and what it wrote beside (see SIDE)."""

    output: bytes
    talk: str
    status: int
    cpu_seconds: float = 0.0
    beside: bytes = b""


@dataclass(frozen=True)
class Rights:
    """The files that a child may use: one to read, and a folder to write in, if any."""

    reads: Path
    writes: Path | None = None


def run_child(
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
    time.monotonic(); it and its whole group are gone then.

    It has `memory_bytes` of address space; other `bounds` are RLIMIT_… → soft and hard. `rights`
    None leaves it all that we have. What it writes to the argument SIDE is kept in memory, up to
    the bound of a file. Raises TimeoutError, and OSError where rights cannot be given up. A program
    that cannot be started ends as a shell's does, with 126 or 127.
    """
    # What it says is held in memory: a full disk must not pass for a silent child.
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


def _await_end(pid: int, deadline: float) -> None:
    """Wait for a child to end, and leave it to be reaped. Raises TimeoutError at the deadline."""
    handle = os.pidfd_open(pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(handle, selectors.EVENT_READ)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
    finally:
        os.close(handle)


def _end(child: subprocess.Popen[bytes]) -> float:
    """End the child with its group; the seconds of processor time that it took.

    It has not been reaped yet, so that its number is nobody else's.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.stdout is not None:
        child.stdout.close()
    return used.ru_utime + used.ru_stime
