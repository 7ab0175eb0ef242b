"""A program that kernels refuse, of tests/vm/data/mistakes: how to compile it, and what is wrong with it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf import paths
from pytest_ebpf.verifier import Kind

SOURCES: Final = Path(__file__).resolve().parents[1] / "vm" / "data" / "mistakes"
OBJECTS: Final = ("memory", "calls", "flow", "habits", "licence", "dynptrs", "kfuncs")


@dataclass(frozen=True)
class Mistake:
    """What is wrong with *program* of *object*, and the *line* of its source where that is, "" for nowhere.

    *since* is the first kernel that knows what the program uses. *in_log* is the reason as far as it can be
    told without the object, where that is less.
    """

    object: str
    program: str
    kind: Kind
    reason: str
    line: str
    since: str = "5.10"
    in_log: str = ""

    @property
    def place(self) -> str:
        """``file:line`` of the mistake: the first such line from the program or its function on."""
        texts = (SOURCES / f"{self.object}.bpf.c").read_text().splitlines()
        start = next(at for at, text in enumerate(texts) if f"{self.program}(" in text)
        found = [at for at, text in enumerate(texts) if text.strip() == self.line]
        return f"{self.object}.bpf.c:{1 + next((at for at in found if at >= start), found[-1])}"


def compiled(name: str, folder: Path, *, sources: Path = SOURCES) -> Path:
    """What clang makes of the mistakes called *name*, in *folder*."""
    target = folder / f"{name}.bpf.o"
    headers = ["-I", paths.libbpf_include(), "-idirafter", "/usr/include/x86_64-linux-gnu"]
    argv = ["clang-19", "-target", "bpf", "-O2", "-g", "-mcpu=v3", *headers, "-c", f"{name}.bpf.c"]
    subprocess.run([*argv, "-o", target], cwd=sources, check=True, timeout=120)
    return target
