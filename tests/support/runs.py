"""Runs to be reported, made up: as large as wanted, with some of everything."""

from __future__ import annotations

import random

from pytest_ebpf.report import Cell, Matrix, Outcome, ProgramSize, Run, Section

KERNELS = ("5.10.259", "6.1.192", "6.6.106", "6.12.57", "6.16.12", "6.18.3", "7.0.9", "7.2.1", "7.3-rc7")

FAILURE = """\
ebpf = <ebpf on {column}>

    def test_{number}(ebpf):
        firewall = ebpf.load(Firewall)
        firewall.maps.blocked[source_of(packet)] = 1
>       assert firewall.programs.ingress.run(packet).verdict == XDP.DROP
E       AssertionError: assert <XDP.PASS: 2> == <XDP.DROP: 1>
E         verdict of ingress: expected XDP_DROP, got XDP_PASS
E         after {number} packets

tests/test_module_{module}.py:{number}: AssertionError"""

DIFF = """\
  layer  field  offset
- IP     ttl    22      64
+ IP     ttl    22      63
- UDP    dport  36      {number}
+ UDP    dport  36      53"""


def large(tests: int = 500, kernels: tuple[str, ...] = KERNELS, *, failing: int = 10) -> Run:
    """A run in which one cell in *failing* is not as wanted, and has a word to say on it."""
    cells = [
        _cell(number, at, column, failing=failing)
        for number in range(tests)
        for at, column in enumerate(kernels)
    ]
    sizes = [
        ProgramSize(
            f"object_{number // 4}",
            f"program_{number}",
            column,
            37 * (number + 1) ** 2 * (9 + (at * 5 + number) % 7) // 9,
        )
        for number in range(24)
        for at, column in enumerate(kernels)
        if column != "5.10.259"
    ]
    return Run.of(Matrix.of(cells), sizes, project="edge", began="2026-11-20T10:00:00+00:00", seconds=312.4)


def _cell(number: int, at: int, column: str, *, failing: int) -> Cell:
    module = number // 20
    row = f"tests/test_module_{module}.py::test_packet_that_is_number_{number}[{number % 7}-ipv6]"
    place = number * 9 + at
    duration = (20 + place * 7919 % 997) / 1000
    if place % failing:
        return Cell(row, column, Outcome.PASSED, duration=duration)
    others = [*Outcome][1:]
    outcome = others[place // failing % len(others)]
    values = {"number": number, "module": module, "column": column}
    sections = (
        Section("failure", FAILURE.format(**values)),
        Section("kernel log of the guest", _log(place)),
        Section("packet diff", DIFF.format(**values)),
    )
    reason = "assert <XDP.PASS: 2> == <XDP.DROP: 1>" if number % 2 else f"helper {number % 40} is missing"
    return Cell(row, column, outcome, reason, duration, f"{row[:-1]}-{column}]", sections)


def _log(place: int) -> str:
    """Registers as in the log of an oops, 24 lines of numbers that do not repeat."""
    numbers = random.Random(place)
    return "\n".join(
        f"[    1.{numbers.randrange(10**6):06d}] R{line:02d}: {numbers.randrange(1 << 64):016x}"
        f" R{line + 24:02d}: {numbers.randrange(1 << 64):016x}"
        for line in range(24)
    )
