"""What every map has, whatever its kind."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from pytest_ebpf.bpf import pins
from pytest_ebpf.bpf.lifetime import Lifetime
from pytest_ebpf.errors import GuestError, UsageError, ValueConversionError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.uapi import MapFlag, MapType
from pytest_ebpf.values.codec import Codec, pack, unpack

#: The most entries of one message, and their bytes: each message is bounded at 64 MiB.
PAGE: Final = 4096
_PAGE_BYTES: Final = 16 << 20

#: Types whose keys are indexes: what a kernel answers to one that is too large is that they are full (E2BIG).
_INDEXED: Final = frozenset(
    {
        MapType.PROG_ARRAY,
        MapType.PERF_EVENT_ARRAY,
        MapType.CGROUP_ARRAY,
        MapType.ARRAY_OF_MAPS,
        MapType.DEVMAP,
        MapType.SOCKMAP,
        MapType.CPUMAP,
        MapType.XSKMAP,
        MapType.REUSEPORT_SOCKARRAY,
    }
)

#: Types that are read bucket by bucket where the kernel gives many entries at once: none comes twice.
_BY_BUCKET: Final = frozenset({MapType.HASH, MapType.PERCPU_HASH, MapType.LRU_HASH, MapType.LRU_PERCPU_HASH})

#: errnos with which kernels say that there is no room: hash kinds, LPM trie and queues.
_FULL: Final = frozenset({errno.E2BIG, errno.ENOSPC})


@dataclass(frozen=True)
class MapSpec:
    """A map in a guest: its handle there, its shape, and how its keys and values are written.

    There is no handle of one that was not created, as libbpf does not create ``SEC("?.struct_ops")``.

    Sizes are in bytes as the kernel counts them: *value* of a per-CPU kind is larger than *value_size*.
    """

    guest: Guest
    lifetime: Lifetime
    handle: int | None
    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: MapFlag
    key: Codec
    value: Codec

    @property
    def where(self) -> str:
        """How messages begin."""
        return f"maps.{self.name}"


@dataclass(frozen=True)
class MapInfo:
    """What the kernel says of a map: ``struct bpf_map_info``, and its file in ``/proc/self/fdinfo``.

    *name* is cut to 15 characters. *memory* is the bytes it takes, as far as the kernel tells. *extra* is
    ``map_extra``. *kernel_value_type* is the id of its values' type in the kernel's own BTF, 0 if none.
    """

    id: int
    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: MapFlag
    extra: int
    btf_id: int
    kernel_value_type: int
    memory: int
    frozen: bool


class Map:
    """A map of a loaded object. Kinds without a class of their own have only this."""

    def __init__(self, spec: MapSpec) -> None:
        self._spec = spec
        self._key_at, self._value_at = f"{spec.where} key", f"{spec.where} value"

    @property
    def name(self) -> str:
        """The name in the object, not cut to the kernel's 15 characters."""
        return self._spec.name

    @property
    def type(self) -> MapType | int:
        """The kernel's map type; a plain number where it is newer than this project."""
        try:
            return MapType(self._spec.type)
        except ValueError:
            return self._spec.type

    @property
    def type_name(self) -> str:
        """The type as the kernel's tools spell it: ``lru_hash``."""
        return self.type.name.lower() if isinstance(self.type, MapType) else f"type {self._spec.type}"

    @property
    def key_size(self) -> int:
        """Bytes of a key."""
        return self._spec.key_size

    @property
    def value_size(self) -> int:
        """Bytes of a value; of one CPU's, for per-CPU kinds."""
        return self._spec.value_size

    @property
    def max_entries(self) -> int:
        """The most entries it holds; bytes, for a ring buffer."""
        return self._spec.max_entries

    @property
    def flags(self) -> MapFlag:
        """Flags it was created with."""
        return self._spec.flags

    @property
    def handle(self) -> int:
        """The number by which the guest's agent knows it; :class:`UsageError` if it has none (any more)."""
        self._spec.lifetime.check()
        if self._spec.handle is None:
            raise UsageError("was not created", where=self._spec.where, hint='drop the "?" of its section')
        return self._spec.handle

    @property
    def created(self) -> bool:
        """Whether it was created when the object was loaded."""
        return self._spec.handle is not None

    def info(self) -> MapInfo:
        """Ask the kernel about this map."""
        answer = self._call("map_info")
        return MapInfo(**{**answer, "flags": MapFlag(answer["flags"])})

    def freeze(self) -> None:
        """Let nothing in user space write to it any more; programs still can."""
        self._call("freeze")

    def pin(self, path: str) -> None:
        """Give it a name in the BPF file system, ``/sys/fs/bpf/...``, whose folders are made."""
        pins.pin(self._spec.guest, path, self._spec.where, map=self.handle)

    def unpin(self, path: str) -> None:
        """Take that name away."""
        pins.unpin(self._spec.guest, path, self._spec.where)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.type_name}>"

    @property
    def _page(self) -> int:
        """How many entries go into one message."""
        return min(PAGE, _PAGE_BYTES // (self.key_size + self._spec.value.size + 1) + 1)

    def _dump(self) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values as bytes, each key once; those that went away while they were read are left out.

        Where the key to go on behind is gone, the kernel begins anew.
        """
        seen: set[bytes] = set()
        by_bucket = self._spec.type in _BY_BUCKET
        after: dict[str, bytes] = {}
        more = True
        while more:
            page = self._call("dump", limit=self._page, **after)
            items, cursor = page["items"], page["cursor"]
            for key, value in items:
                if value is not None and key not in seen:
                    yield key, value
            if not (by_bucket and cursor is not None):
                seen.update(key for key, value in items if value is not None)
            more = page["more"] and (bool(items) or cursor is not None)
            if more:
                after = {"after": items[-1][0]} if cursor is None else {"cursor": cursor}

    def _call(self, op: str, **args: Any) -> Any:
        """Carry out *op* on this map; a failure is a :class:`GuestError` that names the map."""
        try:
            return self._spec.guest.call(op, map=self.handle, **args)
        except CallError as error:
            self._raise(error, self._spec.where)

    def _raise(self, error: CallError, where: str) -> NoReturn:
        if error.errno in _FULL:
            what = "the index is out of range" if self._spec.type in _INDEXED else "the map is full"
            raise GuestError(
                f"{what} (max_entries {self.max_entries})",
                errno=error.errno,
                where=where,
                hint=f"make it larger: load(..., max_entries={{{self.name!r}: ...}})",
            ) from error
        frozen = error.errno == errno.EPERM and self.info().frozen
        what = "it is frozen" if frozen else error.what
        raise GuestError(what, errno=error.errno, where=where) from error

    def _pack_key(self, key: Any) -> bytes:
        return pack(self._spec.key, key, self._key_at)

    def _pack_value(self, value: Any) -> bytes:
        return pack(self._spec.value, value, self._value_at)

    def _unpack_key(self, data: bytes) -> Any:
        return unpack(self._spec.key, data, self._key_at)

    def _unpack_value(self, data: bytes) -> Any:
        return unpack(self._spec.value, data, self._value_at)

    def _pairs_of(self, entries: Any) -> list[tuple[Any, Any]]:
        """The keys and values of a mapping, or of pairs."""
        pairs = list(entries.items() if isinstance(entries, Mapping) else entries)
        for each in pairs:
            if not isinstance(each, (tuple, list)) or len(each) != 2:
                hint = "give a mapping, or pairs of key and value"
                raise ValueConversionError(f"{each!r} is no pair", where=self._spec.where, hint=hint)
        return pairs

    def _set_fd(self, key: Any, **element: Any) -> None:
        """Put what has a descriptor at *key*."""
        packed = self._pack_key(key)
        try:
            self._spec.guest.call("set_fd", map=self.handle, key=packed, **element)
        except CallError as error:
            self._raise(error, f"{self._spec.where}[{key!r}]")

    def _store(self, keys: list[bytes], values: list[bytes], show: Callable[[int], str]) -> None:
        """Write all entries; *show* spells the key at an index for the message of a failure."""
        page = self._page
        for start in range(0, len(keys), page):
            part = slice(start, start + page)
            try:
                self._spec.guest.call("update", map=self.handle, keys=keys[part], values=values[part])
            except CallError as error:
                index = error.details.get("index")
                at = "" if index is None else f"[{show(start + index)}]"
                self._raise(error, f"{self._spec.where}{at}")

    def _element(self, key: Any) -> bytes:
        """The value at *key* as bytes; KeyError if there is none."""
        data: bytes | None
        (data,) = self._call("lookup", keys=[self._pack_key(key)])
        if data is None:
            raise KeyError(key)
        return data

    def _remove(self, key: Any) -> None:
        """Delete what is at *key*; KeyError if there is nothing."""
        (done,) = self._call("delete", keys=[self._pack_key(key)])
        if not done:
            raise KeyError(key)

    def _lookup(self, keys: list[bytes]) -> Iterator[Any]:
        """The values of *keys* as bytes, None where there is none."""
        page = self._page
        for start in range(0, len(keys), page):
            yield from self._call("lookup", keys=keys[start : start + page])
