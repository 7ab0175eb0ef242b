"""Numbers that are fixed before a program is loaded: for one kernel, and for what the loader sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.btf.ext import CoreRelo
from pytest_ebpf.requirements.model import Address, DataAddress, Kconfig, Ksym, ProgramCode
from pytest_ebpf.requirements.oracle import KernelOracle
from pytest_ebpf.requirements.values import Opaque, Value

_VERSION: Final = "LINUX_KERNEL_VERSION"

#: ``KERNEL_VERSION(6, 8, 0)``. From it on a global function is verified only if it is called by what is
#: reached ("bpf: validate global subprogs lazily"); before, if it is there.
_LAZY_GLOBALS: Final = 6 << 16 | 8 << 8

#: ``KERNEL_VERSION(6, 7, 0)``, "bpf: Implement BPF exceptions". Kernels before it refuse a function that
#: catches them, or are not given it.
_EXCEPTIONS: Final = 6 << 16 | 7 << 8


@dataclass(frozen=True)
class Constants:
    """By instruction, what relocated ones get and what an ``ldimm64`` loads; *data* by name of its section.

    *eager_globals*: global functions are verified whoever calls them. *exceptions*: so is what catches them.
    """

    relocated: Mapping[int, int]
    loaded: Mapping[int, Value]
    data: Mapping[str, bytes]
    little_endian: bool
    eager_globals: bool
    exceptions: bool

    def __hash__(self) -> int:
        tables = (self.relocated, self.loaded, self.data)
        return hash((self.eager_globals, self.exceptions, *(tuple(sorted(each)) for each in tables)))

    def read(self, address: DataAddress, size: int) -> int | None:
        """The number of *size* bytes there; None outside of what is known."""
        data = self.data.get(address.section, b"")
        if address.offset < 0 or address.offset + size > len(data):
            return None
        return int.from_bytes(
            data[address.offset : address.offset + size], "little" if self.little_endian else "big"
        )


def constants_of(
    code: ProgramCode, oracle: KernelOracle, rodata: Mapping[str, bytes] | None, *, offsets: bool
) -> Constants:
    """What *oracle* says of everything in *code* that asks; *rodata* as for :func:`~reach.reachable`.

    Without *offsets* what hardly any program branches on is left out, which differs with every kernel.
    """
    data = dict(code.rodata if rodata is None else rodata)
    loaded: dict[int, Value] = {}
    for index, address in code.addresses.items():
        loaded[index] = _load(address, oracle, data, little_endian=code.little_endian)
    relocated = {}
    for index, relocation in code.relocations.items():
        value = oracle.relocation(relocation) if offsets or _decides(relocation) else None
        if value is not None:
            relocated[index] = value
    version = oracle.kernel_version()
    return Constants(
        relocated=relocated,
        loaded=loaded,
        data=data,
        little_endian=code.little_endian,
        eager_globals=version is None or version < _LAZY_GLOBALS,
        exceptions=version is None or version >= _EXCEPTIONS,
    )


def _decides(relocation: CoreRelo) -> bool:
    """Whether code branches on such a value: an offset is added to an address, a type is handed on."""
    return relocation.kind not in {"byte_off", "local_type_id", "target_type_id"}


def _load(
    address: Address | None, oracle: KernelOracle, data: dict[str, bytes], *, little_endian: bool
) -> Value:
    """What an ``ldimm64`` of *address* loads; an option's bytes are added to *data*."""
    match address:
        case DataAddress():
            return address
        case Ksym():
            return _symbol(address, oracle)
        case Kconfig():
            contents = option_bytes(address, oracle, little_endian=little_endian)
            if contents is None:
                return None
            data[f".kconfig {address.name}"] = contents
            return DataAddress(f".kconfig {address.name}", 0)
        case _:
            return None


def _symbol(symbol: Ksym, oracle: KernelOracle) -> Value:
    """Zero where it is missing. To the verifier the address of a variable with a type may be null.

    That of a function is not (since Linux 6.4, commit 58aa2afbb1e6).
    """
    found = oracle.has_ksym(symbol)
    if found is None or (found and symbol.type_id and not symbol.is_function):
        return None
    return Opaque.NONZERO if found else 0


def option_bytes(option: Kconfig, oracle: KernelOracle, *, little_endian: bool) -> bytes | None:
    """What libbpf writes for *option* (``set_kcfg_value_*``); None if it is not known or does not fit."""
    if option.name == _VERSION:
        number = oracle.kernel_version()
    else:
        text = oracle.kconfig(option)
        if text is None:
            return None
        if option.shape == "string":
            return text.strip('"').encode()[: max(option.size - 1, 0)].ljust(option.size, b"\0")
        number = _number(option, text)
    if number is None or not 0 < option.size <= 8:
        return None
    return (number & (1 << option.size * 8) - 1).to_bytes(option.size, "little" if little_endian else "big")


def holds(option: Kconfig, text: str) -> bool:
    """Whether what *option* is declared as can hold *text*: libbpf refuses the object where it cannot."""
    if text in {"y", "m", "n"}:
        return option.shape in {"tristate", "char"} or (option.shape == "bool" and text != "m")
    if text.startswith('"'):
        return option.shape == "string"
    number, bits = _number(option, text), option.size * 8
    return option.shape in {"int", "char"} and number is not None and -(1 << bits - 1) <= number < 1 << bits


def _number(option: Kconfig, text: str) -> int | None:
    if not text:
        return 0
    if text in {"y", "m", "n"}:
        choices = {
            "bool": {"y": 1, "n": 0},
            "tristate": {"n": 0, "y": 1, "m": 2},
            "char": {each: ord(each) for each in "ymn"},
        }
        return choices.get(option.shape, {}).get(text)
    try:
        return int(text, 0)
    except ValueError:
        return None
