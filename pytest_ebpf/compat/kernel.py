"""What a check is given and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.model import Lack
from pytest_ebpf.compat.oracle import Oracle
from pytest_ebpf.compat.rules import Rules
from pytest_ebpf.requirements import Requirement


@dataclass(frozen=True)
class Kernel:
    """A kernel that is not running, and of one object what is asked of it and how it is licensed."""

    facts: KernelFacts
    oracle: Oracle
    rules: Rules
    gpl_compatible: bool


#: What the kernel lacks of what a program asks for, None if nothing. The program is told by its kind of hook,
#: in the words of :mod:`pytest_ebpf.hooks`; None stands for the whole object.
Check = Callable[[Kernel, Requirement, str | None], Lack | None]
