"""The host itself: Python, disk, memory, and the project that was asked in."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from pytest_ebpf.errors import EbpfError, ProblemsError
from pytest_ebpf.session.budget import machines_at_once
from pytest_ebpf.session.health.finding import Finding, State, size
from pytest_ebpf.session.workspace import Workspace

#: Bytes: what building a project takes; what fetching a kernel and keeping five snapshots take.
BUILD_ROOM: Final = 16e6
CACHE_ROOM: Final = 1e9


@dataclass(frozen=True)
class Room:
    """A folder that is there or will be: *free* bytes on its disk, and whether this user may write to it."""

    folder: Path
    free: int
    writable: bool


def room_in(folder: Path) -> Room:
    """Look at the disk of *folder*, or of the nearest folder above it that is there."""
    folder = folder.absolute()
    there = next(each for each in (folder, *folder.parents) if each.is_dir())
    return Room(folder, shutil.disk_usage(there).free, os.access(there, os.W_OK | os.X_OK))


def python() -> Finding:
    """Say what runs this."""
    return Finding("python", "ok", f"{platform.python_version()}, pytest-ebpf {version('pytest-ebpf')}")


def project(workspace: Workspace) -> Finding:
    """Whether there is a manifest, and it can be read."""
    try:
        declared = workspace.manifest
    except EbpfError as error:
        count = len(error.problems) if isinstance(error, ProblemsError) else 1
        where = workspace.manifest_path.name if workspace.manifest_path else ""
        return Finding("project", "note", f"{count} problem{'s' * (count > 1)} in {where}", "ebpf-build")
    if declared is None:
        return Finding("project", "ok", "no ebpf.toml here or above; only the host is looked at")
    objects = len(declared.objects)
    what = f"{declared.project.name}, {objects} object{'s' * (objects != 1)}"
    return Finding("project", "ok", f"{what}, for kernels {', '.join(declared.project.kernels)}")


def disk(cache: Room, here: Room, *, kernels: bool = True) -> Finding:
    """Judge the room for the *cache* of kernels and snapshots, and *here*, where objects are built.

    A cache that may not be written will do where there are *kernels* in it.
    """
    if not here.writable:
        mend = f"sudo chown $USER {here.folder}"
        return Finding("disk", "fail", f"nothing may be written to {here.folder}", mend)
    if here.free < BUILD_ROOM:
        mend = f"make room: du -xh {here.folder} | sort -h | tail"
        return Finding("disk", "fail", f"{size(here.free)} free in {here.folder}", mend)
    if not cache.writable:
        mend = "export PYTEST_EBPF_CACHE=FOLDER"
        state: State = "note" if kernels else "fail"
        return Finding("disk", state, f"nothing may be written to {cache.folder}", mend)
    if cache.free < CACHE_ROOM:
        what = f"{size(cache.free)} free in {cache.folder}; {size(CACHE_ROOM)} is better"
        return Finding("disk", "note", what, "ebpf-build kernels clear, or export PYTEST_EBPF_CACHE=FOLDER")
    return Finding("disk", "ok", f"{size(cache.free)} free for the cache, {size(here.free)} here")


def memory(available: int, machine: int) -> Finding:
    """Judge the host's memory by machines of *machine* MiB; *available* MiB can be had without swapping."""
    if available < machine:
        mend = "end other programs, or lower test.memory in ebpf.toml"
        return Finding("memory", "note", f"{available} MiB available, a machine takes {machine}", mend)
    count = machines_at_once(machine, 1, available=available)
    many = f"{count} machines" if count > 1 else "one machine"
    return Finding("memory", "ok", f"{available} MiB available, for {many} of {machine} MiB at once")
