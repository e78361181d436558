"""What a child process that works on untrusted bytes may do, and what it gets of our environment."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from typing import Final

NICENESS: Final = 5
_PR_SET_PDEATHSIG: Final = 1
#: Where Python is. Never what else is configured there.
_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "LC_ALL")


def environment() -> dict[str, str]:
    """The environment of a child."""
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}


def confine(parent: int, *, memory_bytes: int, cpu_s: int | None = None) -> None:
    """Die with the parent, give way to it, dump no core, and take no more memory and processor time than this.

    Beyond ``memory_bytes`` of address space allocations fail; after ``cpu_s`` the kernel ends the process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the parent is gone")
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    if cpu_s is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
