"""``vm/kernels.json`` held against the kernels it tells of, on both sides of each version."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from instructions import KNOWN, PROGRAMS, insn

from pytest_ebpf import paths
from pytest_ebpf.compat.rules import rules
from pytest_ebpf.guest import Guest
from pytest_ebpf.guest.client import CallError
from pytest_ebpf.kernels import Kernel, Version
from pytest_ebpf.uapi import ProgType

DATA = json.loads((paths.vm() / "kernels.json").read_text())

#: What a class of programs is hooked to, where its section wants something behind the slash.
TARGETS = {
    "raw_tp": "sched_switch",
    "tp_btf": "sched_switch",
    "fentry": "bpf_fentry_test1",
    "fentry.s": "bpf_fentry_test1",
    "iter": "task",
    "iter.s": "task",
    "lsm": "file_open",
    "lsm.s": "file_open",
    "lsm_cgroup": "socket_post_create",
    "kprobe": "do_nanosleep",
    "uprobe.s": "/bin/true:main",
}

#: The verifier's words for a helper that does not exist, or not for these programs, or not where they run.
REFUSED = re.compile(r"unknown func |cannot use helper|invalid func |might sleep|sleepable helper")

#: A call of this helper is what is put in the place of.
_MARKER = 0x7FFE


@pytest.fixture(scope="module")
def calling(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """For each class of programs, by its first section, an object whose program calls helper 0x7ffe."""
    folder = tmp_path_factory.mktemp("calling")
    return {section: _compiled(folder, section) for section in _classes()}


def _classes() -> Iterator[str]:
    return (each["sections"][0] for each in DATA["helpers"]["classes"])


def _compiled(folder: Path, prefix: str) -> bytes:
    section = f"{prefix}/{TARGETS[prefix]}" if prefix in TARGETS else prefix
    return _object(folder, section, f"((long (*)(void)){_MARKER})();")


def _object(folder: Path, section: str, statement: str = "") -> bytes:
    text = f"""
        #define SEC(name) __attribute__((section(name), used))
        SEC("{section}") int prog(void *ctx) {{ {statement} return 0; }}
        char LICENSE[] SEC("license") = "GPL";
        """
    target = folder / "prog.bpf.o"
    argv = ["clang-19", "-target", "bpf", "-O2", "-mcpu=v3", "-x", "c", "-", "-c", "-o", target]
    subprocess.run(argv, input=text, text=True, check=True, timeout=60)
    return target.read_bytes()


def changing(entry: dict[str, Any]) -> list[int]:
    """The helpers of a class that came or went after the first kernel measured, but for those by target."""
    moved = [number for line in entry["measured"][1:] for number in entry["since"].get(line, [])]
    gone = [number for numbers in entry.get("until", {}).values() for number in numbers]
    return sorted({*moved, *gone} - set(entry.get("by_target", [])))


def test_what_programs_may_call(calling, kernel, guest):
    """Every helper that a class of programs gained or lost, on each side of where that was."""
    wrong = []
    for entry in DATA["helpers"]["classes"]:
        section = entry["sections"][0]
        if Version.parse(entry["measured"][0]) > kernel.version:
            continue  # no such programs yet
        numbers = changing(entry)
        for number, allowed in zip(numbers, called(guest, calling[section], numbers), strict=True):
            if rules().allows(section, number, kernel.version) is not allowed:
                wrong.append(f"{section}: helper {number} {'may' if allowed else 'may not'} be called")
    assert not wrong


def called(guest: Guest, elf: bytes, numbers: Sequence[int]) -> Iterator[bool]:
    """Whether the verifier lets the program of *elf* call each helper, whatever it says of the arguments."""
    marker = insn(0x85, immediate=_MARKER)
    assert elf.count(marker) == 1
    elves = [elf.replace(marker, insn(0x85, immediate=number)) for number in numbers]
    for answer in guest.batch([("load", {"elf": each, "name": "calling"}) for each in elves]):
        if isinstance(answer, CallError):
            assert "END PROG LOAD LOG" in answer.details["log"], answer
            yield not REFUSED.search(answer.details["log"])
        else:
            guest.call("unload", object=answer["object"])
            yield True


def test_instructions(kernel: Kernel, guest: Guest):
    assert PROGRAMS.keys() == rules().instructions.keys()
    for name, code in PROGRAMS.items():
        try:
            guest.call("assemble", type=int(ProgType.SOCKET_FILTER), attach_type=0, insns=code, license="GPL")
            there = True
        except CallError as error:
            there = name in KNOWN and KNOWN[name] in error.details["log"]
        assert rules().instructions[name].has(kernel.version) is there, name


@pytest.mark.parametrize("line", ["5.10", "6.1"], indirect=True)
def test_flags_of_programs(kernel: Kernel, guest: Guest, tmp_path: Path):
    """Sections whose programs are loaded with a flag, which older kernels refuse."""
    tables = {**rules().sleepable, "xdp.frags": rules().program_flags["xdp_has_frags"]}
    for section, since in tables.items():
        target = "/bin/true:main" if section.startswith("u") else ""
        elf = _object(tmp_path, f"{section}/{target}" if target else section)
        try:
            guest.call("load", elf=elf, name="flagged")
            there = True
        except CallError:
            there = False
        assert since.has(kernel.version) is there, section


def test_what_is_compiled_in(kernel: Kernel, guest: Guest):
    """On these kernels, nothing of it: they are for machines without infrared receivers."""
    for name in rules().compiled_in:
        assert guest.call("probe", prog_type=int(ProgType[name.upper()])) is False
