"""Whether a type of an object and a type of a kernel are the same to CO-RE.

The rules are libbpf's (``src/relo_core.c`` of libbpf 1.7): ``bpf_core_fields_are_compat``,
``bpf_core_types_are_compat``, ``bpf_core_types_match``. What it calls an error is a :class:`BtfError` here.
"""

from __future__ import annotations

from typing import Final

from pytest_ebpf.btf.names import essential
from pytest_ebpf.btf.reader import Btf
from pytest_ebpf.btf.types import Array, Enum, Float, FuncProto, Fwd, Int, Ptr, Struct, Type, Void
from pytest_ebpf.errors import BtfError

#: Pointers, arrays and functions that are followed into one another.
_DEPTH: Final = 32

#: Pairs of types in one comparison; real ones take a few hundred.
_PAIRS: Final = 20_000


def same_kind(one: Type, other: Type) -> bool:
    """Whether two types are of one kind of BTF; the sizes of enums do not count."""
    if isinstance(one, Struct) and isinstance(other, Struct):
        return one.is_union == other.is_union
    return type(one) is type(other)


def same_name(one: str, other: str) -> bool:
    """Whether two names are one but for their flavours; no name is like no name."""
    return essential(one) == essential(other)


class Comparison:
    """Compares types of *local* with types of *target*."""

    def __init__(self, local: Btf, target: Btf) -> None:
        self._local = local
        self._target = target
        self._pairs = 0

    def _pair(self, local_id: int, target_id: int) -> tuple[Type, Type]:
        """Both types without typedefs and qualifiers."""
        self._pairs += 1
        if self._pairs > _PAIRS:
            raise _endless()
        local, target = self._local, self._target
        return local.type(local.strip(local_id)), target.type(target.strip(target_id))

    def fields(self, local_id: int, target_id: int) -> bool:
        """Whether an access to a field of one type can become one to a field of the other.

        Structs and unions are all alike, and so are pointers, integers and numbers of floating point.
        Arrays are compared by their elements, enums and declarations by their names.
        """
        for _ in range(_DEPTH):
            local, target = self._pair(local_id, target_id)
            if isinstance(local, Struct) and isinstance(target, Struct):
                return True
            if not same_kind(local, target):
                return False
            match local, target:
                case Array(), Array():
                    local_id, target_id = local.type_id, target.type_id
                case ((Enum() | Fwd()), (Enum() | Fwd())):
                    return not local.name or not target.name or same_name(local.name, target.name)
                case _:
                    return isinstance(local, Ptr | Float | Int)
        raise _endless()

    def types(self, local_id: int, target_id: int, level: int = _DEPTH) -> bool:
        """Whether two types are compatible, names left out: kinds, and what pointers and functions hold."""
        if not same_kind(self._local.type(local_id), self._target.type(target_id)):
            return False
        for _ in range(_DEPTH):
            local, target = self._pair(local_id, target_id)
            if not same_kind(local, target):
                return False
            match local, target:
                case Void() | Struct() | Enum() | Fwd() | Int(), _:
                    return True
                case ((Ptr() | Array()), (Ptr() | Array())):
                    local_id, target_id = local.type_id, target.type_id
                case FuncProto(), FuncProto():
                    if not self._compatible_parameters(local, target, level):
                        return False
                    local_id, target_id = local.type_id, target.type_id
                case _:
                    return False
        raise _endless()

    def _compatible_parameters(self, local: FuncProto, target: FuncProto, level: int) -> bool:
        if len(local.params) != len(target.params):
            return False
        if local.params and level <= 0:
            raise _endless()
        return all(
            self.types(self._local.strip(ours.type_id), self._target.strip(theirs.type_id), level - 1)
            for ours, theirs in zip(local.params, target.params, strict=True)
        )

    def matches(
        self, local_id: int, target_id: int, *, behind_pointer: bool = False, level: int = _DEPTH
    ) -> bool:
        """Whether all that the local type says is so in the target: members, enumerators, parameters.

        Behind a pointer a struct needs the name only, and a declaration will do for it.
        """
        if level <= 0:
            raise _endless()
        for _ in range(_DEPTH):
            local, target = self._pair(local_id, target_id)
            if not same_name(_name(local), _name(target)):
                return False
            match local, target:
                case ((Ptr() | Array()), (Ptr() | Array())):
                    if not same_kind(local, target) or _count(local) != _count(target):
                        return False
                    behind_pointer = behind_pointer or isinstance(local, Ptr)
                    local_id, target_id = local.type_id, target.type_id
                case FuncProto(), FuncProto():
                    if not self._matching_parameters(local, target, behind_pointer, level):
                        return False
                    local_id, target_id = local.type_id, target.type_id
                case _:
                    return self._leaf_matches(local, target, behind_pointer, level)
        raise _endless()

    def _leaf_matches(self, local: Type, target: Type, behind_pointer: bool, level: int) -> bool:
        match local, target:
            case Int(), Int():
                return local.size == target.size and local.signed == target.signed
            case Enum(), Enum():
                return local.size == target.size and _enumerators_match(local, target)
            case ((Struct() | Fwd()), (Struct() | Fwd())):
                if behind_pointer or isinstance(local, Fwd):
                    alike = behind_pointer or isinstance(target, Fwd)
                    return alike and local.is_union == target.is_union
                return same_kind(local, target) and self._members_match(local, target, level)
            case _:
                return isinstance(local, Void) and isinstance(target, Void)

    def _members_match(self, local: Struct, target: Type, level: int) -> bool:
        assert isinstance(target, Struct)
        if len(local.members) > len(target.members):
            return False
        return all(
            any(
                same_name(ours.name, theirs.name)
                and self.matches(ours.type_id, theirs.type_id, level=level - 1)
                for theirs in target.members
            )
            for ours in local.members
        )

    def _matching_parameters(
        self,
        local: FuncProto,
        target: FuncProto,
        behind_pointer: bool,
        level: int,
    ) -> bool:
        return len(local.params) == len(target.params) and all(
            self.matches(ours.type_id, theirs.type_id, behind_pointer=behind_pointer, level=level - 1)
            for ours, theirs in zip(local.params, target.params, strict=True)
        )


def _name(found: Type) -> str:
    return getattr(found, "name", "")


def _count(found: Ptr | Array) -> int:
    return found.count if isinstance(found, Array) else 0


def _enumerators_match(local: Enum, target: Enum) -> bool:
    if len(local.values) > len(target.values):
        return False
    theirs = {essential(name) for name, _ in target.values}
    return all(essential(name) in theirs for name, _ in local.values)


def _endless() -> BtfError:
    return BtfError("types nested without end", where="BTF", hint="build the object again")
