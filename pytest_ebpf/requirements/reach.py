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
from pytest_ebpf.requirements.values import Opaque, Value


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
        found: frozenset[int] | None = walk.run()
        if found is None and effort is Effort.APART:
            found = reachable(program, oracle, rodata)
        elif effort is Effort.KEEN:
            found = frozenset(walk.reached)
            if walk.leant:
                other = _Walk(code, constants, effort, lean=False)
                other.run()
                found &= other.reached
        code.reached[effort, constants] = frozenset(range(len(code.instructions))) if found is None else found
    return code.reached[effort, constants]


class _Walk:
    """The walk through one program: what is called by what is reached.

    *leant*: at some jump only verifiers know whether it is taken, and was if it is to *lean* that way.
    """

    def __init__(self, code: ProgramCode, constants: Constants, effort: Effort, *, lean: bool = True) -> None:
        self.reached: set[int] = set()
        self.leant = False
        self._lean = lean
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
        self._waiting: list[tuple[FunctionFacts, Arguments]] = []
        self._contexts: Counter[int] = Counter()
        self._returned: dict[tuple[int, Arguments], tuple[Value, ...]] = {}

    def run(self) -> frozenset[int] | None:
        """What is reached of the program and of every function that it calls; None for too long a walk."""
        for each in self._code.functions:
            eager = self._constants.exceptions if each.catches else self._constants.eager_globals
            if not each.first or (each.is_global and eager):
                self._begin(each, NO_ARGUMENTS)
        try:
            while self._waiting:
                self._walk(*self._waiting.pop(), 1)
        except TooLongError:
            return None
        return frozenset(self.reached)

    def _begin(self, function: FunctionFacts, arguments: Arguments) -> None:
        """Walk *function*, some time, with what is known of all its *arguments* wherever it is called."""
        if function.first not in self._begun:
            self._begun.add(function.first)
            self._waiting.append((function, arguments))

    def _walk(self, function: FunctionFacts, arguments: Arguments, frames: int) -> tuple[Value, ...]:
        if function.first not in self._shapes:
            shape = Shape.of(self._code, function, self._constants, keen=self._keen)
            self._shapes[function.first] = shape
        shape = self._shapes[function.first]
        most = _APART if self._is_close else 1
        call = partial(self._call, frames)
        return FunctionWalk(shape, most, call, self._step, self._perhaps).run(arguments)

    def _perhaps(self) -> bool:
        self.leant = True
        return self._lean

    def _step(self, index: int) -> None:
        """Note what is reached; keep to the bound."""
        self.reached.add(index)
        self._room -= 1
        if self._room < 0:
            raise TooLongError

    def _call(self, frames: int, index: int, arguments: Arguments) -> tuple[Value, ...]:
        """What the function may return that is called at *index*, from the last of *frames*.

        Global functions are verified with whatever they might be called with. Of others verifiers know more.
        """
        call = self._calls[index]
        function = self._by_first[call.target]
        key = call.target, arguments
        if function.is_global:
            self._begin(function, NO_ARGUMENTS)
            return (None,)
        unknown = Opaque.PERHAPS if self._keen else None
        if not self._is_close or call.is_callback or frames == _FRAMES:
            self._begin(function, (unknown,) * len(arguments))
            return (unknown,)
        if key not in self._returned:
            if self._contexts[call.target] == _CONTEXTS:
                self._begin(function, (unknown,) * len(arguments))
                return (unknown,)
            self._contexts[call.target] += 1
            self._returned[key] = (None,)  # to those that call themselves
            self._returned[key] = self._walk(function, arguments, frames + 1)
        return self._returned[key]
