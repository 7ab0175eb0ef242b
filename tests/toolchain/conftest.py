"""Real objects, compiled by clang while the tests run."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_ebpf import paths

Compile = Callable[..., Path]


def include_flags() -> list[str]:
    """libbpf's headers, and the host's for ``linux/bpf.h`` behind everything else."""
    return [
        f"-I{paths.libbpf_include()}",
        "-D__x86_64__",
        "-D__TARGET_ARCH_x86",
        "-idirafter",
        "/usr/include/x86_64-linux-gnu",
    ]


@pytest.fixture(scope="session")
def compile_bpf(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """``compile_bpf(source_text, *flags) -> Path`` of the object; the same source is compiled once."""
    folder = tmp_path_factory.mktemp("objects")

    def compile_one(text: str, *flags: str, name: str = "prog.bpf.c") -> Path:
        words = ["-target", "bpf", "-O2", "-g", "-mcpu=v3", *include_flags(), *flags]
        own = folder / hashlib.sha256("\0".join([text, name, *words]).encode()).hexdigest()[:16]
        target = own / "prog.bpf.o"
        if not target.exists():
            own.mkdir(exist_ok=True)
            (own / name).write_text(text)
            argv = ["clang-19", *words, "-c", name, "-o", target.name]
            done = subprocess.run(argv, check=False, cwd=own, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
        return target

    return compile_one
