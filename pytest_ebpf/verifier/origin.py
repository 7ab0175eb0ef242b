"""Where the value of a register came from, back along the path of the verifier."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.verifier.states import RegisterState
from pytest_ebpf.verifier.steps import Effect, Path, Step

#: Helpers behind which pointers into a packet are numbers (``bpf_helper_changes_pkt_data``).
_MOVES_PACKET: Final = re.compile(
    r"bpf_(?:skb_(?:vlan_push|vlan_pop|store_bytes|change_\w+|pull_data|adjust_room|ecn_set_ce|set_tunnel_opt)"
    r"|clone_redirect|l[34]_csum_replace|msg_(?:pull|push|pop)_data|xdp_adjust_\w+|lwt_\w+|sk_assign)"
)
_RELEASES: Final = re.compile(r"bpf_\w*(?:release|discard|submit|destroy|drop|put)\w*")

#: Calls that are looked at, the last: each takes as long as the path has steps.
_CALLS: Final = 8

_ARGUMENTS: Final = frozenset(f"R{number}" for number in range(1, 6))


@dataclass(frozen=True)
class Trail:
    """How a value came to be: *links* are positions in the path, the last first, and the register there.

    Where the last link leads to is *start*, None if it came in with the function's arguments. *offsets* are
    the registers that were added on the way and were followed instead of what they were added to.
    """

    links: tuple[tuple[int, str], ...]
    start: int | None
    offsets: tuple[str, ...]

    def register_at(self, position: int) -> str:
        """The register that held the value before the step at *position*."""
        name = self.links[0][1]
        for at, register in self.links:
            if at >= position:
                name = register
        return name


def trail(path: Path, register: str, *, of_offset: bool = False) -> Trail:
    """Follow the value that *register* has before the last step; *of_offset*: what was added to a pointer."""
    return _Search(path, register, of_offset=of_offset).run()


class _Search:
    """Goes back along *path* after the value of a register, which may be kept on the stack meanwhile."""

    def __init__(self, path: Path, register: str, *, of_offset: bool) -> None:
        self._path = path
        self._of_offset = of_offset
        self._register = register
        self._slot: int | None = None
        self._depth = path.steps[-1].depth
        self._links = [(len(path.steps) - 1, register)]
        self._offsets: list[str] = []

    def run(self) -> Trail:
        """Go as far as it goes."""
        start = None
        for at in range(len(self._path.steps) - 2, -1, -1):
            step = self._path.steps[at]
            if step.depth < self._depth:
                if not step.is_local_call or self._register not in _ARGUMENTS:
                    break
                self._depth = step.depth
            elif step.depth > self._depth:
                self._enter(step)
            elif self._slot is not None:
                self._look_for_store(at, step)
            elif (effect := step.effect()) and effect.target == self._register and self._is_start(at, effect):
                start = at
                break
        return Trail(tuple(self._links), start, tuple(self._offsets))

    def _enter(self, step: Step) -> None:
        """Go on in the function that returned the value."""
        returns = step.depth == self._depth + 1 and step.text == "exit"
        if returns and self._register == "R0" and self._slot is None:
            self._depth = step.depth

    def _look_for_store(self, at: int, step: Step) -> None:
        stored = step.stored()
        if stored and stored[0] == self._slot:
            self._slot = None
            self._follow(at, stored[1])

    def _is_start(self, at: int, effect: Effect) -> bool:
        """Whether the value begins with *effect*; if not, go on after what it was made of."""
        if effect.how == "copy" and effect.source:
            self._follow(at, effect.source)
            return False
        if effect.how == "arithmetic":
            if self._of_offset and effect.source and not _is_constant(self._path, at, effect.source):
                self._offsets.append(effect.source)
                self._follow(at, effect.source)
            return False
        if effect.slot is not None and _is_kept(self._path.steps[:at], effect.slot, self._depth):
            self._slot = effect.slot
            return False
        return True

    def _follow(self, at: int, register: str) -> None:
        self._register = register
        self._links.append((at, register))


def _is_constant(path: Path, position: int, register: str) -> bool:
    state = path.known(position).get(register)
    return state is not None and state.number is not None


def _is_kept(steps: tuple[Step, ...], slot: int, depth: int) -> bool:
    """Whether a register was stored to that byte of the stack."""
    return any(step.depth == depth and (stored := step.stored()) and stored[0] == slot for step in steps)


def releases(helper: str | None) -> bool:
    """Whether *helper* gives back what it is given."""
    return helper is not None and _RELEASES.fullmatch(helper) is not None


def _invalidates(helper: str | None) -> bool:
    return releases(helper) or (helper is not None and _MOVES_PACKET.fullmatch(helper) is not None)


def _invalidating(path: Path, first: int) -> list[int]:
    """Positions from *first* on of calls that invalidate, themselves or in what they call.

    Functions that are verified by themselves are not in the path: they may do anything.
    """
    depth = path.steps[-1].depth
    calls: dict[int, None] = {}
    call = None  # the function of the program that is running, in the function that the path ends in
    for at in range(first, len(path.steps) - 1):
        step = path.steps[at]
        if step.depth <= depth:
            call = at if step.is_local_call and step.depth == depth else None
            alone = call is not None and path.steps[at + 1].depth == depth
            if alone or _invalidates(step.helper):
                calls[at] = None
        elif call is not None and _invalidates(step.helper):
            calls[call] = None
    return list(calls)


def invalidated_by(path: Path, found: Trail) -> tuple[Step, RegisterState] | None:
    """The call that made an invalid number of the pointer that *found* tells of, and the pointer."""
    first = 0 if found.start is None else found.start + 1
    for at in reversed(_invalidating(path, first)[-_CALLS:]):
        state = path.known(at).get(found.register_at(at))
        if state is not None and not state.is_number:
            return path.steps[at], state
    return None


def lost_in(path: Path, register: str) -> str | None:
    """The call behind which *register*, an argument of it, holds nothing any more; None if there is none."""
    if register not in _ARGUMENTS:
        return None
    last = path.steps[-1]
    for step in reversed(path.steps[:-1]):
        if step.depth == last.depth and step.is_call:
            return step.helper or "a call"
        effect = step.effect()
        if step.depth < last.depth or (effect and step.depth == last.depth and effect.target == register):
            return None
    return None


def happened(step: Step, register: str) -> str:
    """What *step* did to give *register* its value."""
    effect = step.effect()
    how = effect.how if effect else ""
    if step.helper:
        return f"{register} is what {step.helper} returned"
    words = {"load": "was read from memory", "constant": "was set", "arithmetic": "was computed"}
    return f"{register} {words.get(how, 'was set')}"


def length_register(path: Path) -> str | None:
    """The argument of the helper called last that is neither a constant nor a pointer: its length."""
    known = path.known()
    for number in range(5, 1, -1):
        name = f"R{number}"
        state = known.get(name)
        if state is not None and state.is_number and not state.is_constant:
            return name
        if state is None and _was_read(path, name):
            return name
    return None


def _was_read(path: Path, register: str) -> bool:
    """Whether the value of *register* was read from memory, or returned."""
    found = trail(path, register)
    effect = path.steps[found.start].effect() if found.start is not None else None
    return effect is not None and effect.how in {"load", "call"}
