"""The wires of a machine, by number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, SupportsIndex, overload

from pytest_ebpf.errors import UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.wire.frames import End
from pytest_ebpf.wire.wire import Wire

#: The most that a manifest may ask for.
_MOST: Final = 4


class Wires(tuple[Wire, ...]):
    """Wires in the order of the guest's network cards.

    :class:`~pytest_ebpf.errors.UsageError` for one that the machine does not have.
    """

    __slots__ = ()

    @overload
    def __getitem__(self, number: SupportsIndex) -> Wire: ...

    @overload
    def __getitem__(self, number: slice) -> tuple[Wire, ...]: ...

    def __getitem__(self, number: SupportsIndex | slice) -> Wire | tuple[Wire, ...]:
        try:
            return super().__getitem__(number)
        except IndexError as error:
            raise self._missing(number) from error

    @property
    def first(self) -> Wire:
        """The wire that a test has that wants just one."""
        if not self:
            raise UsageError(
                "this machine has no wire", where="ebpf.wire", hint="set wires = 1 under [test] of ebpf.toml"
            )
        return self[0]

    def _missing(self, number: object) -> UsageError:
        known = f"{len(self)} wire{'s' if len(self) != 1 else ''}, counted from 0" if self else "no wire"
        wanted = number + 1 if isinstance(number, int) and number >= 0 else 0
        hint = f"set wires = {wanted} under [test] of ebpf.toml" if 0 < wanted <= _MOST else None
        return UsageError(f"this machine has {known}", where=f"ebpf.wires[{number}]", hint=hint)


def wires_of(guest: Guest, ends: Iterable[End]) -> Wires:
    """Return the wires whose ends a machine has."""
    return Wires(Wire(guest, end, number) for number, end in enumerate(ends))
