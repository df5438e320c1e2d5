"""Rights that the decoder's process gives up: all files but the given ones, the network, and the
parts of the kernel that no decoder needs.

A decoder that a malicious file has taken over must not read the worker's secrets
(`/proc/<pid>/environ`) or connect to Jira's network. Linux has two ways to give up rights that need
no privilege, apply to one thread and what it starts, and cannot be undone: Landlock for files
(docs.kernel.org, "Landlock: unprivileged access control") and a filter for system calls ("Seccomp
BPF").
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")

# Folders of programs and their libraries; nothing there is secret.
PROGRAMS = ("/usr", "/bin", "/lib", "/lib64", "/nix/store", "/etc/ld.so.cache", "/dev/urandom")

# Landlock, by include/uapi/linux/landlock.h.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION, BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_FILE, MAKE_FILE, TRUNCATE = 1 << 5, 1 << 8, 1 << 14
READ = EXECUTE | READ_FILE | READ_FOLDER
WRITE = READ_FILE | READ_FOLDER | WRITE_FILE | REMOVE_FILE | MAKE_FILE | TRUNCATE
# Rights that apply to a single file.
OF_A_FILE = EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE
# How many file rights each version has; later ones have as many as the last.
RIGHTS_KNOWN = (13, 14, 15, 15, 16)
# TCP (from version 4); abstract sockets, and signals to processes outside (from version 6).
TCP_FROM, TCP = 4, 0b11
SCOPES_FROM, SCOPES = 6, 0b11

# Seccomp, by include/uapi/linux/{prctl,seccomp,bpf_common,audit}.h.
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
ALLOW, END, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
LOAD, IF_EQUAL, IF_FROM, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER_AT, MACHINE_AT = 0, 4  # in struct seccomp_data
SECOND_ABI = 0x40000000  # x32: x86-64's calls once more, under other numbers
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# System calls that are refused, by their numbers on x86-64 and arm64.
REFUSED = {
    # the network; io_uring can open sockets too
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203),
    "io_uring_setup": (425, 425),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434),
    # other views of the machine
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "fsopen": (430, 430),
    "open_by_handle_at": (304, 265),
    # deep in the kernel, where most of its vulnerabilities were
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
}  # fmt: skip


def protection() -> list[str]:
    """The kinds of protection that work on this machine, for people: `Landlock 7`, `seccomp`."""
    found = []
    if landlock_version() > 0:
        found.append(f"Landlock {landlock_version()}")
    if platform.machine() in MACHINES:
        found.append("seccomp")
    return found


def without_rights(
    start: Callable[[], Result], program: Path, reads: Path, writes: Path | None
) -> Result:
    """What `start` returns. It starts a child that may use only its `program`, the file `reads`,
    and the folder `writes`.

    Runs on a separate thread, since the rights are given up permanently. Raises what `start`
    raises, and OSError when the kernel refuses.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            _give_up(program, reads, writes)
            results.append(start())
        except BaseException as error:  # noqa: BLE001 (raised again by the caller)
            errors.append(error)

    thread = Thread(target=run, name="sandbox")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


@cache
def landlock_version() -> int:
    """The version of the kernel's Landlock interface; 0 if it has none or it is disabled."""
    version: int = _libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION)
    return max(0, version)


def _give_up(program: Path, reads: Path, writes: Path | None) -> None:
    if _libc().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise _refused("no_new_privs")
    if landlock_version() > 0:
        _close_files(program, reads, writes)
    if platform.machine() in MACHINES:
        _close_calls()


def _close_files(program: Path, reads: Path, writes: Path | None) -> None:
    version = landlock_version()
    known = (1 << RIGHTS_KNOWN[min(version, len(RIGHTS_KNOWN)) - 1]) - 1
    rules = struct.pack(
        "QQQ",
        known,
        TCP if version >= TCP_FROM else 0,
        SCOPES if version >= SCOPES_FROM else 0,
    )
    rules = rules[: 24 if version >= SCOPES_FROM else 16 if version >= TCP_FROM else 8]
    ruleset = _libc().syscall(CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)
    if ruleset < 0:
        raise _refused("landlock_create_ruleset")
    try:
        real = program.resolve()
        for path in (*map(Path, PROGRAMS), real, real.parent.parent / "lib"):
            if path.exists():
                _allow(ruleset, path, READ & known)
        _allow(ruleset, reads, READ_FILE)
        if writes is not None:
            _allow(ruleset, writes, WRITE & known)
        if _libc().syscall(RESTRICT_SELF, ruleset, 0):
            raise _refused("landlock_restrict_self")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Rights to a file, or to a folder and all in it."""
    if not path.is_dir():
        rights &= OF_A_FILE
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, place)
        if _libc().syscall(ADD_RULE, ruleset, BENEATH, rule, 0):
            raise _refused(f"landlock_add_rule for {path}")
    finally:
        os.close(place)


def _close_calls() -> None:
    orders = _filter(platform.machine())
    code = ctypes.create_string_buffer(orders)
    program = struct.pack("HxxxxxxP", len(orders) // 8, ctypes.addressof(code))
    if _libc().prctl(SECCOMP, FILTER, program, 0, 0):
        raise _refused("seccomp")


def _filter(machine: str) -> bytes:
    """The filter's instructions for an architecture: struct sock_filter, 8 bytes each."""
    which = list(MACHINES).index(machine)
    numbers = [calls[which] for calls in REFUSED.values()]
    tests = [(IF_FROM, SECOND_ABI)] * (machine == "x86_64") + [(IF_EQUAL, n) for n in numbers]
    orders = [
        (LOAD, 0, 0, MACHINE_AT),
        (IF_EQUAL, 1, 0, MACHINES[machine]),
        (RETURN, 0, 0, END),  # calls of another architecture, such as 32-bit ones
        (LOAD, 0, 0, NUMBER_AT),
        # A test that matches jumps past the instruction that allows the call.
        *((test, len(tests) - place, 0, value) for place, (test, value) in enumerate(tests)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    return b"".join(struct.pack("HBBI", *order) for order in orders)


def _refused(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
