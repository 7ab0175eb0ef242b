"""``ebpf-build kernels``: what kernels there are, fetching them, pinning them."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from pytest_ebpf.cli.build import manifest_of, say
from pytest_ebpf.kernels import KernelStore, lock_kernels
from pytest_ebpf.manifest import find, load
from pytest_ebpf.session.building import LOCK_NAME


def show(arguments: Namespace) -> int:
    """Print the cache, then what the archive offers: the newest of each line, or everything."""
    store = _store()
    cached = store.cached()
    releases = {kernel.release for kernel in cached}
    print("in the cache")
    for kernel in cached:
        origin = kernel.origin.partition(":")[0]
        print(f"  {kernel.line:<6} {kernel.version!s:<10} {kernel.release:<34} {origin}")
    if not cached:
        print("  none")
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
    store = _store()
    for spec in arguments.specs:
        kernel = store.get(spec)
        print(f"{spec}: {kernel.version} ({kernel.release})", flush=True)
    return 0


def lock(arguments: Namespace) -> int:
    """Pin the newest build of each kernel that the manifest promises, or of those named."""
    manifest = manifest_of(None)
    specs = arguments.specs or load(manifest).project.kernels
    path = manifest.parent / LOCK_NAME
    for spec, kernel in lock_kernels(specs, KernelStore(lock=path, say=say), path).items():
        print(f"{spec}: {kernel.version} sha256 {kernel.sha256[:16]}")
    print(f"written to {path.name}; commit it")
    return 0


def _store() -> KernelStore:
    manifest = find(Path.cwd())
    return KernelStore(lock=manifest.parent / LOCK_NAME if manifest else None, say=say)
