"""The field that a CO-RE relocation is about: in the object as its path says, in a kernel by its names.

Source: ``bpf_core_parse_spec``, ``bpf_core_match_member`` and ``bpf_core_spec_match`` of libbpf 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.btf.compare import Comparison
from pytest_ebpf.btf.reader import Btf
from pytest_ebpf.btf.types import Array, Member, Struct
from pytest_ebpf.errors import BtfError

#: Steps from the outermost type to the field, anonymous members counted (``BPF_CORE_SPEC_MAX_LEN``).
_STEPS: Final = 64

#: Members that one search looks at; the largest struct of a kernel has a few hundred.
_MEMBERS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Step:
    """A *member* of the struct *type_id*, or, without one, element *index* of an array of *type_id*."""

    type_id: int
    index: int
    member: Member | None
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """Named members and elements from the outermost type inward; anonymous members are passed through."""

    steps: tuple[Step, ...]
    bit_offset: int


def field_of(btf: Btf, type_id: int, path: str) -> Field:
    """The field that *path* (``0:1:2``) leads to in the object's own BTF."""
    indices = _indices(path)
    current = btf.strip(type_id)
    steps = [Step(current, indices[0], None)]
    bit_offset = indices[0] * btf.size(current) * 8
    for index in indices[1:]:
        current = btf.strip(current)
        found = btf.type(current)
        if isinstance(found, Struct) and index < len(found.members):
            member = found.members[index]
            bit_offset += member.bit_offset
            if member.name:
                steps.append(Step(current, index, member, is_last=index == len(found.members) - 1))
            current = member.type_id
        elif isinstance(found, Array) and (index < found.count or _is_flexible(steps[-1], found)):
            current = btf.strip(found.type_id)
            steps.append(Step(current, index, None))
            bit_offset += index * btf.size(current) * 8
        else:
            raise BtfError(
                f"access {path!r} leads out of {btf.name(type_id)}",
                where="BTF.ext",
                hint="build the object again",
            )
    return Field(tuple(steps), bit_offset)


def _indices(path: str) -> list[int]:
    try:
        indices = [int(each) for each in path.split(":")]
    except ValueError:
        indices = []
    if not indices or min(indices) < 0 or len(indices) > _STEPS:
        raise BtfError(f"access {path!r} is no path of indices", where="BTF.ext")
    return indices


def _is_flexible(step: Step, array: Array) -> bool:
    """Whether the array, reached by *step*, is the open end of its struct."""
    return step.member is not None and not array.count and step.is_last


class Mismatch(Exception):  # noqa: N818 - an answer, caught where the search was begun
    """A kernel's type does not have the field; says what is missing."""


def matching_field(local: Btf, target: Btf, target_id: int, wanted: Field) -> Field:
    """The same field, by its names, in the kernel's type *target_id*; :class:`Mismatch` if there is none."""
    return _Search(local, target).find(target_id, wanted)


class _Search:
    def __init__(self, local: Btf, target: Btf) -> None:
        self._local = local
        self._target = target
        self._comparison = Comparison(local, target)
        self._looked_at = 0

    def find(self, target_id: int, wanted: Field) -> Field:
        target, root = self._target, target_id
        steps: list[Step] = []
        bit_offset = depth = 0
        for number, ours in enumerate(wanted.steps):
            target_id = target.strip(target_id)
            if ours.member:
                found = self._member(target_id, ours.member, depth)
                if found is None:
                    raise Mismatch(f"{target.name(root)} has no {_path(wanted, number)}")
                step, offset, passed = found
                assert step.member is not None
                self._check_kind(ours.member, step.member, root, _path(wanted, number))
                target_id = step.member.type_id
                depth += passed
            else:
                if number:
                    target_id = self._element(target_id, ours.index, steps[-1], root, _path(wanted, number))
                step = Step(target_id, ours.index, None)
                offset = ours.index * target.size(target_id) * 8
                depth = _deeper(depth)
            steps.append(step)
            bit_offset += offset
        return Field(tuple(steps), bit_offset)

    def _check_kind(self, ours: Member, theirs: Member, root: int, path: str) -> None:
        if not self._comparison.fields(ours.type_id, theirs.type_id):
            here, there = self._local.name(ours.type_id), self._target.name(theirs.type_id)
            raise Mismatch(f"{path} of {self._target.name(root)} is {there}, not {here}")

    def _element(self, target_id: int, index: int, before: Step, root: int, path: str) -> int:
        """The type of element *index*, stripped."""
        found = self._target.type(target_id)
        if not isinstance(found, Array) or not (index < found.count or _is_flexible(before, found)):
            raise Mismatch(f"{self._target.name(root)} has no {path}")
        return self._target.strip(found.type_id)

    def _member(self, type_id: int, wanted: Member, depth: int) -> tuple[Step, int, int] | None:
        """The first member of that name, its offset in bits and how many levels it lies below *type_id*."""
        type_id = self._target.strip(type_id)
        found = self._target.type(type_id)
        if not isinstance(found, Struct):
            return None
        for index, member in enumerate(found.members):
            self._looked_at += 1
            if self._looked_at > _MEMBERS:
                raise BtfError("members nested without end", where="BTF", hint="build the object again")
            below = _deeper(depth)
            if member.name == wanted.name:
                last = index == len(found.members) - 1
                return Step(type_id, index, member, is_last=last), member.bit_offset, 1
            if not member.name and (inner := self._member(member.type_id, wanted, below)):
                step, offset, passed = inner
                return step, member.bit_offset + offset, passed + 1
        return None


def _deeper(depth: int) -> int:
    if depth >= _STEPS:
        raise BtfError(f"a field lies deeper than {_STEPS} levels", where="BTF")
    return depth + 1


def _path(field: Field, number: int) -> str:
    """The first steps of a field up to *number*, as C writes them: ``mm.list[3]``."""
    return "".join(_words(field.steps[: number + 1])).removeprefix(".")


def _words(steps: tuple[Step, ...]) -> Iterator[str]:
    for number, step in enumerate(steps):
        if step.member:
            yield f".{step.member.name}"
        elif number or step.index:
            yield f"[{step.index}]"
