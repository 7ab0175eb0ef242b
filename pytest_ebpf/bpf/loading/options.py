"""What a loader sets before it loads an object, and what the guest's agent is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_ebpf import hooks
from pytest_ebpf.bpf.maps import Map
from pytest_ebpf.bpf.program import Program
from pytest_ebpf.errors import UsageError
from pytest_ebpf.objects import ObjectFacts
from pytest_ebpf.uapi import ProgType

#: What a map with keys is given, and one without.
Contents = Mapping[Any, Any] | Iterable[Any]

#: Names of programs from key 0 on, or by key.
Entries = Sequence[str] | Mapping[int, str]

#: Where the guest has its file system for pinned maps and programs.
BPF_FS: Final = "/sys/fs/bpf/"

#: Bytes of an object's name that the agent takes; libbpf puts the first few before the names of maps.
_NAME_MAX: Final = 63


@dataclass(frozen=True)
class LoadOptions:
    """What a loader would set before loading, each by the name of a program, a map or a variable.

    *globals*: initial values of global variables. *autoload*: whether a program is loaded at all.
    *max_entries*, *value_size*: sizes of maps. *inner*: the map whose shape the inner maps of a map of maps
    get. *records*: the C type of the records of a ring buffer, or of an iterator. *attach*: settings of
    attachments.
    *targets*: the function that a program is loaded for (fentry, fexit, fmod_ret, lsm, ...), or the program
    of another object (freplace, fentry), whose function is the one that the section names, else its main one.
    *alternatives*: programs of which the first is loaded that the kernel takes, by a name that stands for it.
    *modules*: modules of the kernel, inserted before. *pin*: whether, or as which path, a map is pinned.
    *reuse*: the map of another object that is used in place of a new one. *perf_pages*: pages of the buffer
    that a perf event array gets on each CPU (64), 0 for none; a power of two.
    *hooks*: where programs run whose sections do not say it to libbpf, as it writes sections.
    *declared_for*: programs that are for other kernels, and for which: why they are not there.
    Afterwards *contents* are put into maps, and *entries*, programs by name, into those of type prog_array.
    """

    globals: Mapping[str, Any] = field(default_factory=dict)
    autoload: Mapping[str, bool] = field(default_factory=dict)
    max_entries: Mapping[str, int] = field(default_factory=dict)
    value_size: Mapping[str, int] = field(default_factory=dict)
    inner: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, str | type] = field(default_factory=dict)
    attach: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    targets: Mapping[str, str | Program] = field(default_factory=dict)
    alternatives: Mapping[str, Sequence[str]] = field(default_factory=dict)
    modules: Sequence[str] = ()
    pin: Mapping[str, str | bool] = field(default_factory=dict)
    reuse: Mapping[str, Map] = field(default_factory=dict)
    perf_pages: Mapping[str, int] = field(default_factory=dict)
    hooks: Mapping[str, str] = field(default_factory=dict)
    declared_for: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, Contents] = field(default_factory=dict)
    entries: Mapping[str, Entries] = field(default_factory=dict)


def arguments(
    elf: bytes, facts: ObjectFacts, name: str, options: LoadOptions, images: dict[str, bytes]
) -> dict[str, Any]:
    """The arguments of the op ``load``; *images* are the initial contents of global data, by section."""
    maps: dict[str, dict[str, Any]] = {}
    for setting in ("max_entries", "value_size", "inner", "perf_pages"):
        for each, value in getattr(options, setting).items():
            maps.setdefault(each, {})[setting] = value
    for each, path in pin_paths(options).items():
        maps.setdefault(each, {})["pin"] = path
    for each, other in options.reuse.items():
        maps.setdefault(each, {})["reuse"] = other.handle
    programs: dict[str, dict[str, Any]] = {
        each: {"autoload": wanted} for each, wanted in options.autoload.items()
    }
    for each, section in options.hooks.items():
        programs.setdefault(each, {}).update(_hooked(section))
    for each, target in options.targets.items():
        programs.setdefault(each, {}).update(_target(each, target, facts))
    short = name.encode(errors="replace")[:_NAME_MAX].decode(errors="ignore")
    return {"elf": elf, "name": short, "maps": maps, "programs": programs, "data": images}


def _hooked(section: str) -> dict[str, Any]:
    """What libbpf would take from the name of this section."""
    hook = hooks.parse(section)
    if hook is None:
        return {}
    kind = hook.kind
    types = {"type": int(kind.prog_type)}
    if kind.attach_type is not None:
        types["attach_type"] = int(kind.attach_type)
    by_name = kind.prog_type in {ProgType.TRACING, ProgType.LSM} and hook.target
    return {**types, "target": hook.target} if by_name else types


def pin_paths(options: LoadOptions) -> dict[str, str]:
    """Where maps are pinned, by their names."""
    return {each: BPF_FS + each if pin is True else str(pin) for each, pin in options.pin.items() if pin}


def attach_settings(name: str, options: LoadOptions, facts: ObjectFacts) -> Mapping[str, Any]:
    """The settings of attachments of the program *name*; a replacement goes to what it was loaded for."""
    settings = options.attach.get(name, {})
    target = options.targets.get(name)
    replaces = any(each.name == name and each.prog_type == ProgType.EXT for each in facts.programs)
    return {"target": target, **settings} if replaces and isinstance(target, Program) else settings


def _target(name: str, target: str | Program, facts: ObjectFacts) -> dict[str, Any]:
    """The settings that have the program *name* loaded for a function of the kernel or of a program."""
    program = next(each for each in facts.programs if each.name == name)
    if isinstance(target, str) and program.prog_type == ProgType.EXT:
        raise UsageError(
            f'{name}: replaces a function of a program, not of the kernel ("{target}")',
            where="targets",
            hint=f"give the program: targets={{{name!r}: other.programs.NAME}}",
        )
    if isinstance(target, str):
        return {"target": target}
    hook = hooks.parse(program.section)
    return {"target_prog": target.handle, "target": (hook and hook.target) or target.name}


def skipped_programs(facts: ObjectFacts, options: LoadOptions) -> frozenset[str]:
    """The programs that were not to be loaded."""
    wanted = {each.name: options.autoload.get(each.name, each.autoload) for each in facts.programs}
    return frozenset(name for name, load_it in wanted.items() if not load_it)
