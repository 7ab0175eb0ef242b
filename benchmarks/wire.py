"""Frames over a wire through native XDP that sends them back: one at a time, and in batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from benchmarks.machines import KERNELS, PACKET, TIMEOUT, recipe
from benchmarks.measure import rate
from benchmarks.result import Bar, Result
from pytest_ebpf import paths
from pytest_ebpf.guest import Guest
from pytest_ebpf.machine.shelf import Shelf
from pytest_ebpf.machine.snapshot import restore
from pytest_ebpf.uapi import AttachType, ProgType
from pytest_ebpf.wire import Wire, wires_of

SINGLE: Final = Bar(8_000, "/s", at_least=True)
BATCHED: Final = Bar(15_000, "/s", at_least=True)

#: Round trips of a round, and frames. Both take about a third of a second.
TRIPS: Final = 3_000
FRAMES: Final = 10_000

#: ``r0 = 3; exit``: XDP_TX. The struct is ``struct bpf_insn``.
SEND_BACK: Final = bytes([0xB7, 0, 0, 0, 3, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0])


def run() -> list[Result]:
    """Measure each kernel, through the API that tests use, with frames given as bytes."""
    return [result for spec in KERNELS for result in _measure(spec)]


def _measure(spec: str) -> Iterator[Result]:
    with wired(spec) as (guest, wire):
        mode = send_back(guest)

        def one_by_one() -> None:
            for _ in range(TRIPS):
                assert wire.exchange([PACKET]) == [PACKET]

        frames = [PACKET] * FRAMES

        def at_once() -> None:
            assert len(wire.exchange(frames, timeout=TIMEOUT)) == FRAMES

        single, batched = rate(one_by_one, TRIPS), rate(at_once, FRAMES)
    yield Result(f"wire, round trips by XDP_TX, {spec}", single, "/s", SINGLE, f"{mode} XDP")
    yield Result(
        f"wire, frames in batches by XDP_TX, {spec}", batched, "/s", BATCHED, f"{mode} XDP, none lost"
    )


@contextmanager
def wired(spec: str) -> Iterator[tuple[Guest, Wire]]:
    """A restored machine with a wire, for as long as the block lasts."""
    plain = recipe(spec)
    with_wire = replace(plain, config=replace(plain.config, wires=1))
    snapshot = Shelf(paths.cache_root(), say=print).get(with_wire, timeout=TIMEOUT)
    machine, guest = restore(snapshot, call_timeout=TIMEOUT).ready(TIMEOUT)
    with machine:
        yield guest, wires_of(guest, machine.wires)[0]


def send_back(guest: Guest) -> str:
    """Attach a program that sends every frame back, and return the mode that is in effect."""
    program = {"type": int(ProgType.XDP), "attach_type": int(AttachType.XDP), "insns": SEND_BACK}
    prog = guest.call("assemble", license="GPL", **program)["prog"]
    return str(guest.call("attach", prog=prog, how="xdp", interface="eth0", mode="native")["mode"])
