"""What differs between two packets, field by field, and whether they match but for some fields."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from pytest_ebpf.errors import PacketError
from pytest_ebpf.packets.checksums import Checksum, checksums
from pytest_ebpf.packets.convert import PacketLike, to_bytes
from pytest_ebpf.packets.layers import Dissected, Field, Layer, dissect
from pytest_ebpf.suggest import suggestion

#: Characters of a value that a table shows, of a wide one, and those before the first that differs.
_SHOWN: Final = 26
_WIDE: Final = 60
_BEFORE: Final = 6

#: Differences that are named in one line.
_NAMED: Final = 3


@dataclass(frozen=True)
class Difference:
    """A *field* of a *layer* that is not as expected, at *offset* in bytes from the beginning of the packet.

    Where layers themselves differ *field* is "", and the values are names of layers.
    """

    layer: str
    field: str
    expected: str
    got: str
    offset: int

    @property
    def name(self) -> str:
        """What differs: ``IP.ttl``."""
        return f"{self.layer}.{self.field}" if self.field else self.layer

    def shown(self, most: int = _SHOWN) -> tuple[str, str]:
        """What is expected and what was got, of each *most* characters with the first that differs."""
        if max(len(self.expected), len(self.got)) <= most:
            return self.expected, self.got
        at = _first_difference(self.expected, self.got)
        start = 0 if at < most - 2 * _BEFORE else at - _BEFORE
        return _part(self.expected, start, most), _part(self.got, start, most)


class Match:
    """Whether a packet is as expected: true or false. Its ``repr`` tells in a line, :meth:`lines` in full.

    *wrong* are the checksums of the packet that are wrong and were not to be ignored.
    """

    def __init__(self, differences: list[Difference], wrong: list[Checksum]) -> None:
        self.differences = differences
        self.wrong = wrong

    def __bool__(self) -> bool:
        return not self.differences

    def __repr__(self) -> str:
        if self:
            return "<the packets match>"
        named = ", ".join(f"{each.name} {each.shown()[1]}" for each in self.differences[:_NAMED])
        more = len(self.differences) - _NAMED
        return f"<not as expected: {named}{f' and {more} more' if more > 0 else ''}>"

    def lines(self, most: int | None = None, *, wide: bool = False) -> list[str]:
        """A table of the differences, the first *most* of them, and what is wrong with checksums.

        A *wide* one shows more of long values.
        """
        kept = self.differences[:most]
        table = [("field", "expected", "got", "offset")]
        table += [(each.name, *each.shown(_WIDE if wide else _SHOWN), str(each.offset)) for each in kept]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(map(str.ljust, row, widths)).rstrip() for row in (table if self.differences else [])
        ]
        if more := len(self.differences) - len(kept):
            lines.append(f"... {more} more field{'' if more == 1 else 's'}; -vv shows all")
        return lines + [str(each) for each in self.wrong]


def matches(got: PacketLike, expected: PacketLike, ignore: Collection[str] = ()) -> Match:
    """Compare two packets as they are on the wire: fields that scapy computes are computed.

    *ignore* are fields, ``"IP.id"``, and whole layers, ``"Raw"``, whose content may differ. A checksum counts
    as different only where it is wrong, as a right one follows from other fields.
    :class:`PacketError` for a name in *ignore* that is no field of a layer.
    """
    wanted = frozenset([ignore] if isinstance(ignore, str) else ignore)
    if not wanted and to_bytes(got) == to_bytes(expected):
        return Match([], [])
    seen, right = dissect(got, expected), dissect(expected, got)
    for name in sorted(wanted):
        _check(name, [*seen.layers, *right.layers])
    wrong = [each for each in checksums(seen) if not each.ok and not _ignored(each, wanted)]
    follows = _that_follow(seen, right)
    found = [
        each
        for each in _differences(seen, right)
        if not _ignored(each, wanted) and (each.name, each.offset) not in follows
    ]
    if not found and not wanted:
        found = list(_of_bytes(seen.data, right.data))
    return Match(found, wrong)


def differences(got: PacketLike, expected: PacketLike, ignore: Collection[str] = ()) -> list[Difference]:
    """Return the fields of *got* that are not as *expected*; see :func:`matches`."""
    return matches(got, expected, ignore).differences


def _differences(seen: Dissected, right: Dissected) -> Iterator[Difference]:
    for one, other in zip_longest(seen.layers, right.layers):
        if one is None or other is None or one.name != other.name:
            yield _of_layers(one, other)
            return
        names = dict.fromkeys(field.name for field in (*one.fields, *other.fields))
        for name in names:
            mine, theirs = one.get(name), other.get(name)
            if mine is None or theirs is None or mine.value != theirs.value:
                yield _of_fields(one.name, name, mine, theirs)


def _of_layers(one: Layer | None, other: Layer | None) -> Difference:
    place = one or other
    assert place is not None
    got, expected = (each.name if each else "nothing" for each in (one, other))
    return Difference("layer", "", expected, got, place.start)


def _of_fields(layer: str, name: str, mine: Field | None, theirs: Field | None) -> Difference:
    place = mine or theirs
    assert place is not None
    offset, got, expected = place.offset, mine.text if mine else "-", theirs.text if theirs else "-"
    if mine and theirs and isinstance(mine.value, bytes) and isinstance(theirs.value, bytes):
        at = _first_difference(mine.value, theirs.value)
        offset += at
        if at > _SHOWN // 4:
            got, expected = (f"...{each.value[at:]!r}" for each in (mine, theirs))
    return Difference(layer, name, expected, got, offset)


def _of_bytes(got: bytes, expected: bytes) -> Iterator[Difference]:
    """The difference between packets in which scapy sees none."""
    if got != expected:
        at = _first_difference(got, expected)
        shown = [repr(data[at : at + 8]) if at < len(data) else "nothing" for data in (got, expected)]
        yield Difference("bytes", "", expected=shown[1], got=shown[0], offset=at)


def _first_difference(one: bytes | str, other: bytes | str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, theirs) in pairs if mine != theirs), min(len(one), len(other)))


def _that_follow(seen: Dissected, right: Dissected) -> set[tuple[str, int]]:
    """The checksums that are right in both packets: if they differ, so does what they are over."""
    both = [
        {(f"{each.layer}.{each.field}", each.offset) for each in checksums(p, quoted=True) if each.ok}
        for p in (seen, right)
    ]
    return both[0] & both[1]


def _ignored(each: Difference | Checksum, names: Collection[str]) -> bool:
    return f"{each.layer}.{each.field}" in names or (each.layer in names and each.field != "")


def _check(name: str, layers: list[Layer]) -> None:
    """:class:`PacketError` unless *name* is a layer or a field that scapy knows."""
    layer = name.partition(".")[0]
    known: dict[str, list[str]] = {each.name: [field.name for field in each.fields] for each in layers}
    if layer not in known:
        classes = {each.__name__: each for each in sys.modules["scapy.config"].conf.layers}
        known |= {layer: [each.name for each in classes[layer].fields_desc]} if layer in classes else {}
    names = [*known, *(f"{each}.{field}" for each, fields in known.items() for field in fields)]
    if name not in names:
        raise PacketError(
            f'there is no "{name}"', where="ignore", hint=suggestion(name, names) or 'write "IP.id"'
        )


def _part(text: str, start: int, most: int) -> str:
    """*text* from *start* on, in at most *most* characters, with dots for what is left out."""
    head = "..." if start else ""
    room = most - len(head)
    rest = text[start:]
    return head + (rest if len(rest) <= room else f"{rest[: room - 3]}...")
