"""The programs and files that building and booting need."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pytest_ebpf import process
from pytest_ebpf.build import toolchain
from pytest_ebpf.errors import EbpfError, ToolError
from pytest_ebpf.guest.client import PROTOCOL_VERSION
from pytest_ebpf.machine.accelerator import Choice
from pytest_ebpf.machine.recipe import find_qemu
from pytest_ebpf.session.health.finding import Finding

#: The oldest QEMU that machines are tested with, that of bookworm.
OLDEST_QEMU: Final = (7, 2)

_GET_QEMU: Final = "sudo apt-get install qemu-system-x86"
_GET_CLANG: Final = "sudo apt-get install clang-19"
_QEMU_VERSION: Final = re.compile(r"QEMU emulator version (\d+)\.(\d+)\.(\d+)")
_AGENT_VERSION: Final = re.compile(r"agent (\S+), protocol (\d+), libbpf v?(\S+)\n?")
_HEADER_VERSION: Final = re.compile(r"^#define LIBBPF_(MAJOR|MINOR)_VERSION (\d+)$", re.MULTILINE)

#: Seconds for a program to say its version.
_TIMEOUT: Final = 30.0


def emulator() -> Finding:
    """Whether QEMU is there and runs."""
    try:
        path = find_qemu()
        done = process.run([path, "--version"], timeout=_TIMEOUT)
    except ToolError as error:
        return Finding("qemu", "fail", error.what, _GET_QEMU)
    return judge_emulator(done.stdout, path)


def judge_emulator(said: str, path: Path) -> Finding:
    """Judge QEMU by what it *said* of its version."""
    match = _QEMU_VERSION.search(said)
    if match is None:
        return Finding("qemu", "fail", f"{path} does not say its version", _GET_QEMU)
    version = ".".join(match.groups())
    if (int(match[1]), int(match[2])) < OLDEST_QEMU:
        oldest = ".".join(map(str, OLDEST_QEMU))
        return Finding("qemu", "note", f"{version}, {path}; nothing older than {oldest} is tested")
    return Finding("qemu", "ok", f"{version}, {path}")


def accelerator(decide: Callable[[], Choice] | None, *, memory: Path) -> Finding:
    """Say what runs the machines. *decide* is None where none can be started; *memory* keeps the proof."""
    if decide is None:
        return Finding("accelerator", "note", "not tried: QEMU, the agent or a kernel is missing")
    try:
        choice = decide()
    except (EbpfError, OSError) as error:
        return Finding("accelerator", "note", f"cannot be tried ({error})")
    if choice.accelerator == "kvm":
        return Finding("accelerator", "ok", "KVM, proven by a start on this host")
    mend = ""
    if "may not be opened" in choice.reason:
        mend = f"sudo usermod -aG kvm {os.environ.get('USER', '$USER')}, and log in again"
    elif "does not come up" in choice.reason:
        mend = f"to try again: rm {memory}"
    return Finding("accelerator", "note", f"emulation (TCG): {choice.reason}", mend)


def compiler() -> Finding:
    """Whether there is a clang that the build accepts."""
    try:
        clang = toolchain.examine(toolchain.search().found, None)
    except ToolError as error:
        mend = f"unset {toolchain.OVERRIDE}" if os.environ.get(toolchain.OVERRIDE) else _GET_CLANG
        return Finding("clang", "fail", f"{error.where}: {error.what}" if error.where else error.what, mend)
    return Finding("clang", "ok", f"{clang.version}, {clang.path}")


def headers(include: Path, mend: str) -> Finding:
    """Whether libbpf's headers are in the folder *include*; *mend* makes them."""
    try:
        (include / "bpf" / "bpf_helpers.h").stat()
        version = dict(_HEADER_VERSION.findall((include / "bpf" / "libbpf_version.h").read_text()))
    except OSError:
        return Finding("headers", "fail", f"libbpf's are not in {include}", mend)
    return Finding("headers", "ok", f"libbpf {version.get('MAJOR', '?')}.{version.get('MINOR', '?')}")


def agent(path: Path, mend: str) -> Finding:
    """Whether the guest agent is there and of our protocol; *mend* makes it."""
    try:
        said = process.run([path, "--version"], timeout=_TIMEOUT).stdout
    except ToolError as error:
        problem = f"not in {path.parent}" if not path.exists() else f"does not run ({error})"
        return Finding("agent", "fail", problem, mend)
    return judge_agent(said, mend)


def judge_agent(said: str, mend: str) -> Finding:
    """Judge the agent by what it *said* of its version."""
    match = _AGENT_VERSION.fullmatch(said)
    if match is None:
        return Finding("agent", "fail", "does not say its version", mend)
    version, protocol, libbpf = match.groups()
    if int(protocol) != PROTOCOL_VERSION:
        return Finding("agent", "fail", f"speaks protocol {protocol}, not {PROTOCOL_VERSION}", mend)
    return Finding("agent", "ok", f"{version}, protocol {protocol}, libbpf {libbpf}")
