"""What is in the user's cache, and whether more can be had."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from pytest_ebpf.errors import EbpfError
from pytest_ebpf.kernels.apt import Apt
from pytest_ebpf.kernels.sources import KEYRING, Roots
from pytest_ebpf.machine.shelf import Entry
from pytest_ebpf.session.health.finding import Finding, size

#: Kernels named before the rest is only counted.
_NAMED: Final = 6

#: What is left where there is no Debian.
_OWN_IMAGE: Final = 'test on an image of your own: kernels = ["./bzImage"] in ebpf.toml'

_HOUR: Final = 3600.0


def archive(apt: Apt, *, keyring: Path = KEYRING) -> Finding:
    """Whether kernels can be fetched, as far as can be told without the network."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            return Finding("apt", "fail", f"{tool}: not found on PATH", _OWN_IMAGE)
    if not keyring.exists():
        mend = "sudo apt-get install debian-archive-keyring"
        return Finding("apt", "fail", "the keys of Debian's archive are not there", mend)
    try:
        roots = apt.archives()
    except EbpfError as error:
        return Finding("apt", "fail", error.what, error.hint or "")
    index = apt.index()
    return judge_archive(roots, (len(index.kernels), index.age) if index else None)


def judge_archive(roots: Roots, index: tuple[int, float] | None) -> Finding:
    """Judge the archives that apt knows; *index*: how many kernels were seen, and how many seconds ago."""
    if index is None:
        seen = "not asked for kernels yet"
    else:
        count, age = index
        seen = f"{count} kernels seen {_ago(age)}"
    if not roots.security:
        mend = "add Debian's security archive to /etc/apt/sources.list.d"
        return Finding("apt", "note", f"no security updates among its sources, so no 5.10; {seen}", mend)
    return Finding("apt", "ok", f"Debian's archive is among its sources, {seen}")


def _ago(age: float) -> str:
    if age < _HOUR:
        return "within the last hour"
    return f"{age / _HOUR:.0f} h ago" if age < 48 * _HOUR else f"{age / _HOUR / 24:.0f} days ago"


def kernels(
    versions: Sequence[str], promised: Sequence[str], has: Callable[[str], bool], *, obtainable: bool
) -> Finding:
    """Judge the kernels in the cache, by their *versions* and by which of those *promised* it *has*.

    *obtainable*: whether others can be fetched.
    """
    try:
        missing = [spec for spec in promised if not has(spec)]
    except EbpfError as error:
        return Finding("kernels", "fail", str(error))
    if promised:
        there = len(promised) - len(missing)
        what = f"{there} of the {len(promised)} that ebpf.toml promises are here"
    else:
        what = _names(versions) if versions else "none in the cache"
    if not missing and (versions or promised):
        return Finding("kernels", "ok", what)
    if missing:
        what += f", not {', '.join(missing)}"
    fetch = f"ebpf-build kernels fetch {' '.join(missing) or '6.12'}"
    if obtainable:
        return Finding("kernels", "note", what, fetch)
    if versions:
        return Finding("kernels", "note", what, f"see apt, then: {fetch}")
    return Finding("kernels", "fail", f"{what}, and none can be fetched", f"see apt, then: {fetch}")


def _names(versions: Sequence[str]) -> str:
    rest = len(versions) - _NAMED
    return ", ".join(versions[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def snapshots(entries: Sequence[Entry], limit: int) -> Finding:
    """Say how many snapshots there are, and how much of their *limit* in bytes they take."""
    if not entries:
        return Finding("snapshots", "ok", "none yet, each kernel makes one at its first boot")
    total = sum(entry.size for entry in entries)
    return Finding("snapshots", "ok", f"{len(entries)} in {size(total)} of at most {size(limit)}")
