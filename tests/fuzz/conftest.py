"""What the targets read, and how much memory a reader may take."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_ebpf import paths

#: Bytes that a reader may take beyond what the process has: with that some 500 MiB.
ROOM = 384 << 20


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    """More than :data:`ROOM` is a MemoryError, and so a failure."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.fixture(scope="session")
def bpf_object(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real object with maps, globals and relocations, as clang makes it."""
    source = Path(__file__).parents[1] / "vm" / "data" / "relocated.bpf.c"
    target = tmp_path_factory.mktemp("fuzz") / "object"
    headers = ["-I", paths.libbpf_include(), "-idirafter", "/usr/include/x86_64-linux-gnu"]
    argv = ["clang-19", "-target", "bpf", "-O2", "-g", "-mcpu=v3", *headers, "-c", source, "-o", target]
    subprocess.run(argv, check=True, timeout=120)
    return target.read_bytes()
