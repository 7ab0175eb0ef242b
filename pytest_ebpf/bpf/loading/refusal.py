"""Why a kernel refused an object: something it lacks, found by probing, or something wrong with it."""

from __future__ import annotations

import errno
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from pytest_ebpf.bpf.loading.options import LoadOptions, skipped_programs
from pytest_ebpf.bpf.loading.target_causes import log_of, missing, unknown_hook
from pytest_ebpf.bpf.probe import Probes, probes_of
from pytest_ebpf.errors import EbpfError, LoadError, ObjectError, UnsupportedError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.guest.client import errno_name
from pytest_ebpf.objects import ObjectFacts, ProgramFacts
from pytest_ebpf.uapi import MapFlag, MapType, ProgType

if TYPE_CHECKING:
    from pytest_ebpf.verifier import Explanation, Sources

#: ``BPF_F_XDP_HAS_FRAGS`` of ``include/uapi/linux/bpf.h``, since Linux 5.18.
_HAS_FRAGS: Final = 1 << 5

_NOT_CREATED: Final = re.compile(r"map '(?P<map>[^']+)': failed to create: -EINVAL")

_MISSING_HELPER: Final = re.compile(r"(?:unknown|invalid) func (?P<name>\w+)#(?P<number>\d+)")

#: What the verifier says of what it does not know yet. Functions of a program that helpers call came with
#: Linux 5.13 (commit 69c087ba6225): before, they count in the function info only. System calls of kernels
#: without ``CONFIG_FUNCTION_ERROR_INJECTION`` take no sleepable programs in Linux 6.18, and do in 7.2.
_UNKNOWN: Final = (
    (re.compile(r"number of funcs in func_info doesn't match number of subprogs"), "callbacks in programs"),
    (re.compile(r"__x64_sys_\w+ is not sleepable"), "sleepable programs at system calls"),
    (re.compile(r"Only .* programs can be sleepable"), "sleepable programs of this type"),
)

#: What it says of instructions that it does not know yet; compilers set no field without a meaning.
_NO_INSTRUCTION: Final = re.compile(r"BPF_\w+ uses reserved fields|unknown opcode [0-9a-f]+")

#: Instructions that came after Linux 5.10 with -mcpu=v4, and others.
_OF_V4: Final = frozenset(
    {"sign_extended_load", "sign_extended_move", "byte_swap", "signed_divide", "signed_modulo", "goto_long"}
)
_LATER: Final = _OF_V4 | {
    *("atomic_fetch_add", "atomic_and", "atomic_or", "atomic_xor", "xchg", "cmpxchg"),
    *("atomic_fetch_and", "atomic_fetch_or", "atomic_fetch_xor", "load_acquire", "store_release"),
    *("may_goto", "address_space_cast", "goto_indirect"),
}


#: libbpf, of a map that is to be used as it was pinned (``bpf_object__reuse_map``).
_PINNED: Final = re.compile(r"couldn't reuse pinned map at '(?P<path>[^']*)': parameter mismatch")


def explain_load(
    guest: Guest, elf: bytes, facts: ObjectFacts, error: CallError, *, name: str, options: LoadOptions
) -> EbpfError:
    """The error to raise for a failed ``load`` of the object *name*, of bytes *elf*, with *options*."""
    skipped = skipped_programs(facts, options)
    log = log_of(error)
    program: str | None = error.details.get("program")
    sources = _sources(elf, facts, program)
    explanation = _explained(log, sources, program)
    line = explanation.said if explanation else None
    probes = probes_of(guest)
    tried = [each for each in facts.programs if each.name not in skipped]
    if program is None and (lacking := _no_map_type(probes, facts, name)):
        return lacking  # it explains a kfunc for such maps that is not there
    if absent := _no_size(facts, error, name, options.max_entries) or missing(guest, name, tried, error):
        return absent
    for each in _in_question(tried, program):
        if lack := _lack(probes, each, line):
            return UnsupportedError(
                f"this kernel has no {lack}",
                where=f"{name}: {each.name}",
                hint="run it on a newer kernel, or guard it",
            )
        if program is not None and (unknown := unknown_hook(guest, name, each)):
            return unknown
    if program is not None:
        refused: EbpfError | None = _no_instruction(sources, line, f"{name}: {program}")
    else:
        refused = _no_linked_map(probes, facts, name) or _no_map(facts, error, name, options)
    if refused:
        return refused
    from pytest_ebpf.verifier import render  # noqa: PLC0415  # as above

    at = str(explanation.place) if explanation and explanation.place else ""
    return LoadError(
        explanation.reason if explanation else error.what,
        where=f"{name}: {program}" if program else name,
        hint=f"at {at}" if at else None,
        program=program,
        errno=error.errno,
        log=log,
        at=at,
        explanation=render(explanation) if explanation else "",
    )


def _sources(elf: bytes, facts: ObjectFacts, program: str | None) -> Sources | None:
    """The source of *program*; None of an object that is damaged."""
    from pytest_ebpf.verifier import sources_of  # noqa: PLC0415  # only where something is refused

    try:
        return sources_of(elf, facts, program) if program else None
    except ObjectError:
        return None


def _explained(log: str, sources: Sources | None, program: str | None) -> Explanation | None:
    """What *log* says; without *sources* with lines as far as the log itself tells them."""
    from pytest_ebpf.verifier import explain  # noqa: PLC0415  # as above

    return explain(log, sources, program=program)


def _in_question(programs: list[ProgramFacts], failed: str | None) -> list[ProgramFacts]:
    return [each for each in programs if failed is None or each.name == failed]


def _lack(probes: Probes, program: ProgramFacts, line: str | None) -> str | None:
    """The program type, its flag or the helper that the kernel does not have."""
    if program.prog_type is None:
        return None
    kind = ProgType(program.prog_type).name.lower()
    if probes.has(prog_type=program.prog_type) is False:
        return f"{kind} programs"
    if program.section.startswith("xdp.frags") and not probes.takes(program.prog_type, _HAS_FRAGS):
        return "xdp.frags programs"
    found = _MISSING_HELPER.search(line) if line else None
    if found and _has_helper(probes, program.prog_type, found) is False:
        return f"{_helper(int(found['number']))} for {kind} programs ({line})"
    return next((f"{what} ({line})" for said, what in _UNKNOWN if line and said.fullmatch(line)), None)


def _has_helper(probes: Probes, prog_type: int, found: re.Match[str]) -> bool | None:
    """Whether the kernel has the helper that the line names; None where that cannot be told.

    libbpf cannot try the types that are verified against a target (``libbpf_probe_bpf_helper``). Of a number
    behind its last helper the verifier knows no name (``func_id_name``).
    """
    from pytest_ebpf.requirements.helpers import is_helper  # noqa: PLC0415  # as above

    number = int(found["number"])
    has = probes.has(prog_type=prog_type, helper=number)
    return False if has is None and found["name"] == "unknown" and is_helper(number) else has


def _helper(number: int) -> str:
    from pytest_ebpf.verifier.sentences import missing_helper  # noqa: PLC0415  # as above

    return missing_helper(number)


def _no_instruction(sources: Sources | None, line: str | None, where: str) -> UnsupportedError | None:
    """The instructions of the program that the kernel may not know, if it says that it knows one not."""
    later = sorted(sources.features & _LATER) if sources else []
    if not later or not line or not _NO_INSTRUCTION.fullmatch(line):
        return None
    return UnsupportedError(
        f"this kernel does not know an instruction of it: {' or '.join(later)} ({line})",
        where=where,
        hint="compile with -mcpu=v3" if _OF_V4 & {*later} else "run it on a newer kernel",
    )


def _no_map_type(probes: Probes, facts: ObjectFacts, name: str) -> UnsupportedError | None:
    for each in facts.maps:
        if probes.has(map_type=each.type) is False:
            what, where = f"this kernel has no {each.type_name} maps", f"{name}: {each.name}"
            return UnsupportedError(what, where=where, hint="use another type")
    return None


def _no_size(facts: ObjectFacts, error: CallError, name: str, sized: Collection[str]) -> LoadError | None:
    """The error for a map that could not be created, as the object leaves ``max_entries`` to its loader.

    Storages of sockets, tasks and so on have none.
    """
    found = _NOT_CREATED.search(f"{error.what}\n{log_of(error)}")
    for each in facts.maps:
        left = not each.max_entries and each.name not in sized and not each.type_name.endswith("_storage")
        if found and each.name == found["map"] and left:
            return LoadError(
                f"map {each.name} has no max_entries: a loader sets it, as `ebpf-build adopt` can declare",
                where=name,
                hint=f'declare it in load.max_entries, or load(..., max_entries={{"{each.name}": 1024}})',
                errno=error.errno,
                log=log_of(error),
            )
    return None


def _no_linked_map(probes: Probes, facts: ObjectFacts, name: str) -> UnsupportedError | None:
    """Links of struct_ops came with Linux 6.4 (commit 68b04864ca42)."""
    for each in facts.maps:
        linked = each.type == MapType.STRUCT_OPS and each.flags & MapFlag.LINK
        if linked and probes.names("BPF_STRUCT_OPS") is False:
            what, where = "this kernel has no links of struct_ops", f"{name}: {each.name}"
            return UnsupportedError(what, where=where, hint='use SEC(".struct_ops")')
    return None


def _no_map(facts: ObjectFacts, error: CallError, name: str, options: LoadOptions) -> LoadError | None:
    """The error for a map that the kernel has a type for, and still does not create."""
    refused = next((each for each in facts.maps if each.name == error.details.get("map")), None)
    if refused is None:
        return None
    where, log = f"{name}: {refused.name}", log_of(error)
    if found := _PINNED.search(log):
        what = f"what is pinned at {found['path']} is of another type or size"
        return LoadError(what, where=where, hint="unpin it, or use another path", errno=error.errno, log=log)
    sizes = (
        f"keys of {refused.key_size} bytes, "
        f"values of {options.value_size.get(refused.name, refused.value_size)}, "
        f"{options.max_entries.get(refused.name, refused.max_entries)} entries"
    )
    memory = "make it smaller, or set memory under [test]" if error.errno == errno.ENOMEM else None
    return LoadError(
        f"the kernel creates no {refused.type_name} with {sizes} and these flags ({errno_name(error.errno)})",
        where=where,
        hint=memory or "a map of this type has others",
        errno=error.errno,
        log=log,
    )
