"""What a failed assertion says of verdicts, packets and values of programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import islice
from types import TracebackType
from typing import Any, Final

import pytest

from pytest_ebpf import packets
from pytest_ebpf.bpf.maps import ArrayMap, KeyedMap
from pytest_ebpf.bpf.mismatch import is_of_program, mismatches
from pytest_ebpf.errors import EbpfError
from pytest_ebpf.report.text_table import shortened
from pytest_ebpf.uapi import BPF, CGROUP, NF, SK, TC, TCX, XDP, spelled

#: What programs return, by the names of each type of program.
VERDICTS: Final = (BPF, CGROUP, NF, SK, TC, TCX, XDP)

#: Lines of a comparison without ``-vv``: pytest itself cuts what is longer than 8.
_LINES: Final = 5

#: Characters of such a line: pytest cuts after 640 as well.
_WIDTH: Final = 96

#: Lines with ``-vv``.
_MOST: Final = 200

#: How to say that a packet is expected as it would be sent.
_AS_SENT: Final = "write assert result.matches(expected)"


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    """Explain a comparison that failed, if one side is of a program; *left* is taken for what it gave."""
    most = _MOST if config.get_verbosity(pytest.Config.VERBOSITY_ASSERTIONS) > 1 else _LINES
    if isinstance(left, VERDICTS) or isinstance(right, VERDICTS):
        return _verdicts(op, left, right)
    if op != "==":
        return None
    if packets.first_layer(left) and (packets.first_layer(right) or isinstance(right, bytes)):
        return _packets(left, right, most)
    if is_of_program(left) or is_of_program(right):
        return _values(left, right, most)
    return None


def explain(error: BaseException | None, verbosity: int) -> None:
    """Have *error* tell what differs, if it is the failure of an assertion that packets match.

    An assertion keeps what it has evaluated in variables of its frame until it has passed.
    """
    if not isinstance(error, AssertionError) or error.__traceback__ is None:
        return
    for value in _last_frame(error.__traceback__).values():
        if isinstance(value, packets.Match) and not value and repr(value)[:60] in str(error):
            error.add_note("\n".join(value.lines(_MOST if verbosity > 0 else 2 * _LINES, wide=verbosity > 0)))
            return


def _last_frame(traceback: TracebackType) -> dict[str, Any]:
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback.tb_frame.f_locals


def _verdicts(op: str, left: object, right: object) -> list[str] | None:
    if op in ("==", "!=") and isinstance(left, int) and isinstance(right, int):
        holds = (left == right) is (op == "==")
        expected = f"expected {'' if op == '==' else 'any but '}{_spelled(right)}"
    elif op in ("in", "not in") and isinstance(right, list | tuple | set | frozenset):
        holds = (left in right) is (op == "in")
        expected = f"expected {'one' if op == 'in' else 'none'} of {_spelled(right)}"
    else:
        return None
    head = f"{_spelled(left)} {op} {_spelled(right)}"
    if holds:  # another part of the assertion failed: a == b and c
        return [head]
    lines = [head, f"verdict: {_spelled(left)}, {expected}"]
    if isinstance(left, VERDICTS) and isinstance(right, VERDICTS) and type(left) is not type(right):
        lines.append(f"{type(right).__name__} has the verdicts of another type of program")
    return lines


def _spelled(value: object) -> str:
    if isinstance(value, IntEnum):
        return spelled(value)
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(_spelled, value)).join("()")
    return repr(value)


def _packets(left: Any, right: Any, most: int) -> list[str] | None:
    if left == right:  # another part of the assertion failed
        return None
    match = packets.matches(left, right)
    if match:
        return [
            "packet == expected, as scapy compares",
            f"they are the same on the wire, but for fields that scapy has yet to fill in; {_AS_SENT}",
        ]
    first, more = match.differences[0], len(match.differences) - 1
    expected, got = first.shown()
    head = f"packet == expected: {first.name} {got}, expected {expected}"
    return [head + (f" (and {more} more)" if more else ""), *match.lines(most, wide=most > _LINES)]


def _values(left: object, right: object, most: int) -> list[str] | None:
    try:
        found = list(mismatches(left, right))
    except EbpfError:  # a map that can no longer be read
        return None
    if not found:
        return None
    more = len(found) - 1
    lines = [str(each) if most > _LINES else shortened(str(each), _WIDTH) for each in found]
    head = f"{_name(left)} == {_name(right)}: {lines[0]}"
    return [f"{head} (and {more} more)", *_cut(lines, most)] if more else [head]


def _cut(lines: Sequence[str], most: int) -> Iterator[str]:
    yield from islice(lines, most)
    if len(lines) > most:
        yield f"... {len(lines) - most} more; -vv shows all"


def _name(value: object) -> str:
    return f"maps.{value.name}" if isinstance(value, ArrayMap | KeyedMap) else type(value).__name__
