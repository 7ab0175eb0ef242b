"""BTF: the types of an object or of a kernel."""

from __future__ import annotations

from pytest_ebpf.btf.reader import Btf
from pytest_ebpf.btf.types import (
    Array,
    DataSec,
    DeclTag,
    Enum,
    Float,
    Func,
    FuncProto,
    Fwd,
    Int,
    Member,
    Modifier,
    Param,
    Ptr,
    Slot,
    Struct,
    Type,
    Typedef,
    Var,
    Void,
)

__all__ = [
    "Array",
    "Btf",
    "DataSec",
    "DeclTag",
    "Enum",
    "Float",
    "Func",
    "FuncProto",
    "Fwd",
    "Int",
    "Member",
    "Modifier",
    "Param",
    "Ptr",
    "Slot",
    "Struct",
    "Type",
    "Typedef",
    "Var",
    "Void",
]
