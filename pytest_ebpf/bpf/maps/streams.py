"""Maps without keys: ring buffers, queues, stacks, bloom filters."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from pytest_ebpf.bpf.codec import Codec, unpack
from pytest_ebpf.bpf.maps.base import PAGE, Map, MapSpec
from pytest_ebpf.bpf.values import Values
from pytest_ebpf.errors import EbpfError, ValueConversionError

V = TypeVar("V")


class NoRecordError(EbpfError):
    """A ring buffer stayed empty for as long as the test was willing to wait."""


class RingBuffer(Map, Generic[V]):
    """``ringbuf``: records that programs sent, oldest first.

    Records are bytes until a type is known: declared in the manifest, or given to :meth:`of`. Of a record
    that is longer than its type the first bytes are read. Iterating takes what is there.
    """

    def __init__(self, spec: MapSpec, values: Values | None = None, record: Codec | None = None) -> None:
        super().__init__(spec)
        self._values = values
        self._record = record
        self._waiting: deque[bytes] = deque()

    def of(self, record: str | type) -> RingBuffer[Any]:
        """Return this buffer with records of a type, named as in C, or a class that stands for one."""
        name = record if isinstance(record, str) else getattr(record, "__btf_name__", record.__name__)
        if self._values is None:
            raise ValueConversionError(
                f'no type "{name}": the object has no BTF', where=self._spec.where, hint="compile with -g"
            )
        made: RingBuffer[Any] = RingBuffer(self._spec, self._values, self._values.named(name))
        made._waiting = self._waiting  # the same buffer, seen differently
        return made

    def read(self, limit: int = PAGE) -> list[V]:
        """Take the records that are there now, at most *limit*."""
        self._fetch(limit - len(self._waiting), 0)
        return [self._decode(self._waiting.popleft()) for _ in range(min(limit, len(self._waiting)))]

    def next(self, timeout: float = 1.0) -> V:
        """Take one record, waiting at most *timeout* seconds; :class:`NoRecordError` if none came."""
        if not self._waiting:
            self._fetch(PAGE, round(timeout * 1000))
        if not self._waiting:
            raise NoRecordError(
                f"no record within {timeout:g} s",
                where=self._spec.where,
                hint="did the program run, and reach bpf_ringbuf_submit or bpf_ringbuf_output?",
            )
        value: V = self._decode(self._waiting.popleft())
        return value

    def __iter__(self) -> Iterator[V]:
        return iter(self.read())

    def _fetch(self, limit: int, timeout_ms: int) -> None:
        if limit > 0:
            self._waiting += self._call("ring", limit=limit, timeout_ms=timeout_ms)["records"]

    def _decode(self, data: bytes) -> Any:
        if self._record is None:
            return data
        return unpack(self._record, data[: self._record.size], f"{self._spec.where} record")


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
