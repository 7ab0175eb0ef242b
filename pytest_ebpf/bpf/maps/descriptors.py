"""Maps that hold sockets, cgroups, devices and CPUs."""

from __future__ import annotations

import errno
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from pytest_ebpf.bpf.maps.base import Map
from pytest_ebpf.bpf.maps.holders import Holder
from pytest_ebpf.bpf.sources import HasIfindex, handle_of, source_of
from pytest_ebpf.errors import GuestError, UsageError
from pytest_ebpf.guest import CallError
from pytest_ebpf.guest.client import ENOTSUPP
from pytest_ebpf.values.codec import integer, pack

K = TypeVar("K")

#: The number in front of a program's descriptor (``struct bpf_devmap_val``, ``bpf_cpumap_val``).
_NUMBER: Final = integer(4, signed=False, order="little")

_FOLDER: Final = "/sys/class/net"

#: What the kernel answers when it is asked for an element that it does not show: ENOSPC of maps of sockets
#: with values of 4 bytes (sock_map_lookup_sys), EOPNOTSUPP and ENOTSUPP of the others.
_UNTOLD: Final = frozenset({errno.ENOSPC, errno.EOPNOTSUPP, ENOTSUPP})


class DescriptorMap(Holder[K, Any]):
    """``sockmap``, ``sockhash``, ``reuseport_sockarray``, ``xskmap`` and ``cgroup_array``.

    ``m[key] = socket`` (a cgroup, or its path, for cgroup_array). What is read is what the kernel tells:
    a socket's cookie, if the map's values have 8 bytes.
    """

    def __setitem__(self, key: K, element: Any) -> None:
        self._set_fd(key, of=source_of(element, f"{self._spec.where}[{key!r}]"))

    def __getitem__(self, key: K) -> Any:
        return self._unpack_value(self._element(key))

    def _raise(self, error: CallError, where: str) -> NoReturn:
        if error.where == "set_fd" and error.errno == errno.EOPNOTSUPP:
            raise GuestError(
                "the map does not take it as it is now",
                errno=error.errno,
                where=where,
                hint="a socket of TCP has to be connected or to listen, one of UDP to be bound",
            ) from error
        if error.where == "set_fd" or error.errno not in _UNTOLD:
            super()._raise(error, where)
        raise GuestError(
            "the kernel does not tell what this map holds",
            errno=error.errno,
            where=where,
            hint="maps of sockets tell cookies if their values have 8 bytes",
        ) from error


@dataclass(frozen=True)
class Target:
    """What a devmap or a cpumap holds: a device or a queue size, and the id of a *program*, 0 for none."""

    number: int
    program: int = 0


class _NumberedMap(Map, MutableMapping[int, Target]):
    """Values are a number, and a program behind it where the map's values have 8 bytes."""

    def __setitem__(self, key: int, element: Any) -> None:
        where = f"{self._spec.where}[{key!r}]"
        element, program = element if isinstance(element, tuple) else (element, None)
        number = pack(_NUMBER, self._number(element), where)
        if program is None:
            value = number.ljust(self.value_size, b"\0")
            self._store([self._pack_key(key)], [value], lambda _: repr(key))
            return
        if self.value_size <= _NUMBER.size:
            raise UsageError(
                "has no room for programs",
                where=self._spec.where,
                hint="declare values of 8 bytes: u64, or struct bpf_devmap_val or bpf_cpumap_val",
            )
        self._set_fd(key, front=number, prog=handle_of(program, where, "a program"))

    def __getitem__(self, key: int) -> Target:
        target = self._target(self._element(key))
        if not target.number:  # an array's element without a device or a queue
            raise KeyError(key)
        return target

    def __delitem__(self, key: int) -> None:
        if key not in self:
            raise KeyError(key)
        self._call("delete", keys=[self._pack_key(key)])

    def __iter__(self) -> Iterator[int]:
        return (self._unpack_key(key) for key, data in self._dump() if self._target(data).number)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _target(self, data: bytes) -> Target:
        program = _NUMBER.decode(data, _NUMBER.size) if len(data) > _NUMBER.size else 0
        return Target(_NUMBER.decode(data, 0), program)

    def _number(self, element: Any) -> Any:
        return element.number if isinstance(element, Target) else element


class DevMap(_NumberedMap):
    """``devmap`` and its hash: ``m[0] = "eth0"``, a device, an ifindex, or one of these and a program."""

    def _number(self, element: Any) -> Any:
        if isinstance(element, HasIfindex):
            return element.ifindex
        return self._ifindex(element) if isinstance(element, str) else super()._number(element)

    def _ifindex(self, name: str) -> int:
        try:
            return int(self._spec.guest.call("read_file", path=f"{_FOLDER}/{name}/ifindex"))
        except CallError as error:
            raise GuestError(
                f'the guest has no network device "{name}"', errno=error.errno, where=self._spec.where
            ) from error


class CpuMap(_NumberedMap):
    """``cpumap``: ``m[cpu] = size of its queue``, or the size and a program: ``m[0] = 192, xdp``."""
