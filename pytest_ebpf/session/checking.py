"""Objects on kernels that are not booted: ``ebpf-build check`` without what it prints."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.model import Report
from pytest_ebpf.compat.verdict import Subject, judge
from pytest_ebpf.errors import EbpfError, ObjectError
from pytest_ebpf.kernels import Kernel

#: Kernels, and processors, from which on two work side by side.
_WORTH_A_PROCESS: Final = 2


def check(subjects: Sequence[Subject], kernels: Sequence[Kernel]) -> Report:
    """Judge every program of *subjects* on every one of *kernels*, oldest first.

    :class:`~pytest_ebpf.errors.ObjectError` for an object without programs, which could only look as if it
    worked, :class:`~pytest_ebpf.errors.KernelError` for a kernel whose BTF cannot be read.
    """
    for subject in subjects:
        if not subject.facts.programs:
            raise ObjectError(
                "there is no program in it", where=subject.name, hint='give a function a SEC("xdp")'
            )
    ordered = sorted({kernel.image: kernel for kernel in kernels}.values(), key=lambda each: each.version)
    _make_indexes(ordered)
    facts = [KernelFacts(kernel) for kernel in ordered]
    verdicts = [verdict for each in facts for subject in subjects for verdict in judge(subject, each)]
    return Report(tuple(dict.fromkeys(each.name for each in facts)), tuple(verdicts))


def _make_indexes(kernels: Sequence[Kernel]) -> None:
    """Read half of the kernels that were never looked into in a process beside this one (0.1 s each).

    What goes wrong there is found again here, and said.
    """
    new = [kernel for kernel in kernels if not KernelFacts(kernel).index.exists()]
    if len(new) < _WORTH_A_PROCESS or (os.cpu_count() or 1) < _WORTH_A_PROCESS:
        return
    child = os.fork()
    if not child:
        with suppress(BaseException):
            for kernel in new[::2]:
                KernelFacts(kernel).prepare()
        os._exit(0)
    with suppress(EbpfError):
        for kernel in new[1::2]:
            KernelFacts(kernel).prepare()
    os.waitpid(child, 0)
