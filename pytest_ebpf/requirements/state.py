"""What is known at one place of a function, and what each instruction makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_ebpf.requirements.constants import Constants
from pytest_ebpf.requirements.frame import FRAME
from pytest_ebpf.requirements.instructions import (
    ALU,
    ALU64,
    ATOMIC,
    LDIMM64,
    LDX,
    MEM,
    MEMSX,
    MOV,
    ST,
    STX,
    Instruction,
)
from pytest_ebpf.requirements.model import DataAddress, ProgramCode
from pytest_ebpf.requirements.values import HALF, WORD, Value, arithmetic, signed

_REGISTERS: Final = 16  # eleven are real; a damaged instruction may name any
_SIZES: Final = {0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8}
_SPILL: Final = 8  # kernels before 5.16 follow whole registers only
_CLOBBERED: Final = slice(0, 6)


@dataclass(slots=True)
class State:
    """Registers, and spilled registers by their distance from the frame pointer."""

    registers: list[Value]
    slots: dict[int, Value]

    @classmethod
    def at_entry(cls) -> State:
        """Nothing is known where a function begins."""
        return cls([None] * _REGISTERS, {})

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
        for place in [each for each in self.slots if each < end and start < each + _SPILL]:
            del self.slots[place]


class Machine:
    """Executes the instructions of one function that do not jump.

    From *floor* upward the frame may be changed by others than the frame pointer.
    """

    def __init__(self, code: ProgramCode, constants: Constants, floor: int) -> None:
        self._code = code
        self._constants = constants
        self._floor = floor

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
        return arithmetic(operation, state.registers[instruction.dst], operand, wide=wide)

    def _load(self, index: int, instruction: Instruction, state: State) -> Value:
        mode, size = instruction.code & 0xE0, _SIZES[instruction.code & 0x18]
        if index in self._code.relocations or mode not in {MEM, MEMSX}:
            return None
        if instruction.src == FRAME:
            whole = size == _SPILL and mode == MEM
            return state.slots.get(instruction.offset) if whole else None
        base = state.registers[instruction.src]
        if not isinstance(base, DataAddress):
            return None
        number = self._constants.read(DataAddress(base.section, base.offset + instruction.offset), size)
        return signed(number, size * 8) & WORD if number is not None and mode == MEMSX else number

    def _store(self, index: int, instruction: Instruction, state: State) -> None:
        mode, size = instruction.code & 0xE0, _SIZES[instruction.code & 0x18]
        is_atomic = instruction.code & 7 == STX and mode == ATOMIC
        if is_atomic:  # some give what was there: to the source, to r0, to the destination
            for number in {0, instruction.src, instruction.dst} - {FRAME}:
                state.registers[number] = None
        if instruction.dst != FRAME or index in self._code.relocations:
            state.forget(self._floor, 0)
            return
        place = instruction.offset
        state.forget(place, place + size)
        spills = instruction.code & 7 == STX and mode == MEM and size == _SPILL and place % _SPILL == 0
        value = state.registers[instruction.src] if spills else None
        if value is not None:
            state.slots[place] = value


def _move(instruction: Instruction, operand: Value, *, wide: bool) -> Value:
    if not instruction.offset:
        if wide:
            return operand
        return operand & HALF if isinstance(operand, int) else None
    if not isinstance(operand, int) or instruction.offset not in {8, 16, 32}:
        return None  # a change of address space
    return signed(operand, instruction.offset) & (WORD if wide else HALF)
