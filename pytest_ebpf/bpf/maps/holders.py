"""Maps that hold programs and maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import TypeVar

from pytest_ebpf.bpf.identity import ProgramIdentity
from pytest_ebpf.bpf.maps.base import Map, MapSpec
from pytest_ebpf.bpf.sources import handle_of
from pytest_ebpf.errors import EbpfError

K = TypeVar("K")
E = TypeVar("E")


class Holder(Map, MutableMapping[K, E]):
    """Keys are read and deleted as in any map; elements are written by their handles."""

    def __delitem__(self, key: K) -> None:
        self._remove(key)

    def __iter__(self) -> Iterator[K]:
        return (self._unpack_key(key) for key, _ in self._dump())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _id(self, key: K) -> int:
        """The kernel's id of the element at *key*."""
        identity: int = self._unpack_value(self._element(key))
        return identity

    def _foreign(self, key: K, what: str) -> EbpfError:
        return EbpfError(
            f"holds {what}, which is none of this object",
            where=f"{self._spec.where}[{key!r}]",
            hint="read it from the object that it belongs to",
        )


class ProgArray(Holder[int, ProgramIdentity]):
    """``prog_array``, the table of tail calls: ``m[0] = fw.programs.parse``, ``del m[0]``."""

    def __init__(self, spec: MapSpec, programs: Callable[[], Iterable[ProgramIdentity]]) -> None:
        super().__init__(spec)
        self._programs = programs

    def __getitem__(self, key: int) -> ProgramIdentity:
        identity = self._id(key)
        for program in self._programs():
            if program.loaded and program.id == identity:
                return program
        raise self._foreign(key, f"program {identity}")

    def __setitem__(self, key: int, program: ProgramIdentity) -> None:
        self._set_fd(key, prog=handle_of(program, f"{self._spec.where}[{key!r}]", "a program"))


class MapOfMaps(Holder[K, Map]):
    """``array_of_maps`` and ``hash_of_maps``: ``m[key] = inner``, where *inner* is a map of the same shape.

    :meth:`create` makes a new inner map. Reading gives the inner maps that were set through this handle, and
    those of the object that it put there itself.
    """

    def __init__(
        self, spec: MapSpec, adopt: Callable[[int, int | None], Map], maps: Callable[[], Iterable[Map]]
    ) -> None:
        super().__init__(spec)
        self._adopt = adopt
        self._maps = maps
        self._held: dict[int, Map] = {}  # by the kernel's id

    def create(self, max_entries: int | None = None) -> Map:
        """Return a new, empty map with the shape of the inner maps, in no place yet."""
        sizes = {} if max_entries is None else {"max_entries": max_entries}
        made = self._spec.guest.call("create", like=self.handle, **sizes)
        return self._adopt(made["map"], max_entries)

    def __getitem__(self, key: K) -> Map:
        identity = self._id(key)
        if identity not in self._held:
            self._held.update((each.info().id, each) for each in self._maps() if each.created)
        if identity not in self._held:
            raise self._foreign(key, f"map {identity}")
        return self._held[identity]

    def __setitem__(self, key: K, inner: Map) -> None:
        self._set_fd(key, inner=handle_of(inner, f"{self._spec.where}[{key!r}]", "a map"))
        self._held[inner.info().id] = inner
