"""One refusal whose wording is known: what is at fault, where that came from, and where it began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from pytest_ebpf.verifier import origin
from pytest_ebpf.verifier.advice import SUGGESTIONS
from pytest_ebpf.verifier.model import Cause, Kind, Place
from pytest_ebpf.verifier.origin import Trail
from pytest_ebpf.verifier.places import Places
from pytest_ebpf.verifier.sentences import Match
from pytest_ebpf.verifier.states import RegisterState, type_words
from pytest_ebpf.verifier.steps import Path, Step

#: Kinds for which what was added to a pointer matters more than the pointer.
_OF_OFFSETS: Final = frozenset({Kind.UNBOUNDED, Kind.BOUNDS, Kind.STACK_ACCESS, Kind.PACKET, Kind.CONTEXT})

#: Kinds in which a pointer is wanted, and a number may be there that has been one.
_OF_NUMBERS: Final = frozenset({Kind.NO_POINTER, Kind.ARGUMENT})

_LOCKS: Final = frozenset({"bpf_spin_lock", "bpf_rcu_read_lock", "bpf_preempt_disable", "bpf_local_irq_save"})


@dataclass
class Case:
    """The *path* to a refusal, the *places* on it, and what the rule that knows its wording has *found*."""

    path: Path
    places: Places
    found: Match

    @cached_property
    def kind(self) -> Kind:
        """The kind of mistake."""
        if self.stale:
            return Kind.STALE
        return Kind.NULL if self.is_null else self.found.rule.kind

    @property
    def reason(self) -> str:
        """The sentence about it."""
        if self.stale:
            call, pointer = self.stale
            what = f"a {type_words(pointer.type)}" if self.it == self.register else self.it
            return f"{what} is used behind {self.places.called(call)}, which makes it invalid"
        if self.is_null:
            return f"{self.it} may be null where memory is {self.found.does} through it"
        lost = origin.lost_in(self.path, self.register) if self.register and self.path.end else None
        return replace(
            self.found, register=self.register, it=self.it, lost_in=lost, step=self.subject
        ).sentence()

    @property
    def advice(self) -> str | None:
        """What to do."""
        own = None if self.is_null else self.found.rule.advice
        if self.stale:
            own = "use it before it is given back" if origin.releases(self.stale[0].helper) else None
        return own or SUGGESTIONS.get(self.kind)

    @property
    def is_null(self) -> bool:
        """Whether memory is used through a pointer that the verifier knows to be null on this way."""
        state = self._known.get(self.register or "")
        return self.found.rule.kind is Kind.NO_POINTER and state is not None and state.number == 0

    @cached_property
    def _known(self) -> Mapping[str, RegisterState]:
        return self.path.known() if self.path.steps else {}

    @property
    def it(self) -> str | None:
        """What the register at fault holds: what a helper returned, or the register itself."""
        helper = self.start.helper if self.start and self.trail and not self.trail.offsets else None
        return f"what {helper} returned" if helper else self.register

    @property
    def subject(self) -> Step | None:
        """The instruction that the sentence is about."""
        held = self.holder if self.found.rule.role == "held" else None
        return held or self.path.end

    @cached_property
    def register(self) -> str | None:
        """The register at fault."""
        role, last = self.found.rule.role, self.path.end
        if self.found.register or last is None or not role:
            return self.found.register
        if self.found.rule.kind is Kind.BOUNDS and last.helper:
            return self._length_of(int(self.found.parts["size"]))
        if role == "memory":
            return last.base
        if role == "length":
            return origin.length_register(self.path)
        return last.added or last.base

    def _length_of(self, size: int) -> str | None:
        """The argument that may be *size*, which is not always that."""
        numbers = (state for state in self._known.values() if state.is_number and not state.is_constant)
        return next((state.name for state in numbers if state.limits[1] == size), None)

    @cached_property
    def trail(self) -> Trail | None:
        """Where its value came from."""
        if self.register is None or self.path.end is None:
            return None
        return origin.trail(self.path, self.register, of_offset=self.found.rule.kind in _OF_OFFSETS)

    @property
    def start(self) -> Step | None:
        """The instruction that its value began with."""
        at = self.trail.start if self.trail else None
        return None if at is None else self.path.steps[at]

    @cached_property
    def stale(self) -> tuple[Step, RegisterState] | None:
        """The call that made the register invalid, and what it was before."""
        is_number = self.found.parts.get("type") in {"inv", "scalar"}
        if not is_number or self.found.rule.kind not in _OF_NUMBERS or self.trail is None:
            return None
        return origin.invalidated_by(self.path, self.trail)

    @cached_property
    def holder(self) -> Step | None:
        """The call whose result is still held at the end, or the lock that is."""
        if self.found.rule.kind not in {Kind.REFERENCE, Kind.LOCK}:
            return None
        named = self.found.instruction
        for step in reversed(self.path.steps[:-1]):
            if step.index == named if named is not None else step.helper in _LOCKS:
                return step
        return None

    @property
    def place(self) -> Place | None:
        """The line to show."""
        kind, named = self.found.rule.kind, self.found.instruction
        if kind is Kind.STACK_DEPTH:
            return next((each.place for each in self.places.frames), None)
        if named is not None:
            return self.places.of_instruction(named)
        if self.path.end is None:
            deepest = self.places.innermost if kind is Kind.CALLS else None
            return self.places.of_function(self.found.parts.get("function") or deepest)
        if kind is Kind.RETURN and self.start:
            return self.places.of(self.start)
        return self.places.of(self.subject)

    def registers(self) -> Iterator[RegisterState]:
        """The registers that matter, as they were."""
        if self.register is None:
            return
        if self.stale:
            yield _without_checks(self.stale[1])
            return
        if state := self._corrected(self.register):
            yield state
        for name in self.trail.offsets if self.trail else ():
            if name in self._known and name != self.register and not self._known[name].is_constant:
                yield self._known[name]

    def causes(self) -> Iterator[Cause]:
        """Where it began, and what led there."""
        if self.kind is Kind.STACK_DEPTH:
            yield from self.places.frames
        elif self.stale:
            call, _ = self.stale
            yield Cause(f"{self.places.called(call)} is called", self.places.of(call))
        elif self.kind is Kind.REFERENCE or (self.kind is Kind.LOCK and self.found.rule.role == "held"):
            yield Cause("the program ends", self.places.of(self.path.end))
        elif self.kind is Kind.LOCK and self.holder:
            yield Cause("the lock is taken", self.places.of(self.holder))
        elif self.trail and self.start:
            register = self.trail.links[-1][1]
            yield Cause(origin.happened(self.start, register), self.places.of(self.start))

    def _corrected(self, register: str) -> RegisterState | None:
        """The state of *register* with what the reason itself says of it, which is newer."""
        state, parts = self._known.get(register), self.found.parts
        said = {"inv": "scalar"}.get(parts.get("type", ""), parts.get("type"))
        if self.kind is Kind.PACKET and "r" in parts:
            before = state.fields if state and state.type == "pkt" else {}
            offset = int(parts["off"]) - (self.path.end.offset if self.path.end else 0)
            place = {} if before or parts.get("id") != "0" else {"off": str(offset)}
            known = {**before, **place, "id": parts["id"], "r": parts["r"]}
            return RegisterState(register, "pkt", None, known)
        if said and (state is None or not state.type.startswith(said)):
            return RegisterState(register, said)
        return _without_checks(state) if state else None


def _without_checks(state: RegisterState) -> RegisterState:
    """*state* without the word that nothing of a packet is checked: newer kernels do not print that it is."""
    if state.fields.get("r") != "0":
        return state
    return replace(state, fields={name: text for name, text in state.fields.items() if name != "r"})
