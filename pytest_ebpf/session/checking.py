"""Objects on kernels that are not booted: ``ebpf-build check`` without what it prints."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pytest_ebpf.btf import Func
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.model import Report
from pytest_ebpf.compat.verdict import Declared, Subject, judge
from pytest_ebpf.errors import EbpfError
from pytest_ebpf.kernels import Kernel
from pytest_ebpf.objects import ObjectFacts, parse_object, read_bytes, require_programs
from pytest_ebpf.session.ranges import declared_for

if TYPE_CHECKING:
    from pytest_ebpf.manifest import Manifest
    from pytest_ebpf.requirements import Requirements
    from pytest_ebpf.session.prepared import Prepared

#: Kernels, and processors, from which on two work side by side.
_WORTH_A_PROCESS: Final = 2


def read_subject(path: Path, name: str, manifest: Manifest | None = None) -> Subject:
    """Read the object in *path*, which *manifest*, if there is one, declares as *name*.

    :class:`~pytest_ebpf.errors.ObjectError` if it cannot be read or is damaged.
    """
    data = read_bytes(path)
    facts = parse_object(data, path)
    return Subject.of(name, data, facts, _declared(manifest, name, data, facts) if manifest else None)


def prepared_subject(prepared: Prepared, requirements: Requirements) -> Subject:
    """The object, which asks for *requirements*, as the options that are prepared for it have it loaded."""
    options, facts = prepared.options, prepared.facts
    declared = Declared(
        targets={each: target for each, target in options.targets.items() if isinstance(target, str)},
        sized=frozenset({*options.max_entries, *options.reuse}),
        data=_set_data(options.globals, prepared.name, prepared.elf, facts),
    )
    return Subject(prepared.name, facts, requirements, declared)


def _declared(manifest: Manifest, name: str, data: bytes, facts: ObjectFacts) -> Declared:
    declared = manifest.objects[name]
    return Declared(
        autoload={each: program.autoload for each, program in declared.programs.items()},
        targets={each: program.target for each, program in declared.programs.items() if program.target},
        declared_for=declared_for(manifest, name, facts),
        alternatives=declared.alternatives,
        sized=frozenset(declared.load.max_entries),
        data=_set_data(declared.load.globals, name, data, facts),
    )


def _set_data(wanted: Mapping[str, Any], name: str, data: bytes, facts: ObjectFacts) -> Mapping[str, bytes]:
    """The read-only sections as they are with the variables that are set before loading."""
    if not wanted:
        return {}
    from pytest_ebpf.bpf.globals import initial_images  # noqa: PLC0415 - slow to import, and seldom needed
    from pytest_ebpf.values.by_btf import Values  # noqa: PLC0415

    values = Values(facts.btf, {}) if facts.btf is not None else None
    order: Literal["big", "little"] = "big" if facts.big_endian else "little"
    images = initial_images(data, facts, values, wanted, order=order, owner=name)
    return {section: image for section, image in images.items() if section.startswith(".rodata")}


def check(subjects: Sequence[Subject], kernels: Sequence[Kernel]) -> Report:
    """Judge every program of *subjects* on every one of *kernels*, oldest first.

    :class:`~pytest_ebpf.errors.ObjectError` for an object without programs, which could only look as if it
    worked, :class:`~pytest_ebpf.errors.KernelError` for a kernel whose BTF cannot be read.
    """
    for subject in subjects:
        require_programs(subject.facts, subject.name)
    subjects = _side_by_side(subjects)
    ordered = sorted({kernel.image: kernel for kernel in kernels}.values(), key=lambda each: each.version)
    _make_indexes(ordered)
    facts = [KernelFacts(kernel) for kernel in ordered]
    verdicts = [verdict for each in facts for subject in subjects for verdict in judge(subject, each)]
    return Report(tuple(dict.fromkeys(each.name for each in facts)), tuple(verdicts))


def _side_by_side(subjects: Sequence[Subject]) -> list[Subject]:
    """*subjects*, of which each knows the functions of the others."""
    functions = {each.name: _functions(each.facts) for each in subjects}
    return [
        replace(each, beside=frozenset().union(*(functions[name] for name in functions if name != each.name)))
        for each in subjects
    ]


def _functions(facts: ObjectFacts) -> frozenset[str]:
    btf = facts.btf
    found = map(btf.type, btf.ids_of(Func)) if btf else ()
    return frozenset(each.name for each in found if isinstance(each, Func))


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
