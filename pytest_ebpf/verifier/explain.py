"""From a log to an explanation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from pytest_ebpf.verifier import origin
from pytest_ebpf.verifier.advice import SUGGESTIONS
from pytest_ebpf.verifier.log import reasons, suggested, told_once
from pytest_ebpf.verifier.model import Cause, Explanation, Kind, Place
from pytest_ebpf.verifier.origin import Trail
from pytest_ebpf.verifier.rules import match
from pytest_ebpf.verifier.sentences import Match
from pytest_ebpf.verifier.sources import Sources
from pytest_ebpf.verifier.states import RegisterState, type_words
from pytest_ebpf.verifier.steps import Path, Step, follow

#: Kinds for which what was added to a pointer matters more than the pointer.
_OF_OFFSETS: Final = frozenset({Kind.UNBOUNDED, Kind.BOUNDS, Kind.STACK_ACCESS, Kind.PACKET, Kind.CONTEXT})

_LOCKS: Final = frozenset({"bpf_spin_lock", "bpf_rcu_read_lock", "bpf_preempt_disable", "bpf_local_irq_save"})


def explain(log: str, sources: Sources | None = None, *, program: str | None = None) -> Explanation | None:
    """Why a kernel refused *program*, by the *log* of libbpf and the verifier; None if that does not say.

    *sources* are those of the program; without them lines are told as far as the log tells them.
    """
    said = reasons(log)
    if not said:
        return None
    path = follow(told_once(log))
    found = match(said, path.steps[-1] if path.steps else None)
    case = _Case(path, sources, found)
    place = case.place
    return Explanation(
        kind=case.kind,
        reason=case.reason or said[-1],
        said=found.line if found else said[-1],
        program=program,
        instruction=f"{path.steps[-1].index}: {path.steps[-1].text}" if path.steps else None,
        place=place,
        neighbours=sources.neighbours(place) if sources and place and place.file else (),
        registers=tuple(case.registers()),
        causes=tuple(case.causes()),
        suggestion=case.advice or SUGGESTIONS.get(case.kind) or suggested(log),
        lines=len(log.splitlines()),
    )


def _is_of_number(found: Match) -> bool:
    """Whether a pointer is wanted, and a number is there, which may have been a pointer."""
    return found.parts.get("type") in {"inv", "scalar"} and found.rule.kind in {
        Kind.NO_POINTER,
        Kind.ARGUMENT,
    }


def _without_checks(state: RegisterState) -> RegisterState:
    """*state* without the word that nothing of a packet is checked: newer kernels do not print that it is."""
    if state.fields.get("r") != "0":
        return state
    return replace(state, fields={name: text for name, text in state.fields.items() if name != "r"})


@dataclass
class _Case:
    """One refusal: the *path* to it, and what the rule that knows its wording *found*, if one does."""

    path: Path
    sources: Sources | None
    found: Match | None

    @cached_property
    def kind(self) -> Kind:
        """The kind of mistake."""
        if self.stale:
            return Kind.STALE
        if self.is_null:
            return Kind.NULL
        return self.found.rule.kind if self.found else Kind.OTHER

    @cached_property
    def reason(self) -> str | None:
        """The sentence about it, None if no rule knows it."""
        if self.stale:
            call, pointer = self.stale
            what = f"a {type_words(pointer.type)}" if self.it == self.register else self.it
            return f"{what} is used behind {self._called(call)}, which makes it invalid"
        if self.found is None:
            return None
        if self.is_null:
            return f"{self.it} may be null where memory is {self.found.does} through it"
        lost = origin.lost_in(self.path, self.register) if self.register and self.last else None
        about = replace(self.found, register=self.register, it=self.it, lost_in=lost, step=self._subject())
        return about.sentence()

    @property
    def advice(self) -> str | None:
        """What to do, where it is not the same for all mistakes of the kind."""
        if self.stale:
            return "use it before it is given back" if origin.releases(self.stale[0].helper) else None
        return self.found.rule.advice if self.found and not self.is_null else None

    @property
    def is_null(self) -> bool:
        """Whether memory is used through a pointer that the verifier knows to be null on this way."""
        if self.found is None or self.found.rule.kind is not Kind.NO_POINTER or self.register is None:
            return False
        state = self._known.get(self.register)
        return state is not None and state.number == 0

    @cached_property
    def _known(self) -> Mapping[str, RegisterState]:
        return self.path.known() if self.path.steps else {}

    @property
    def it(self) -> str | None:
        """What the register at fault holds: what a helper returned, or the register itself."""
        if self.trail and self.trail.start is not None and not self.trail.offsets:
            helper = self.path.steps[self.trail.start].helper
            return f"what {helper} returned" if helper else self.register
        return self.register

    def _subject(self) -> Step | None:
        """The instruction that the sentence is about."""
        held = self.found is not None and self.found.rule.role == "held"
        return self.holder if held and self.holder else self.last

    @cached_property
    def last(self) -> Step | None:
        """The instruction that the verifier was at."""
        return self.path.steps[-1] if self.path.steps else None

    @cached_property
    def register(self) -> str | None:
        """The register at fault."""
        if self.found is None:
            return None
        role = self.found.rule.role
        if self.found.register or self.last is None or not role:
            return self.found.register
        if self.found.rule.kind is Kind.BOUNDS and self.last.helper:
            return self._length_of(int(self.found.parts["size"]))
        if role == "memory":
            return origin.base_register(self.last)
        if role == "length":
            return origin.length_register(self.path)
        return origin.added_register(self.last) or origin.base_register(self.last)

    def _length_of(self, size: int) -> str | None:
        """The argument that may be *size*, which is not always that."""
        numbers = (state for state in self._known.values() if state.is_number and not state.is_constant)
        return next((state.name for state in numbers if state.limits[1] == size), None)

    @cached_property
    def trail(self) -> Trail | None:
        """Where its value came from."""
        if self.register is None or self.last is None or self.found is None:
            return None
        return origin.trail(self.path, self.register, of_offset=self.found.rule.kind in _OF_OFFSETS)

    @cached_property
    def stale(self) -> tuple[Step, RegisterState] | None:
        """The call that made the register invalid, and what it was before."""
        if self.found is None or not _is_of_number(self.found) or self.trail is None:
            return None
        return origin.invalidated_by(self.path, self.trail)

    @cached_property
    def holder(self) -> Step | None:
        """The call whose result is still held at the end, or the lock that is."""
        if self.found is None or self.found.rule.kind not in {Kind.REFERENCE, Kind.LOCK}:
            return None
        named = self.found.instruction
        for step in reversed(self.path.steps[:-1]):
            if step.index == named if named is not None else step.helper in _LOCKS:
                return step
        return None

    @cached_property
    def place(self) -> Place | None:
        """The line to show."""
        if self.found is None:
            return self._place_of(self.last)
        kind, named = self.found.rule.kind, self.found.instruction
        if kind is Kind.STACK_DEPTH:
            return self._largest_frame()
        if named is not None:
            return self._place_of_instruction(named)
        if self.last is None:
            deepest = self.sources.functions[-1].name if self.sources and kind is Kind.CALLS else None
            return self._place_of_function(self.found.parts.get("function") or deepest)
        if kind is Kind.RETURN and self.trail and self.trail.start is not None:
            return self._place_of(self.path.steps[self.trail.start])
        return self._place_of(self._subject())

    def registers(self) -> Iterator[RegisterState]:
        """The registers that matter, as they were."""
        if self.register is None or self.found is None:
            return
        if self.stale:
            yield _without_checks(self.stale[1])
            return
        if state := self._corrected(self._known.get(self.register)):
            yield state
        for name in self.trail.offsets if self.trail else ():
            if name in self._known and name != self.register and not self._known[name].is_constant:
                yield self._known[name]

    def causes(self) -> Iterator[Cause]:
        """Where it began, and what led there."""
        if self.found is None:
            return
        if self.kind is Kind.STACK_DEPTH and self.sources:
            for each in sorted(self.sources.functions, key=lambda function: -function.stack):
                yield Cause(f"{each.name} uses {each.stack} bytes", self.sources.place(each.first))
        elif self.kind is Kind.STALE and self.stale:
            call, _ = self.stale
            yield Cause(f"{self._called(call)} is called", self._place_of(call))
        elif self.kind is Kind.REFERENCE or (self.kind is Kind.LOCK and self.found.rule.role == "held"):
            yield Cause("the program ends", self._place_of(self.last))
        elif self.kind is Kind.LOCK and self.holder:
            yield Cause("the lock is taken", self._place_of(self.holder))
        elif self.trail and self.trail.start is not None:
            start = self.path.steps[self.trail.start]
            yield Cause(origin.happened(start, self.trail.links[-1][1]), self._place_of(start))

    def _corrected(self, state: RegisterState | None) -> RegisterState | None:
        """*state* with what the reason itself says of it, which is newer."""
        assert self.found
        assert self.register
        parts = self.found.parts
        said = {"inv": "scalar"}.get(parts.get("type", ""), parts.get("type"))
        if self.kind is Kind.PACKET and "r" in parts:
            before = state.fields if state and state.type == "pkt" else {}
            offset = int(parts["off"]) - (origin.own_offset(self.last) if self.last else 0)
            place = {} if before or parts.get("id") != "0" else {"off": str(offset)}
            known = {**before, **place, "id": parts["id"], "r": parts["r"]}
            return RegisterState(self.register, "pkt", None, known)
        if said and (state is None or not state.type.startswith(said)):
            return RegisterState(self.register, said)
        return _without_checks(state) if state else None

    def _called(self, call: Step) -> str:
        """The name of what is called."""
        target = call.local_target
        place = self.sources.place(target) if self.sources and target is not None else None
        return call.helper or (place.function if place else "") or "a function of the program"

    def _place_of_function(self, name: str | None) -> Place | None:
        """The first line of the function called *name*; of the program, if it is its hook's."""
        if name is None or self.sources is None:
            return None
        first = next((each.first for each in self.sources.functions if each.name == name), 0)
        return self.sources.place(first)

    def _largest_frame(self) -> Place | None:
        if self.sources is None:
            return None
        largest = max(self.sources.functions, key=lambda function: function.stack)
        return self.sources.place(largest.first)

    def _place_of_instruction(self, index: int) -> Place | None:
        if self.sources and (place := self.sources.place(index)):
            return place
        return self._place_of(next((step for step in reversed(self.path.steps) if step.index == index), None))

    def _place_of(self, step: Step | None) -> Place | None:
        """The line of *step*: as the object has it, else as the log quotes it."""
        if step is None:
            return None
        if self.sources and (place := self.sources.place(step.index)):
            return place
        if step.quote is None:
            return None
        text, at = step.quote
        file, _, line = (at or "").rpartition(":")
        return Place(file, int(line) if line else 0, text)
