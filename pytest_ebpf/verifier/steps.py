"""The path on which the verifier came to its verdict: instruction by instruction, with states."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_ebpf.verifier.log import INSTRUCTION, comment
from pytest_ebpf.verifier.states import RegisterState, parse

#: Lines that are followed: a quarter of what a guest keeps of a log, and a quarter of a second.
_MOST: Final = 20_000

_BRANCH: Final = re.compile(r"from (?P<start>\d+) to (?P<target>\d+)")
_STATE: Final = re.compile(r"(?:\d+: )?(?:frame\d+: ?)?R\d+[_a-zA-Z]*=")
_ANEW: Final = "Validating "
_CALLEE: Final = "callee:"
_RETURNED: Final = "to caller at "
_BACKTRACK: Final = ("last_idx ", "regs=", "mark_precise: ", "parent ")

#: ``r1 = *(u32 *)(r6 +16)``: what is written, how, and from what.
_ASSIGNMENT: Final = re.compile(r"(?P<target>[rw]\d+) (?P<how>\S*)= (?P<value>.+)")
_COPY: Final = re.compile(r"(?:\(\w+\))?(?P<register>[rw]\d+)")
_MEMORY: Final = re.compile(r"\*\(\w+ \*\)\((?P<base>r\d+) (?P<offset>[+-]\d+)\)")
_STORED: Final = re.compile(rf"{_MEMORY.pattern} = (?P<value>\S+)")
_CALL: Final = re.compile(r"call (?P<name>[A-Za-z_]\w*)#-?\d+")
_LOCAL_CALL: Final = re.compile(r"call pc(?P<distance>[+-]\d+)")

#: Of a call, the states with which a function begins that it will call back.
_CALLED_BACK: Final = re.compile(r" \d+: frame(?P<depth>\d+): ")


@dataclass(frozen=True)
class Effect:
    """What an instruction does to a register *target*: *source* is the register its value comes from.

    *how* is ``copy``, ``load``, ``arithmetic``, ``constant`` or ``call``; *slot* the stack's byte of a load.
    """

    target: str
    how: str
    source: str | None = None
    slot: int | None = None


@dataclass
class Step:
    """Instruction *index* as it was looked at, *depth* calls deep.

    *before* are the registers that were printed ahead of it, *after* those behind it; *quote* is the source
    line as the log quotes it: its text and, from Linux 6.10 on, its place. *branched*: what is behind it in
    the path is its second branch.
    """

    index: int
    text: str
    depth: int
    quote: tuple[str, str | None] | None
    before: Mapping[str, RegisterState]
    after: Mapping[str, RegisterState]
    branched: bool = False

    @property
    def helper(self) -> str | None:
        """The helper or the function of the kernel that is called here."""
        found = _CALL.match(self.text)
        return found["name"] if found else None

    @property
    def is_local_call(self) -> bool:
        """Whether a function of the program is called here."""
        return self.local_target is not None

    @property
    def is_call(self) -> bool:
        """Whether anything is called here."""
        return self.helper is not None or self.is_local_call

    @property
    def local_target(self) -> int | None:
        """The first instruction of the function of the program that is called here."""
        found = _LOCAL_CALL.match(self.text)
        return self.index + 1 + int(found["distance"]) if found else None

    @property
    def is_store(self) -> bool:
        """Whether memory is written here."""
        return self.text.startswith(("*(", "lock "))

    @property
    def base(self) -> str | None:
        """The register through which memory is used here."""
        found = _MEMORY.search(self.text)
        return _upper(found["base"]) if found else None

    @property
    def offset(self) -> int:
        """The bytes that are added to it, for this instruction alone."""
        found = _MEMORY.search(self.text)
        return int(found["offset"]) if found else 0

    @property
    def added(self) -> str | None:
        """The register that another one is changed by: ``r1 += r2``."""
        effect = self.effect()
        return effect.source if effect and effect.how == "arithmetic" else None

    def effect(self) -> Effect | None:
        """What becomes of a register here, None if none is written."""
        if self.is_call:
            return Effect("R0", "call")
        found = _ASSIGNMENT.fullmatch(self.text)
        if not found:
            return None
        target, value = _upper(found["target"]), found["value"]
        copied = _COPY.fullmatch(value)
        if found["how"]:
            return Effect(target, "arithmetic", _upper(copied["register"]) if copied else None)
        if copied:
            return Effect(target, "copy", _upper(copied["register"]))
        if loaded := _MEMORY.fullmatch(value):
            slot = int(loaded["offset"]) if loaded["base"] == "r10" else None
            return Effect(target, "load", _upper(loaded["base"]), slot)
        return Effect(target, "constant")

    def stored(self) -> tuple[int, str] | None:
        """The stack's byte that a register is stored to here, and the register."""
        found = _STORED.fullmatch(self.text)
        if not found or found["base"] != "r10" or not _COPY.fullmatch(found["value"]):
            return None
        return int(found["offset"]), _upper(found["value"])


@dataclass(frozen=True)
class Path:
    """The *steps* to the verdict, those of branches that were done before left out.

    *last* are the registers that were printed at the end, as they were before the last step.
    """

    steps: tuple[Step, ...]
    last: Mapping[str, RegisterState]

    @property
    def end(self) -> Step | None:
        """The instruction that the verifier was at; None where it looked at none."""
        return self.steps[-1] if self.steps else None

    def known(self, position: int | None = None) -> dict[str, RegisterState]:
        """What is known of registers before the step at *position*, the last one, in its function.

        Old kernels print states at branches only: what an instruction changes after that is not known, but
        for copies.
        """
        at = len(self.steps) - 1 if position is None else position
        states: dict[str, RegisterState] = {}
        depth = 0
        for step in self.steps[:at]:
            if step.depth != depth:
                states.clear()
                depth = step.depth
            states.update(step.before)
            _apply(states, step)
            states.update(step.after)
        now = self.steps[at]
        if now.depth != depth:
            states.clear()
        states.update(now.before)
        if position is None:
            states.update(self.last)
        return states


class _Walk:
    """Follows the log; *path* is the way to where it is."""

    def __init__(self) -> None:
        self.path: list[Step] = []
        self.pending: dict[str, RegisterState] = {}
        self._quote: tuple[str, str | None] | None = None
        self._depth = 0
        self._looks_back = False

    def read(self, line: str) -> None:
        """Take the next line of the log."""
        if found := INSTRUCTION.match(line):
            self._step(int(found["index"]), found["text"])
        elif quote := comment(line):
            self._quote = quote
        elif branch := _BRANCH.match(line):
            self._go_back(int(branch["start"]))
            self.pending = parse(line)
        elif line.startswith(_ANEW):
            self.path.clear()
            self.pending = {}
            self._depth = 0
        elif line == _CALLEE:
            self.pending = {}
            self._depth = self.path[-1].depth + 1 if self.path else 1
        elif line.startswith(_RETURNED):
            self.pending = {}
        elif line.startswith(_BACKTRACK):
            self._looks_back = True  # the states that follow are older ones
        elif _STATE.match(line) and not self._looks_back:
            self.pending.update(parse(line))

    def _step(self, index: int, text: str) -> None:
        text, _, states = text.partition(" ; ")
        back = _CALLED_BACK.search(text)
        text, begin = (text[: back.start()], text[back.start() :]) if back else (text, "")
        if self.path and self.path[-1].text == "exit" and self.path[-1].depth == self._depth:
            self._depth = max(self._depth - 1, 0)
        self.path.append(Step(index, text.strip(), self._depth, self._quote, self.pending, parse(states)))
        self.pending = parse(begin)
        self._depth = int(back["depth"]) if back else self._depth
        self._looks_back = False

    def _go_back(self, start: int) -> None:
        """Take up the branch that was left open last at instruction *start*."""
        self._quote = None
        self._looks_back = False
        for at in range(len(self.path) - 1, -1, -1):
            if self.path[at].index == start and not self.path[at].branched:
                self.path[at].branched = True
                del self.path[at + 1 :]
                self._depth = self.path[at].depth
                return
        self.path.clear()  # its beginning was cut off


def follow(lines: Sequence[str]) -> Path:
    """The path that *lines* of a log tell, of a very long one its end."""
    walk = _Walk()
    for line in lines[-_MOST:]:
        walk.read(line)
    return Path(tuple(walk.path), walk.pending)


def _apply(states: dict[str, RegisterState], step: Step) -> None:
    """Forget what *step* overwrites; remember copies."""
    effect = step.effect()
    if step.is_call:
        for number in range(6):
            states.pop(f"R{number}", None)
    elif effect and effect.how == "copy" and effect.source in states:
        states[effect.target] = replace(states[effect.source], name=effect.target)
    elif effect:
        states.pop(effect.target, None)


def _upper(register: str) -> str:
    return f"R{register[1:]}"
