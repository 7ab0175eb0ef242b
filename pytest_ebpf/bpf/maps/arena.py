"""Memory that programs share with user space: arenas."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pytest_ebpf.bpf.maps.base import Map, MapSpec
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import pack, unpack
from pytest_ebpf.values.named import named_type

#: Pointers into an arena are told apart by their lower half: the upper one is missing in those that a
#: program keeps for itself (``addr_space_cast``), and the window of an arena is never larger.
_LOWER_HALF = (1 << 32) - 1


class Arena(Map):
    """``arena``: bytes at offsets from its beginning, or at the addresses that pointers into it hold.

    A page that no program has allocated is allocated when it is read or written here. Global variables
    of the arena are among the object's ``globals``.
    """

    def __init__(self, spec: MapSpec, values: Values | None = None) -> None:
        super().__init__(spec)
        self._values = values

    @property
    def size(self) -> int:
        """Bytes of the whole arena."""
        return int(self._places["size"])

    @property
    def address(self) -> int:
        """Where the arena begins, as pointers in it count."""
        return int(self._places["address"])

    @property
    def globals_offset(self) -> int:
        """The offset at which its global variables lie."""
        return int(self._places["globals"])

    def offset(self, pointer: int) -> int:
        """The offset of what *pointer*, a number read from the arena or a program, points to."""
        return (pointer - self.address) & _LOWER_HALF

    def read(self, offset: int, length: int) -> bytes:
        """Return *length* bytes from *offset*."""
        data: bytes = self._call("arena", offset=offset, length=length)
        return data

    def write(self, offset: int, data: bytes) -> None:
        """Write *data* at *offset*."""
        self._call("arena", offset=offset, data=bytes(data))

    def get(self, offset: int, kind: str | type) -> Any:
        """Read a value of a type, named as in C or by a class that stands for it, at *offset*."""
        codec = named_type(self._values, kind, self._spec.where)
        return unpack(codec, self.read(offset, codec.size), f"{self._spec.where} at {offset}")

    def put(self, offset: int, kind: str | type, value: Any) -> None:
        """Write *value* as that type at *offset*."""
        codec = named_type(self._values, kind, self._spec.where)
        self.write(offset, pack(codec, value, f"{self._spec.where} at {offset}"))

    @cached_property
    def _places(self) -> dict[str, int]:
        answer: dict[str, int] = self._call("arena")
        return answer
