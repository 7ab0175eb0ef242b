"""Perf events by name: ``enum perf_type_id``, ``perf_hw_id`` and ``perf_sw_ids`` of linux/perf_event.h."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_ebpf.errors import UsageError
from pytest_ebpf.suggest import suggestion

#: The type of event that the next two tables are of.
_HARDWARE: Final = 0
_SOFTWARE: Final = 1
TRACEPOINT: Final = 2

_TYPES: Final[Mapping[str, int]] = {
    "hardware": _HARDWARE,
    "software": _SOFTWARE,
    "tracepoint": TRACEPOINT,
    "hw_cache": 3,
    "raw": 4,
    "breakpoint": 5,
}

#: Types whose events a processor counts: a machine without a performance monitoring unit has none.
NEED_HARDWARE: Final = frozenset({_HARDWARE, _TYPES["hw_cache"], _TYPES["raw"]})

_CONFIGS: Final[Mapping[int, Mapping[str, int]]] = {
    _HARDWARE: {
        "cpu_cycles": 0,
        "instructions": 1,
        "cache_references": 2,
        "cache_misses": 3,
        "branch_instructions": 4,
        "branch_misses": 5,
        "bus_cycles": 6,
        "stalled_cycles_frontend": 7,
        "stalled_cycles_backend": 8,
        "ref_cpu_cycles": 9,
    },
    _SOFTWARE: {
        "cpu_clock": 0,
        "task_clock": 1,
        "page_faults": 2,
        "context_switches": 3,
        "cpu_migrations": 4,
        "page_faults_min": 5,
        "page_faults_maj": 6,
        "alignment_faults": 7,
        "emulation_faults": 8,
        "dummy": 9,
        "bpf_output": 10,
        "cgroup_switches": 11,
    },
}


def numbers(kind: str | int, config: str | int, where: str) -> tuple[int, int]:
    """The type and the config of an event that may be named; :class:`UsageError` for unknown names."""
    number = _number("type", kind, _TYPES, where)
    return number, _number("config", config, _CONFIGS.get(number, {}), where)


def _number(setting: str, value: str | int, known: Mapping[str, int], where: str) -> int:
    if isinstance(value, int):
        return value
    name = value.replace("-", "_")
    if name not in known:
        hint = suggestion(name, known) or "give the number"
        raise UsageError(f'{setting}: no perf event is called "{value}"', where=where, hint=hint)
    return known[name]
