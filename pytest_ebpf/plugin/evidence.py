"""What helps to look into a failed cell: the packets given last, the command that runs it again."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from pytest_ebpf import packets, paths
from pytest_ebpf.errors import PacketError
from pytest_ebpf.packets.pcap import write_pcap
from pytest_ebpf.plugin import cachefolders

#: Packets that are shown, the last ones, and the bytes up to which one is shown.
_SHOWN: Final = 5
_LONGEST: Final = 512

#: Captures that are kept, of this run and earlier ones.
_FILES: Final = 100

#: Options without which a cell may end otherwise.
_OPTIONS: Final = ("--ebpf-manifest", "--ebpf-isolation", "--ebpf-accelerator", "--ebpf-timeout")

#: What the section is called that has the command.
AGAIN: Final = "to run this again"


def name_of(config: pytest.Config, item: pytest.Item, spec: str, label: str) -> str:
    """Return what *item* is called in a run of its own; *label* is what its name calls the kernel *spec*."""
    rest = item.nodeid.partition("::")[2]
    head, bracket, parameters = rest.partition("[")
    # A path is called by its last part where no other kernel of the run has the same.
    parameters = parameters.replace(label, spec.rpartition("/")[2], 1)
    return f"{os.path.relpath(item.path, config.invocation_params.dir)}::{head}{bracket}{parameters}"


def command(config: pytest.Config, tests: Sequence[str], specs: Sequence[str]) -> str:
    """Return the shell command that runs *tests* alone, on the kernels of *specs*."""
    words = ["pytest", "-p", "ebpf", *tests, "--ebpf-kernel", ",".join(specs)]
    for option in _OPTIONS:
        value = config.getoption(option)
        if value not in (None, "auto"):
            words += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)


def given(
    config: pytest.Config, item: pytest.Item, recent: packets.Recent | None
) -> Iterator[tuple[str, str]]:
    """The section of the packets that a test gave to programs and wires last, if it did."""
    frames = recent.frames if recent else []
    if recent is None or not frames:
        return
    path = _folder(config) / f"{_file_name(item.nodeid)}.pcap"
    kept = f"{path}, which could not be written"
    with suppress(OSError, PacketError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_pcap(path, frames)
        cachefolders.keep_newest(path.parent, _FILES)
        kept = str(path)
    shown = frames[-_SHOWN:]
    first = recent.count - len(shown) + 1
    lines = [
        f"{number}: {packets.source(frame.data)}"
        if len(frame.data) <= _LONGEST
        else f"{number}: {len(frame.data)} bytes"
        for number, frame in enumerate(shown, start=first)
    ]
    yield "packets given last", "\n".join([*lines, f"{len(frames)} of {recent.count} in {kept}"])


def modes(attached: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The section of the modes in which XDP programs were *attached*, if there were any."""
    if attached:
        yield "modes of XDP", "\n".join(attached)


def _folder(config: pytest.Config) -> Path:
    """Pytest's cache; without one, ours."""
    return (cachefolders.folder(config, "ebpf") or paths.cache_root()) / "packets"


def _file_name(nodeid: str) -> str:
    """A name for a file, as readable as can be and different for each test."""
    name = re.sub(r"[^\w.-]+", "-", nodeid.rpartition("::")[2]).strip("-")
    return f"{name[:80]}-{sha256(nodeid.encode()).hexdigest()[:8]}"
