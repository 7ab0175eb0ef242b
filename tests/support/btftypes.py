"""Our reading of BTF against bpftool's, type by type."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_ebpf.btf import (
    Array,
    Btf,
    DataSec,
    DeclTag,
    Enum,
    Float,
    Func,
    FuncProto,
    Fwd,
    Int,
    Modifier,
    Ptr,
    Struct,
    Type,
    Typedef,
    Var,
)


def bpftool(path: Path) -> list[dict[str, Any]]:
    argv = ["bpftool", "-j", "btf", "dump", "file", str(path)]
    done = subprocess.run(argv, check=True, capture_output=True, timeout=120)
    types = json.loads(done.stdout)["types"]
    assert isinstance(types, list)
    return types


def _int(found: Int) -> dict[str, Any]:
    flags = [("SIGNED", found.signed), ("CHAR", found.char), ("BOOL", found.boolean)]
    encoding = next((name for name, on in flags if on), "(none)")
    return {
        "kind": "INT",
        "name": found.name,
        "size": found.size,
        "nr_bits": found.bits,
        "encoding": encoding,
    }


def _struct(found: Struct) -> dict[str, Any]:
    members = [
        {"name": each.name, "type_id": each.type_id, "bits_offset": each.bit_offset}
        | ({"bitfield_size": each.bit_size} if each.bit_size else {})
        for each in found.members
    ]
    kind = "UNION" if found.is_union else "STRUCT"
    return {"kind": kind, "name": found.name, "size": found.size, "members": members}


def _enum(found: Enum) -> dict[str, Any]:
    values = [{"name": name, "val": value} for name, value in found.values]
    return {"name": found.name, "size": found.size, "values": values}


def _func_proto(found: FuncProto) -> dict[str, Any]:
    params = [{"name": each.name, "type_id": each.type_id} for each in found.params]
    return {"kind": "FUNC_PROTO", "ret_type_id": found.type_id, "params": params}


def _data_section(found: DataSec) -> dict[str, Any]:
    slots = [{"type_id": each.type_id, "offset": each.offset, "size": each.size} for each in found.variables]
    return {"kind": "DATASEC", "name": found.name, "size": found.size, "vars": slots}


#: One of our types in the words of ``bpftool -j btf dump``.
AS_BPFTOOL_SAYS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Int: _int,
    Ptr: lambda found: {"kind": "PTR", "type_id": found.type_id},
    Array: lambda found: {"kind": "ARRAY", "type_id": found.type_id, "nr_elems": found.count},
    Struct: _struct,
    Enum: _enum,
    Fwd: lambda found: {
        "kind": "FWD",
        "name": found.name,
        "fwd_kind": "union" if found.is_union else "struct",
    },
    Typedef: lambda found: {"kind": "TYPEDEF", "name": found.name, "type_id": found.type_id},
    Modifier: lambda found: {"kind": found.qualifier.upper(), "type_id": found.type_id},
    Func: lambda found: {
        "kind": "FUNC",
        "name": found.name,
        "type_id": found.type_id,
        "linkage": found.linkage,
    },
    FuncProto: _func_proto,
    Var: lambda found: {"kind": "VAR", "name": found.name, "type_id": found.type_id},
    DataSec: _data_section,
    Float: lambda found: {"kind": "FLOAT", "name": found.name, "size": found.size},
    DeclTag: lambda found: {"kind": "DECL_TAG", "name": found.name, "type_id": found.type_id},
}


def _says(found: Type) -> dict[str, Any]:
    return AS_BPFTOOL_SAYS[type(found)](found)


def assert_same(btf: Btf, theirs: list[dict[str, Any]]) -> None:
    assert len(btf) - 1 == len(theirs)
    for type_id, their in enumerate(theirs, start=1):
        for key, value in _says(btf.type(type_id)).items():
            seen, our = their[key], value
            if seen == "(anon)":
                seen = ""
            if isinstance(seen, list):  # of members, values, parameters
                seen = [_bare(each, our) for each in seen]
            if their["kind"] == "ENUM" and key == "values":
                # bpftool 7.1 widens unsigned values of 32 bits as if they were signed.
                seen, our = _narrow(seen), _narrow(our)
            assert seen == our, (type_id, key, their)


def _narrow(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": each["name"], "val": each["val"] & 0xFFFFFFFF} for each in values]


def _bare(their: dict[str, Any], ours: list[dict[str, Any]]) -> dict[str, Any]:
    """One entry with just the keys that we compare, and without bpftool's word for no name."""
    known = {key for each in ours for key in each}
    return {key: "" if value == "(anon)" else value for key, value in their.items() if key in known}
