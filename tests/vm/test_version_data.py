"""``vm/kernels.json`` held against the kernels it tells of, on both sides of each version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kfunc_calls
import predicted
import pytest
from helper_calls import called, calling, compiled
from instructions import KNOWN, PROGRAMS

from pytest_ebpf import paths
from pytest_ebpf.bpf.probe import probes_of
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.rules import line_of, rules
from pytest_ebpf.guest import Guest
from pytest_ebpf.guest.client import CallError
from pytest_ebpf.kernels import Kernel, Version
from pytest_ebpf.uapi import AttachType, ProgType

DATA = json.loads((paths.vm() / "kernels.json").read_text())


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """For each class of programs, by its first section, an object whose program makes a call."""
    folder = tmp_path_factory.mktemp("calling")
    return {each.sections[0]: calling(folder, each.sections[0]) for each in rules().classes}


def changing(entry: dict[str, Any]) -> list[int]:
    """The helpers of a class that came or went after the first kernel measured, but for those by target."""
    moved = [number for line in entry["measured"][1:] for number in entry["since"].get(line, [])]
    gone = [number for numbers in entry.get("until", {}).values() for number in numbers]
    return sorted({*moved, *gone} - set(entry.get("by_target", [])))


def test_what_programs_may_call(objects, kernel, guest):
    """Every helper that a class of programs gained or lost, on each side of where that was."""
    wrong = []
    for entry in DATA["helpers"]["classes"]:
        section = entry["sections"][0]
        if Version.parse(entry["measured"][0]) > kernel.version:
            continue  # no such programs yet
        numbers = changing(entry)
        for number, allowed in zip(numbers, called(guest, objects[section], numbers), strict=True):
            if rules().allows(section, number, kernel.version) is not allowed:
                wrong.append(f"{section}: helper {number} {'may' if allowed else 'may not'} be called")
    assert not wrong


def test_which_functions_of_the_kernel_programs_may_call(objects, kernel, guest):
    """Every one that a class of programs may call on some kernel, as far as this one has it."""
    wrong, facts = [], KernelFacts(kernel)
    for entry in rules().kfunc_classes:
        if entry.lines[0] > line_of(kernel.version):
            continue  # no such programs yet, or no such calls
        section = entry.tried[-1]
        names = sorted(filter(facts.has_function, frozenset().union(*entry.allowed)))
        answers = kfunc_calls.called(guest, objects[section], facts, names)
        for name, allowed in zip(names, answers, strict=True):
            if (rules().allows_kfunc(section, name, kernel.version) is True) is not allowed:
                wrong.append(f"{section}: {name} {'may' if allowed else 'may not'} be called")
    assert not wrong


def test_instructions(kernel: Kernel, guest: Guest):
    assert PROGRAMS.keys() == rules().instructions.keys()
    for name, code in PROGRAMS.items():
        try:
            guest.call("assemble", type=int(ProgType.SOCKET_FILTER), attach_type=0, insns=code, license="GPL")
            there = True
        except CallError as error:
            there = name in KNOWN and KNOWN[name] in error.details["log"]
        assert rules().instructions[name].has(kernel.version) is there, name


@pytest.mark.parametrize("line", ["6.18", "7.2"], indirect=True)
def test_flags_of_maps(kernel: Kernel, guest: Guest, tmp_path: Path):
    assert set(rules().map_flags) == {"rb_overwrite"}
    predicted.sources()["refused_map_flag_new"].compile(tmp_path / "flagged.bpf.o")
    try:
        guest.call("load", elf=(tmp_path / "flagged.bpf.o").read_bytes(), name="flagged")
        there = True
    except CallError:
        there = False
    assert rules().map_flags["rb_overwrite"].has(kernel.version) is there


@pytest.mark.parametrize("line", ["5.10", "6.1"], indirect=True)
def test_flags_of_programs(kernel: Kernel, guest: Guest, tmp_path: Path):
    """Sections whose programs are loaded with a flag, which older kernels refuse."""
    tables = {**rules().sleepable, "xdp.frags": rules().program_flags["xdp_has_frags"]}
    for section, since in tables.items():
        target = "/bin/true:main" if section.startswith("u") else ""
        elf = compiled(tmp_path, f"{section}/{target}" if target else section)
        try:
            guest.call("load", elf=elf, name="flagged")
            there = True
        except CallError:
            there = False
        assert since.has(kernel.version) is there, section


def test_what_is_compiled_in(kernel: Kernel, guest: Guest):
    """Types of programs, none of which these kernels have: they are for machines without infrared receivers.

    And kinds of links, which a kernel may know by name, and not have.
    """
    facts = KernelFacts(kernel)
    for name, function in rules().compiled_in.items():
        if name.upper() in ProgType.__members__:
            there = guest.call("probe", prog_type=int(ProgType[name.upper()]))
            assert there is False
        else:
            number = int(AttachType[name.upper()])
            known = number in facts.enumerators("bpf_attach_type")
            there = probes_of(guest).has(link=number)
            assert there == (known and facts.has_function(function)), name
