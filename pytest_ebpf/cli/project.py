"""The project that a command is called in, if it is called in one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_ebpf.cli.progress import say
from pytest_ebpf.errors import UsageError
from pytest_ebpf.manifest import FILE_NAME, find
from pytest_ebpf.paths import LOCK_NAME

if TYPE_CHECKING:
    from pytest_ebpf.kernels import KernelStore

#: What to do without a manifest.
_WRITE: Final = "write one, or have it written for object files: ebpf-build adopt FILE.o"


def manifest_of(given: str | None) -> Path:
    """Return the manifest *given*, else the nearest; :class:`UsageError` if there is none."""
    if given is not None:
        return Path(given)
    if found := find(Path.cwd()):
        return found
    raise UsageError(f"there is no {FILE_NAME} here or above", where=str(Path.cwd()), hint=_WRITE)


def kernel_store() -> KernelStore:
    """Return the user's kernels, pinned as the project here has them."""
    from pytest_ebpf.kernels import KernelStore  # noqa: PLC0415 - a build with nothing to do needs none

    manifest = find(Path.cwd())
    return KernelStore(lock=manifest.parent / LOCK_NAME if manifest else None, say=say)
