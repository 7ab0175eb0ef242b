"""Contexts of programs as ``BPF_PROG_TEST_RUN`` takes and gives them.

Layouts are those of ``include/uapi/linux/bpf.h`` (Linux 6.12); the fields are the ones that
``net/bpf/test_run.c`` reads or writes, as the kernel refuses a context in which any other is set.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_ebpf.errors import ValueConversionError
from pytest_ebpf.values import addresses, codec
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import Codec
from pytest_ebpf.values.record import Record, as_mapping, type_name
from pytest_ebpf.values.structs import Field, structure

_U8: Final = codec.integer(1, signed=False, order="little")
_U16: Final = codec.integer(2, signed=False, order="little")
_U32: Final = codec.integer(4, signed=False, order="little")
_U64: Final = codec.integer(8, signed=False, order="little")
_BE16: Final = codec.integer(2, signed=False, order="big")
_BE32: Final = codec.integer(4, signed=False, order="big")


def _layout(name: str, size: int, fields: dict[str, tuple[int, Codec]]) -> Codec:
    return structure(name, size, [Field(field, at, each) for field, (at, each) in fields.items()], None)


#: ``struct __sk_buff``; 184 bytes before Linux 5.18 (``hwtstamp``), which a longer one of zeros fits too.
SK_BUFF: Final = _layout(
    "__sk_buff",
    192,
    {
        "mark": (8, _U32),
        "priority": (32, _U32),
        "ingress_ifindex": (36, _U32),
        "ifindex": (40, _U32),
        "cb": (48, codec.array(_U32, 5)),
        "tstamp": (152, _U64),
        "wire_len": (160, _U32),
        "gso_segs": (164, _U32),
        "gso_size": (176, _U32),
        "hwtstamp": (184, _U64),
    },
)

#: ``struct xdp_md``. ``data`` and ``data_end`` are told apart in :func:`xdp_md`.
XDP_MD: Final = _layout("xdp_md", 24, {"ingress_ifindex": (12, _U32), "rx_queue_index": (16, _U32)})

#: ``struct bpf_sk_lookup``; the cookie is what the kernel says of the socket that was chosen.
SK_LOOKUP: Final = _layout(
    "bpf_sk_lookup",
    72,
    {
        "cookie": (0, _U64),
        "family": (8, _U32),
        "protocol": (12, _U32),
        "remote_ip4": (16, addresses.ipv4()),
        "remote_ip6": (20, addresses.ipv6()),
        "remote_port": (36, _BE16),
        "local_ip4": (40, addresses.ipv4()),
        "local_ip6": (44, addresses.ipv6()),
        "local_port": (60, _U32),
        "ingress_ifindex": (64, _U32),
    },
)

#: ``struct bpf_flow_keys``, what a flow dissector found. Addresses of both families share their bytes.
FLOW_KEYS: Final = _layout(
    "bpf_flow_keys",
    56,
    {
        "nhoff": (0, _U16),
        "thoff": (2, _U16),
        "addr_proto": (4, _U16),
        "is_frag": (6, _U8),
        "is_first_frag": (7, _U8),
        "is_encap": (8, _U8),
        "ip_proto": (9, _U8),
        "n_proto": (10, _BE16),
        "sport": (12, _BE16),
        "dport": (14, _BE16),
        "ipv4_src": (16, addresses.ipv4()),
        "ipv4_dst": (20, addresses.ipv4()),
        "ipv6_src": (16, addresses.ipv6()),
        "ipv6_dst": (32, addresses.ipv6()),
        "flags": (48, _U32),
        "flow_label": (52, _BE32),
    },
)

#: Arguments of a raw tracepoint (``MAX_BPF_FUNC_ARGS``, ``include/linux/bpf.h``).
RAW_ARGUMENTS: Final = 12

_AF_INET, _AF_INET6, _IPPROTO_TCP = 2, 10, 6
_XDP_DATA: Final = struct.Struct("<II")


def fields(layout: Codec, given: Any) -> bytes:
    """A context of which some fields are given, or none."""
    return codec.pack(layout, {} if given is None else given, "context")


def xdp_md(given: Any, *, size: int, metadata: int) -> bytes:
    """``xdp_md`` for a buffer of *size* bytes, the first *metadata* of which are metadata.

    ``data`` and ``data_end`` are where the packet lies in the buffer (``bpf_prog_test_run_xdp``).
    """
    packed = fields(XDP_MD, given)
    return _XDP_DATA.pack(metadata, size) + packed[8:]


def metadata_length(xdp_context: bytes) -> int:
    """How many bytes of metadata are in front of the packet, by the context that came back."""
    return int(_XDP_DATA.unpack_from(xdp_context)[0])


def sk_lookup(context: Any) -> bytes:
    """``bpf_sk_lookup``; without a family by the addresses that are given, without a protocol TCP."""
    given = {} if context is None else as_mapping(context)
    if given is None:
        return fields(SK_LOOKUP, context)
    six = "remote_ip6" in given or "local_ip6" in given
    defaults = {"family": _AF_INET6 if six else _AF_INET, "protocol": _IPPROTO_TCP}
    return fields(SK_LOOKUP, {**defaults, **given})


def raw_arguments(arguments: Sequence[int] | None) -> bytes:
    """The arguments of a raw tracepoint, filled up with zeros: a program may read any of them."""
    given = list(arguments or ())
    if len(given) > RAW_ARGUMENTS:
        raise ValueConversionError(
            f"{len(given)} arguments do not fit a raw tracepoint ({RAW_ARGUMENTS})",
            where="context",
            hint="give a list of at most that many numbers",
        )
    numbers = [
        number & (1 << 64) - 1 if isinstance(number, int) and number < 0 else number for number in given
    ]
    whole = codec.array(_U64, RAW_ARGUMENTS)
    return codec.pack(whole, numbers + [0] * (RAW_ARGUMENTS - len(given)), "context")


def declared(value: Any, values: Values | None, function: str = "") -> tuple[bytes, Codec | None]:
    """The context of the syscall program *function*: bytes, or a struct whose type the object's BTF has.

    A mapping is of the struct that the function is declared with. Returns its bytes and the codec to read it
    back with, None for bytes.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), None
    if isinstance(value, Mapping) and values is not None and (argument := values.argument(function)):
        return codec.pack(argument, value, "context"), argument
    name = type_name(value) if isinstance(value, Record) else getattr(type(value), "__btf_name__", None)
    if name is None or values is None:
        raise ValueConversionError(
            f"a {type(value).__name__} has no layout",
            where="context",
            hint="give bytes, or an object of a class made from the manifest's types",
        )
    struct_codec = values.named(name)
    return codec.pack(struct_codec, value, "context"), struct_codec


def unpack_padded(layout: Codec, data: bytes) -> Any:
    """Read a context that an older kernel gave shorter than it is known here."""
    return layout.decode(data.ljust(layout.size, b"\0"), 0)
