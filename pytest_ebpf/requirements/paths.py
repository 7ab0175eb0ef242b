"""The paths through one function, and what is known on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Final, Literal

from pytest_ebpf.objects.instructions import CALL, EXIT, JMP, LDIMM64, Instruction
from pytest_ebpf.requirements import bits
from pytest_ebpf.requirements.blocks import block_starts, falls_through, is_jump, jump_target
from pytest_ebpf.requirements.constants import Constants
from pytest_ebpf.requirements.frame import open_from
from pytest_ebpf.requirements.model import FunctionFacts, ProgramCode
from pytest_ebpf.requirements.state import Arguments, Machine, State, arguments_of
from pytest_ebpf.requirements.values import WORD, Bits, Low, Opaque, Value, is_taken, lower

_EQUAL, _UNEQUAL = 0x10, 0x50  # JEQ, JNE

#: Values that may be another number.
_UNSURE: Final = (Bits, NoneType)


class TooLongError(Exception):
    """The walk has taken more steps than it may, or the code does not say where it goes."""


@dataclass(frozen=True)
class Shape:
    """Instructions *first* to ``end - 1`` of *code*: one function.

    *starts* are where control may come from elsewhere, *calls* where functions are called or named.
    """

    code: ProgramCode
    first: int
    end: int
    starts: frozenset[int]
    calls: frozenset[int]
    machine: Machine
    keen: bool

    @classmethod
    def of(cls, code: ProgramCode, function: FunctionFacts, constants: Constants, *, keen: bool) -> Shape:
        """The shape of *function*; *keen*: as the machine is."""
        end = function.first + function.instructions
        own = code.instructions[function.first : end]
        starts = block_starts(own)
        floor = open_from(own, starts, calls=bool(function.calls))
        return cls(
            code,
            function.first,
            end,
            frozenset(function.first + each for each in starts),
            frozenset(each.instruction for each in function.calls),
            Machine(code, constants, floor, keen=keen),
            keen,
        )


class _Meeting:
    """What is known at one place: the states of so many paths apart, beyond them what all agree on."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._apart: dict[object, State] = {}
        self._joined: State | None = None

    def add(self, state: State) -> State | None:
        """Put *state* to the others; what is to be walked from here for it, None if all of that was."""
        if self._joined:
            return self._joined if self._joined.join(state) else None
        if self._most == 1:
            self._joined = state.copy()
            return self._joined
        key = state.key()
        if key in self._apart:
            return None
        self._apart[key] = state.copy()
        if len(self._apart) < self._most:
            return self._apart[key]
        first, *others = self._apart.values()
        for each in others:
            first.join(each)
        self._apart.clear()
        self._joined = first
        return first


class FunctionWalk:
    """One walk through a function."""

    def __init__(
        self,
        shape: Shape,
        most: int,
        call: Callable[[int, Arguments], tuple[Value, ...]],
        step: Callable[[int], None],
        perhaps: Callable[[], bool],
    ) -> None:
        """*most* states are kept apart at a place; *call* gives what a call returns; *step* hears of each.

        *perhaps* says which way to go first where only verifiers know whether a jump is taken.
        """
        self._shape = shape
        self._most = most
        self._call = call
        self._step = step
        self._perhaps = perhaps
        self._meetings: dict[int, _Meeting] = {}
        self._waiting: list[tuple[int, State]] = []
        self._returned: dict[Value, None] = {}  # as they were found: the order of a set may change

    def run(self, arguments: Arguments) -> tuple[Value, ...]:
        """Walk all paths; what the function may return."""
        self._enter(self._shape.first, self._shape.machine.entry(arguments))
        while self._waiting:
            index, state = self._waiting.pop()
            self._block(index, state.copy())
        if not self._returned or None in self._returned or len(self._returned) >= self._most:
            return (Opaque.PERHAPS if self._shape.keen and len(self._returned) >= self._most else None,)
        return tuple(self._returned)

    def _enter(self, index: int, state: State) -> bool:
        """Come to *index*, where a block begins, with *state*; whether that is to be walked from there."""
        if not self._shape.first <= index < self._shape.end:
            return False  # a damaged jump
        if index not in self._meetings:
            self._meetings[index] = _Meeting(self._most)
        if known := self._meetings[index].add(state):
            self._waiting.append((index, known))
        return known is not None

    def _block(self, index: int, state: State) -> None:
        """Execute from *index* to where control may meet other control or part."""
        shape = self._shape
        while index < shape.end:
            self._step(index)
            instruction = shape.code.instructions[index]
            if is_jump(instruction):
                self._jump(index, instruction, state)
                return
            arguments = arguments_of(state) if index in shape.calls else None
            shape.machine.execute(index, instruction, state)
            if arguments:
                returned = self._call(index, arguments)
                if instruction.code == CALL:
                    for value in returned:
                        state.registers[0] = value
                        self._enter(index + 1, state)
                    return
            index += 1
            if instruction.code == LDIMM64 and index < shape.end:  # the second half may be missing
                self._step(index)
                index += 1
            if index in shape.starts:
                break
        self._enter(index, state)

    def _jump(self, index: int, instruction: Instruction, state: State) -> None:
        if instruction.code == EXIT:
            self._returned[state.registers[0]] = None
            return
        target = jump_target(index, instruction)
        if target is None:
            raise TooLongError
        taken = self._condition(instruction, state) if falls_through(instruction) else True
        if taken is None:
            self._enter(target, self._after(instruction, state, taken=True))
            self._enter(index + 1, self._after(instruction, state, taken=False))
        elif taken is not Opaque.PERHAPS:
            self._enter(target if taken else index + 1, state)
        else:  # the other way, too, where that one was walked already, as in a loop
            ways = (target, index + 1) if self._perhaps() else (index + 1, target)
            any(self._enter(way, state) for way in ways)

    def _condition(self, instruction: Instruction, state: State) -> bool | Literal[Opaque.PERHAPS] | None:
        """Whether a conditional jump is taken."""
        wide = instruction.code & 7 == JMP
        operation = instruction.code & 0xF0
        left, right = state.registers[instruction.dst], _right(instruction, state)
        taken = is_taken(operation, left, right, wide=wide)
        if taken is not None or not self._shape.keen:
            return taken
        if Opaque.PERHAPS in {left, right}:
            return Opaque.PERHAPS
        return bits.is_taken(operation, left, right, wide=wide)

    def _after(self, instruction: Instruction, state: State, *, taken: bool) -> State:
        """*state* with what is known where a condition held, or did not."""
        operation = instruction.code & 0xF0
        if operation in {_EQUAL, _UNEQUAL}:
            return _equal(instruction, state) if taken == (operation == _EQUAL) else state
        number = _right(instruction, state)
        if not self._shape.keen or instruction.code & 7 != JMP or not isinstance(number, int):
            return state
        state = state.copy()
        found = bits.after(operation, state.registers[instruction.dst], number, taken=taken)
        state.registers[instruction.dst] = found
        return state


def _right(instruction: Instruction, state: State) -> Value:
    """What the register of a condition is compared with."""
    return state.registers[instruction.src] if instruction.code & 8 else instruction.immediate & WORD


def _equal(instruction: Instruction, state: State) -> State:
    """The state where both sides of a comparison proved equal, and one of them is known."""
    left, right = state.registers[instruction.dst], _right(instruction, state)
    if isinstance(left, _UNSURE) == isinstance(right, _UNSURE):
        return state
    found = right if isinstance(left, _UNSURE) else left
    if instruction.code & 7 != JMP:
        half = lower(found)
        if half is None:
            return state
        found = Low(half)
    state = state.copy()
    state.registers[instruction.dst if isinstance(left, _UNSURE) else instruction.src] = found
    return state
