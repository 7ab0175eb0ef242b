"""Whether the programs of an object can work on a kernel that is not running, and because of what not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from pytest_ebpf import hooks
from pytest_ebpf.btf import DataSec, Var
from pytest_ebpf.compat import limits
from pytest_ebpf.compat.checks import Checks
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.kernel import Kernel
from pytest_ebpf.compat.model import Lack, Status, Verdict
from pytest_ebpf.compat.oracle import Oracle
from pytest_ebpf.compat.rules import rules
from pytest_ebpf.kernels import Version, in_range
from pytest_ebpf.objects import ObjectFacts
from pytest_ebpf.requirements import (
    Kind,
    Ksym,
    ProgramRequirements,
    Requirement,
    Requirements,
    requirements_of,
)
from pytest_ebpf.requirements.reach import Effort, reachable
from pytest_ebpf.requirements.targets import TARGETS, target_of
from pytest_ebpf.uapi import MapType, ProgType

#: Maps whose ``max_entries`` is 0, or is set by libbpf.
_UNSIZED: Final = frozenset(
    {
        MapType.PERF_EVENT_ARRAY,
        MapType.CGROUP_STORAGE,
        MapType.PERCPU_CGROUP_STORAGE,
        MapType.SK_STORAGE,
        MapType.INODE_STORAGE,
        MapType.TASK_STORAGE,
        MapType.CGRP_STORAGE,
        MapType.STRUCT_OPS,
    }
)


@dataclass(frozen=True)
class Declared:
    """What a loader does with an object, as far as the object does not say; by the names in it.

    *autoload* says of programs whether they are loaded with it, *targets* what they are loaded for;
    *declared_for* the kernels (``>=6.4``) that programs are promised for, if not for all. Of each group of
    *alternatives* one program is loaded. *sized* are the maps whose number of entries it sets; *data* is
    what it puts into read-only sections.
    """

    autoload: Mapping[str, bool] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    declared_for: Mapping[str, str] = field(default_factory=dict)
    alternatives: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sized: frozenset[str] = frozenset()
    data: Mapping[str, bytes] = field(default_factory=dict)

    def group_of(self, program: str) -> str | None:
        """The name of the alternatives that *program* is one of."""
        return next((group for group, names in self.alternatives.items() if program in names), None)

    def promises(self, program: str, version: Version, where: str) -> bool:
        """Whether *program* is for a kernel of *version*."""
        text = self.declared_for.get(program)
        return text is None or in_range(text, version, where=f"{where}: kernels")


@dataclass(frozen=True)
class Subject:
    """An object to be judged: its *name* for people, what is in it, what it asks for, how it is loaded.

    *beside* are the functions of other objects, whose programs its own may be loaded for.
    """

    name: str
    facts: ObjectFacts
    requirements: Requirements
    declared: Declared = field(default_factory=Declared)
    beside: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str, data: bytes, facts: ObjectFacts, declared: Declared | None = None) -> Subject:
        """Read what the bytes of an object ask for; :class:`ObjectError` if they are damaged."""
        return cls(name, facts, requirements_of(data, facts), declared or Declared())


def judge(subject: Subject, kernel: KernelFacts) -> Iterator[Verdict]:
    """The verdict on each program of *subject*. Raises :class:`KernelError` if the kernel is unreadable."""
    return _Judge(subject, kernel).verdicts()


class _Judge:
    def __init__(self, subject: Subject, facts: KernelFacts) -> None:
        self._subject = subject
        self._facts = facts
        self._oracle = Oracle(facts, subject.requirements, subject.facts.btf)
        self._checks = Checks(Kernel(facts, self._oracle, rules(), subject.requirements.gpl_compatible))

    def verdicts(self) -> Iterator[Verdict]:
        declared = self._subject.declared
        for program in self._subject.requirements.programs:
            lacks = [*self._common, *self._own(program)]
            lacks.sort(key=lambda lack: not lack.certain)  # stable: the first that is certain decides
            yield Verdict(
                object=self._subject.name,
                program=program.name,
                kernel=self._facts.name,
                required=declared.autoload.get(program.name, program.autoload),
                status=_status(lacks),
                lacks=tuple({lack.what: lack for lack in reversed(lacks)}.values())[::-1],
                alternative=declared.group_of(program.name),
                promised=declared.promises(program.name, self._facts.version, self._subject.name),
            )

    @cached_property
    def _common(self) -> list[Lack]:
        """What fails every program."""
        needs = self._lacks(self._subject.requirements.common, None)
        others = (*self._options(self._subject.facts), *self._links(self._subject.facts))
        return [*_of_the_file(self._subject), *others, *(lack for _, lack in needs)]

    def _options(self, facts: ObjectFacts) -> Iterator[Lack]:
        """Options whose values are not known here; libbpf wants the file that says them for weak ones too."""
        for name in _options(facts) if self._facts.config is None else ():
            yield Lack(certain=False, what=f"libbpf reads {name} from the configuration in /boot")

    def _links(self, facts: ObjectFacts) -> Iterator[Lack]:
        """What a section of libbpf's asks for: operations that are attached by a link."""
        section = ".struct_ops.link"
        linked = facts.btf.find(section, DataSec) if facts.btf else None
        if linked and not self._facts.has_function("bpf_struct_ops_link_create"):
            what = f"no links of struct_ops, as section {section} has them"
            yield Lack(certain=True, what=what, instead='use SEC(".struct_ops")')

    def _own(self, program: ProgramRequirements) -> Iterator[Lack]:
        hook = self._hook(program)
        yield from _left_to_the_loader(program, hook)
        yield from limits.of_the_code(program, self._facts.version)
        needs = program.requirements
        if hook and self._is_beside(hook):
            yield Lack(certain=False, what=f"the loader says in which program {hook.target} is")
            needs = tuple(need for need in needs if need.kind is not Kind.FUNCTION)
        if program.name in self._subject.declared.targets:
            needs = _retargeted(needs, hook)
        found = list(self._lacks(needs, hook.kind.prefix if hook else None))
        if not any(_may_be_passed_by(need) for need, _ in found):
            yield from (lack for _, lack in found)
            return
        reached, for_sure = self._reached(program, {need.instruction for need, _ in found})
        for need, lack in found:
            if not _may_be_passed_by(need) or need.instruction in for_sure:
                yield lack
            elif need.instruction in reached:
                yield replace(lack, certain=False, what=f"{lack.what}, if it comes to that")

    def _hook(self, program: ProgramRequirements) -> hooks.Hook | None:
        hook = hooks.parse(program.section)
        target = self._subject.declared.targets.get(program.name)
        return replace(hook, target=target) if hook and target else hook

    def _is_beside(self, hook: hooks.Hook) -> bool:
        """Whether it traces a function of another object, not one of this kernel."""
        if hook.kind.prog_type != ProgType.TRACING or hook.target not in self._subject.beside:
            return False
        return not self._facts.has_function(hook.target)

    def _reached(
        self, program: ProgramRequirements, asking: Collection[int | None]
    ) -> tuple[frozenset[int], frozenset[int]]:
        """The instructions that the kernel may come to, and those it comes to whatever is not known of it.

        *asking* are those that matter: where a quick look comes to none of them, it is enough.
        """
        oracle, data = self._oracle, {**program.code.rodata, **self._subject.declared.data}
        oracle.unsure = False
        reached = reachable(program, oracle, data)
        if reached.isdisjoint(asking):
            return reached, reached
        reached &= reachable(program, oracle, data, Effort.APART)
        if reached.isdisjoint(asking):
            return reached, reached
        answers = [oracle.supposing(each) for each in (True, False)] if oracle.unsure else [oracle]
        either = (reachable(program, each, data, Effort.KEEN) for each in answers)
        return reached, reached.intersection(*either)

    def _lacks(self, needs: Iterable[Requirement], section: str | None) -> Iterator[tuple[Requirement, Lack]]:
        """What is not there, with what asks for it."""
        for need in needs:
            if (not need.weak or _must_fit(need)) and (lack := self._checks.lack(need, section)):
                yield need, lack


def _status(lacks: Iterable[Lack]) -> Status:
    for lack in lacks:
        return Status.CANNOT if lack.certain else Status.UNKNOWN
    return Status.WORKS


def _left_to_the_loader(program: ProgramRequirements, hook: hooks.Hook | None) -> Iterator[Lack]:
    """What the section does not say, and the kernel must be told when the program is loaded."""
    if hook is None:
        yield Lack(certain=False, what=f"section {program.section} is no hook: the loader says what it is")
    elif hook.kind.prog_type == ProgType.EXT:
        yield Lack(certain=False, what="the loader says in which program it replaces a function")
    elif hook.kind.prog_type == ProgType.STRUCT_OPS:
        if all(need.kind is not Kind.STRUCT_OPS for need in program.requirements):
            yield Lack(certain=False, what="the loader says which operation of which struct it is")
    elif hook.kind.prog_type in {ProgType.TRACING, ProgType.LSM} and not hook.target:
        yield Lack(certain=False, what=f"the loader says what this {hook.kind.prefix} program is attached to")


def _retargeted(needs: Sequence[Requirement], hook: hooks.Hook | None) -> tuple[Requirement, ...]:
    """*needs* of a program that is loaded for something else than its section names."""
    found = tuple(need for need in needs if need.kind not in TARGETS)
    target = target_of(hook) if hook else None
    return (replace(target, source=needs[0].source), *found) if target else found


def _must_fit(need: Requirement) -> bool:
    """Whether libbpf refuses another type even of what is weak: of variables, not of functions."""
    symbol = need.symbol
    return isinstance(symbol, Ksym) and not symbol.is_function and symbol.type_id != 0


def _may_be_passed_by(need: Requirement) -> bool:
    """Whether nobody misses it where control never comes to the instruction that asks."""
    return need.instruction is not None and not need.always


def _of_the_file(subject: Subject) -> Iterator[Lack]:
    """What is wrong with an object on any kernel, and what is left to its loader."""
    for each in subject.requirements.refusals:
        yield Lack(certain=True, what=each.what, instead=each.instead, source=each.source)
    for found in subject.facts.maps:
        sized = found.max_entries or found.type in _UNSIZED or found.name in subject.declared.sized
        if not sized and not found.legacy:
            yield Lack(certain=False, what=f"the loader says how many entries map {found.name} has")


def _options(facts: ObjectFacts) -> Iterator[str]:
    """The options of the kernel's configuration that an object asks for, weak ones included."""
    found = facts.btf.find(".kconfig", DataSec) if facts.btf else None
    section = facts.btf.type(found) if facts.btf and found else None
    for slot in section.variables if isinstance(section, DataSec) else ():
        assert facts.btf
        option = facts.btf.type(slot.type_id)
        if isinstance(option, Var) and option.name.startswith("CONFIG_"):
            yield option.name
