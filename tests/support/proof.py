"""That a program is called just when it is attached."""

from __future__ import annotations

from collections.abc import Callable

from pytest_ebpf.bpf import Link


def prove(
    attach: Callable[[], Link],
    trigger: Callable[[], object],
    count: Callable[[], int],
    *,
    times: int = 1,
    again: bool = True,
) -> None:
    """Trigger a hook before attaching, attached, detached, and, where that is possible, attached *again*.

    Each trigger is counted *times* times while attached, at least once if that is 0, and never otherwise.
    """

    def seen() -> int:
        before = count()
        trigger()
        return count() - before

    def is_seen() -> bool:
        return seen() == times if times else seen() > 0

    assert seen() == 0, "seen before it is attached"
    link = attach()
    assert link.attached
    assert is_seen(), "not seen as often as expected while attached"
    link.detach()
    assert not link.attached
    assert seen() == 0, "seen after it was detached"
    if not again:
        return
    with link:
        assert is_seen(), "not seen as often as expected when attached again"
    assert seen() == 0, "seen after the end of the with statement"
