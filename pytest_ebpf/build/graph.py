"""The text of ``build.ninja`` and ``compile_commands.json``. Pure functions of what is to be compiled."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_HEADING = "# Made by ebpf-build; do not edit.\nninja_required_version = 1.10\n"


@dataclass(frozen=True)
class Job:
    """One object to compile. Paths are as clang gets them: relative to the project where they lie in it."""

    name: str
    source: str
    output: str
    flags: tuple[str, ...]
    generated: tuple[str, ...]

    def argv(self, clang: str) -> tuple[str, ...]:
        """The compiler's command, its dependency file aside."""
        return (clang, *self.flags, "-c", self.source, "-o", self.output)


def flags(
    *,
    cpu: str,
    includes: Sequence[str],
    prefixes: Sequence[tuple[str, str]],
    system: Sequence[str],
    names: Sequence[str],
    extra: Sequence[str],
) -> tuple[str, ...]:
    """Return the flags of one object.

    *prefixes* are (path, shown as) pairs: with them, and with paths relative to the project, the object is
    the same whatever folder the project lies in. *cpu* is stated because what clang takes for granted
    changes with its version (v1 until 19, v3 from 20 on). *system* are folders of system headers, which ask
    for the architecture's own macro (``gnu/stubs.h`` looks for a 32-bit C library otherwise). *names* are
    what the object declares: a function of C's library that is called so (``index``, ``log``) is not meant.
    """
    return (
        "-target",
        "bpf",
        "-g",
        "-O2",
        f"-mcpu={cpu}",
        "-std=gnu11",
        "-Wall",
        "-D__TARGET_ARCH_x86",
        *(("-D__x86_64__",) if system else ()),
        "-fdebug-compilation-dir=",
        *(f"-ffile-prefix-map={path}={shown}" for path, shown in prefixes),
        *(word for path in includes for word in ("-I", path)),
        *(word for path in system for word in ("-idirafter", path)),
        *(f"-fno-builtin-{name}" for name in names),
        *extra,
    )


def ninja(jobs: Sequence[Job], *, clang: str, stamp: str, folder: str) -> str:
    """Return ``build.ninja`` for *jobs*, to be run in the project's root.

    *stamp* stands for the compiler's binary: it is part of every command, so that another compiler
    compiles everything anew. *folder* is where ninja keeps its log.
    """
    command = f"{_word(clang)} $flags -fdiagnostics-color=never -MD -MF $out.d -c $in -o $out # {stamp}"
    rule = f"rule bpf\n  command = {command}\n  description = $name\n  depfile = $out.d\n  deps = gcc\n"
    edges = (_edge(job) for job in sorted(jobs, key=lambda job: job.name))
    return "\n".join([f"{_HEADING}builddir = {_escape(folder)}\n", rule, *edges])


def _edge(job: Job) -> str:
    inputs = " ".join(_path(path) for path in job.generated)
    words = " ".join(_word(flag) for flag in job.flags)
    return (
        f"build {_path(job.output)}: bpf {_path(job.source)} | {inputs}\n"
        f"  name = {job.name}\n"
        f"  flags = {words}\n"
    )


def _escape(text: str) -> str:
    return text.replace("$", "$$")


def _word(text: str) -> str:
    """One word of a shell command, in ninja's spelling."""
    return _escape(shlex.quote(text))


def _path(text: str) -> str:
    return _escape(text).replace(":", "$:").replace(" ", "$ ")


def compile_commands(jobs: Sequence[Job], *, clang: str, root: Path) -> str:
    """Return ``compile_commands.json``: what clangd needs to understand each source."""
    entries = [
        {
            "directory": str(root),
            "file": job.source,
            "output": job.output,
            "arguments": list(job.argv(clang)),
        }
        for job in sorted(jobs, key=lambda job: job.name)
    ]
    return json.dumps(entries, indent=2) + "\n"
