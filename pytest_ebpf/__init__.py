"""Declare eBPF programs in TOML, build CO-RE objects, test them on many real kernels from pytest.

Names that tests use are given out here, each imported when it is first asked for: the package itself
costs nothing to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_ebpf.bpf import LoadedObject, PerCpu, Program, Record, Result, RunFlag
    from pytest_ebpf.errors import (
        CommandError,
        ConditionError,
        EbpfError,
        LoadError,
        PacketError,
        ProcessError,
        UnsupportedError,
        UsageError,
        ValueConversionError,
    )
    from pytest_ebpf.packets import matches, wrong_checksums
    from pytest_ebpf.uapi import BPF, CGROUP, NF, SK, TC, TCX, XDP, AttachType, MapFlag, MapType, ProgType

__all__ = [
    "BPF",
    "CGROUP",
    "NF",
    "SK",
    "TC",
    "TCX",
    "XDP",
    "AttachType",
    "CommandError",
    "ConditionError",
    "EbpfError",
    "LoadError",
    "LoadedObject",
    "MapFlag",
    "MapType",
    "PacketError",
    "PerCpu",
    "ProcessError",
    "ProgType",
    "Program",
    "Record",
    "Result",
    "RunFlag",
    "UnsupportedError",
    "UsageError",
    "ValueConversionError",
    "matches",
    "wrong_checksums",
]

_PACKETS: Final = {"matches", "wrong_checksums"}
_BPF: Final = {"LoadedObject", "PerCpu", "Program", "Record", "Result", "RunFlag"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    from importlib import import_module  # noqa: PLC0415  # as all else here: only when it is needed

    if name.endswith("Error"):
        module = "errors"
    else:
        module = "bpf" if name in _BPF else "packets" if name in _PACKETS else "uapi"
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
