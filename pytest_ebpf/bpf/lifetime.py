"""How long what a test holds of an object can be used."""

from __future__ import annotations

from pytest_ebpf.errors import UsageError


class Lifetime:
    """That of the object called *name*, as its programs, maps and variables know it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._over = False

    def end(self) -> None:
        """The object is closed: its handles are gone."""
        self._over = True

    def check(self) -> None:
        """:class:`~pytest_ebpf.errors.UsageError` if it is over."""
        if self._over:
            raise UsageError(
                "was closed",
                where=self._name,
                hint="load it again: it lasts as long as the test that loaded it",
            )
