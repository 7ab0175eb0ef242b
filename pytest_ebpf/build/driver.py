"""The way in: say at once that nothing is to be done, or have it done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_ebpf.build import state
from pytest_ebpf.manifest.source import absolute

if TYPE_CHECKING:
    from pytest_ebpf.build.make import Check


@dataclass(frozen=True)
class BuiltObject:
    """An object file that is up to date: its *name* in the manifest and its *path*."""

    name: str
    path: Path


@dataclass(frozen=True)
class BuildResult:
    """What a build left: its *objects*, how many of them were *compiled*, the Python module of *bindings*.

    *seconds* is how long it took, *warnings* what clang had to say of what it compiled.
    """

    objects: tuple[BuiltObject, ...]
    compiled: int
    bindings: Path
    seconds: float
    warnings: tuple[str, ...] = ()


def build(
    manifest_path: Path,
    *,
    kernel_btf: Callable[[str], Path],
    only: Sequence[str] = (),
    jobs: int | None = None,
    check: Check | None = None,
) -> BuildResult:
    """Bring the objects of a manifest up to date, or those named in *only*, and the bindings.

    *kernel_btf* gives the file of a kernel's BTF and is asked only when a ``vmlinux.h`` has to be made.
    *jobs* is how many compilers run at once (None: a few more than there are processors). *check* holds an
    object against the manifest; it is asked for each that is new, or newly declared, and what it
    finds is raised as :class:`~pytest_ebpf.errors.MismatchError`.

    Raises :class:`~pytest_ebpf.errors.ManifestError`, :class:`~pytest_ebpf.errors.BuildError` for what does
    not render, compile or fit on the disk, :class:`~pytest_ebpf.errors.ToolError` for a clang that is missing
    or too old, :class:`~pytest_ebpf.errors.UsageError` for an unknown name in *only*.
    """
    start = time.monotonic()
    path = absolute(manifest_path)
    directory = state.directory(path)
    if directory is not None and (known := _unchanged(path, path.parent / directory, only, check)):
        return BuildResult(*known, seconds=time.monotonic() - start)

    from pytest_ebpf.build import make  # noqa: PLC0415 - jinja2 and pydantic, only when something is stale
    from pytest_ebpf.manifest.reader import load  # noqa: PLC0415

    manifest = load(manifest_path)
    folder = path.parent / manifest.build.directory
    with make.locked(folder):
        if known := _unchanged(path, folder, only, check):  # made by another process while this one waited
            return BuildResult(*known, seconds=time.monotonic() - start)
        made = make.Maker(manifest, kernel_btf, check).make(only, jobs)
    objects = tuple(BuiltObject(name, file) for name, file in made.objects.items())
    return BuildResult(objects, made.compiled, made.bindings, time.monotonic() - start, made.warnings)


def _unchanged(
    path: Path, folder: Path, only: Sequence[str], check: Check | None
) -> tuple[tuple[BuiltObject, ...], int, Path] | None:
    """The objects, none compiled, and the bindings, if all are as the last build left them."""
    last = state.load(folder)
    names = state.fresh(last, path.parent, only, checked=check is not None)
    if names is None:
        return None
    objects = tuple(BuiltObject(name, path.parent / last.objects[name].output) for name in names)
    return objects, 0, path.parent / last.bindings
