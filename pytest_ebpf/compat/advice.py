"""What can be done about something that a kernel does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pytest_ebpf.compat.rules import Rules
from pytest_ebpf.objects.encoding import CALL_REGISTER
from pytest_ebpf.objects.instructions import ATOMIC, STX
from pytest_ebpf.requirements import Kind, Ksym, Requirement

#: Compilers make these of what a source says for a kernel that has them all.
_MCPU: Final = {
    "jump32": "v2",
    "sign_extended_load": "v3",
    "sign_extended_move": "v3",
    "byte_swap": "v3",
    "signed_divide": "v3",
    "signed_modulo": "v3",
    "goto_long": "v3",
}


def advice_for(need: Requirement, rules: Rules) -> str | None:
    """The guard that makes *need* optional, the older way to the same end, or both; None without either."""
    table = _OLDER.get(need.kind)
    older = rules.instead[table].get(need.name) if table else None
    guard = _GUARDS[need.kind](need) if need.kind in _GUARDS else None
    if guard and older:
        return f"{guard}, or use {older}"
    return guard or (f"use {older}" if older else None)


def _helper(need: Requirement) -> str | None:
    if not need.name.startswith("bpf_"):
        return None  # a number that is no helper's
    name = need.name.removeprefix("bpf_")
    return f"guard it with bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_{name})"


def _symbol(need: Requirement) -> str:
    name = need.symbol.name if isinstance(need.symbol, Ksym) else need.name
    return f"declare it __weak and guard it with bpf_ksym_exists({name})"


def _relocation(need: Requirement) -> str | None:
    """The question that goes with what is read: of a field, an enumerator or a type."""
    assert need.relocation
    kind, (owner, _, rest) = need.relocation.kind, need.name.partition("::")
    if kind.startswith("enumval"):
        return f"guard it with bpf_core_enum_value_exists({owner}, {rest})"
    if rest:
        return f"guard it with bpf_core_field_exists({owner}, {rest})"
    return f"guard it with bpf_core_type_exists({owner})"


def _instruction(need: Requirement) -> str | None:
    if mcpu := _MCPU.get(need.name):
        return f"compile with -mcpu={mcpu}"
    return "put it into a program of its own: behind a guard it is refused as well" if need.always else None


def _encoding(need: Requirement) -> str:
    code = need.number or 0
    if code == CALL_REGISTER:
        return "call functions by their names, with a switch between them"
    if code & 7 == STX and code & 0xE0 == ATOMIC:
        return "use add, and, or, xor, xchg or cmpxchg on 4 or 8 bytes"
    return "leave it to the compiler, or correct the bytes in the assembly"


_GUARDS: Final[Mapping[Kind, Callable[[Requirement], str | None]]] = {
    Kind.HELPER: _helper,
    Kind.KFUNC: _symbol,
    Kind.KSYM: _symbol,
    Kind.RELOCATION: _relocation,
    Kind.INSTRUCTION: _instruction,
    Kind.ENCODING: _encoding,
}

_OLDER: Final[Mapping[Kind, str]] = {
    Kind.HELPER: "helpers",
    Kind.MAP_TYPE: "map_types",
    Kind.ATTACH_TYPE: "attach_types",
    Kind.PROGRAM_TYPE: "program_types",
}
