"""What a process that reads strangers' files gives up before it reads the first one."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MOST_OPEN_FILES = 64


def enter(*, parent: int, memory: int) -> None:
    """Die with `parent`, write no files, dump no core, use at most `memory` bytes, and reach no network where the kernel lets us."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_OPEN_FILES, MOST_OPEN_FILES))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        _enter_linux()
    _require(parent)


def follow(parent: int) -> None:
    """Die with the thread of `parent` that started us, gain no privileges, and reach no network where the kernel lets us.

    Unlike `enter` it leaves root what root may do with files: the library may belong to somebody else.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        with contextlib.suppress(AttributeError):
            libc.unshare(CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWUSER | CLONE_NEWNET)
    _require(parent)


def allow_processor_seconds(seconds: float) -> None:
    """Let this process use `seconds` more of processor time before the kernel ends it, whoever still watches."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 1, resource.RLIM_INFINITY))


def _require(parent: int) -> None:
    """End where the parent died before the signal was set."""
    if os.getppid() != parent:
        sys.exit()


def _enter_linux() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    with contextlib.suppress(AttributeError):
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)  # an empty network; refused in some containers
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
