"""``ebpf-build kernels``: what kernels there are, fetching them, pinning them, freeing what they take."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence

from pytest_ebpf import paths
from pytest_ebpf.cli.progress import say
from pytest_ebpf.cli.project import kernel_store, manifest_if_any, manifest_of
from pytest_ebpf.kernels import lock_kernels
from pytest_ebpf.machine.shelf import Entry, Shelf
from pytest_ebpf.manifest import load
from pytest_ebpf.manifest.source import display_name


def show(arguments: Namespace) -> int:
    """Print what the cache has, then what the archive offers: the newest of each line, or everything."""
    store = kernel_store(None)
    cached = store.cached()
    releases = {kernel.release for kernel in cached}
    print("in the cache")
    for kernel in cached:
        origin = "debian" if kernel.packages else kernel.origin.removeprefix("path:")
        print(f"  {kernel.line:<6} {kernel.version!s:<10} {kernel.release:<34} {origin}")
    if not cached:
        print("  none")
    _show_snapshots(_shelf().entries())
    print("\nin the archive")
    seen: set[str] = set()
    for offer in store.available():
        if offer.line in seen and not arguments.all:
            continue
        seen.add(offer.line)
        mark = "cached" if offer.release in releases else f"{offer.size / 1e6:.0f} MB"
        print(f"  {offer.line:<6} {offer.version!s:<10} {offer.release:<34} {mark}")
    return 0


def fetch(arguments: Namespace) -> int:
    """Put kernels into the cache and say where they are."""
    store = kernel_store(manifest_if_any(arguments))
    for spec in arguments.specs:
        kernel = store.get(spec)
        print(f"{spec}: {kernel.version} ({kernel.release})", flush=True)
    return 0


def lock(arguments: Namespace) -> int:
    """Pin the newest build of each kernel that the manifest promises, or of those named."""
    manifest = manifest_of(arguments)
    specs = arguments.specs or load(manifest).kernels
    path = manifest.parent / paths.LOCK_NAME
    for spec, kernel in lock_kernels(specs, kernel_store(manifest), path).items():
        print(f"{spec}: {kernel.version} sha256 {kernel.sha256[:16]}")
    print(f"written to {display_name(path.absolute())}; commit it")
    return 0


def clear(arguments: Namespace) -> int:
    """Free what snapshots take, or everything, and say how much that was.

    Machines that run from a snapshot go on; a run that is just starting makes what it misses again.
    """
    freed = _shelf().clear()
    if arguments.all:
        freed += kernel_store(None).clear()
    print(f"{freed / 1e6:.0f} MB freed")
    return 0


def _show_snapshots(entries: Sequence[Entry]) -> None:
    print("\nsnapshots, the longest unused first")
    for entry in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        print(f"  {entry.kernel:<17} {entry.size / 1e6:>7.0f} MB   last used {used}")
    if not entries:
        print("  none")


def _shelf() -> Shelf:
    return Shelf(paths.cache_root(), say=say)
