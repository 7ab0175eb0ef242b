"""What is said of programs that reach the limits of every verifier, and of those a step beyond."""

from __future__ import annotations

from dataclasses import replace

import pytest
from codes import EXIT, program

from pytest_ebpf.compat.limits import of_the_code
from pytest_ebpf.kernels import Version
from pytest_ebpf.requirements import ProgramRequirements, SourceLine
from pytest_ebpf.requirements.model import Chain
from pytest_ebpf.uapi import ProgType

MOST = Chain(stack=512, without_callbacks=512, frames=8, before_tail_call=255)
LARGE = "and the verifier allows 512, at a.bpf.c:3; put what is large into a map"


def chained(kind: ProgType, chain: Chain | None, own: int = 32) -> ProgramRequirements:
    """A program whose first function uses *own* bytes of stack, and its calls what *chain* says."""
    made = program([EXIT])
    (function,) = made.functions
    function = replace(function, stack=own, source=SourceLine("a.bpf.c", 3, ""))
    return replace(made, prog_type=kind, chain=chain, functions=(function, replace(function, stack=32)))


def said(found: ProgramRequirements, version: str) -> list[tuple[bool, str]]:
    return [(lack.certain, str(lack)) for lack in of_the_code(found, Version.parse(version))]


@pytest.mark.parametrize(
    ("chain", "what", "certain"),
    [
        # What is certain for xdp on 6.12, kprobe on 6.12, kprobe on 6.13, and xdp on 6.19.
        (MOST, None, ()),
        (
            replace(MOST, stack=544, without_callbacks=544),
            f"it needs 544 bytes of stack, {LARGE}",
            (True, True, False, True),
        ),
        (
            replace(MOST, stack=544),
            f"it needs 544 bytes of stack, {LARGE}",
            (False, False, False, False),
        ),
        (
            replace(MOST, before_tail_call=256),
            (
                "a tail call comes above 256 bytes of stack, and the verifier allows 255, at a.bpf.c:3;"
                " put what is large into a map, or make the tail call in the program itself"
            ),
            (True, True, False, True),
        ),
        (None, "a function of it calls itself, at a.bpf.c:3", (True, True, True, True)),
    ],
)
def test_stack(chain, what, certain):
    xdp, kprobe = (chained(kind, chain) for kind in (ProgType.XDP, ProgType.KPROBE))
    found = [said(xdp, "6.12"), said(kprobe, "6.12.117"), said(kprobe, "6.13"), said(xdp, "6.19")]
    assert found == ([[(each, what)] for each in certain] if what else [[]] * 4)


def test_a_function_that_is_too_large_by_itself_has_no_stack_of_its_own_that_helps():
    deep = replace(MOST, stack=576, without_callbacks=576)
    what = f"it needs 576 bytes of stack, {LARGE}"
    for own, certain in [(512, False), (513, True)]:
        assert said(chained(ProgType.KPROBE, deep, own), "7.2") == [(certain, what)]


def test_frames():
    nine = chained(ProgType.XDP, replace(MOST, frames=9))
    text = "9 functions call one another, and %s 8, at a.bpf.c:3; make some of them __always_inline"
    assert said(nine, "6.18.15") == [(True, text % "the verifier allows")]
    assert said(nine, "6.19") == [(False, text % "verifiers up to 6.18 allow")]
