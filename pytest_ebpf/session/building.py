"""Build joined with kernels, whose BTF gives ``vmlinux.h``, and with objects, held against the manifest.

The heavy halves are imported only when something is stale: a build with nothing to do takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_ebpf.build import BuildResult, build
from pytest_ebpf.paths import LOCK_NAME

if TYPE_CHECKING:
    from pytest_ebpf.errors import Problem
    from pytest_ebpf.manifest import Manifest


def build_project(
    manifest_path: Path, only: Sequence[str] = (), *, jobs: int | None = None, say: Callable[[str], None]
) -> BuildResult:
    """Bring the objects of a manifest up to date, or those named in *only*, and hold them against it.

    Raises what :func:`~pytest_ebpf.build.build` does, and :class:`~pytest_ebpf.errors.KernelError` if the
    kernel whose BTF is needed cannot be had.
    """

    def kernel_btf(spec: str) -> Path:
        from pytest_ebpf.kernels import KernelStore  # noqa: PLC0415

        store = KernelStore(lock=manifest_path.parent / LOCK_NAME, say=say)
        if not store.has(spec):
            say(f"{spec}: wanted for its types, of which vmlinux.h is made")
        return store.get(spec).btf

    return build(manifest_path, kernel_btf=kernel_btf, only=only, jobs=jobs, check=_mismatches)


def _mismatches(declared: Manifest, name: str, path: Path) -> Sequence[Problem]:
    from pytest_ebpf.objects import read_object  # noqa: PLC0415
    from pytest_ebpf.objects.check import differences  # noqa: PLC0415

    return differences(declared, name, read_object(path))
