"""Which helpers a kernel lets programs call, found by calling them.

``python tests/support/helper_calls.py 7.4`` boots a kernel, calls every helper from every class of programs,
and puts the answers into ``vm/kernels.json`` as one more line that was measured.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from instructions import insn

from pytest_ebpf import paths
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.rules import line_of, rules
from pytest_ebpf.guest import Guest
from pytest_ebpf.guest.client import CallError
from pytest_ebpf.kernels import KernelStore, Version
from pytest_ebpf.machine import MachineConfig, Recipe, boot

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
_REFUSED = re.compile(r"unknown func |cannot use helper|invalid func |might sleep|sleepable helper")

#: A call of this helper is what another is put in the place of.
_MARKER = 0x7FFE


def compiled(folder: Path, section: str, statement: str = "") -> bytes:
    """An object with one program, in *section*, that does *statement*."""
    text = f"""
        #define SEC(name) __attribute__((section(name), used))
        SEC("{section}") int prog(void *ctx) {{ {statement} return 0; }}
        char LICENSE[] SEC("license") = "GPL";
        """
    target = folder / "prog.bpf.o"
    argv = ["clang-19", "-target", "bpf", "-O2", "-mcpu=v3", "-x", "c", "-", "-c", "-o", target]
    subprocess.run(argv, input=text, text=True, check=True, timeout=60)
    return target.read_bytes()


def calling(folder: Path, prefix: str) -> bytes:
    """An object whose program, one of the class of *prefix*, makes a call to be replaced."""
    section = f"{prefix}/{TARGETS[prefix]}" if prefix in TARGETS else prefix
    return compiled(folder, section, f"((long (*)(void)){_MARKER})();")


def called(guest: Guest, elf: bytes, numbers: Sequence[int]) -> Iterator[bool]:
    """Whether the verifier lets the program of *elf* call each helper, whatever it says of the arguments."""
    marker = insn(0x85, immediate=_MARKER)
    assert elf.count(marker) == 1
    elves = [elf.replace(marker, insn(0x85, immediate=number)) for number in numbers]
    for answer in guest.batch([("load", {"elf": each, "name": "calling"}) for each in elves]):
        if isinstance(answer, CallError):
            assert "END PROG LOAD LOG" in answer.details["log"], answer
            yield not _REFUSED.search(answer.details["log"])
        else:
            guest.call("unload", object=answer["object"])
            yield True


def measure(spec: str, folder: Path) -> tuple[Version, dict[str, frozenset[int]]]:
    """The version of a kernel, and by class what may be called; no answer for programs it does not have."""
    kernel, found = KernelStore(say=print).get(spec), {}
    numbers = sorted(KernelFacts(kernel).enumerators("bpf_func_id"))[1:]
    machine = boot(Recipe(kernel, paths.agent(), MachineConfig()), timeout=120)
    try:
        guest = Guest(machine, timeout=120)
        for each in rules().classes:
            elf = calling(folder, each.sections[0])
            try:
                answers = called(guest, elf, numbers)
                found[each.sections[0]] = frozenset(n for n, yes in zip(numbers, answers, strict=True) if yes)
            except AssertionError:
                continue
    finally:
        machine.stop()
    return kernel.version, found


def merge(data: dict[str, Any], version: Version, found: dict[str, frozenset[int]]) -> None:
    """Put what was measured into the document *data*."""
    line = line_of(version)
    others = [each for each in data["measured"] if line_of(Version.parse(each)) != line]
    data["measured"] = sorted([*others, str(version)], key=Version.parse)
    for entry, known in zip(data["helpers"]["classes"], rules().classes, strict=True):
        allowed = dict(zip(known.lines, known.allowed, strict=True))
        if known.sections[0] in found:
            allowed[line] = found[known.sections[0]]
        entry["measured"], entry["since"] = [f"{major}.{minor}" for major, minor in sorted(allowed)], {}
        entry.pop("until", None)
        before: frozenset[int] = frozenset()
        for (major, minor), now in sorted(allowed.items()):
            if now - before:
                entry["since"][f"{major}.{minor}"] = sorted(now - before)
            if before - now:
                entry.setdefault("until", {})[f"{major}.{minor}"] = sorted(before - now)
            before = now


def written(value: Any, indent: int = 0) -> str:
    """JSON with what is short, and lists of numbers and names, in one line."""
    short = json.dumps(value)
    if not isinstance(value, dict | list) or not value or (len(short) < 100 and isinstance(value, dict)):
        return short
    if isinstance(value, list) and not isinstance(value[0], dict | list):
        return short
    items = value.items() if isinstance(value, dict) else ((None, each) for each in value)
    lines = [(f"{json.dumps(key)}: " if key else "") + written(each, indent + 1) for key, each in items]
    start, end = "{}" if isinstance(value, dict) else "[]"
    pad = "\n" + " " * indent
    return start + ",".join(f"{pad} {line}" for line in lines) + pad + end


def main(specs: Sequence[str]) -> None:
    """Measure the kernels of *specs* and write the file."""
    path = paths.vm() / "kernels.json"
    for spec in specs:
        data = json.loads(path.read_text())
        with tempfile.TemporaryDirectory() as folder:
            merge(data, *measure(spec, Path(folder)))
        path.write_text(written(data) + "\n")
        rules.cache_clear()


if __name__ == "__main__":
    main(sys.argv[1:])
