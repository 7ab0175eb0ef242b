"""When it pays to keep a machine with an object loaded, decided by what loading was measured to cost."""

from __future__ import annotations

import hashlib
import marshal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_ebpf.guest.wire import Call
from pytest_ebpf.machine.snapshot import Snapshot
from pytest_ebpf.machine.template import Template, make

#: Seconds that making a template is taken to cost before one has been made, without the load that is part of
#: it (measured, emulated: 0.2 to 0.4).
_FIRST_GUESS: Final = 0.3

#: However little it seems to have cost, where the load before it was slow by chance.
_LEAST: Final = 0.1

#: The version of marshal in which equal values give equal bytes, whoever else refers to them.
_NO_REFERENCES: Final = 2


@dataclass
class _Known:
    spent: float = 0.0
    last: float = 0.0
    template: Template | None = None


@dataclass
class Warm:
    """Templates by what they are of, and what was spent on loading without one.

    One is made when loading the same object has cost as much as making it would beside the load: hardly worse
    than twice the best choice, without knowing what is to come. Together they take at most *room* bytes of
    memory: the least recently used give way.
    """

    room: int
    _known: dict[str, _Known] = field(default_factory=dict)
    _cost: float = _FIRST_GUESS

    def template(self, key: str) -> Template | None:
        """Return the template of *key*, if there is one."""
        known = self._known.pop(key, None)
        if known is None:
            return None
        self._known[key] = known  # the most recently used is the last
        return known.template

    def spent(self, key: str, seconds: float) -> bool:
        """Note that loading took *seconds*; return whether a template would have been cheaper by now."""
        known = self._known.setdefault(key, _Known())
        known.spent += seconds
        known.last = seconds
        return known.template is None and known.spent >= self._cost

    def make(
        self, key: str, base: Snapshot, calls: Sequence[Call], *, wake_timeout: float, call_timeout: float
    ) -> None:
        """Make the template of *key* from *base*: a machine in which *calls* were carried out.

        Where that fails it is not tried again before loading has cost as much once more.
        """
        known = self._known.setdefault(key, _Known())
        known.spent = 0.0
        start = time.monotonic()
        known.template = make(base, calls, wake_timeout=wake_timeout, call_timeout=call_timeout)
        self._cost = max(_LEAST, time.monotonic() - start - known.last)
        self._give_way(key)

    def drop(self, key: str) -> None:
        """Forget a template that is no good."""
        if (known := self._known.pop(key, None)) and known.template:
            known.template.close()

    def close(self) -> None:
        """Give all memory back."""
        for key in list(self._known):
            self.drop(key)

    def _give_way(self, newest: str) -> None:
        held = {key: known.template.size for key, known in self._known.items() if known.template}
        total = sum(held.values())
        for key, size in held.items():
            if total <= self.room or key == newest:
                return
            self.drop(key)
            total -= size


def key_of(spec: str, calls: Sequence[Call]) -> str:
    """Name a kernel with an object loaded in it, by all that loading it depends on."""
    return f"{spec} {hashlib.sha256(marshal.dumps(list(calls), _NO_REFERENCES)).hexdigest()}"
