"""``ebpf-kernels.lock``: which build of each kernel a project is tested on, to the bit.

JSON: ``{"format": 1, "kernels": {SPEC: {"release", "image_sha256", "packages": [{name, version, size,
sha256}]}}}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels import catalog
from pytest_ebpf.kernels.catalog import Available, Package
from pytest_ebpf.kernels.version import Version

_FORMAT: Final = 1
AGAIN: Final = "`ebpf-build kernels lock` makes a new one"


@dataclass(frozen=True)
class Locked:
    """One entry: the packages a spec stands for, and the sha256 of the image in the first."""

    release: str
    image_sha256: str
    packages: tuple[Package, ...]

    def as_available(self) -> Available:
        """What to ask the archive for."""
        version = Version.parse(self.packages[0].version)
        return Available(version, self.release, self.packages, suite="", complete=True)


def read_lock(path: Path) -> dict[str, Locked]:
    """Read a lock file, by spec; empty if there is none. :class:`KernelError` when it is malformed.

    It comes with a project, so it is not trusted: its names become arguments of apt and folders of the cache.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise KernelError(
                f"the lock file has another format ({data['format']})", where=str(path), hint=AGAIN
            )
        return {spec: _entry(entry) for spec, entry in data["kernels"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise KernelError(
            f"the lock file cannot be read ({error.strerror})", where=str(path), hint=AGAIN
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KernelError(f"the lock file is malformed ({error})", where=str(path), hint=AGAIN) from error


def _entry(entry: Mapping[str, Any]) -> Locked:
    packages = tuple(Package(**package) for package in entry["packages"])
    release = entry["release"]
    if not packages or not catalog.sane(release, packages):
        raise ValueError(f"release {release}: its packages are none of a kernel")
    return Locked(release, entry["image_sha256"], packages)


def write_lock(path: Path, entries: Mapping[str, Locked]) -> None:
    """Write *entries*, whole or not at all; the same entries give the same bytes."""
    data = {"format": _FORMAT, "kernels": {spec: asdict(locked) for spec, locked in entries.items()}}
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise KernelError(
            f"the lock file cannot be written ({error.strerror})",
            where=str(path),
            hint="correct the path, or make room on the disk",
        ) from error
