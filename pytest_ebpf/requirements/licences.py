"""What the kernel keeps for programs with a GPL-compatible licence.

No BTF tells. Helpers: those whose ``struct bpf_func_proto`` has ``gpl_only``, as found by calling each of
them from a program without such a licence; see ``tests/vm/test_requirements_licences.py``.
"""

from __future__ import annotations

from typing import Final

from pytest_ebpf.uapi import ProgType

#: ``license_is_gpl_compatible`` in include/linux/license.h.
_COMPATIBLE: Final = frozenset(
    {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"}
)

#: Programs that must have such a licence whatever they call (``bpf_lsm_verify_prog``,
#: ``check_struct_ops_btf_id``).
GPL_ONLY_TYPES: Final = frozenset({ProgType.LSM, ProgType.STRUCT_OPS})

GPL_ONLY_HELPERS: Final = frozenset({4, 6})


def is_gpl_compatible(licence: str | None) -> bool:
    """Whether the kernel takes it for one."""
    return licence in _COMPATIBLE
