"""Maps that behave like a dict: hash kinds, LPM tries, and whatever has keys and no class of its own."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, MutableMapping, ValuesView
from typing import Any, TypeVar

from pytest_ebpf.bpf.maps.base import PAGE, Map

K = TypeVar("K")
V = TypeVar("V")


class _Items(ItemsView[K, V]):
    """Items read page by page instead of key by key."""

    _mapping: KeyedMap[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return self._mapping._pairs()  # noqa: SLF001  # a view of the map in this module


class _Values(ValuesView[V]):
    _mapping: KeyedMap[Any, V]

    def __iter__(self) -> Iterator[V]:
        return (value for _, value in self._mapping._pairs())  # noqa: SLF001


class KeyedMap(Map, MutableMapping[K, V]):
    """A map from keys to values, used as a dict is; each operation is one call of the guest.

    Values are copies: ``m[key].hits += 1`` changes nothing in the kernel, ``m[key] = ...`` does. Where many
    entries are read or written, :meth:`items`, :meth:`get_many` and :meth:`update` take them by the thousand.
    """

    def __getitem__(self, key: K) -> V:
        value: V = self._unpack_value(self._element(key))
        return value

    def __setitem__(self, key: K, value: V) -> None:
        self._store([self._pack_key(key)], [self._pack_value(value)], lambda _: repr(key))

    def __delitem__(self, key: K) -> None:
        self._remove(key)

    def __iter__(self) -> Iterator[K]:
        return (self._unpack_key(key) for key, _ in self._dump())

    def __len__(self) -> int:
        return sum(1 for _ in self._dump())

    def items(self) -> ItemsView[K, V]:
        """All entries, read :data:`~pytest_ebpf.bpf.maps.base.PAGE` at a time."""
        return _Items(self)

    def values(self) -> ValuesView[V]:
        """All values, in the order of the keys."""
        return _Values(self)

    def get_many(self, keys: Iterable[K]) -> list[V | None]:
        """Return the value of each of *keys*, None where there is none, by the thousand."""
        found = self._lookup([self._pack_key(key) for key in keys])
        return [None if data is None else self._unpack_value(data) for data in found]

    def update(self, other: Any = (), /, **named: V) -> None:
        """Write all entries of a mapping, or of pairs, by the thousand; entries before a failure stay."""
        pairs = [*self._pairs_of(other), *named.items()]
        keys = [self._pack_key(key) for key, _ in pairs]
        values = [self._pack_value(value) for _, value in pairs]
        self._store(keys, values, lambda index: repr(pairs[index][0]))

    def clear(self) -> None:
        """Delete every entry."""
        keys = [key for key, _ in self._dump()]
        for start in range(0, len(keys), PAGE):
            self._call("delete", keys=keys[start : start + PAGE])

    def _pairs(self) -> Iterator[tuple[K, V]]:
        return ((self._unpack_key(key), self._unpack_value(value)) for key, value in self._dump())


class HashMap(KeyedMap[K, V]):
    """``hash`` and ``lru_hash``. An LRU may evict entries before it is full, as the kernel's do."""


class LpmTrie(KeyedMap[Any, V]):
    """``lpm_trie``: prefixes such as ``"10.0.0.0/8"``, written also as ``ipaddress`` objects.

    Reading is the kernel's longest-prefix match: ``m["10.1.2.3"]`` finds what ``"10.0.0.0/8"`` was set
    to, and ``"10.1.0.0/16" in m`` is true when a shorter prefix covers it. Iterating and deleting are
    exact: ``"10.0.0.0/8" in list(m)``, ``del m["10.0.0.0/8"]``.
    """
