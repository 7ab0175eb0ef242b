"""Which programs may not name a map, by its type, its flags and what is in its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_ebpf.compat.model import Lack
from pytest_ebpf.compat.rules import Line, Rules, line_of
from pytest_ebpf.kernels import Version
from pytest_ebpf.requirements import Requirement


@dataclass(frozen=True)
class _Refused:
    """Lines that refuse something: up to the last that is known to, and the last that may; None: all."""

    first: Line
    last: Line | None
    perhaps: Line | None
    instead: str

    def by(self, line: Line) -> bool:
        return self.first <= line and (self.perhaps is None or line <= self.perhaps)


#: What programs that trace may not have in their maps (``check_map_prog_compatibility``).
_NOT_WITH_MAPS: Final = {
    "bpf_spin_lock": _Refused((5, 1), None, None, "use atomic operations"),
    "bpf_timer": _Refused((5, 15), (6, 18), (7, 1), "have a program of another type start it"),
    # Measured: not found on 6.1, found on 6.12. Of those between nothing is said.
    "a nested bpf_spin_lock": _Refused((6, 12), None, None, "use atomic operations"),
    "a nested bpf_timer": _Refused((6, 12), (6, 18), (7, 1), "have a program of another type start it"),
    "no_prealloc": _Refused((0, 0), (5, 10), (6, 0), "leave the flag out"),
}


def refusal(need: Requirement, programs: str, version: Version, rules: Rules) -> Lack | None:
    """Why a kernel of *version* refuses *programs* for the map that *need*, a MAP_USE, is about.

    With a number it is a type of maps, in programs that sleep; else what those that trace may not have.
    """
    line = line_of(version)
    if need.number is not None:
        measured = rules.sleepable_maps
        if measured.allows(need.number, version) is not False:
            return None
        what = f"{programs} may not have maps of type {need.name} ({need.subject})"
        return Lack(certain=line <= measured.lines[-1], what=what, instead="")
    refused = _NOT_WITH_MAPS[need.name]
    if not refused.by(line):
        return None
    what = f"{programs} may not have {need.name} in map {need.subject}"
    return Lack(certain=line <= (refused.last or rules.newest), what=what, instead=refused.instead)
