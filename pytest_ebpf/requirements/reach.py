"""Which instructions of a program one kernel would ever come to.

Constants are followed through registers, spilled registers and read-only data, both ways wherever something
is not known, until nothing changes any more. What comes out has every instruction that the verifier may
visit, and may have more: the verifier follows paths one by one, here they are joined where they meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pytest_ebpf.requirements.blocks import block_starts, falls_through, is_jump, jump_target
from pytest_ebpf.requirements.constants import Constants, constants_of
from pytest_ebpf.requirements.frame import open_from
from pytest_ebpf.requirements.instructions import JAX, JMP, LDIMM64, Instruction
from pytest_ebpf.requirements.model import FunctionFacts, ProgramCode, ProgramRequirements
from pytest_ebpf.requirements.oracle import KernelOracle
from pytest_ebpf.requirements.state import Machine, State
from pytest_ebpf.requirements.values import WORD, is_taken

#: Steps for one program, after which it is taken to be reachable as a whole; about a second.
_STEPS: Final = 1_000_000


class _TooLong(Exception):  # noqa: N818 - caught where the walk was begun
    """The walk has taken more steps than it may, or the code does not say where it goes."""


def reachable(
    program: ProgramRequirements, oracle: KernelOracle, rodata: Mapping[str, bytes] | None = None
) -> frozenset[int]:
    """The instructions of *program*, by index in the whole, that the kernel of *oracle* may come to.

    *rodata* is what the loader puts into read-only sections, by name; None: what is in the file. A section
    that is missing in it may hold anything. Time and memory are bounded: a program that takes too long is
    reachable as a whole.
    """
    code = program.code
    constants = constants_of(code, oracle, rodata)
    if constants not in code.reached:
        code.reached[constants] = _reach(code, constants)
    return code.reached[constants]


def _reach(code: ProgramCode, constants: Constants) -> frozenset[int]:
    try:
        return frozenset(_Walk(code, constants).run())
    except _TooLong:
        return frozenset(range(len(code.instructions)))


class _Walk:
    """The walk through one program: its functions, one after the other."""

    def __init__(self, code: ProgramCode, constants: Constants) -> None:
        self.code = code
        self.constants = constants
        self._targets = {call.instruction: call.target for each in code.functions for call in each.calls}
        self._by_first = {each.first: each for each in code.functions}
        self._steps = 0

    def run(self) -> set[int]:
        """Walk the program, then every function that something calls which was reached."""
        reached: set[int] = set()
        waiting = [each for each in self.code.functions if self._is_entry(each)]
        begun = {each.first for each in waiting}
        while waiting:
            found = _FunctionWalk(self, waiting.pop()).run()
            reached |= found
            for target in {self._targets[index] for index in found.intersection(self._targets)} - begun:
                begun.add(target)
                waiting.append(self._by_first[target])
        return reached

    def _is_entry(self, function: FunctionFacts) -> bool:
        return not function.first or (function.is_global and self.constants.eager_globals)

    def count_step(self) -> None:
        """Keep to the bound."""
        self._steps += 1
        if self._steps > _STEPS:
            raise _TooLong


class _FunctionWalk:
    """The walk through one function. Nothing is known of its arguments."""

    def __init__(self, walk: _Walk, function: FunctionFacts) -> None:
        self._walk = walk
        self._instructions = walk.code.instructions
        self._first = function.first
        self._end = function.first + function.instructions
        own = self._instructions[self._first : self._end]
        starts = block_starts(own)
        self._starts = frozenset(self._first + each for each in starts)
        floor = open_from(own, starts, calls=bool(function.calls))
        self._machine = Machine(walk.code, walk.constants, floor)
        self._entries: dict[int, State] = {}
        self._reached: set[int] = set()

    def run(self) -> set[int]:
        """What is reached of the function."""
        waiting: list[int] = []
        self._enter(self._first, State.at_entry(), waiting)
        while waiting:
            index = waiting.pop()
            state = self._entries[index].copy()
            for successor in self._block(index, state):
                self._enter(successor, state, waiting)
        return self._reached

    def _enter(self, index: int, state: State, waiting: list[int]) -> None:
        """Join *state* into what is known where a block begins; walk the block if that changed anything."""
        if not self._first <= index < self._end:
            return  # a damaged jump
        known = self._entries.get(index)
        if known is None:
            self._entries[index] = state.copy()
        elif not known.join(state):
            return
        waiting.append(index)

    def _block(self, index: int, state: State) -> tuple[int, ...]:
        """Execute from *index* to where control may meet other control or part; where it goes from there."""
        while index < self._end:
            self._walk.count_step()
            self._reached.add(index)
            instruction = self._instructions[index]
            if instruction.code == JAX:
                raise _TooLong
            if is_jump(instruction):
                return tuple(_ways(index, instruction, state))
            self._machine.execute(index, instruction, state)
            index += 1
            if instruction.code == LDIMM64:
                self._reached.add(index)
                index += 1
            if index in self._starts:
                break
        return (index,)


def _ways(index: int, instruction: Instruction, state: State) -> Iterator[int]:
    target = jump_target(index, instruction)
    taken: bool | None = None
    if target is not None and falls_through(instruction):
        taken = _condition(instruction, state)
    if target is not None and taken is not False:
        yield target
    if falls_through(instruction) and taken is not True:
        yield index + 1


def _condition(instruction: Instruction, state: State) -> bool | None:
    """Whether a conditional jump is taken."""
    right = state.registers[instruction.src] if instruction.code & 8 else instruction.immediate & WORD
    wide = instruction.code & 7 == JMP
    return is_taken(instruction.code & 0xF0, state.registers[instruction.dst], right, wide=wide)
