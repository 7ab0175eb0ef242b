"""Maps through which programs send events: ring buffers and perf event arrays."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, Self, TypeVar

from pytest_ebpf.bpf.maps.base import PAGE, Map, MapSpec
from pytest_ebpf.bpf.sources import source_of
from pytest_ebpf.errors import EbpfError, ValueConversionError
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import Codec
from pytest_ebpf.values.named import record_type

V = TypeVar("V")

#: Seconds that one call of the guest waits for records; longer waits take several.
_WAIT: Final = 1.0


class NoRecordError(EbpfError):
    """The records that a test waited for did not come in time."""


class LostEventsError(EbpfError):
    """Records were lost, or may have been; *lost* is how many, None where the kernel does not count them.

    Raised once, by the reading that found out. What did come is still there to be read.
    """

    def __init__(self, what: str, *, lost: int | None, where: str, hint: str) -> None:
        super().__init__(what, where=where, hint=hint)
        self.lost = lost


class EventMap(Map, Generic[V]):
    """Records that programs sent, the oldest first.

    They are bytes until a type is known: declared in the manifest, or given to :meth:`of`. Of a record
    that is longer than its type the first bytes are read, and all of it where a flexible array ends the type;
    a shorter one is a :class:`~pytest_ebpf.errors.ValueConversionError`, and stays. Every reading may raise
    :class:`LostEventsError`. Nothing here waits longer than until the records are there.
    """

    #: What a program calls to send a record.
    _helpers = "bpf_ringbuf_submit or bpf_ringbuf_output"

    def __init__(
        self,
        spec: MapSpec,
        values: Values | None = None,
        record: Codec | None = None,
        kind: str | type = "",
    ) -> None:
        super().__init__(spec)
        self._values = values
        self._record = record
        self._kind = kind
        self._waiting: deque[bytes] = deque()

    def of(self, record: str | type, *, short: bool = False) -> Self:
        """Return this map with records of a type, named as in C, or a class that stands for one.

        With *short* they may end within the array that comes last in it: programs send what they filled.
        """
        codec = record_type(self._values, record, self._spec.where, short=short)
        made = type(self)(self._spec, self._values, codec, record)
        made._waiting = self._waiting  # noqa: SLF001  # the same records, seen differently
        return made

    def read(self, limit: int | None = None) -> list[V]:
        """Take the records that are there now, at most *limit*; over 32 MiB the rest stays."""
        if limit is None:
            while self._fetch(PAGE, 0.0) == PAGE:
                pass
            limit = len(self._waiting)
        elif limit > len(self._waiting):
            self._fetch(limit - len(self._waiting), 0.0)
        return [self._take() for _ in range(min(limit, len(self._waiting)))]

    def next(self, timeout: float = 1.0) -> V:
        """Take one record, waiting at most *timeout* seconds; :class:`NoRecordError` if none came."""
        if not self._wait(time.monotonic() + timeout):
            raise NoRecordError(
                f"no record within {timeout:g} s",
                where=self._spec.where,
                hint=f"did the program run, and reach {self._helpers}?",
            )
        return self._take()

    def collect(self, count: int, timeout: float = 1.0) -> list[V]:
        """Take *count* records, waiting for the last of them at most *timeout* seconds.

        :class:`NoRecordError` if fewer came; those stay.
        """
        deadline = time.monotonic() + timeout
        while len(self._waiting) < count:
            if not self._fetch(PAGE, deadline - time.monotonic()) and time.monotonic() >= deadline:
                raise NoRecordError(
                    f"{len(self._waiting)} of {count} records within {timeout:g} s",
                    where=self._spec.where,
                    hint="read() gives those that came",
                )
        return [self._take() for _ in range(count)]

    def until(self, condition: Callable[[V], object], timeout: float = 1.0) -> list[V]:
        """Take records up to the first that meets *condition*, which is the last of those returned.

        :class:`NoRecordError` if none does within *timeout* seconds; its text shows the last one that came.
        """
        deadline = time.monotonic() + timeout
        taken: list[V] = []
        while not taken or not condition(taken[-1]):
            if not self._wait(deadline):
                last = f" of {len(taken)}, the last {taken[-1]!r}," if taken else ""
                raise NoRecordError(
                    f"no record{last} met the condition within {timeout:g} s", where=self._spec.where
                )
            taken.append(self._take())
        return taken

    def __iter__(self) -> Iterator[V]:
        """Take what is there, and what comes while it is read."""
        while self._waiting or self._fetch(PAGE, 0.0):
            yield self._take()

    def _wait(self, deadline: float) -> bool:
        """Whether a record is there, or comes before *deadline*."""
        while not self._waiting:
            left = deadline - time.monotonic()
            if not self._fetch(PAGE, left) and left <= 0:
                break
        return bool(self._waiting)

    def _fetch(self, limit: int, timeout: float) -> int:
        """Ask the guest for records, which wait here then; return how many came."""
        answer = self._ask(limit, round(min(max(timeout, 0.0), _WAIT) * 1000))
        records = self._records(answer)
        self._waiting += records
        self._check(answer)
        return len(records)

    def _take(self) -> V:
        data = self._waiting[0]
        if self._record is None:
            value: Any = data
        elif len(data) >= self._record.size:
            value = self._record.decode(data, 0)
        else:
            raise self._no_record(len(data), self._record)
        self._waiting.popleft()
        taken: V = value
        return taken

    def _no_record(self, size: int, record: Codec) -> ValueConversionError:
        hint = "the program sent another type, name that to of()"
        if size >= record_type(self._values, self._kind, self._spec.where, short=True).size:
            hint += ", or less of its last array: of(..., short=True)"
        return ValueConversionError(
            f"{size} bytes are no {record.name} of {record.size}",
            where=f"{self._spec.where} record",
            hint=hint,
        )

    @abstractmethod
    def _ask(self, limit: int, timeout_ms: int) -> Any:
        """Carry out the op that takes records."""

    @abstractmethod
    def _records(self, answer: Any) -> list[bytes]:
        """The records in its answer."""

    @abstractmethod
    def _check(self, answer: Any) -> None:
        """:class:`LostEventsError` if its answer tells of losses."""


class RingBuffer(EventMap[V]):
    """``ringbuf``: records of all CPUs in the order in which programs reserved them.

    The kernel does not count what had no room. A ring that was so full when it was read that a record
    as long as the longest had no room is reported by :class:`LostEventsError`.
    """

    def _ask(self, limit: int, timeout_ms: int) -> Any:
        size = self._record.size if self._record else 0
        return self._call("ring", limit=limit, timeout_ms=timeout_ms, record_size=size)

    def _records(self, answer: Any) -> list[bytes]:
        records: list[bytes] = answer["records"]
        return records

    def _check(self, answer: Any) -> None:
        if answer["full"]:
            raise LostEventsError(
                f"the ring was full ({self.max_entries} bytes), so records may be missing",
                lost=None,
                where=self._spec.where,
                hint="read more often or raise max_entries",
            )


class PerfEventArray(EventMap[V]):
    """``perf_event_array``: records in the order of each CPU, from a buffer on every CPU.

    The kernel sends a record with up to 7 bytes of padding behind it. ``m[cpu] = event`` puts what has
    the descriptor of a perf event there, for programs that read counters.
    """

    _helpers = "bpf_perf_event_output"

    def __setitem__(self, key: int, event: Any) -> None:
        where = f"{self._spec.where}[{key}]"
        self._set_fd(key, of=source_of(event, where, wanted="a perf event"))

    def __delitem__(self, key: int) -> None:
        self._remove(key)

    def _ask(self, limit: int, timeout_ms: int) -> Any:
        return self._call("perf", limit=limit, timeout_ms=timeout_ms)

    def _records(self, answer: Any) -> list[bytes]:
        return [data for _, data in answer["records"]]

    def _check(self, answer: Any) -> None:
        if lost := answer["lost"]:
            raise LostEventsError(
                f"{lost} records were lost, as the buffer of their CPU was full",
                lost=lost,
                where=self._spec.where,
                hint="read more often, or load(..., perf_pages={...}) with more pages",
            )
