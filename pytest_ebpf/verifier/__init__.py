"""Why a kernel refused a program: the verifier's log and the object's lines in plain words."""

from __future__ import annotations

from pytest_ebpf.verifier.explain import explain
from pytest_ebpf.verifier.log import verifier_log
from pytest_ebpf.verifier.model import Cause, Explanation, Kind, Place
from pytest_ebpf.verifier.render import render
from pytest_ebpf.verifier.sources import Sources, sources_of
from pytest_ebpf.verifier.states import RegisterState

__all__ = [
    "Cause",
    "Explanation",
    "Kind",
    "Place",
    "RegisterState",
    "Sources",
    "explain",
    "render",
    "sources_of",
    "verifier_log",
]
