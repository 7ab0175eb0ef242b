"""Storages: a value that the kernel keeps with a socket, a task, an inode or a cgroup."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, overload

from pytest_ebpf.bpf.maps.base import Map, MapSpec
from pytest_ebpf.bpf.sources import Source, source_of, task_of
from pytest_ebpf.uapi import MapType

V = TypeVar("V")
D = TypeVar("D")

_Finder = Callable[[Any, str], Source]


def _socket(value: Any, where: str) -> Source:
    return source_of(value, where, wanted="a socket")


def _file(value: Any, where: str) -> Source:
    return source_of(value, where, wanted="a file")


def _cgroup(value: Any, where: str) -> Source:
    return source_of(value, where, wanted="a cgroup")


#: How the owner of a value is told, for each kind of storage.
FINDERS: Final[dict[int, _Finder]] = {
    MapType.SK_STORAGE: _socket,
    MapType.INODE_STORAGE: _file,
    MapType.TASK_STORAGE: task_of,
    MapType.CGRP_STORAGE: _cgroup,
}


class Storage(Map, Generic[V]):
    """``sk_storage``, ``task_storage``, ``inode_storage``, ``cgrp_storage``: values by whom they belong to.

    That is a socket of the guest; a process, or its pid; a path, or what has a descriptor of a file; a
    cgroup, or its path. The kernel tells nobody which ones have a value: there is no iteration.
    """

    __iter__ = None  # a class with __getitem__ alone could be iterated by 0, 1, 2, ...

    def __init__(self, spec: MapSpec) -> None:
        super().__init__(spec)
        self._find = FINDERS[spec.type]

    def __getitem__(self, owner: Any) -> V:
        data = self._call("lookup_by", key_of=self._source(owner))
        if data is None:
            raise KeyError(owner)
        value: V = self._unpack_value(data)
        return value

    def __setitem__(self, owner: Any, value: V) -> None:
        self._call("update_by", key_of=self._source(owner), value=self._pack_value(value))

    def __delitem__(self, owner: Any) -> None:
        if not self._call("delete_by", key_of=self._source(owner)):
            raise KeyError(owner)

    def __contains__(self, owner: object) -> bool:
        return self._call("lookup_by", key_of=self._source(owner)) is not None

    @overload
    def get(self, owner: Any) -> V | None: ...

    @overload
    def get(self, owner: Any, default: D) -> V | D: ...

    def get(self, owner: Any, default: Any = None) -> Any:
        """The value kept with *owner*, *default* if there is none."""
        try:
            return self[owner]
        except KeyError:
            return default

    def _source(self, owner: Any) -> Source:
        return self._find(owner, self._spec.where)
