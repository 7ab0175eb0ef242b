"""How many times a second a program is run on a packet, one call each and many in a call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.machines import KERNELS, PACKET, assemble, booted
from benchmarks.measure import rate
from benchmarks.result import Bar, Result
from pytest_ebpf.bpf import Program
from pytest_ebpf.bpf.lifetime import Lifetime
from pytest_ebpf.guest import Guest
from pytest_ebpf.uapi import ProgType

SINGLE: Final = Bar(3_000, "/s", at_least=True)
BATCHED: Final = Bar(30_000, "/s", at_least=True)

#: Runs of a round. Both take about a third of a second.
CALLS: Final = 1_000
PACKETS: Final = 10_000


def run() -> list[Result]:
    """Measure each kernel with an XDP program and a classifier, through the API that tests use."""
    return [result for spec in KERNELS for result in _measure(spec)]


def _measure(spec: str) -> Iterator[Result]:
    with booted(spec) as guest:
        for prog_type, name in ((ProgType.XDP, "xdp"), (ProgType.SCHED_CLS, "tc")):
            program = _program(guest, prog_type)

            def one_by_one(program: Program = program) -> None:
                for _ in range(CALLS):
                    program.run(PACKET)

            packets = [PACKET] * PACKETS

            def at_once(program: Program = program, packets: list[bytes] = packets) -> None:
                program.run_many(packets)

            yield Result(f"test runs, single, {name} on {spec}", rate(one_by_one, CALLS), "/s", SINGLE)
            yield Result(f"test runs, batched, {name} on {spec}", rate(at_once, PACKETS), "/s", BATCHED)


def _program(guest: Guest, prog_type: ProgType) -> Program:
    answer = {
        "prog": assemble(guest, prog_type),
        "type": int(prog_type),
        "name": "two",
        "section": "",
        "attach_type": 0,
        "verified_insns": 2,
        "stats": "",
    }
    return Program(guest, answer, None, lifetime=Lifetime("two"))
