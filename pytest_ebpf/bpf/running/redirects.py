"""Where a program that was run would have had its packet go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.bpf.maps import Map
from pytest_ebpf.uapi import BPF, TC, XDP, MapType, ProgType

#: The return value with which a program of each type sends a packet elsewhere.
VERDICTS: Final[dict[int, int]] = {
    ProgType.XDP: XDP.REDIRECT,
    ProgType.SCHED_CLS: TC.REDIRECT,
    ProgType.SCHED_ACT: TC.REDIRECT,
    ProgType.LWT_XMIT: BPF.REDIRECT,
}

#: Maps that ``bpf_redirect_map`` takes.
_TARGETS: Final = frozenset({MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.CPUMAP, MapType.XSKMAP})

#: ``BPF_F_INGRESS``.
_INGRESS: Final = 1


@dataclass(frozen=True)
class Redirect:
    """The target of a redirect: the number of a *device*, or the *key* of a *map*.

    *flags* are those given to ``bpf_redirect`` and its kin, and some of the kernel's own. *map_id* is the
    kernel's id of the map, which *map* is if it belongs to the object.
    """

    device: int | None = None
    map: Map | None = None
    key: int | None = None
    flags: int = 0
    map_id: int | None = None

    @property
    def ingress(self) -> bool:
        """Whether the packet would be received by the device, not sent."""
        return bool(self.flags & _INGRESS)


def redirect(
    noted: Sequence[int] | None, prog_type: int, retval: int, maps: Callable[[], Iterable[Map]]
) -> Redirect | None:
    """What the kernel *noted* (index, flags, id of a map) means for a program that returned *retval*.

    None if that is no redirect. *maps* gives those of the program's object.
    """
    if noted is None or retval != VERDICTS.get(prog_type):
        return None
    index, flags, map_id = noted
    if prog_type != ProgType.XDP or not map_id:  # what others noted before is left there
        return Redirect(device=index, flags=flags)
    found = (each for each in maps() if each.type in _TARGETS and each.info().id == map_id)
    return Redirect(map=next(found, None), key=index, flags=flags, map_id=map_id)
