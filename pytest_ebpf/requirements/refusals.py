"""What keeps an object from being loaded on every kernel: what libbpf refuses, and maps that none makes.

Source: ``bpf_object__elf_collect``, ``bpf_object__add_programs``, ``bpf_object__collect_externs``,
``bpf_object__init_user_btf_map``, ``parse_btf_map_def``, ``bpf_program__record_reloc`` and
``bpf_object__resolve_externs`` of libbpf 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_ebpf.elf import Elf, Relocation
from pytest_ebpf.manifest.maprules import FLAG_ONLY_ON, RULES, MapRule, Side
from pytest_ebpf.objects import MapFacts, ObjectFacts
from pytest_ebpf.objects.code import Function
from pytest_ebpf.objects.facts import is_data
from pytest_ebpf.objects.instructions import CALL, SIZE
from pytest_ebpf.objects.maps import flag_names, static_maps, unknown_members
from pytest_ebpf.objects.model import TYPED
from pytest_ebpf.requirements.externs import is_extern, undeclared
from pytest_ebpf.requirements.linked import Linker
from pytest_ebpf.requirements.model import Kconfig, Refusal, SourceLine
from pytest_ebpf.uapi import MapType

#: Values that libbpf makes up itself.
_VIRTUAL: Final = frozenset({"LINUX_KERNEL_VERSION", "LINUX_HAS_BPF_COOKIE", "LINUX_HAS_SYSCALL_WRAPPER"})

_WITH_TYPES: Final = "compile with -g"


def refusals(elf: Elf, facts: ObjectFacts, linker: Linker) -> Iterator[Refusal]:
    """Everything of the kind, first what is wrong with the file as a whole."""
    yield from _of_the_file(elf, facts)
    for each in facts.maps:
        yield from _of_a_map(each)
    yield from _of_externs(elf, facts, linker)
    yield from _of_functions(elf, linker)


def _of_the_file(elf: Elf, facts: ObjectFacts) -> Iterator[Refusal]:
    if facts.big_endian:
        yield Refusal("the object is big-endian, the kernel is not", "use -target bpfel")
    legacy = [each.name for each in facts.maps if each.legacy]
    if legacy or elf.section("maps"):
        maps = f"map {legacy[0]} is defined" if legacy else "maps are defined"
        what = f"{maps} in section maps, which libbpf gave up with 1.0"
        yield Refusal(what, 'define it in SEC(".maps")')
    if not elf.symbols:
        yield Refusal(
            "there are no symbols, by which libbpf finds programs", "strip it with -g, which leaves them"
        )
    if facts.lost:
        yield Refusal(facts.lost, TYPED)
    if not facts.has_btf and elf.section(".maps"):
        yield Refusal("libbpf reads .maps through BTF, which the object does not have", _WITH_TYPES)
    for name, member in unknown_members(facts.btf) if facts.btf else ():
        yield Refusal(f"map {name} has {member}, which libbpf does not know", "leave it out")
    for name in static_maps(elf, facts.btf) if facts.btf else ():
        yield Refusal(
            f"map {name} is static, and libbpf takes none that are", "leave out static, or __hidden"
        )


def _of_a_map(found: MapFacts) -> Iterator[Refusal]:
    """Sizes and flags that ``BPF_MAP_CREATE`` refuses; those that are left out, a loader may set."""
    try:
        kind = MapType(found.type)
    except ValueError:
        return
    rule = RULES.get(kind)
    if rule and not found.legacy:
        yield from _against(rule, found)
    for flag, types in FLAG_ONLY_ON.items():
        if found.flags & flag and kind not in types:
            (name,) = flag_names(flag)
            yield Refusal(f"map {found.name}: the flag {name} is not for {found.type_name}")
    if found.inner:
        yield from _of_a_map(found.inner)


def _against(rule: MapRule, found: MapFacts) -> Iterator[Refusal]:
    for what, size, side in (("keys", found.key_size, rule.key), ("values", found.value_size, rule.value)):
        if size and (wanted := _other_size(size, side)):
            yield Refusal(f"map {found.name}: {what} of {found.type_name} have {wanted}, not {size}")
    if rule.entries == "refused" and found.max_entries:
        yield Refusal(f"map {found.name}: {found.type_name} has no max_entries", "leave it out")
    for flag in rule.flags:
        if not found.flags & flag:
            (name,) = flag_names(flag)
            yield Refusal(f"map {found.name}: {found.type_name} takes the flag {name}")


def _other_size(size: int, side: Side) -> str | None:
    """The sizes that a side may have, if *size* is none of them."""
    if not side.present:
        return "no bytes"
    if side.sizes and size not in side.sizes:
        return f"{' or '.join(map(str, side.sizes))} bytes"
    if size % side.multiple:
        return f"a multiple of {side.multiple} bytes"
    if size < side.least:
        return f"at least {side.least} bytes"
    return f"at most {side.most} bytes" if size > side.most else None


def _of_externs(elf: Elf, facts: ObjectFacts, linker: Linker) -> Iterator[Refusal]:
    for name in undeclared(elf, facts.btf):
        line = linker.first_line(name)
        if facts.btf is None:
            what = f"libbpf finds {name} through BTF, which the object does not have"
            yield Refusal(what, _WITH_TYPES, line)
        else:
            instead = "declare it __ksym if it is the kernel's, else link what defines it"
            yield Refusal(f"{name} is defined nowhere", instead, line)
    for name, symbol in linker.externs.items():
        if not isinstance(symbol, Kconfig) or name.startswith("CONFIG_") or name in _VIRTUAL:
            continue
        if not symbol.weak or not name.startswith("LINUX_"):
            yield Refusal(f"libbpf knows no {name}", "declare what it knows", linker.first_line(name))


def _of_functions(elf: Elf, linker: Linker) -> Iterator[Refusal]:
    """Functions where libbpf wants programs, and what their instructions refer to."""
    symbols = (each for each in elf.symbols if each.type == "FUNC" and each.bind == "LOCAL")
    static = {(each.section_index, each.value) for each in symbols}
    for function in linker.code.functions:
        if function.is_program and (function.section.index, function.start) in static:
            place = f"{function.name} in section {function.section.name}"
            what = f"{place} is static, and libbpf takes it for a program"
            instead = _place(function.section.name, "leave out static, or SEC")
            yield Refusal(what, instead, linker.line(function, 0))
        for index, instruction in enumerate(linker.body(function).instructions):
            found = linker.code.relocation_at(function, function.start + index * SIZE)
            if found and not is_extern(found.symbol):
                is_call = instruction.code == CALL
                yield from _of_a_reference(
                    elf, function, found, linker.line(function, index), is_call=is_call
                )


def _place(section: str, instead: str) -> str:
    """What to do about a function in *section*; the compiler itself puts some into ``.text.NAME``."""
    return "compile without -ffunction-sections" if section.startswith(".text.") else instead


def _of_a_reference(
    elf: Elf, function: Function, found: Relocation, line: SourceLine | None, *, is_call: bool
) -> Iterator[Refusal]:
    symbol = found.symbol
    index = symbol.section_index
    section = elf.sections[index] if index < len(elf.sections) else None
    name, place = symbol.name or "something", section.name if section else "no section"
    if is_call:
        if place != ".text":
            what = f"{function.name} calls {name} in section {place}, and libbpf takes calls of subprograms"
            yield Refusal(what, _place(place, "leave out the SEC of what is called"), line)
    elif section is None or not (is_data(section) or place in {".text", ".maps", "maps"}):
        instead = 'define maps in SEC(".maps"), variables in .data, .rodata or .bss'
        yield Refusal(
            f"{function.name} refers to {name} in {place}, which libbpf does not load", instead, line
        )
