"""What the kernel keeps for programs with a GPL-compatible licence. No BTF tells.

The helpers are those whose ``struct bpf_func_proto`` has ``gpl_only``, found by calling each of them from
programs of every type without such a licence, on 5.10 and 7.2 (``tests/vm/test_requirements_kernels.py``).
Between these no helper has become free or lost its freedom.
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

#: By ``enum bpf_func_id``. 77, 78 and 92, of infrared remote controls, are taken from
#: drivers/media/rc/bpf-lirc.c, which Debian's cloud kernels do not have.
GPL_ONLY_HELPERS: Final = frozenset(
    {
        *(4, 6, 22, 25, 27, 35, 36, 45, 55, 56, 67, 69, 77, 78, 92, 100, 110, 111, 112, 113, 114, 115),
        *(119, 121, 126, 127, 150, 158, 163, 165, 169, 170, 171, 172, 173, 175, 176, 177, 191),
        *(204, 205, 206, 207),
    }
)


#: bpf_get_stackid has another ``struct bpf_func_proto`` for perf events, which is for everybody.
FREE_FOR: Final = {27: ProgType.PERF_EVENT}


def is_gpl_compatible(licence: str | None) -> bool:
    """Whether the kernel takes it for one."""
    return licence in _COMPATIBLE
