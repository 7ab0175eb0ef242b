"""Which functions of the kernel it lets programs call, found by calling them.

``python tests/support/kfunc_calls.py 7.4`` boots a kernel, calls every function that any kernel measured so
far marks for it from every class of programs, and puts the answers into ``vm/kernels.json``.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from helper_calls import _MARKER, calling, written
from instructions import insn

from pytest_ebpf import hooks, paths
from pytest_ebpf.btf import Func
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.rules import line_of, rules
from pytest_ebpf.guest import Guest
from pytest_ebpf.guest.client import CallError
from pytest_ebpf.kernels import KernelStore, Version
from pytest_ebpf.machine import MachineConfig, Recipe, boot

#: The verifier's words for a function that is not for these programs, or not where they run.
_REFUSED = re.compile(
    r"calling kernel function \S+ is not allowed|must be sleepable|is not a kernel function"
)

#: ``BPF_PSEUDO_KFUNC_CALL``.
_KFUNC = 2

#: Types of programs by section: functions are registered for those.
_TYPES = {kind.prefix: kind.prog_type for kind in hooks.KINDS}

#: By the first section of a class: by line, the functions that it may call.
Answers = dict[str, dict[str, frozenset[str]]]


def called(guest: Guest, elf: bytes, facts: KernelFacts, names: Sequence[str]) -> Iterator[bool]:
    """Whether the verifier lets the program of *elf* call each function, whatever it makes of arguments."""
    marker = insn(0x85, immediate=_MARKER)
    assert elf.count(marker) == 1
    calls = [insn(0x85, src=_KFUNC, immediate=facts.btf.ids(name, Func)[0]) for name in names]
    elves = [elf.replace(marker, call) for call in calls]
    for answer in guest.batch([("load", {"elf": each, "name": "calling"}) for each in elves]):
        if isinstance(answer, CallError):
            assert "END PROG LOAD LOG" in answer.details["log"], answer
            yield not _REFUSED.search(answer.details["log"])
        else:
            guest.call("unload", object=answer["object"])
            yield True


def candidates(facts: KernelFacts, known: Iterable[str]) -> list[str]:
    """The functions that a kernel marks, and those *known* from others that it has: not all are marked."""
    return sorted({*(facts.kfuncs or ()), *filter(facts.has_function, known)})


def measure(spec: str, folder: Path, known: Iterable[str]) -> tuple[Version, dict[str, frozenset[str]]]:
    """The version of a kernel, and by class what may be called; no answer for programs it does not have."""
    kernel, found = KernelStore(say=print).get(spec), {}
    facts = KernelFacts(kernel)
    names = candidates(facts, known)
    machine = boot(Recipe(kernel, paths.agent(), MachineConfig()), timeout=120)
    try:
        guest = Guest(machine, timeout=120)
        for each in rules().classes:
            try:
                answers = [*called(guest, calling(folder, each.sections[0]), facts, names)]
            except AssertionError:
                continue
            found[each.sections[0]] = frozenset(n for n, yes in zip(names, answers, strict=True) if yes)
    finally:
        machine.stop()
    return kernel.version, found


def known_answers() -> Answers:
    """What the file says, by the sections that were tried."""
    answers: Answers = {}
    for each in rules().kfunc_classes:
        lines = [f"{major}.{minor}" for major, minor in each.lines]
        answers |= {section: dict(zip(lines, each.allowed, strict=True)) for section in each.tried}
    return answers


def as_table(answers: Answers) -> list[dict[str, Any]]:
    """Classes that had the same answers from every kernel become one."""
    groups: dict[str, dict[str, Any]] = {}
    for each in rules().classes:
        section = each.sections[0]
        if not any(answers.get(section, {}).values()):
            continue
        told = _changes(answers[section])
        entry = groups.setdefault(json.dumps(told), {"sections": [], "tried": [], **told})
        entry["sections"] += [other for other in each.sections if _TYPES[other] == _TYPES[section]]
        entry["tried"].append(section)
    return list(groups.values())


def _changes(by_line: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    told: dict[str, Any] = {"measured": sorted(by_line, key=Version.parse), "since": {}}
    before: frozenset[str] = frozenset()
    for line in told["measured"]:
        now = by_line[line]
        if now - before:
            told["since"][line] = sorted(now - before)
        if before - now:
            told.setdefault("until", {})[line] = sorted(before - now)
        before = now
    return told


def main(specs: Sequence[str]) -> None:
    """Measure the kernels of *specs* and write the file."""
    path = paths.vm() / "kernels.json"
    for spec in sorted(specs, key=Version.parse, reverse=True):
        answers = known_answers()
        known = {name for lines in answers.values() for names in lines.values() for name in names}
        with tempfile.TemporaryDirectory() as folder:
            version, found = measure(spec, Path(folder), known)
        line = "{}.{}".format(*line_of(version))
        for section, names in found.items():
            answers.setdefault(section, {})[line] = names
        data = json.loads(path.read_text())
        data["kfuncs"]["classes"] = as_table(answers)
        path.write_text(written(data) + "\n")
        rules.cache_clear()


if __name__ == "__main__":
    main(sys.argv[1:])
