"""Codecs by BTF: every type of an object compiled once, when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import IntEnum
from typing import Any, Final

from pytest_ebpf.bpf import addresses, codec, structs
from pytest_ebpf.bpf.codec import Codec, Order
from pytest_ebpf.btf import (
    Array,
    Btf,
    Enum,
    Float,
    Func,
    FuncProto,
    Int,
    Member,
    Modifier,
    Ptr,
    Struct,
    Type,
    Typedef,
)
from pytest_ebpf.errors import ValueConversionError
from pytest_ebpf.suggest import closest

#: Typedefs of the kernel (``include/uapi/linux/types.h``) that hold numbers in network order.
_NETWORK_ORDER: Final = frozenset({"__be16", "__be32", "__be64"})

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
_KEPT: Final = frozenset({"kptr", "kptr_untrusted", "percpu_kptr"})

#: Names, of typedefs or structs, with a meaning that goes beyond their layout.
_SPECIAL: Final[dict[str, Callable[[Order], Codec]]] = {
    "ebpf_ipv4": lambda _: addresses.ipv4(),
    "ebpf_ipv6": lambda _: addresses.ipv6(),
    "ebpf_mac": lambda _: addresses.mac(),
    "in_addr": lambda _: addresses.ipv4(),
    "in6_addr": lambda _: addresses.ipv6(),
    "ebpf_ipv4_prefix": lambda order: addresses.prefix(8, order),
    "ebpf_ipv6_prefix": lambda order: addresses.prefix(20, order),
}

Bindings = Mapping[str, type]


def bindings_of(namespace: Mapping[str, Any]) -> dict[str, type]:
    """The classes of a module (its ``vars``) that say which C type they stand for, by that type's name.

    They say so by an attribute ``__btf_name__``: dataclasses for structs and unions, IntEnums for enums.
    """
    classes = (each for each in namespace.values() if isinstance(each, type))
    return {name: each for each in classes if isinstance(name := vars(each).get("__btf_name__"), str)}


class Values:
    """The codecs of one object's types."""

    def __init__(self, btf: Btf, bindings: Bindings | None = None) -> None:
        self._btf = btf
        self._bindings = bindings or {}
        self._order: Order = "little" if btf.little_endian else "big"
        self._codecs: dict[int, Codec] = {}

    def codec(self, type_id: int) -> Codec:
        """The codec of a type; ValueConversionError for one without a size."""
        found = self._codecs.get(type_id)
        if found is None:
            found = self._codecs[type_id] = self._compile(type_id)
        return found

    def named(self, name: str) -> Codec:
        """The codec of the struct, union, enum, typedef or int called *name* (with or without ``struct``)."""
        bare = name.rpartition(" ")[2] if name.startswith(("struct ", "union ", "enum ")) else name
        type_id = self._btf.find(bare, Struct, Typedef, Enum, Int)
        if type_id is None:
            near = closest(bare, self._names())
            raise ValueConversionError(
                f'the object has no type "{name}"',
                hint=f'did you mean "{near}"?' if near else "use it in the program, so that it is in its BTF",
            )
        return self.codec(type_id)

    def _names(self) -> list[str]:
        found = map(self._btf.type, self._btf.ids_of(Struct, Typedef, Enum, Int))
        return [each.name for each in found if isinstance(each, Struct | Typedef | Enum | Int) and each.name]

    def argument(self, function: str) -> Codec | None:
        """The codec of the struct that *function* is given a pointer to, first of all; None for another."""
        type_id = self._btf.find(function, Func)
        found = self._btf.type(type_id) if type_id is not None else None
        proto = self._btf.type(found.type_id) if isinstance(found, Func) else None
        if not isinstance(proto, FuncProto) or not proto.params:
            return None
        pointer = self._btf.type(self._btf.strip(proto.params[0].type_id))
        target = self._btf.strip(pointer.type_id) if isinstance(pointer, Ptr) else 0
        return self.codec(target) if isinstance(self._btf.type(target), Struct) else None

    def _compile(self, type_id: int) -> Codec:
        name, type_id = self._walk(type_id)
        found = self._btf.type(type_id)
        if name in _SPECIAL and self._btf.size(type_id) == (special := _SPECIAL[name](self._order)).size:
            return special
        if isinstance(found, Int):
            return _integer(found, "big" if name in _NETWORK_ORDER else self._order)
        if isinstance(found, Struct):
            return self._struct(found, name)
        match found:
            case Ptr():
                made = codec.integer(8, signed=False, order=self._order)
            case Float(size=4 | 8):
                made = codec.floating(found.size, self._order)
            case Enum():
                made = self._enumeration(found, name)[0]
            case Array():
                made = self._array(found)
            case _:
                raise self._valueless(type_id)
        return made

    def _valueless(self, type_id: int) -> ValueConversionError:
        return ValueConversionError(
            f"{self._btf.name(type_id)} has no value", hint="declare a type that has one"
        )

    def _walk(self, type_id: int) -> tuple[str, int]:
        """Go through typedefs and qualifiers to the type behind; the name that gives it its meaning.

        That is the first with a special one, else the innermost typedef of a type without a name.
        """
        name, seen = "", self._btf.type(type_id)
        for _ in range(len(self._btf)):
            if not isinstance(seen, (Typedef, Modifier)):
                break
            if isinstance(seen, Typedef) and not _special(name):
                name = seen.name
            type_id = seen.type_id
            seen = self._btf.type(type_id)
        if isinstance(seen, (Struct, Enum)) and seen.name and not _special(name):
            name = seen.name
        return name, type_id

    def _enumeration(
        self, found: Enum, name: str
    ) -> tuple[Codec, Callable[[int], Any], Callable[[Any], Any]]:
        number = codec.integer(found.size, signed=found.signed, order=self._order)
        cls = self._bindings.get(name)
        bound = cls if cls and issubclass(cls, IntEnum) else None
        return codec.enumeration(f"enum {name}".rstrip(), number, dict(found.values), bound)

    def _array(self, found: Array) -> Codec:
        element = self._btf.type(self._btf.strip(found.type_id))
        if isinstance(element, Int) and element.size == 1 and not element.boolean:
            if element.char or element.name == "char":
                return codec.text(found.count)
            if not element.signed:
                return codec.octets(found.count)
        return codec.array(self.codec(found.type_id), found.count)

    def _struct(self, found: Struct, name: str) -> Codec:
        parts = [] if self._hidden(found) else self._members(found, 0)
        label = name or ("union" if found.is_union else "struct")
        cls = self._binding(label, structs.names_of(parts))
        return structs.structure(label, found.size, parts, cls)

    def _binding(self, name: str, names: list[str]) -> type | None:
        cls = self._bindings.get(name)
        if cls is None or not is_dataclass(cls):
            return None
        if missing := set(names).symmetric_difference(each.name for each in fields(cls)):
            raise ValueConversionError(
                f"{cls.__name__} and {name} differ in {', '.join(sorted(missing))}",
                where=f"{cls.__module__}.{cls.__name__}",
                hint="make the bindings again (ebpf-build)",
            )
        return cls

    def _members(self, found: Struct, base: int) -> list[structs.Field | structs.Choice]:
        """The parts of a struct or union at byte *base*, those of unnamed structs in their place."""
        members = [part for member in found.members if (part := self._member(member, base))]
        if not found.is_union:
            return [part for parts in members for part in parts]
        alternatives = tuple(tuple(structs.flat(parts)) for parts in members)
        return [structs.Choice(0, base + found.size, alternatives)]

    def _member(self, member: Member, base: int) -> list[structs.Field | structs.Choice]:
        """What a member of a struct at byte *base* contributes: nothing, itself, or its own members."""
        inner = self._btf.type(self._btf.strip(member.type_id))
        if self._hidden(inner):
            return []
        if not member.name and isinstance(inner, Struct):
            return self._members(inner, base + member.bit_offset // 8)
        return [self._field(member, inner, base)] if member.name else []

    def _hidden(self, found: Type) -> bool:
        """Whether the kernel keeps values of this type, or arrays of it, to itself."""
        for _ in range(len(self._btf)):
            if not isinstance(found, Array):
                break
            found = self._btf.type(self._btf.strip(found.type_id))
        if isinstance(found, Ptr) and found.type_id:
            target = self._btf.type(found.type_id)
            return isinstance(target, Modifier) and target.tag in _KEPT
        return isinstance(found, Struct) and found.name in _HIDDEN

    def _field(self, member: Member, inner: Type, base: int) -> structs.Field:
        if not member.bit_size:
            return structs.Field(member.name, base + member.bit_offset // 8, self.codec(member.type_id))
        signed = False
        wrap: Callable[[int], Any] = _same
        unwrap: Callable[[Any], Any] = _same
        if isinstance(inner, Enum):
            signed = inner.signed
            _, wrap, unwrap = self._enumeration(inner, inner.name)
        elif isinstance(inner, Int):
            signed = inner.signed
            wrap = bool if inner.boolean else _same
        name = f"{'s' if signed else 'u'}:{member.bit_size}"
        offset, shifted = structs.bit_field(
            name,
            base * 8 + member.bit_offset,
            member.bit_size,
            signed=signed,
            order=self._order,
            wrap=wrap,
            unwrap=unwrap,
        )
        return structs.Field(member.name, offset, shifted)


def _special(name: str) -> bool:
    return name in _SPECIAL or name in _NETWORK_ORDER


def _same(value: Any) -> Any:
    return value


def _integer(found: Int, order: Order) -> Codec:
    if found.boolean and found.size == 1:
        return codec.boolean()
    return codec.integer(found.size, signed=found.signed, order=order)


def named_type(values: Values | None, name: str | type, where: str) -> Codec:
    """The codec of a type named as in C, or by a class that stands for it."""
    label = type_label(name)
    if values is None:
        raise ValueConversionError(
            f'no type "{label}": the object has no BTF', where=where, hint="compile with -g"
        )
    try:
        return values.named(label)
    except ValueConversionError as error:
        raise ValueConversionError(error.what, where=where, hint=error.hint) from error


def type_label(name: str | type) -> str:
    """What a type is called in C."""
    return name if isinstance(name, str) else getattr(name, "__btf_name__", name.__name__)
