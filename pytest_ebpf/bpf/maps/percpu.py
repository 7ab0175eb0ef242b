"""Per-CPU kinds: a value for each possible CPU."""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from typing import Any, Generic, TypeVar

from pytest_ebpf.bpf.maps.arrays import ArrayMap
from pytest_ebpf.bpf.maps.keyed import KeyedMap
from pytest_ebpf.errors import ValueConversionError
from pytest_ebpf.values.codec import Codec, Misfit
from pytest_ebpf.values.record import Record, as_mapping

K = TypeVar("K")
V = TypeVar("V")


class PerCpu(list[V]):
    """The values of all possible CPUs, in their order."""

    def sum(self) -> V:
        """Add them up: numbers, and structs and lists field by field.

        Fields that are no numbers (text, addresses) must be the same on every CPU, else
        :class:`~pytest_ebpf.errors.ValueConversionError`.
        """
        total = self[0]
        for value in self[1:]:
            total = _add(total, value)
        return total


def _add(one: Any, other: Any) -> Any:
    if isinstance(one, (int, float)):
        return one + other
    if isinstance(one, list):
        return [_add(mine, theirs) for mine, theirs in zip(one, other, strict=True)]
    if (mine := as_mapping(one)) is not None and (theirs := as_mapping(other)) is not None:
        fields = {name: _add(value, theirs[name]) for name, value in mine.items()}
        if isinstance(one, Record):
            return one._replace(**fields)
        return replace(one, **fields) if is_dataclass(one) and not isinstance(one, type) else fields
    if one != other:
        raise ValueConversionError(
            f"cannot add {one!r} and {other!r}", where="PerCpu.sum", hint="look at the CPUs one by one"
        )
    return one


def per_cpu(element: Codec, cpus: int) -> Codec:
    """The values of *cpus* CPUs, each rounded up to 8 bytes as the kernel lays them out.

    Written from a :class:`PerCpu`, a list or a tuple with a value for each CPU; anything else is given
    to every CPU. Where a value is itself a list, only a PerCpu has one for each.
    """
    stride = (element.size + 7) // 8 * 8

    def decode(data: bytes, offset: int) -> PerCpu[Any]:
        return PerCpu(element.decode(data, offset + stride * cpu) for cpu in range(cpus))

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        kinds = (PerCpu,) if element.sequence else (list, tuple)
        values = value if isinstance(value, kinds) else [value] * cpus
        if len(values) != cpus:
            raise Misfit(f"{len(values)} values for {cpus} CPUs", "give one for each, or one for all")
        for cpu, each in enumerate(values):
            try:
                element.encode(each, buffer, offset + stride * cpu)
            except Misfit as misfit:
                misfit.path = f"[{cpu}]{misfit.path}" if values is value else misfit.path
                raise

    return Codec(f"per-CPU {element.name}", stride * cpus, decode, encode, sequence=True)


class PerCpuHashMap(KeyedMap[K, PerCpu[V]], Generic[K, V]):
    """``percpu_hash`` and ``lru_percpu_hash``: values are :class:`PerCpu` lists."""

    def __setitem__(self, key: K, value: PerCpu[V] | list[V] | tuple[V, ...] | V) -> None:
        super().__setitem__(key, value)  # type: ignore[assignment]  # the codec takes all of them


class PerCpuArrayMap(ArrayMap[PerCpu[V]], Generic[V]):
    """``percpu_array``: values are :class:`PerCpu` lists."""

    def __setitem__(self, index: int, value: PerCpu[V] | list[V] | tuple[V, ...] | V) -> None:
        super().__setitem__(index, value)  # type: ignore[assignment]  # the codec takes all of them
