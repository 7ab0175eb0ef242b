"""The project that a command is about: of the manifest that is given, else of the nearest, if any."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection, Sequence
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


def manifest_if_any(arguments: Namespace) -> Path | None:
    """Return the manifest that is given (``-f``), else the one here or nearest above, else None.

    :class:`UsageError` for one that is given and is not there.
    """
    if arguments.manifest is None:
        return find(Path.cwd())
    path = Path(arguments.manifest)
    if not path.exists():
        raise UsageError(
            "no such file", where=str(path), hint=f"write an {FILE_NAME}, or name the one to use"
        )
    return path


def manifest_of(arguments: Namespace) -> Path:
    """Return the manifest as :func:`manifest_if_any`; :class:`UsageError` if there is none."""
    if found := manifest_if_any(arguments):
        return found
    raise UsageError(f"there is no {FILE_NAME} here or above", where=str(Path.cwd()), hint=_WRITE)


def told_apart(names: Sequence[str], declared: Collection[str]) -> tuple[list[str], list[str]]:
    """Return which of *names* are objects that are *declared*, and which are files, each once.

    :class:`UsageError` for what is called like an object, and is neither.
    """
    from pytest_ebpf.suggest import suggestion  # noqa: PLC0415 - as below

    unique = list(dict.fromkeys(names))
    for name in unique:
        if declared and name.isidentifier() and name not in declared and not Path(name).exists():
            what = "no object of the manifest is called so, and no file either"
            raise UsageError(what, where=name, hint=suggestion(name, declared))
    return [name for name in unique if name in declared], [name for name in unique if name not in declared]


def kernel_store(manifest: Path | None) -> KernelStore:
    """Return the user's kernels, pinned as the project of *manifest* has them."""
    from pytest_ebpf.kernels import KernelStore  # noqa: PLC0415 - a build with nothing to do needs none

    return KernelStore(lock=manifest.parent / LOCK_NAME if manifest else None, say=say)
