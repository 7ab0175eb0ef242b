"""The guest agent with the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

from pytest_ebpf import paths

#: Its environment: a report, leaks included, ends it with status 99 and a text on its standard error.
ENVIRONMENT = {
    "ASAN_OPTIONS": "exitcode=99:allocator_may_return_null=1:detect_leaks=1:quarantine_size_mb=16",
    "UBSAN_OPTIONS": "exitcode=99:print_stacktrace=1",
}


def build() -> Path:
    """``build/agent-asan``, built if it is not there."""
    folder = paths.agent().parent.parent
    with (folder / "Makefile").open() as lock:
        # Two test processes may come here at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            ["make", "-C", folder, "asan"], check=False, capture_output=True, text=True, timeout=600
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return paths.agent().with_name("agent-asan")
