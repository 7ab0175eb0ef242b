"""What a name that nothing has was meant to be."""

from __future__ import annotations

import pytest

from pytest_ebpf.suggest import closest, suggestion


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("blokced", ["blocked", "block"], "blocked"),
        ("Blocked", ["blocked"], "blocked"),
        ("nothing", ["blocked"], None),
        ("syscall", ["vsyscall", "syscalls"], "syscalls"),  # as alike, but begins the same way
        ("ab", ["xab", "abx"], "abx"),
    ],
)
def test_the_nearest(name, known, meant):
    assert closest(name, known) == meant
    assert closest(name, known[::-1]) == meant


def test_what_is_said():
    assert suggestion("blokced", ["blocked", "counts"]) == 'did you mean "blocked"?'
    assert suggestion("x", ["counts", "blocked"]) == "known: blocked, counts"
    assert suggestion("x", ["counts", "blocked"], limit=1) is None
    assert suggestion("x", []) is None
