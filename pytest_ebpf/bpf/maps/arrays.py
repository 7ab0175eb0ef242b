"""Maps that behave like a list of fixed length: arrays."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

from pytest_ebpf.bpf.maps.base import Map

V = TypeVar("V")


class ArrayMap(Map, Sequence[V]):
    """``array``: ``max_entries`` values that are always there, by index.

    ``m[0]``, ``m[-1]``, ``m[0:8]`` and iteration read (by the thousand), ``m == [...]`` compares,
    ``m[0] = value`` writes, :meth:`update` writes several. Values are copies of what the kernel
    holds.
    """

    def __len__(self) -> int:
        return self.max_entries

    @overload
    def __getitem__(self, index: int) -> V: ...

    @overload
    def __getitem__(self, index: slice) -> list[V]: ...

    def __getitem__(self, index: int | slice) -> V | list[V]:
        if isinstance(index, slice):
            return list(self._read(range(len(self))[index]))
        (value,) = self._read([self._place(index)])
        return value

    def __setitem__(self, index: int, value: V) -> None:
        self.update({index: value})

    def __iter__(self) -> Iterator[V]:
        return self._read(range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (ArrayMap, list, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # what it holds changes

    def update(self, values: Mapping[int, V] | Iterable[tuple[int, V]]) -> None:
        """Write all *values* by index, by the thousand."""
        pairs = self._pairs_of(values)
        places = [self._place(index) for index, _ in pairs]
        self._store(
            [self._pack_key(place) for place in places],
            [self._pack_value(value) for _, value in pairs],
            lambda index: str(places[index]),
        )

    def clear(self) -> None:
        """Make every value zero."""
        keys = [self._pack_key(place) for place in range(len(self))]
        self._store(keys, [bytes(self._spec.value.size)] * len(keys), str)

    def _place(self, index: Any) -> int:
        number = operator.index(index)
        place = number + len(self) if number < 0 else number
        if not 0 <= place < len(self):
            raise IndexError(f"{self._spec.where}[{index}]: out of range (max_entries {len(self)})")
        return place

    def _read(self, places: Sequence[int]) -> Iterator[V]:
        return map(self._unpack_value, self._lookup([self._pack_key(place) for place in places]))
