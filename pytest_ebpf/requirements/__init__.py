"""What an object asks of a kernel, and which of its instructions a kernel would ever reach."""

from __future__ import annotations

from pytest_ebpf.requirements.collect import requirements_of
from pytest_ebpf.requirements.model import (
    FunctionFacts,
    Kconfig,
    Kind,
    Ksym,
    ProgramRequirements,
    Refusal,
    Requirement,
    Requirements,
    SourceLine,
    Stage,
)
from pytest_ebpf.requirements.oracle import KernelOracle
from pytest_ebpf.requirements.reach import reachable

__all__ = [
    "FunctionFacts",
    "Kconfig",
    "KernelOracle",
    "Kind",
    "Ksym",
    "ProgramRequirements",
    "Refusal",
    "Requirement",
    "Requirements",
    "SourceLine",
    "Stage",
    "reachable",
    "requirements_of",
]
