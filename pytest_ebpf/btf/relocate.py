"""Resolve CO-RE relocations against a kernel's BTF, as libbpf does when it loads an object.

Source: ``src/relo_core.c`` of libbpf 1.7. Where libbpf gives up, and refuses the object for it, a
:class:`BtfError` is raised; where it replaces the instruction by one that no kernel takes, the value is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.btf.compare import Comparison, same_kind
from pytest_ebpf.btf.ext import CoreRelo, access
from pytest_ebpf.btf.fields import Field, Mismatch, Step, field_of, matching_field
from pytest_ebpf.btf.names import essential
from pytest_ebpf.btf.reader import Btf
from pytest_ebpf.btf.types import Array, Enum, Int, Ptr, Type
from pytest_ebpf.errors import BtfError

#: Relocations whose value is 0 where there is nothing in the kernel to take it from.
_ZERO: Final = frozenset(
    {"field_exists", "type_exists", "type_matches", "type_size", "target_type_id", "enumval_exists"}
)
_FIELDS: Final = frozenset({"byte_off", "byte_sz", "field_exists", "signed", "lshift_u64", "rshift_u64"})
_TYPES: Final = frozenset({"target_type_id", "type_exists", "type_size", "type_matches"})
_ENUMS: Final = frozenset({"enumval_exists", "enumval_value"})

_ENUM64: Final = 19  # BTF_KIND_ENUM64
_WORD: Final = (1 << 64) - 1
_FARTHEST: Final = 0x7FFF  # bytes that a load or a store can be away from its register


@dataclass(frozen=True, slots=True)
class Resolution:
    """What becomes of a relocated instruction.

    *value* is the unsigned number that is put into it, None if it is replaced by one that is refused where
    it is reached. *why* tells what the kernel does not have, where it lacks something; a relocation that asks
    for it has a value all the same. *sizes* are those of a field, in the object and in the kernel, that a
    load or store cannot be fitted to.
    """

    value: int | None
    why: str | None = None
    sizes: tuple[int, int] | None = None

    def refusal(self, *, accesses: bool) -> str | None:
        """Why an instruction is refused that reads or writes the field (*accesses*) or just has the value."""
        if self.value is None:
            return self.why
        if accesses and self.sizes:
            return f"the field has {self.sizes[1]} bytes instead of {self.sizes[0]}"
        if accesses and self.value > _FARTHEST:
            return f"the field is too far from the start ({self.value} bytes)"
        return None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one candidate gives: the value, where a field lies, and sizes as in :class:`Resolution`."""

    value: int
    bit_offset: int = 0
    sizes: tuple[int, int] | None = None


class Relocator:
    """Resolves the relocations of one object against one kernel.

    Ask in the file's order: as in libbpf, what one relocation of a type finds to be no match is not looked
    at again for the next.
    """

    def __init__(self, local: Btf, target: Btf, modules: Sequence[Btf] = ()) -> None:
        """*modules* are looked into for what *target* does not have; their BTF is built upon it."""
        self._local = local
        self._target = target
        self._modules = modules
        self._candidates: dict[int, list[tuple[Btf, int]]] = {}
        self._resolved: dict[tuple[int, str, str], Resolution] = {}

    def resolve(self, relocation: CoreRelo) -> Resolution:
        """The value for one relocation; :class:`BtfError` where libbpf refuses the object."""
        # What is asked twice has the same answer: the types that are left by then agreed the first time.
        key = relocation.type_id, relocation.path, relocation.kind
        if key not in self._resolved:
            self._resolved[key] = self._resolve(relocation)
        return self._resolved[key]

    def _resolve(self, relocation: CoreRelo) -> Resolution:
        if relocation.kind == "local_type_id":
            _check_whole(relocation)
            return Resolution(relocation.type_id)
        if relocation.kind not in _FIELDS | _TYPES | _ENUMS:
            raise _error(f"unknown CO-RE relocation ({relocation.kind})")
        name = getattr(self._local.type(relocation.type_id), "name", "")
        if not name:
            raise _error("CO-RE relocation of a type without a name")
        candidates = self._candidates_of(relocation.type_id, name)
        matching, answers, why = self._ask(relocation, candidates)
        if not answers:
            missing = why or f"there is no {self._local.name(relocation.type_id)}"
            return Resolution(0 if relocation.kind in _ZERO else None, missing)
        if len({(each.value, each.bit_offset) for each in answers}) > 1:
            what = f"CO-RE relocation of {access(self._local, relocation)} is ambiguous"
            values = ", ".join(str(each) for each in sorted({each.value for each in answers}))
            raise _error(f"{what} ({values})")
        self._candidates[relocation.type_id] = matching
        return Resolution(answers[0].value, None, answers[0].sizes)

    def _ask(
        self, relocation: CoreRelo, candidates: Sequence[tuple[Btf, int]]
    ) -> tuple[list[tuple[Btf, int]], list[_Answer], str | None]:
        """Every candidate: those that match, what they answer, and why the last of the others does not."""
        wanted = _Wanted(self._local, relocation)
        matching, answers, why = [], [], None
        for target, type_id in candidates:
            try:
                answers.append(wanted.find(target, type_id))
                matching.append((target, type_id))
            except Mismatch as mismatch:
                why = str(mismatch)
        return matching, answers, why

    def _candidates_of(self, type_id: int, name: str) -> list[tuple[Btf, int]]:
        """Types of the same kind and essential name; in modules only if the kernel itself has none."""
        if type_id not in self._candidates:
            local, plain = self._local.type(type_id), essential(name)
            found = [(self._target, each) for each in _named(self._target, plain, local)]
            for module in self._modules if not found else ():
                found += [
                    (module, each) for each in _named(module, plain, local) if each >= len(self._target)
                ]
            self._candidates[type_id] = found
        return self._candidates[type_id]


def resolve_all(
    local: Btf, relocations: Iterable[CoreRelo], target: Btf, modules: Sequence[Btf] = ()
) -> Iterator[tuple[CoreRelo, Resolution | BtfError]]:
    """Every relocation with its resolution, or with the error for which libbpf refuses the object."""
    relocator = Relocator(local, target, modules)
    for each in relocations:
        try:
            yield each, relocator.resolve(each)
        except BtfError as error:
            yield each, error


def _named(target: Btf, name: str, local: Type) -> Iterator[int]:
    return (each for each in target.flavours(name) if same_kind(local, target.type(each)))


class _Wanted:
    """One relocation, read in the object's BTF, to be found in a kernel's."""

    def __init__(self, local: Btf, relocation: CoreRelo) -> None:
        self._local = local
        self._relocation = relocation
        self._field = (
            field_of(local, relocation.type_id, relocation.path) if relocation.kind in _FIELDS else None
        )
        self._enumerator = self._read_enumerator() if relocation.kind in _ENUMS else ""
        if relocation.kind in _TYPES:
            _check_whole(relocation)
        # libbpf asks the same of the object's own types, to compare; what these cannot answer is an error.
        if relocation.kind == "type_size":
            local.size(relocation.type_id)
        elif self._field and relocation.kind != "field_exists":
            _field_value(local, self._field, relocation.kind)

    def _read_enumerator(self) -> str:
        found = self._local.type(self._local.strip(self._relocation.type_id))
        path = self._relocation.path
        if not isinstance(found, Enum) or not path.isdecimal() or int(path) >= len(found.values):
            raise _error(f"access {path!r} is no enumerator of {self._local.name(self._relocation.type_id)}")
        return found.values[int(path)][0]

    def find(self, target: Btf, type_id: int) -> _Answer:
        """What the candidate *type_id* gives; :class:`Mismatch` if it is none."""
        if self._field:
            return self._of_field(target, type_id, self._field)
        if self._enumerator:
            return _Answer(self._of_enumerator(target, type_id))
        return _Answer(self._of_type(target, type_id))

    def _of_enumerator(self, target: Btf, type_id: int) -> int:
        enum_id = target.strip(type_id)
        found = target.type(enum_id)
        wanted = essential(self._enumerator)
        for name, value in found.values if isinstance(found, Enum) else ():
            if essential(name) == wanted:
                exists = self._relocation.kind == "enumval_exists"
                return 1 if exists else _enum_value(value, wide=target.kind(enum_id) == _ENUM64)
        raise Mismatch(f"{target.name(type_id)} has no {wanted}")

    def _of_type(self, target: Btf, type_id: int) -> int:
        comparison = Comparison(self._local, target)
        kind, local_id = self._relocation.kind, self._relocation.type_id
        same = comparison.matches if kind == "type_matches" else comparison.types
        if not same(local_id, type_id):
            raise Mismatch(f"{target.name(type_id)} is another")
        if kind == "target_type_id":
            return type_id
        return target.size(type_id) if kind == "type_size" else 1

    def _of_field(self, target: Btf, type_id: int, wanted: Field) -> _Answer:
        found = matching_field(self._local, target, type_id, wanted)
        kind = self._relocation.kind
        if kind == "field_exists":
            return _Answer(1, found.bit_offset)
        value = _field_value(target, found, kind) & 0xFFFFFFFF  # it counts in 32 bits
        sizes = _unfit(self._local, wanted, target, found) if kind == "byte_off" else None
        return _Answer(value, found.bit_offset, sizes)


def _check_whole(relocation: CoreRelo) -> None:
    if relocation.path != "0":
        raise _error(f"access {relocation.path!r} to a type as a whole")


def _enum_value(value: int, *, wide: bool) -> int:
    """The value as libbpf writes it: one of 32 bits is extended by its sign, whatever the enum says."""
    if not wide and value & 0x80000000:
        value |= -1 << 32
    return value & _WORD


def _field_value(btf: Btf, field: Field, kind: str) -> int:
    """Offset, size, sign or shift of a field (``bpf_core_calc_field_relo``)."""
    step = field.steps[-1]
    if step.member is None:
        return _element_value(btf, field, step, kind)
    stripped = btf.strip(step.member.type_id)
    found = btf.type(stripped)
    bits = step.member.bit_size
    if bits:
        byte_offset, byte_size = _unit(found, field.bit_offset, bits)
    else:
        byte_offset, byte_size = field.bit_offset // 8, btf.size(stripped)
        bits = byte_size * 8
    match kind:
        case "byte_off":
            return byte_offset
        case "byte_sz":
            return byte_size
        case "signed":
            return int(isinstance(found, Int | Enum) and found.signed)
        case "rshift_u64":
            return 64 - bits
        case _:
            within = field.bit_offset - byte_offset * 8
            return 64 - (within + bits) if btf.little_endian else (8 - byte_size) * 8 + within


def _element_value(btf: Btf, field: Field, step: Step, kind: str) -> int:
    if kind == "byte_off":
        return field.bit_offset // 8
    if kind == "byte_sz":
        return btf.size(step.type_id)
    raise _error(f"{kind} of an element of an array")


def _unit(found: Type, bit_offset: int, bits: int) -> tuple[int, int]:
    """Where to read a bit field from, and how many bytes: the fewest that hold it, naturally aligned."""
    size = found.size if isinstance(found, Int | Enum) else 0
    while 0 < size <= 8:
        offset = bit_offset // 8 // size * size
        if bit_offset + bits <= (offset + size) * 8:
            return offset, size
        size *= 2
    raise _error("a bit field that no load of 8 bytes holds")


def _unfit(local: Btf, wanted: Field, target: Btf, found: Field) -> tuple[int, int] | None:
    """The sizes of a field in both, where they differ and are not those of pointers or unsigned numbers."""
    ours, theirs = _access_size(local, wanted.steps[-1]), _access_size(target, found.steps[-1])
    if ours[0] == theirs[0] or (isinstance(ours[1], Ptr) and isinstance(theirs[1], Ptr)):
        return None
    if _is_unsigned(ours[1]) and _is_unsigned(theirs[1]):
        return None
    return ours[0], theirs[0]


def _access_size(btf: Btf, step: Step) -> tuple[int, Type]:
    """Bytes of the field, of one element if it is an array; 0 for a bit field, whose size is not held."""
    if step.member and step.member.bit_size:
        return 0, btf.type(0)
    type_id = element = btf.strip(step.member.type_id if step.member else step.type_id)
    while isinstance(array := btf.type(element), Array):
        element = btf.strip(array.type_id)
    return btf.size(element), btf.type(type_id)


def _is_unsigned(found: Type) -> bool:
    """Whether its encoding is not just "signed" (``BTF_INT_SIGNED``)."""
    return isinstance(found, Int) and not (found.signed and not found.char and not found.boolean)


def _error(what: str) -> BtfError:
    return BtfError(what, where="BTF.ext", hint="build the object again")
