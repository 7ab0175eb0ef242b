"""Everything that can befall a guest in a test, as a module of tests, and what must become of each.

The module is run by pytest in a process of its own, as a user's would be: :func:`run`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The outcome of each test of :data:`MODULE`, and what its reason contains.
EXPECTED = {
    "panic": ("crashed", "Kernel panic - not syncing: sysrq triggered crash"),
    "invalid_opcode": ("crashed", "invalid opcode: 0000 [#1]"),
    "null_pointer": ("crashed", "BUG: kernel NULL pointer dereference"),
    "stack_overflow": ("crashed", "stack guard page was hit"),
    "nmi": ("crashed", "Kernel panic - not syncing: NMI"),
    "out_of_memory": (
        "crashed",
        "System is deadlocked on memory; give machines more: memory = ... under [test] in ebpf.toml",
    ),
    "warning": ("crashed", "WARNING: "),
    "warning_before_a_failure": ("crashed", "WARNING: "),
    "soft_lockup": ("crashed", "watchdog: BUG: soft lockup - CPU#0 stuck for"),
    "warning_of_a_program": ("passed", ""),
    "console_flood": ("passed", ""),
    "no_interrupts": ("timed out", "the guest did not answer in time"),
    "agent_that_blocks": ("timed out", "the guest did not answer in time"),
    "emulator_stopped": ("infrastructure", "the guest did not answer in time, and its kernel is silent"),
    "triple_fault": ("infrastructure", "the machine ended (exit status 0)"),
    "reboot": ("infrastructure", "the machine ended (exit status 0)"),
    "emulator_killed": ("infrastructure", "the machine ended (killed by SIGKILL)"),
    "emulator_killed_once": ("passed", ""),
    "host_that_talks_nonsense": ("infrastructure", "the machine ended (exit status 0)"),
    "nonsense_from_the_guest": ("infrastructure", "the guest sent a message that is "),
    "length_without_end": ("infrastructure", "the guest announced a message of 4294967295 bytes"),
    "goes_on": ("passed", ""),
}

MODULE = r"""
import os, pathlib, random, signal, threading, time
import pytest
from poison import poison, swallow

pytestmark = pytest.mark.parametrize("number", range(int(os.environ["FAULT_TIMES"])))

def pid(ebpf):
    return ebpf._guest._stream.pid

def call(ebpf, op, **arguments):
    return ebpf._guest.call(op, **arguments)

def trigger(ebpf, letter):
    call(ebpf, "write_file", path="/proc/sysrq-trigger", data=letter)

def suffer(ebpf, what, timeout=30):
    poison(pid(ebpf), ebpf._guest.call, what)
    ebpf._guest._timeout = timeout
    swallow(ebpf._guest.call)

def test_panic(ebpf, number):
    trigger(ebpf, b"c")

def test_invalid_opcode(ebpf, number):
    suffer(ebpf, "invalid opcode")

def test_null_pointer(ebpf, number):
    suffer(ebpf, "null pointer")

def test_stack_overflow(ebpf, number):
    suffer(ebpf, "stack overflow")

def test_nmi(ebpf, number):
    ebpf._guest._stream.monitor.ask("inject-nmi", time.monotonic() + 60)
    call(ebpf, "hello")

def test_out_of_memory(ebpf, number):
    for folder in ("/tmp", "/dev"):
        for name in range(64):
            try:
                call(ebpf, "write_file", path=f"{folder}/{name}", data=bytes(4 << 20))
            except Exception as error:
                if "ENOSPC" not in str(error):
                    raise
                break

def test_warning(ebpf, number):
    suffer(ebpf, "warning")

def test_warning_before_a_failure(ebpf, number):
    suffer(ebpf, "warning")
    assert False

def test_soft_lockup(ebpf, number):
    call(ebpf, "write_file", path="/proc/sys/kernel/watchdog_thresh", data=b"1")
    suffer(ebpf, "endless loop", timeout=7)

def test_warning_of_a_program(ebpf, number):
    call(ebpf, "write_file", path="/dev/kmsg", data=b"WARNING: CPU: 0 PID: 1 at my own program")

def test_console_flood(ebpf, number):
    call(ebpf, "write_file", path="/dev/console", data=b"BUG: all work and no play\n" * 4000)
    call(ebpf, "hello")

def test_no_interrupts(ebpf, number):
    suffer(ebpf, "no interrupts", timeout=1)

def test_agent_that_blocks(ebpf, number):
    ebpf._guest._timeout = 1
    call(ebpf, "wait", process=call(ebpf, "spawn")["process"], timeout_ms=60_000)

def test_emulator_stopped(ebpf, number):
    ebpf._guest._timeout = 1
    os.kill(pid(ebpf), signal.SIGSTOP)
    call(ebpf, "hello")

def test_triple_fault(ebpf, number):
    suffer(ebpf, "triple fault")

def test_reboot(ebpf, number):
    trigger(ebpf, b"b")

def test_emulator_killed(ebpf, number):
    wait = random.Random(number).random() / 10
    threading.Timer(wait, os.kill, [pid(ebpf), signal.SIGKILL]).start()
    while True:
        call(ebpf, "read_file", path="/proc/kallsyms", limit=1 << 18)

def test_emulator_killed_once(ebpf, number):
    seen = pathlib.Path(f"seen-{number}")
    call(ebpf, "hello")
    if not seen.exists():
        seen.touch()
        os.kill(pid(ebpf), signal.SIGKILL)
    call(ebpf, "hello")

def test_host_that_talks_nonsense(ebpf, number):
    noise = random.Random(number)
    frame = noise.randbytes(2) + b"\0\0" + noise.randbytes(70000)
    ebpf._guest._stream.send(frame, time.monotonic() + 60)
    call(ebpf, "hello")

def test_nonsense_from_the_guest(ebpf, number):
    ebpf._guest._stream._received += b"\5\0\0\0" + b"\xc1" + random.Random(number).randbytes(4)
    call(ebpf, "hello")

def test_length_without_end(ebpf, number):
    ebpf._guest._stream._received += b"\xff" * 4
    call(ebpf, "hello")

def test_goes_on(ebpf, number):
    assert call(ebpf, "hello")["release"] == ebpf.kernel.release
"""


@dataclass(frozen=True)
class Faults:
    """What a run said: its exit *status*, its *output*, and what became of each kind of fault, and why."""

    status: int
    output: str
    outcomes: dict[str, Counter[tuple[str, str]]]

    def wrong(self, kind: str, times: int) -> dict[tuple[str, str], int]:
        """Return what became of *kind* other than what is expected of it, with how often."""
        outcome, reason = EXPECTED[kind]
        found = self.outcomes.get(kind, Counter())
        wrong = {
            (got, why): count for (got, why), count in found.items() if got != outcome or reason not in why
        }
        missing = times - found.total()
        return {**wrong, ("missing", ""): missing} if missing else wrong


def run(folder: Path, kernel: str, *options: str, times: int = 1, timeout: float = 1800) -> Faults:
    """Run all faults, each *times* times, on one *kernel* in *folder*."""
    (folder / "test_faults.py").write_text(MODULE)
    report = folder / "report"
    argv = [sys.executable, "-m", "pytest", "-p", "ebpf", "-p", "no:cacheprovider", "-v"]
    options = ("--ebpf-kernel", kernel, "--ebpf-report", str(report), "--tb=short", *options)
    env = {**os.environ, "FAULT_TIMES": str(times), "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [*argv, *options], cwd=folder, env=env, capture_output=True, text=True, timeout=timeout, check=False
    )
    document = json.loads((report / "matrix.json").read_text())
    return Faults(done.returncode, done.stdout + done.stderr, _by_kind(document["cells"]))


def _by_kind(cells: list[dict[str, Any]]) -> dict[str, Counter[tuple[str, str]]]:
    kinds: dict[str, Counter[tuple[str, str]]] = {}
    for cell in cells:
        kind = cell["row"].partition("::test_")[2].partition("[")[0]
        kinds.setdefault(kind, Counter())[cell["outcome"], cell["reason"] or ""] += 1
    return kinds
