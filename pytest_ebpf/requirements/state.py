"""What is known at one place of a function, and what each instruction makes of it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.objects.instructions import (
    ALU,
    ALU64,
    ATOMIC,
    DIV,
    END,
    LDIMM64,
    LDX,
    MEM,
    MEMSX,
    MOD,
    MOV,
    NEG,
    ST,
    STX,
    Instruction,
)
from pytest_ebpf.requirements.constants import Constants
from pytest_ebpf.requirements.frame import FRAME
from pytest_ebpf.requirements.model import DataAddress, ProgramCode
from pytest_ebpf.requirements.values import (
    HALF,
    SUB,
    WORD,
    Value,
    arithmetic,
    divide,
    in_byte_order,
    lower,
    signed,
)

_REGISTERS: Final = 16  # eleven are real; a damaged instruction may name any
_SIZES: Final = {0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8}
_SPILL: Final = 8  # kernels before 5.16 follow whole registers only
_CLOBBERED: Final = slice(0, 6)

#: What a function is called with: registers 1 to 5.
Arguments = tuple[Value, ...]
NO_ARGUMENTS: Final[Arguments] = (None,) * 5


@dataclass(slots=True)
class State:
    """Registers; and by their distance from the frame pointer sizes and values of what was put there."""

    registers: list[Value]
    slots: dict[int, tuple[int, Value]]

    @classmethod
    def at_entry(cls, arguments: Arguments) -> State:
        """What is known where a function begins."""
        return cls([None, *arguments, *[None] * (_REGISTERS - 6)], {})

    def key(self) -> Hashable:
        """The same for states that say the same."""
        return tuple(self.registers), frozenset(self.slots.items())

    def copy(self) -> State:
        """Another one that says the same."""
        return State(self.registers.copy(), self.slots.copy())

    def join(self, other: State) -> bool:
        """Keep what both say; whether that is less than before."""
        changed = False
        for number, value in enumerate(self.registers):
            if value is not None and value != other.registers[number]:
                self.registers[number] = None
                changed = True
        for place in [each for each, value in self.slots.items() if other.slots.get(each) != value]:
            del self.slots[place]
            changed = True
        return changed

    def forget(self, start: int, end: int) -> None:
        """Bytes *start* to *end* of the frame were written to."""
        for place in [at for at, (size, _) in self.slots.items() if at < end and start < at + size]:
            del self.slots[place]


def arguments_of(state: State) -> Arguments:
    """What is in the registers that a call takes."""
    return tuple(state.registers[1:6])


class Machine:
    """Executes the instructions of one function that do not jump.

    From *floor* upward the frame may be changed by others than the frame pointer. A *keen* one follows what
    only some verifiers do: parts of spilled registers, constants that are stored, division, swapped bytes.
    """

    def __init__(self, code: ProgramCode, constants: Constants, floor: int, *, keen: bool) -> None:
        self._code = code
        self._constants = constants
        self._floor = floor
        self._keen = keen

    def execute(self, index: int, instruction: Instruction, state: State) -> None:
        """Change *state* as the instruction at *index* does."""
        of_class = instruction.code & 7
        if of_class in {ALU, ALU64}:
            state.registers[instruction.dst] = self._compute(index, instruction, state)
        elif instruction.code == LDIMM64:
            state.registers[instruction.dst] = self._number(index, instruction)
        elif of_class == LDX:
            state.registers[instruction.dst] = self._load(index, instruction, state)
        elif of_class in {ST, STX}:
            self._store(index, instruction, state)
        else:  # a call, or a load from a packet (LD_ABS, LD_IND), which clobbers as a call does
            state.registers[_CLOBBERED] = [None] * 6
            state.forget(self._floor, 0)

    def _number(self, index: int, instruction: Instruction) -> Value:
        """What an ``ldimm64`` loads."""
        if index in self._code.addresses:
            return self._constants.loaded[index]
        if index in self._code.relocations:
            return self._constants.relocated.get(index)
        if index + 1 >= len(self._code.instructions):
            return None
        upper = self._code.instructions[index + 1].immediate
        return (upper & HALF) << 32 | instruction.immediate & HALF

    def _compute(self, index: int, instruction: Instruction, state: State) -> Value:
        wide = instruction.code & 7 == ALU64
        operation = instruction.code & 0xF0
        if instruction.code & 8:
            operand = state.registers[instruction.src]
        elif index in self._code.relocations:
            relocated = self._constants.relocated.get(index)
            operand = None if relocated is None else signed(relocated, 32) & WORD
        else:
            operand = instruction.immediate & WORD
        if operation == MOV:
            return _move(instruction, operand, wide=wide)
        if instruction.offset:
            return None
        left = state.registers[instruction.dst]
        if self._keen and operation in {NEG, DIV, MOD, END}:
            return self._unusual(instruction, left, operand)
        return arithmetic(operation, left, operand, wide=wide)

    def _unusual(self, instruction: Instruction, left: Value, right: Value) -> Value:
        """What verifiers began to follow late, if at all."""
        wide = instruction.code & 7 == ALU64
        match instruction.code & 0xF0:
            case 0x80:
                return arithmetic(SUB, 0, left, wide=wide)
            case 0xD0 if isinstance(left, int):
                swaps = wide or bool(instruction.code & 8) == self._code.little_endian
                return in_byte_order(left, instruction.immediate, swaps=swaps)
            case 0x30 | 0x90 as operation:
                return divide(left, right, wide=wide, remainder=operation == MOD)
        return None

    def _load(self, index: int, instruction: Instruction, state: State) -> Value:
        mode, size = instruction.code & 0xE0, _SIZES[instruction.code & 0x18]
        if index in self._code.relocations or mode not in {MEM, MEMSX}:
            return None
        if instruction.src == FRAME:
            return self._fill(instruction.offset, size, state, extends=mode == MEMSX)
        base = state.registers[instruction.src]
        if not isinstance(base, DataAddress):
            return None
        number = self._constants.read(DataAddress(base.section, base.offset + instruction.offset), size)
        return signed(number, size * 8) & WORD if number is not None and mode == MEMSX else number

    def _fill(self, place: int, size: int, state: State, *, extends: bool) -> Value:
        """What is in the frame at *place*: as it was put there, or, for a keen machine, a part of that."""
        for at, (stored, value) in state.slots.items():
            if at == place and stored == size and (value == 0 or not extends):
                return value
            if self._keen and at <= place and place + size <= at + stored and isinstance(value, int):
                within = place - at if self._code.little_endian else at + stored - place - size
                part = value >> within * 8 & (1 << size * 8) - 1
                return signed(part, size * 8) & WORD if extends else part
        return None

    def _store(self, index: int, instruction: Instruction, state: State) -> None:
        mode, size = instruction.code & 0xE0, _SIZES[instruction.code & 0x18]
        is_atomic = instruction.code & 7 == STX and mode == ATOMIC
        if is_atomic:  # some give what was there: to the source, to r0, to the destination
            for number in {0, instruction.src, instruction.dst} - {FRAME}:
                state.registers[number] = None
        if instruction.dst != FRAME:
            state.forget(self._floor, 0)
            return
        if index in self._code.relocations:
            state.slots.clear()  # somewhere else
            return
        place = instruction.offset
        state.forget(place, place + size)
        if mode == MEM and (value := self._stored(instruction, size, state)) is not None:
            state.slots[place] = size, value

    def _stored(self, instruction: Instruction, size: int, state: State) -> Value:
        """What all kernels know of the frame after a store: whole registers, and zeros from registers."""
        is_register = instruction.code & 7 == STX
        value = state.registers[instruction.src] if is_register else instruction.immediate & WORD
        if is_register and (value == 0 or (size == _SPILL and instruction.offset % _SPILL == 0)):
            return value
        return value & (1 << size * 8) - 1 if self._keen and isinstance(value, int) else None


def _move(instruction: Instruction, operand: Value, *, wide: bool) -> Value:
    if not instruction.offset:
        if wide:
            return operand
        return lower(operand)
    if not isinstance(operand, int) or instruction.offset not in {8, 16, 32}:
        return None  # a change of address space
    return signed(operand, instruction.offset) & (WORD if wide else HALF)
