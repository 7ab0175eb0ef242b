"""What a test got from its programs on one kernel, and where that differs from what it got on another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

from pytest_ebpf import packets
from pytest_ebpf.bpf import LoadedObject, Result
from pytest_ebpf.bpf.globals import changeable
from pytest_ebpf.bpf.maps import ArrayMap, HashMap, LpmTrie, PerCpu, PerCpuArrayMap, PerCpuHashMap
from pytest_ebpf.bpf.running.result import ETHERNET
from pytest_ebpf.bpf.running.seen import Seen
from pytest_ebpf.errors import ValueConversionError
from pytest_ebpf.uapi import spelled
from pytest_ebpf.values.record import as_mapping

#: What observations are called. Any other word of ``ignore=`` is a field of a packet.
KINDS: Final = frozenset({"verdict", "packet", "metadata", "redirect", "context", "maps", "globals"})

#: Entries of a map that are compared.
_ENTRIES: Final = 1000

#: Fields of contexts that are other numbers each time (``bpf_get_socket_cookie``).
_VOLATILE: Final = frozenset({"cookie"})


class Observed(NamedTuple):
    """One thing that was seen: *name* for ``ignore=``, the *place* for people, what it was as *text*.

    Of a packet the text is its bytes in hexadecimal.
    """

    name: str
    place: str
    text: str


@dataclass(frozen=True)
class FirstDifference:
    """The first thing that two kernels have not in common: what each has there, and *lines* with more."""

    place: str
    one: str
    other: str
    lines: Sequence[str] = ()


def observe(seen: Seen, loaded: Iterable[LoadedObject]) -> Iterator[Observed]:
    """What runs gave, in their order; then what is in maps and globals of objects that are still loaded."""
    for number, (program, result) in enumerate(seen.runs, start=1):
        yield from _of_run(result, f"run {number} of {program}")
    if seen.count > len(seen.runs):
        yield Observed("verdict", "runs", str(seen.count))
    for each in loaded:
        if each.loaded:
            yield from _of_state(each)


def first_difference(
    one: Sequence[Observed], other: Sequence[Observed], ignore: Collection[str] = ()
) -> FirstDifference | None:
    """Compare what two kernels gave, without what *ignore* names; None if it is the same.

    A context that one of them does not give (xdp before 5.15) is not compared.
    :class:`~pytest_ebpf.errors.PacketError` for a name in *ignore* that is nothing that could be seen.
    """
    fields = [name for name in ignore if name.partition(".")[0] not in KINDS]
    mine, theirs = (
        {each.place: each for each in side if not _ignored(each, ignore)} for side in (one, other)
    )
    for place in dict.fromkeys((*mine, *theirs)):
        left, right = mine.get(place), theirs.get(place)
        if (left or right).name.startswith("context") and not (left and right):  # type: ignore[union-attr]
            continue
        if left is None or right is None:
            return FirstDifference(place, *(each.text if each else "nothing" for each in (left, right)))
        if left.text != right.text and (found := _told(left, right, fields)):
            return found
    return None


@dataclass(frozen=True)
class Group:
    """*kernels* that gave the same, and the first *difference* to the largest group; None for that itself."""

    kernels: Sequence[str]
    difference: FirstDifference | None


def groups(seen: Mapping[str, Sequence[Observed]], ignore: Collection[str] = ()) -> list[Group]:
    """Group kernels by what they gave, the largest group first."""
    found: list[list[str]] = []
    for kernel, mine in seen.items():
        for group in found:
            if first_difference(seen[group[0]], mine, ignore) is None:
                group.append(kernel)
                break
        else:
            found.append([kernel])
    found.sort(key=len, reverse=True)
    return [Group(group, first_difference(seen[found[0][0]], seen[group[0]], ignore)) for group in found]


def _of_run(result: Result, where: str) -> Iterator[Observed]:
    yield Observed("verdict", f"{where}: verdict", spelled(result.verdict))
    if result.data is not None:
        yield Observed("packet", f"{where}: packet", _frame(result).hex())
    if result.metadata:
        yield Observed("metadata", f"{where}: metadata", result.metadata.hex())
    if result.redirect is not None:
        yield Observed("redirect", f"{where}: redirect", repr(result.redirect))
    if result.context is not None:
        yield from _of_value("context", f"{where}: context", result.context)


def _frame(result: Result) -> bytes:
    """The packet as a frame: the kernel leaves the Ethernet header of programs that do not see it zero."""
    data = result.data or b""
    if not result.layer3 or len(data) <= ETHERNET:
        return data
    kind = b"\x86\xdd" if data[ETHERNET] >> 4 == 6 else b"\x08\x00"
    return data[: ETHERNET - 2] + kind + data[ETHERNET:]


def _of_state(loaded: LoadedObject) -> Iterator[Observed]:
    for each in loaded.maps:
        where = f"{loaded.name}: maps.{each.name}"
        if isinstance(each, HashMap | LpmTrie | PerCpuHashMap):
            pairs: Iterable[tuple[Any, Any]] = sorted(each.items(), key=repr)
        elif isinstance(each, ArrayMap | PerCpuArrayMap):
            pairs = enumerate(each)
        else:
            continue
        for key, value in islice(pairs, _ENTRIES):
            yield from _of_value(f"maps.{each.name}", f"{where}[{key!r}]", across_cpus(value))
    for name in changeable(loaded.globals):
        yield from _of_value(f"globals.{name}", f"{loaded.name}: globals.{name}", loaded.globals[name])


def across_cpus(value: Any) -> Any:
    """Of values of all CPUs the sum, else all in an order: on which CPU a program ran is chance."""
    if not isinstance(value, PerCpu):
        return value
    try:
        return value.sum()
    except ValueConversionError:
        return sorted(value, key=repr)


def _of_value(name: str, place: str, value: Any) -> Iterator[Observed]:
    """A value, or each field of a struct."""
    fields = as_mapping(value)
    if fields is None:
        yield Observed(name, place, repr(value))
        return
    for field, each in fields.items():
        if field not in _VOLATILE or name != "context":
            yield from _of_value(f"{name}.{field}", f"{place}.{field}", each)


def _ignored(each: Observed, names: Collection[str]) -> bool:
    return any(each.name == name or each.name.startswith(f"{name}.") for name in names)


def _told(left: Observed, right: Observed, fields: Collection[str]) -> FirstDifference | None:
    if left.name != "packet":
        return FirstDifference(left.place, left.text, right.text)
    match = packets.matches(bytes.fromhex(right.text), bytes.fromhex(left.text), fields)
    if match:
        return None
    first = match.differences[0]
    return FirstDifference(f"{left.place}: {first.name}", first.expected, first.got, match.lines())
