"""Ring buffers that a test sends to and programs read: ``user_ringbuf``."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from pytest_ebpf.bpf.maps.base import Map, MapSpec
from pytest_ebpf.errors import GuestError, ValueConversionError
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import Codec, pack
from pytest_ebpf.values.named import named_type

V = TypeVar("V")


class UserRingBuffer(Map, Generic[V]):
    """``user_ringbuf``: samples that programs take by ``bpf_user_ringbuf_drain``.

    They are bytes until a type is known: declared in the manifest, or given to :meth:`of`.
    """

    def __init__(self, spec: MapSpec, values: Values | None = None, record: Codec | None = None) -> None:
        super().__init__(spec)
        self._values = values
        self._record = record

    def of(self, record: str | type) -> UserRingBuffer[Any]:
        """Return this buffer with samples of a type, named as in C, or a class that stands for one."""
        codec = named_type(self._values, record, self._spec.where)
        return UserRingBuffer(self._spec, self._values, codec)

    def send(self, record: V) -> None:
        """Put one sample in; :class:`~pytest_ebpf.errors.GuestError` if it has no room."""
        self.send_many([record])

    def send_many(self, records: Iterable[V]) -> None:
        """Put all samples in, by one call; those before one that has no room stay."""
        packed = [self._pack(record) for record in records]
        sent = self._call("user_ring", records=packed)
        if sent < len(packed):
            raise GuestError(
                f"the ring is full ({self.max_entries} bytes): {sent} of {len(packed)} samples went in",
                errno=errno.ENOSPC,
                where=self._spec.where,
                hint="run the program that takes them, or raise max_entries",
            )

    def _pack(self, record: Any) -> bytes:
        if self._record is not None:
            return pack(self._record, record, f"{self._spec.where} sample")
        if isinstance(record, (bytes, bytearray, memoryview)):
            return bytes(record)
        raise ValueConversionError(
            f"{record!r} has no layout",
            where=f"{self._spec.where} sample",
            hint='give bytes, or name its type: of("...")',
        )
