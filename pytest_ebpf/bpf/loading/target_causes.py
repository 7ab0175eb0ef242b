"""What of the kernel an object is loaded for, and that is not there: attach targets, struct_ops, kfuncs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.bpf.attaching import places
from pytest_ebpf.bpf.probe import probes_of
from pytest_ebpf.errors import EbpfError, LoadError, UnsupportedError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.hooks import parse
from pytest_ebpf.objects import ProgramFacts
from pytest_ebpf.uapi import AttachType

#: As libbpf says it while loading, and the agent for a target that was set.
_NO_TARGET: Final = re.compile(
    r"prog '(?P<program>[^']+)': failed to find kernel BTF type ID of '(?P<name>[^']+)'"
    r"|^programs\.(?P<set_program>.+)\.target: libbpf does not find (?P<set_name>\S+) in the kernel"
)
_NO_FUNCTION_OF_TARGET: Final = re.compile(
    r"prog '(?P<program>[^']+)': failed to find BPF program \(FD \d+\) BTF ID for '(?P<name>[^']+)'"
    r"|^programs\.(?P<set_program>.+)\.target: libbpf does not find (?P<set_name>\S+) in target_prog"
)
_UNSET: Final = re.compile(
    r"prog '(?P<program>[^']+)': (no BTF-based attach target is specified|attach program FD is not set)"
)
_NO_STRUCT: Final = re.compile(r"struct_ops init_kern: struct (?P<name>\w+) is not found in kernel BTF")
_NO_MEMBER: Final = re.compile(
    r"struct_ops init_kern (?P<map>\S+): Cannot find member (?P<name>\w+) in kernel BTF"
)
_NO_KFUNC: Final = re.compile(
    r"extern \(func ksym\) '(?P<name>\w+)': "
    r"(not found in kernel or module BTFs|(?P<other>func_proto .* incompatible))"
)


@dataclass(frozen=True)
class _Kind:
    """Targets of one kind: *what* they are called, and how the kernel's BTF begins their names."""

    what: str
    prefix: str = ""


_KINDS: Final = {
    "tp_btf": _Kind("tracepoint", "btf_trace_"),
    "lsm": _Kind("LSM hook", "bpf_lsm_"),
    "lsm_cgroup": _Kind("LSM hook", "bpf_lsm_"),
    "iter": _Kind("iterator", "bpf_iter_"),
}
_FUNCTION: Final = _Kind("function")


def missing(guest: Guest, owner: str, programs: Iterable[ProgramFacts], error: CallError) -> EbpfError | None:
    """The error for a load of *owner* that failed for want of a target; None if that is not why."""
    log = log_of(error)
    for text in (log, error.details["what"]):
        if found := _NO_TARGET.search(text):
            program, name = _named(found)
            facts = next(each for each in programs if each.name == program)
            return _no_target(guest, owner, facts, name, error)
        if found := _NO_FUNCTION_OF_TARGET.search(text):
            program, name = _named(found)
            return _refused(error, owner, program, f'its target has no function "{name}"')
        if found := _UNSET.search(text):
            program = found["program"]
            hint = f"load(..., targets={{{program!r}: ...}}): a function of the kernel, or a program"
            return _refused(error, owner, program, "no target is set", hint)
    if found := _NO_KFUNC.search(log):
        return _no_kfunc(guest, owner, found, error)
    return _no_struct_ops(owner, log)


def log_of(error: CallError) -> str:
    """What libbpf printed while it loaded."""
    return str(error.details.get("log", ""))


def unknown_hook(guest: Guest, owner: str, program: ProgramFacts) -> EbpfError | None:
    """The error for a program whose kind of hook the kernel's BTF does not list; None if it does."""
    if program.attach_type is None:
        return None
    try:
        name = f"BPF_{AttachType(program.attach_type).name}"
    except ValueError:
        return None
    if probes_of(guest).names(name) is not False:
        return None
    hook = parse(program.section)
    kind = hook.kind.prefix if hook else program.section
    return UnsupportedError(
        f"this kernel has no {kind} hooks", where=f"{owner}: {program.name}", hint=places.NEWER
    )


def _named(found: re.Match[str]) -> tuple[str, str]:
    return found["program"] or found["set_program"], found["name"] or found["set_name"]


def _refused(
    error: CallError, owner: str, program: str | None, what: str, hint: str | None = None
) -> LoadError:
    where = f"{owner}: {program}" if program else owner
    return LoadError(what, where=where, hint=hint, program=program, errno=error.errno, log=log_of(error))


def _no_target(guest: Guest, owner: str, program: ProgramFacts, name: str, error: CallError) -> EbpfError:
    hook = parse(program.section)
    prefix = hook.kind.prefix.removesuffix(".s") if hook else ""
    kind = _KINDS.get(prefix, _FUNCTION)
    bare = name.rpartition(":")[2]
    where = f"{owner}: {program.name}"
    known = _known(guest, kind)
    if kind is _FUNCTION and bare in known:
        return UnsupportedError(
            f'this kernel has no BTF of the function "{bare}", which {prefix} programs need',
            where=where,
            hint="attach a kprobe instead",
        )
    hint = places.function_meant(bare, known) if kind is _FUNCTION else places.near(bare, known)
    lack = places.not_there(guest, where, f'{kind.what} "{bare}"', kind.prefix + bare, hint=hint)
    if isinstance(lack, UnsupportedError):
        return lack
    return _refused(error, owner, program.name, lack.what, lack.hint)


def _no_kfunc(guest: Guest, owner: str, found: re.Match[str], error: CallError) -> EbpfError:
    name = found["name"]
    if found["other"]:
        what = f'the kfunc "{name}" has other parameters on this kernel than the object declares'
        hint = "declare it as each kernel has it, __weak and with different suffixes: NAME___old"
        return _refused(error, owner, None, what, hint)
    meant = places.near(name, places.functions(guest))
    lack = places.not_there(guest, owner, f'kfunc "{name}"', name, hint=meant)
    return lack if isinstance(lack, UnsupportedError) else _refused(error, owner, None, lack.what, lack.hint)


def _known(guest: Guest, kind: _Kind) -> frozenset[str]:
    """The names of what the kernel has of a kind."""
    if kind.what == "tracepoint":
        return frozenset(name for names in places.tracepoints(guest).values() for name in names)
    listed = places.functions(guest)
    return frozenset(each.removeprefix(kind.prefix) for each in listed if each.startswith(kind.prefix))


def _no_struct_ops(owner: str, log: str) -> EbpfError | None:
    if found := _NO_STRUCT.search(log):
        return UnsupportedError(
            f"this kernel has no struct_ops {found['name'].removeprefix('bpf_struct_ops_')}",
            where=owner,
            hint=places.NEWER,
        )
    if found := _NO_MEMBER.search(log):
        return UnsupportedError(
            f"this kernel's struct_ops have no member {found['name']}",
            where=f"{owner}: {found['map']}",
            hint=places.NEWER,
        )
    return None
