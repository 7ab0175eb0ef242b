"""Types with a meaning beyond their layout: what the kernel keeps to itself, what people write as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pytest_ebpf.btf import Array, Btf, Modifier, Ptr, Struct, Type
from pytest_ebpf.values import addresses
from pytest_ebpf.values.codec import Codec, Order

#: Typedefs of the kernel (``include/uapi/linux/types.h``) that hold numbers in network order.
NETWORK_ORDER: Final = frozenset({"__be16", "__be32", "__be64"})

#: Names, of typedefs or structs, of what is written as text.
WRITTEN: Final[dict[str, Callable[[Order], Codec]]] = {
    "ebpf_ipv4": lambda _: addresses.ipv4(),
    "ebpf_ipv6": lambda _: addresses.ipv6(),
    "ebpf_mac": lambda _: addresses.mac(),
    "in_addr": lambda _: addresses.ipv4(),
    "in6_addr": lambda _: addresses.ipv6(),
    "ebpf_ipv4_prefix": lambda order: addresses.prefix(8, order),
    "ebpf_ipv6_prefix": lambda order: addresses.prefix(20, order),
}

#: Types the kernel keeps to itself inside of map values: they read as zero and must not be written.
_HIDDEN: Final = frozenset(
    {
        "bpf_list_head",
        "bpf_list_node",
        "bpf_rb_node",
        "bpf_rb_root",
        "bpf_refcount",
        "bpf_res_spin_lock",
        "bpf_spin_lock",
        "bpf_task_work",
        "bpf_timer",
        "bpf_wq",
    }
)

#: Tags of pointers to objects of the kernel that a program keeps in a map; they are hidden likewise.
#: ``kptr_ref`` is what Linux 5.19 to 6.3 called those that are counted (commit 03b77e17aeb2).
_KEPT: Final = frozenset({"kptr", "kptr_ref", "kptr_untrusted", "percpu_kptr"})


def is_special(name: str) -> bool:
    """Whether a type of this name means more than its layout says."""
    return name in WRITTEN or name in NETWORK_ORDER


def is_hidden(btf: Btf, found: Type) -> bool:
    """Whether the kernel keeps values of this type, or arrays of it, to itself."""
    for _ in range(len(btf)):
        if not isinstance(found, Array):
            break
        found = btf.type(btf.strip(found.type_id))
    if isinstance(found, Ptr) and found.type_id:
        target = btf.type(found.type_id)
        return isinstance(target, Modifier) and target.tag in _KEPT
    return isinstance(found, Struct) and found.name in _HIDDEN
