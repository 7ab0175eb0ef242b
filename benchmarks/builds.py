"""Builds of a hundred programs: with nothing to do, and from nothing against the full vmlinux.h."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from os import cpu_count
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.machines import kernel
from benchmarks.measure import interleaved, ratio, seconds
from benchmarks.result import Bar, Result
from pytest_ebpf.btf import Btf, header

NOTHING: Final = Bar(150, "ms")
COLD: Final = Bar(0.5, "ratio")

PROGRAMS: Final = 100
SOURCE: Final = Path(__file__).parents[1] / "sample_project" / "src" / "classifier.bpf.c"

#: The kernel whose BTF gives vmlinux.h.
LINE: Final = "6.12"

_HEAD: Final = f"""
[project]
name = "hundred"
kernels = ["{LINE}"]
[types.service]
struct = {{ port = "be16", host = "mac", dscp = "u8", mark = "u32", priority = "u32" }}
[maps.services]
type = "hash"
key = "be16"
value = "service"
max_entries = 64
"""


def run() -> list[Result]:
    """Measure whole processes of ``ebpf-build``."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_project(root)
        cold = _cold(root)
        taken = interleaved({"nothing": partial(_ebpf_build, root)}, 15)["nothing"]
    detail = f"{PROGRAMS} programs, the whole process"
    return [Result("ebpf-build with nothing to do", median(taken) * 1000, "ms", NOTHING, detail), cold]


def _cold(root: Path) -> Result:
    _ebpf_build(root)
    commands = _against_full_header(root)

    def ours() -> float:
        shutil.rmtree(root / "build")
        return _ebpf_build(root)

    taken = interleaved({"ours": ours, "clang": lambda: _one_by_one(root, commands)}, 3)
    return Result(
        "cold ebpf-build / clang with the full vmlinux.h",
        ratio(taken["ours"], taken["clang"]),
        "ratio",
        COLD,
        f"{PROGRAMS} programs, {cpu_count()} at once: "
        f"{median(taken['ours']):.1f} s / {median(taken['clang']):.1f} s",
    )


def _ebpf_build(root: Path) -> float:
    command = [Path(sys.executable).with_name("ebpf-build")]
    return seconds(lambda: subprocess.run(command, check=True, cwd=root, capture_output=True))


def _write_project(root: Path) -> None:
    """Write a project of :data:`PROGRAMS` classifiers."""
    (root / "src").mkdir()
    text = _HEAD
    for number in range(PROGRAMS):
        name = f"classify_{number}"
        (root / "src" / f"{name}.bpf.c").write_text(SOURCE.read_text().replace("classify", name))
        text += f'[objects.p{number}]\nsource = "src/{name}.bpf.c"\nprograms.{name} = {{ hook = "tc" }}\n'
    (root / "ebpf.toml").write_text(text)


def _against_full_header(root: Path) -> list[list[str]]:
    """Return the compilers' commands of the last build, with a copy of its headers but the full vmlinux.h."""
    shutil.copytree(root / "build", root / "other")
    (root / "full").mkdir()
    (root / "full" / "vmlinux.h").write_text(header.full(Btf.parse(kernel(LINE).btf.read_bytes())))
    for minimal in (root / "other").glob("ebpf/*/vmlinux.h"):  # it would be found first
        minimal.unlink()
    ninja = [sys.executable, "-m", "ninja", "-f", "build/ebpf/build.ninja", "-t", "commands"]
    listed = subprocess.run(ninja, check=True, cwd=root, capture_output=True, text=True).stdout
    lines = listed.replace("build/ebpf", "other/ebpf").splitlines()
    return [_with_folder(line.partition(" #")[0].split(), "full") for line in lines]


def _with_folder(words: list[str], folder: str) -> list[str]:
    """Put an include folder behind the first one, the object's own."""
    place = words.index("-I") + 2
    return [*words[:place], "-I", folder, *words[place:]]


def _one_by_one(root: Path, commands: list[list[str]]) -> float:
    def compile_one(argv: list[str]) -> None:
        subprocess.run(argv, check=True, cwd=root, capture_output=True)

    def compile_all() -> None:
        with ThreadPoolExecutor(cpu_count()) as pool:
            list(pool.map(compile_one, commands))

    return seconds(compile_all)
