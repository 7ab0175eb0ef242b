"""Builds of a hundred programs: with nothing to do, and from nothing against the full vmlinux.h."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

from pytest_ebpf.btf import Btf, header
from pytest_ebpf.build import build

PROGRAMS = 100
SOURCE = Path(__file__).parents[1] / "sample_project" / "src" / "classifier.bpf.c"

HEAD = """
[project]
name = "hundred"
kernels = ["6.12"]
[types.service]
struct = { port = "be16", host = "mac", dscp = "u8", mark = "u32", priority = "u32" }
[maps.services]
type = "hash"
key = "be16"
value = "service"
max_entries = 64
"""


def write_project(root: Path) -> Path:
    """Write a project of :data:`PROGRAMS` classifiers, and return its manifest."""
    (root / "src").mkdir(parents=True)
    text = HEAD
    for number in range(PROGRAMS):
        name = f"classify_{number}"
        (root / "src" / f"{name}.bpf.c").write_text(SOURCE.read_text().replace("classify", name))
        text += f'[objects.p{number}]\nsource = "src/{name}.bpf.c"\nprograms.{name} = {{ hook = "tc" }}\n'
    manifest = root / "ebpf.toml"
    manifest.write_text(text)
    return manifest


def cold(manifest: Path, kernel_btf: Callable[[str], Path]) -> float:
    """Seconds of a build from nothing."""
    begin = time.monotonic()
    assert build(manifest, kernel_btf=kernel_btf).compiled == PROGRAMS
    return time.monotonic() - begin


def one_by_one(manifest: Path, kernel_btf: Callable[[str], Path]) -> float:
    """Seconds of compiling the same programs against the full header on as many cores, after :func:`cold`."""
    root = manifest.parent
    full = root / "full"
    full.mkdir()
    (full / "vmlinux.h").write_text(header.full(Btf.parse(kernel_btf("6.12").read_bytes())))
    for number in range(PROGRAMS):  # the header beside ebpf.h would be found first
        (root / f"build/ebpf/p{number}/vmlinux.h").unlink()
    commands = [edge(root, number) for number in range(PROGRAMS)]
    begin = time.monotonic()
    with ThreadPoolExecutor(cpu_count()) as pool:
        list(pool.map(lambda argv: subprocess.run(argv, check=True, cwd=root, capture_output=True), commands))
    return time.monotonic() - begin


def edge(root: Path, number: int) -> list[str]:
    """The command of one program, with the full header behind the folder of the object."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ninja",
            "-f",
            "build/ebpf/build.ninja",
            "-t",
            "commands",
            f"build/ebpf/p{number}.bpf.o",
        ],
        check=True,
        cwd=root,
        capture_output=True,
        text=True,
    )
    words = done.stdout.partition(" #")[0].split()
    place = words.index("-I") + 2
    return [*words[:place], "-I", "full", *words[place:]]


def nothing_to_do(manifest: Path, times: int = 5) -> float:
    """Seconds of the whole process of ``ebpf-build`` with nothing to do, the best of *times*."""
    command = [Path(sys.executable).with_name("ebpf-build")]

    def once() -> float:
        begin = time.monotonic()
        subprocess.run(command, check=True, cwd=manifest.parent, capture_output=True)
        return time.monotonic() - begin

    once()  # the check against the manifest, if the last build had none
    return min(once() for _ in range(times))
