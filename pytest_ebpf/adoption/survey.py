"""What is to be known of an object that somebody else built before it can be loaded and tested."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf import hooks
from pytest_ebpf.adoption.lacks import Lack, Lacks
from pytest_ebpf.adoption.settings import Settings, settings_of
from pytest_ebpf.bpf.attaching.plan import missing_settings
from pytest_ebpf.bpf.running.testrun import RULES
from pytest_ebpf.manifest.defect import DefectError
from pytest_ebpf.manifest.scalars import identifier
from pytest_ebpf.objects import ObjectFacts, ProgramFacts
from pytest_ebpf.requirements import Refusal
from pytest_ebpf.uapi import AttachType, ProgType

#: Types that the kernel verifies against a target, without which they do not load.
_WANT_TARGET: Final = frozenset({ProgType.TRACING, ProgType.LSM, ProgType.EXT})

#: What attaches to a file of the guest.
_BY_FILE: Final = frozenset({"uprobe", "uprobe_multi", "usdt"})

#: Iterators over what a map holds: which map, attaching says.
_OVER_A_MAP: Final = frozenset({"bpf_map_elem", "bpf_sk_storage_map"})

#: Programs for maps of devices and CPUs, which BPF_PROG_TEST_RUN refuses (bpf_prog_test_run_xdp).
_IN_A_MAP: Final = frozenset({AttachType.XDP_DEVMAP, AttachType.XDP_CPUMAP})


@dataclass(frozen=True)
class SurveyedProgram:
    """A program, and what a first test can do with it.

    *declared*: whether a manifest can name it and its hook. *autoload*: whether it is loaded with its
    object, on the *kernels* that it is for if not on all. *why_not* says why it is not, or not on all,
    where its section does not ask for that. *run*: ``packet``, ``context`` or None; *attach*: whether it
    can be attached with what is known. Where it can be neither, *reason* says what is missing.
    """

    facts: ProgramFacts
    declared: bool
    autoload: bool
    kernels: str | None
    why_not: str | None
    run: str | None
    attach: bool
    reason: str


@dataclass(frozen=True)
class SurveyedObject:
    """An object as the manifest will call it.

    *refusal* says why no loader takes it, if so, *part* which of the kernels it is for, if not for all.
    """

    name: str
    path: str
    facts: ObjectFacts
    programs: tuple[SurveyedProgram, ...]
    settings: Settings
    refusal: str | None
    part: Lack | None

    @property
    def skipped(self) -> str | None:
        """Why it is loaded on no kernel, if so."""
        return self.refusal or (self.part.what if self.part and not self.part.kernels else None)


def survey(
    name: str,
    path: str,
    facts: ObjectFacts,
    refusals: Sequence[Refusal],
    lacks: Lacks | None = None,
) -> SurveyedObject:
    """Look at an object; *name* and *path* are what the manifest will say.

    *refusals* are why no loader takes it, *lacks* what keeps it or its programs from being loaded on some
    kernel.
    """
    settings = settings_of(facts)
    lacks = lacks or Lacks()
    programs = tuple(_programs(facts, lacks))
    refusal = str(refusals[0]) if refusals else settings.refusal or _not_held(facts, programs)
    return SurveyedObject(
        name=name,
        path=path,
        facts=facts,
        programs=programs,
        settings=settings,
        refusal=refusal,
        part=lacks.whole if refusal is None else None,
    )


def _not_held(facts: ObjectFacts, programs: Sequence[SurveyedProgram]) -> str | None:
    """A program that a map holds from the start, and that is not loaded: libbpf cannot fill the map."""
    reasons = {each.facts.name: each.reason for each in programs if not each.autoload}
    for each in facts.maps:
        for name in each.programs:
            if name in reasons:
                return f"map {each.name} holds {name}, which is not loaded: {reasons[name]}"
    return None


def _programs(facts: ObjectFacts, lacks: Lacks) -> Iterator[SurveyedProgram]:
    """Those that come to share a name, through damage or a linker, are one to a loader: the first."""
    unique = {each.name: each for each in reversed(facts.programs)}
    for each in facts.programs:
        if unique[each.name] is each:
            yield _program(each, lacks.programs.get(each.name), lacks.attaching.get(each.name))


def _program(facts: ProgramFacts, lack: Lack | None, unattached: str | None) -> SurveyedProgram:
    declared = facts.hook is not None and _is_name(facts.name)
    why_not = _why_not(facts)
    if lack and why_not is None and not (lack.kernels and declared):  # a range has no place but the manifest
        why_not = lack.what
    run, attach, reason = None, False, why_not or ""
    kernels = remark = None
    if why_not is None and not facts.autoload:
        reason = "its section asks that it is not loaded by itself: load it with autoload={...: True}"
    elif why_not is None:
        run, attach, reason = _what_to_do(facts)
        if attach and unattached:
            attach, reason = False, unattached
        kernels, remark = (lack.kernels, lack.what) if lack else (None, None)
    return SurveyedProgram(
        facts=facts,
        declared=declared,
        autoload=facts.autoload and why_not is None,
        kernels=kernels,
        why_not=why_not or remark,
        run=run,
        attach=attach,
        reason=reason,
    )


def _why_not(facts: ProgramFacts) -> str | None:
    if facts.hook is None:
        return f'section "{facts.section}" tells no type of program: a loader sets it'
    if facts.hook.kind.prog_type == ProgType.EXT:
        return "it replaces a function of another program, which a loader names: targets={...}"
    if facts.hook.kind.target and not facts.hook.target and facts.prog_type in _WANT_TARGET:
        return f"what it is loaded for is not in its section: a loader sets the target of {facts.section}"
    return None


def _what_to_do(facts: ProgramFacts) -> tuple[str | None, bool, str]:
    """How it is run, whether it is attached, what is missing for both."""
    assert facts.hook
    if facts.prog_type == ProgType.SYSCALL:
        return None, False, "what its context is, only its author knows: run(context=...)"
    rules = RULES.get(facts.prog_type or 0)
    run = None
    if rules and facts.attach_type not in _IN_A_MAP:
        run = "packet" if rules.frame else "context"
    reason = _why_not_attached(facts.section, facts.hook)
    return run, not reason, reason


def _why_not_attached(section: str, hook: hooks.Hook) -> str:
    takes = hooks.attachment(hook.kind)
    missing = missing_settings(section)
    if missing is None:
        return takes.instead
    if missing:
        wanted = " and ".join(" or ".join(group) for group in missing)
        return f"attaching it takes {wanted}: attach({missing[0][0]}=...)"
    if takes.how in _BY_FILE:
        return "the file that it is attached to must be in the guest: ebpf.guest.install(...)"
    if takes.how == "iter" and hook.target in _OVER_A_MAP:
        return "which map it goes over, attaching says: attach(map=...)"
    return ""


def _is_name(text: str) -> bool:
    try:
        return bool(identifier(text))
    except DefectError:
        return False


def names_of(paths: Sequence[Path]) -> list[str]:
    """A name for each file as manifests take it: of its own name, and no two the same."""
    taken: set[str] = set()
    found = []
    for path in paths:
        stem = re.sub(r"\W", "_", path.name.removesuffix(".o").removesuffix(".bpf"), flags=re.ASCII)
        base = stem if _is_name(stem) else f"object_{stem}"
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        found.append(name)
    return found
