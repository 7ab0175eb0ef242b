"""Which instructions of a program one kernel would ever come to.

Constants are followed through registers, spilled registers and read-only data, both ways wherever something
is not known, until nothing changes any more. What comes out has every instruction that the verifier may
visit, and may have more; how much more, :class:`Effort` says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import Enum, auto
from functools import partial
from typing import Final

from pytest_ebpf.requirements.constants import Constants, constants_of
from pytest_ebpf.requirements.model import FunctionFacts, ProgramCode, ProgramRequirements
from pytest_ebpf.requirements.oracle import KernelOracle
from pytest_ebpf.requirements.paths import FunctionWalk, Shape, TooLongError
from pytest_ebpf.requirements.state import NO_ARGUMENTS, Arguments
from pytest_ebpf.requirements.values import Value


class Effort(Enum):
    """How closely a program is looked at; each finds no more instructions than the one before it."""

    #: Paths are joined where they meet, and of arguments nothing is known. Quick, and enough for most guards.
    JOINED = auto()
    #: As every verifier from 5.10 on: paths are kept apart, arguments and results of functions are followed.
    APART = auto()
    #: Besides, what only some verifiers follow. What is left is reached on all kernels.
    KEEN = auto()


#: Steps for one program, about a second; a closer look is taken only where something is missing, and takes so
#: many, a tenth of a second, and so many more for each instruction.
_STEPS: Final = 1_000_000
_CLOSE_STEPS: Final = 40_000
_CLOSE_STEPS_EACH: Final = 16

#: States that are kept apart at one place; beyond them they are joined.
_APART: Final = 256

#: Frames of calls that are followed, as many as any verifier does; lists of arguments that are kept apart.
_FRAMES: Final = 16
_CONTEXTS: Final = 32


def reachable(
    program: ProgramRequirements,
    oracle: KernelOracle,
    rodata: Mapping[str, bytes] | None = None,
    effort: Effort = Effort.JOINED,
) -> frozenset[int]:
    """The instructions of *program*, by index in the whole, that the kernel of *oracle* may come to.

    *rodata* is what the loader puts into read-only sections, by name; None: what is in the file. A section
    that is missing in it may hold anything. Time and memory are bounded: a program that takes too long is
    reachable as a whole, or as a quicker look has it; for :attr:`Effort.KEEN` it is what was found so far.
    """
    code = program.code
    constants = constants_of(code, oracle, rodata, offsets=effort is not Effort.JOINED)
    if (effort, constants) not in code.reached:
        walk = _Walk(code, constants, effort)
        try:
            walk.run()
            found = frozenset(walk.reached)
        except TooLongError:
            match effort:
                case Effort.JOINED:
                    found = frozenset(range(len(code.instructions)))
                case Effort.APART:
                    found = reachable(program, oracle, rodata)
                case Effort.KEEN:
                    found = frozenset(walk.reached)
        code.reached[effort, constants] = found
    return code.reached[effort, constants]


class _Walk:
    """The walk through one program: what is called by what is reached."""

    def __init__(self, code: ProgramCode, constants: Constants, effort: Effort) -> None:
        self.reached: set[int] = set()
        self._code = code
        self._constants = constants
        self._is_close = effort is not Effort.JOINED
        self._keen = effort is Effort.KEEN
        close = _CLOSE_STEPS + _CLOSE_STEPS_EACH * len(code.instructions)
        self._room = close if self._is_close else _STEPS
        self._calls = {call.instruction: call for each in code.functions for call in each.calls}
        self._by_first = {each.first: each for each in code.functions}
        self._shapes: dict[int, Shape] = {}
        self._begun: set[int] = set()
        self._waiting: list[FunctionFacts] = []
        self._contexts: Counter[int] = Counter()
        self._returned: dict[tuple[int, Arguments], tuple[Value, ...]] = {}

    def run(self) -> None:
        """Walk the program, then every function that something calls which was reached."""
        for each in self._code.functions:
            if not each.first or (each.is_global and self._constants.eager_globals):
                self._begin(each)
        while self._waiting:
            self._walk(self._waiting.pop(), NO_ARGUMENTS, 1)

    def _begin(self, function: FunctionFacts) -> None:
        """Walk *function*, some time, whatever it is called with."""
        if function.first not in self._begun:
            self._begun.add(function.first)
            self._waiting.append(function)

    def _walk(self, function: FunctionFacts, arguments: Arguments, frames: int) -> tuple[Value, ...]:
        if function.first not in self._shapes:
            shape = Shape.of(self._code, function, self._constants, keen=self._keen)
            self._shapes[function.first] = shape
        shape = self._shapes[function.first]
        most = _APART if self._is_close else 1
        return FunctionWalk(shape, most, partial(self._call, frames), self._step).run(arguments)

    def _step(self, index: int) -> None:
        """Note what is reached; keep to the bound."""
        self.reached.add(index)
        self._room -= 1
        if self._room < 0:
            raise TooLongError

    def _call(self, frames: int, index: int, arguments: Arguments) -> tuple[Value, ...]:
        """What the function may return that is called at *index*, from the last of *frames*.

        Global functions and callbacks are verified with whatever they might be called with.
        """
        call = self._calls[index]
        function = self._by_first[call.target]
        key = call.target, arguments
        if not self._is_close or function.is_global or call.is_callback or frames == _FRAMES:
            self._begin(function)
            return (None,)
        if key not in self._returned:
            if self._contexts[call.target] == _CONTEXTS:
                self._begin(function)
                return (None,)
            self._contexts[call.target] += 1
            self._returned[key] = (None,)  # to those that call themselves
            self._returned[key] = self._walk(function, arguments, frames + 1)
        return self._returned[key]
