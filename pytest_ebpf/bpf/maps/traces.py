"""Call stacks that programs recorded."""

from __future__ import annotations

from typing import Any

from pytest_ebpf.bpf.maps.keyed import KeyedMap
from pytest_ebpf.uapi import MapFlag

#: Bytes of an address.
_ADDRESS = 8


class StackTraces(KeyedMap[int, Any]):
    """``stack_trace``: the id that ``bpf_get_stackid`` gave, to the addresses of that stack, innermost first.

    With ``BPF_F_STACK_BUILD_ID`` values are bytes: as many ``struct bpf_stack_build_id``.
    """

    def _unpack_value(self, data: bytes) -> Any:
        if self.flags & MapFlag.STACK_BUILD_ID:
            return data
        starts = range(0, len(data), _ADDRESS)
        addresses = [int.from_bytes(data[at : at + _ADDRESS], "little") for at in starts]
        return addresses[: addresses.index(0)] if 0 in addresses else addresses
