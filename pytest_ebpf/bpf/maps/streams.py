"""Maps without keys: queues, stacks, bloom filters."""

from __future__ import annotations

from typing import Generic, TypeVar

from pytest_ebpf.bpf.maps.base import Map

V = TypeVar("V")


class QueueMap(Map, Generic[V]):
    """``queue`` (first in, first out) and ``stack`` (last in, first out)."""

    def push(self, value: V) -> None:
        """Add *value*; :class:`~pytest_ebpf.errors.GuestError` if the map is full."""
        self._call("push", value=self._pack_value(value))

    def pop(self) -> V:
        """Take the next value; IndexError if there is none."""
        return self._take("pop")

    def peek(self) -> V:
        """Look at the next value without taking it; IndexError if there is none."""
        return self._take("peek")

    def drain(self) -> list[V]:
        """Take all values."""
        taken: list[V] = []
        try:
            while True:
                taken.append(self.pop())
        except IndexError:
            return taken

    def _take(self, op: str) -> V:
        data = self._call(op)
        if data is None:
            raise IndexError(f"{self._spec.where}: empty")
        value: V = self._unpack_value(data)
        return value


class BloomFilter(Map, Generic[V]):
    """``bloom_filter``: tells that a value was not added, or that it may have been."""

    def add(self, value: V) -> None:
        """Add *value*."""
        self._call("push", value=self._pack_value(value))

    def __contains__(self, value: object) -> bool:
        return self._call("peek", value=self._pack_value(value)) is not None
