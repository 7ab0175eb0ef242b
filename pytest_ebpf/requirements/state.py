"""What is known at one place of a function, and what each instruction makes of it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.objects.instructions import (
    ALU,
    ALU64,
    ATOMIC,
    CALL,
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
    SUBPROGRAM,
    Instruction,
)
from pytest_ebpf.requirements import bits
from pytest_ebpf.requirements.constants import Constants
from pytest_ebpf.requirements.frame import FRAME
from pytest_ebpf.requirements.model import DataAddress, ProgramCode
from pytest_ebpf.requirements.values import (
    AND,
    HALF,
    OR,
    SUB,
    WORD,
    Opaque,
    Value,
    arithmetic,
    divide,
    lower,
    signed,
)

_REGISTERS: Final = 16  # eleven are real; a damaged instruction may name any
_SIZES: Final = {0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8}
_SPILL: Final = 8  # kernels before 5.16 follow whole registers only
_CLOBBERED: Final = slice(0, 6)
_ARGUMENTS: Final = slice(1, 6)

#: What a function is called with: registers 1 to 5.
Arguments = tuple[Value, ...]
NO_ARGUMENTS: Final[Arguments] = (None,) * 5


@dataclass(slots=True)
class State:
    """Registers; and by their distance from the frame pointer sizes and values of what was put there.

    Of a *touched* frame verifiers may know more: something was put there through another pointer.
    """

    registers: list[Value]
    slots: dict[int, tuple[int, Value]]
    touched: bool = False

    @classmethod
    def at_entry(cls, arguments: Arguments, frame: Value) -> State:
        """What is known where a function begins; *frame* is what the frame pointer counts as."""
        registers = [None, *arguments, *[None] * (_REGISTERS - 6)]
        registers[FRAME] = frame
        return cls(registers, {})

    def key(self) -> Hashable:
        """The same for states that say the same."""
        return tuple(self.registers), frozenset(self.slots.items()), self.touched

    def copy(self) -> State:
        """Another one that says the same."""
        return State(self.registers.copy(), self.slots.copy(), self.touched)

    def join(self, other: State) -> bool:
        """Keep what both say; whether that is less than before."""
        changed = other.touched and not self.touched
        self.touched |= other.touched
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
    return tuple(state.registers[_ARGUMENTS])


class Machine:
    """Executes the instructions of one function that do not jump.

    From *floor* upward the frame may be changed by others than the frame pointer. A *keen* one follows what
    only some verifiers do: parts of spilled registers, constants that are stored, division, swapped bytes,
    single bits. Of what it does not follow itself, frames of callers, it says that they perhaps do.
    """

    def __init__(self, code: ProgramCode, constants: Constants, floor: int, *, keen: bool) -> None:
        self._code = code
        self._constants = constants
        self._floor = floor
        self._keen = keen

    def entry(self, arguments: Arguments) -> State:
        """What is known where the function begins."""
        return State.at_entry(arguments, Opaque.PERHAPS if self._keen else None)

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
            is_known = instruction.code == CALL and instruction.src == SUBPROGRAM
            state.touched |= is_known and Opaque.PERHAPS in state.registers[_ARGUMENTS]
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
            return self._move(instruction, operand, wide=wide)
        if instruction.offset:
            return None
        left = state.registers[instruction.dst]
        if operation in {NEG, DIV, MOD, END}:
            return self._unusual(instruction, left, operand) if self._keen else None
        found = arithmetic(operation, left, operand, wide=wide)
        return bits.compute(operation, left, operand, wide=wide) if found is None and self._keen else found

    def _unusual(self, instruction: Instruction, left: Value, right: Value) -> Value:
        """What verifiers began to follow late, if at all."""
        wide = instruction.code & 7 == ALU64
        match instruction.code & 0xF0:
            case 0x80:
                return bits.compute(SUB, 0, left, wide=wide)
            case 0xD0:
                swaps = wide or bool(instruction.code & 8) == self._code.little_endian
                return bits.swapped(left, instruction.immediate, swaps=swaps)
            case operation:
                found = divide(left, right, wide=wide, remainder=operation == MOD)
                return bits.compute(operation, left, right, wide=wide) if found is None else found

    def _move(self, instruction: Instruction, operand: Value, *, wide: bool) -> Value:
        if not instruction.offset:
            if wide:
                return operand
            return bits.compute(OR, operand, 0, wide=False) if self._keen else lower(operand)
        if instruction.offset not in {8, 16, 32}:
            return None  # a change of address space
        if isinstance(operand, int):
            return signed(operand, instruction.offset) & (WORD if wide else HALF)
        return operand if operand is Opaque.PERHAPS else None

    def _load(self, index: int, instruction: Instruction, state: State) -> Value:
        mode, size = instruction.code & 0xE0, _SIZES[instruction.code & 0x18]
        if index in self._code.relocations or mode not in {MEM, MEMSX}:
            return None
        if instruction.src == FRAME:
            return self._fill(instruction.offset, size, state, extends=mode == MEMSX)
        base = state.registers[instruction.src]
        if self._keen and base is Opaque.PERHAPS:
            return base  # the frame, or that of a caller
        if not isinstance(base, DataAddress):
            return self._unknown(size) if mode == MEM else None
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
            if value is Opaque.PERHAPS and at < place + size and place < at + stored:
                return value
        if self._keen and state.touched:
            return Opaque.PERHAPS
        return None if extends else self._unknown(size)

    def _unknown(self, size: int) -> Value:
        """What a load gives of which nothing is known."""
        return bits.loaded(size) if self._keen else None

    def _store(self, index: int, instruction: Instruction, state: State) -> None:
        mode, size = instruction.code & 0xE0, _SIZES[instruction.code & 0x18]
        is_atomic = instruction.code & 7 == STX and mode == ATOMIC
        if is_atomic:  # some give what was there: to the source, to r0, to the destination
            for number in {0, instruction.src, instruction.dst} - {FRAME}:
                state.registers[number] = None
        if instruction.dst != FRAME:
            state.touched |= self._keen and state.registers[instruction.dst] is Opaque.PERHAPS
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
        return bits.compute(AND, value, (1 << size * 8) - 1, wide=True) if self._keen else None
