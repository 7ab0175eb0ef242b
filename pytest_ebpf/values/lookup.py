"""Types of an object, found by what people call them."""

from __future__ import annotations

from pytest_ebpf.btf import Btf, Enum, Func, FuncProto, Int, Ptr, Struct, Typedef
from pytest_ebpf.errors import ValueConversionError
from pytest_ebpf.suggest import closest


def type_called(btf: Btf, name: str) -> int:
    """The id of the struct, union, enum, typedef or int called *name*, with or without ``struct``.

    :class:`~pytest_ebpf.errors.ValueConversionError` if there is none.
    """
    keyword, _, bare = name.rpartition(" ")
    if keyword in {"struct", "union", "enum"}:
        found = [each for each in btf.ids(bare, Struct, Enum) if _keyword(btf, each) == keyword]
    else:
        found = btf.ids(name, Typedef, Int) or btf.ids(name, Struct, Enum)
    if not found:
        near = closest(bare, _names(btf))
        raise ValueConversionError(
            f'the object has no type "{name}"',
            hint=f'did you mean "{near}"?' if near else "use it in the program, so that it is in its BTF",
        )
    return found[0]


def _keyword(btf: Btf, type_id: int) -> str:
    found = btf.type(type_id)
    if isinstance(found, Enum):
        return "enum"
    return "union" if isinstance(found, Struct) and found.is_union else "struct"


def _names(btf: Btf) -> list[str]:
    found = map(btf.type, btf.ids_of(Struct, Typedef, Enum, Int))
    return [each.name for each in found if isinstance(each, Struct | Typedef | Enum | Int) and each.name]


def pointed_to(btf: Btf, function: str) -> int | None:
    """The id of the struct that the first argument of *function* points to; None for any other argument."""
    type_id = btf.find(function, Func)
    found = btf.type(type_id) if type_id is not None else None
    proto = btf.type(found.type_id) if isinstance(found, Func) else None
    if not isinstance(proto, FuncProto) or not proto.params:
        return None
    pointer = btf.type(btf.strip(proto.params[0].type_id))
    target = btf.strip(pointer.type_id) if isinstance(pointer, Ptr) else 0
    return target if isinstance(btf.type(target), Struct) else None
