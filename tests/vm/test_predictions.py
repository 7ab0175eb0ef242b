"""What is predicted of objects, held against what kernels then do with them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import predicted
import pytest

from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.model import Status, Verdict
from pytest_ebpf.compat.verdict import Subject, judge
from pytest_ebpf.guest import Guest
from pytest_ebpf.guest.client import CallError
from pytest_ebpf.objects import parse_object
from pytest_ebpf.requirements import Stage

#: Only trying tells: the verifier decides, and it decides otherwise on each kernel.
UNKNOWN = {
    "hook_fentry_sleeps",
    "hook_lsm_sleeps",
    "symbols_kconfig",  # and where the configuration was not kept
    "symbols_kconfig_weak",
    "symbols_kconfig_of_another_shape",
    "symbols_kconfig_too_large",
    "symbols_address_guarded",
    "symbols_xdp_metadata",
    "guards_spilled_half",
    "guards_with_an_unknown_number",
    "guards_in_the_frame_of_the_caller",
    "refused_struct_ops_alone",
    "refused_fmod_ret_plain",
    "refused_fentry_denied",
    "refused_stack_of_a_timer",
    "refused_deep_calls",
    "hook_fentry_anywhere",
    "hook_freplace",
    "hook_loaders_own",
}


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, Subject]]:
    """Every object by name: its bytes, and what it asks for."""
    folder = tmp_path_factory.mktemp("predicted")
    sources = predicted.sources()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda each: each[1].compile(folder / f"{each[0]}.bpf.o"), sources.items()))
    return {name: _read(name, folder / f"{name}.bpf.o") for name in sources}


def _read(name: str, path: Path) -> tuple[bytes, Subject]:
    data = path.read_bytes()
    return data, Subject.of(name, data, parse_object(data, path))


def test_there_are_enough_of_them(subjects):
    assert len(subjects) >= 60


def test_no_prediction_is_wrong(subjects, kernel, guest):
    """Neither a "cannot work" of what loads, nor a "works" of what is refused before the verifier."""
    wrong, counted = [], dict.fromkeys(Status, 0)
    facts = KernelFacts(kernel)
    for name, (data, subject) in subjects.items():
        for verdict in judge(subject, facts):
            counted[verdict.status] += 1
            refusal = _refusal(guest, data, verdict, subject)
            if _is_refuted(name, verdict, refused=refusal is not None):
                wrong.append(f"{name}: {verdict.status}, {verdict.reason}\n{refusal or 'it loads'}")
            if verdict.status is Status.UNKNOWN:
                assert name in UNKNOWN, verdict.reason
    assert not wrong, "\n\n".join(wrong)
    assert counted[Status.WORKS] >= 50
    assert counted[Status.CANNOT] >= 20


def _is_refuted(name: str, verdict: Verdict, *, refused: bool) -> bool:
    match verdict.status:
        case Status.WORKS:
            return refused and "verifier" not in name
        case Status.CANNOT:
            assert verdict.reason
            return not refused and verdict.reason.stage is Stage.LOAD
        case _:
            return False


def _refusal(guest: Guest, data: bytes, verdict: Verdict, subject: Subject) -> str | None:
    """Load the program alone; why that failed, None if it did not."""
    programs = {each.name: {"autoload": each.name == verdict.program} for each in subject.facts.programs}
    try:
        loaded = guest.call("load", elf=data, name="predicted", programs=programs)
    except CallError as error:
        return error.details["log"] or error.what
    guest.call("unload", object=loaded["object"])
    return None
