"""Which kernel modules are kept, and how to read what they need.

Debian's packages carry no ``modules.dep`` (depmod makes it when they are installed), so the order of
insertion comes from ``depends=`` in each module's own ``.modinfo`` section, which modpost wrote there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf import elf
from pytest_ebpf.errors import KernelError, ObjectError
from pytest_ebpf.kernels.compression import decompress

#: What is kept of the thousand modules of a distribution kernel, where they are not built in.
WANTED: Final = (
    # The machine itself: the port of the agent, the wire.
    "virtio_pci",
    "virtio_console",
    "virtio_net",
    # Devices that programs are attached to.
    "veth",
    "dummy",
    "tun",
    "ifb",
    # tc: the clsact hook, the classifier and the action.
    "sch_ingress",
    "cls_bpf",
    "act_bpf",
    # bpf_skb_set_tunnel_key and its like.
    "vxlan",
    "geneve",
    "ip_gre",
    "ipip",
    # BPF_F_NETFILTER_IP_DEFRAG, and the kfuncs bpf_xdp_ct_lookup, bpf_skb_ct_lookup, bpf_ct_set_nat_info.
    "nf_defrag_ipv4",
    "nf_defrag_ipv6",
    "nf_conntrack",
    "nf_nat",
    # Sockets in a sockmap.
    "vsock",
    "vsock_loopback",
    "tls",
)


@dataclass(frozen=True)
class Module:
    """One module: its *name* as the kernel has it, its unpacked ELF file, the names it *depends* on."""

    name: str
    data: bytes
    depends: tuple[str, ...]


def name_of(path: Path) -> str:
    """The kernel's name of a module file: ``nf-x.ko.xz`` is ``nf_x``."""
    return path.name.partition(".ko")[0].replace("-", "_")


def read_module(path: Path) -> Module:
    """Read ``*.ko``, ``*.ko.xz``, ``*.ko.zst`` or ``*.ko.gz``; :class:`KernelError` when it is no module."""
    data = path.read_bytes()
    if path.suffix != ".ko":
        data = decompress(data, where=str(path))
    try:
        info = elf.section(data, ".modinfo")
    except ObjectError as error:
        raise KernelError(f"not a kernel module ({error.what})", where=str(path)) from error
    return Module(name_of(path), data, _depends(info or b""))


def _depends(info: bytes) -> tuple[str, ...]:
    for entry in info.split(b"\0"):
        key, _, value = entry.decode("ascii", "replace").partition("=")
        if key == "depends":
            return tuple(name.replace("-", "_") for name in value.split(",") if name)
    return ()


def closure(files: Iterable[Path], wanted: Iterable[str]) -> dict[str, Module]:
    """Read the *wanted* modules among *files* and all they depend on; names without a file are left out."""
    by_name = {name_of(path): path for path in files}
    found: dict[str, Module] = {}
    ahead = list(wanted)
    while ahead:
        name = ahead.pop()
        if name in found or name not in by_name:
            continue
        found[name] = read_module(by_name[name])
        ahead.extend(found[name].depends)
    return found
