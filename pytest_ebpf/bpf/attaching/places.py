"""The places that a program can be attached to, as the guest lists them. Asked after something failed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any, Final

from pytest_ebpf.bpf.probe import probes_of
from pytest_ebpf.elf import Elf
from pytest_ebpf.errors import AttachError, EbpfError, GuestError, ObjectError, UnsupportedError
from pytest_ebpf.guest import Guest
from pytest_ebpf.suggest import closest, likeness, suggestion

#: Where agents mount tracefs.
_EVENTS: Final = "/sys/kernel/tracing/available_events"
_TRACED: Final = "/sys/kernel/tracing/available_filter_functions"
_LIMIT: Final = 32 << 20
#: Kinds of symbols that are code, as nm(1) spells them.
_CODE: Final = frozenset("tTwW")
#: Where libbpf looks for a library and for a command that are named without a path
#: (``resolve_full_path`` of its ``src/libbpf.c``); agents have no PATH.
_LIBRARIES: Final = ("/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib")
_COMMANDS: Final = ("/usr/bin", "/usr/sbin")
#: A name is looked for among those of about its length that begin as it does: a kernel has 100,000 of them.
_BEGINNING: Final = 2
_LONGER: Final = 3
#: Names that are so alike are one and the same, misspelled.
_MISSPELLED: Final = 0.85

SYSCALL_PREFIX: Final = "__x64_sys_"

#: What to do where a kernel lacks a kind of hook.
NEWER: Final = "run it on a newer kernel, or declare an alternative"


def functions(guest: Guest) -> frozenset[str]:
    """The functions of the kernel and its modules: 0.5 s in an emulated guest."""
    text: bytes = guest.call("read_file", path="/proc/kallsyms", limit=_LIMIT)
    rows = (line.split(maxsplit=3) for line in text.decode("ascii", "replace").splitlines())
    return frozenset(row[2] for row in rows if len(row) >= 3 and row[1] in _CODE)


def traced(guest: Guest) -> frozenset[str]:
    """The functions that begin with a place for tracing, by which programs of fentry and fexit are called."""
    text: bytes = guest.call("read_file", path=_TRACED, limit=_LIMIT)
    return frozenset(line.partition(" ")[0] for line in text.decode("ascii", "replace").splitlines())


def tracepoints(guest: Guest) -> dict[str, set[str]]:
    """The names of the kernel's tracepoints by their category."""
    text: bytes = guest.call("read_file", path=_EVENTS, limit=_LIMIT)
    found: dict[str, set[str]] = {}
    for line in text.decode("ascii", "replace").splitlines():
        category, _, name = line.partition(":")
        found.setdefault(category, set()).add(name)
    return found


def binary(guest: Guest, path: str) -> Elf | None:
    """A binary of the guest; None where there is no such file.

    :class:`~pytest_ebpf.errors.ObjectError` for a file that is no 64-bit ELF.
    """
    for each in _candidates(path):
        with suppress(GuestError):
            data: bytes = guest.call("read_file", path=each, limit=_LIMIT)
            return Elf.read(data)
    return None


def _candidates(path: str) -> tuple[str, ...]:
    """Where the binary *path* may be, which is a path or a bare name."""
    if "/" in path:
        return (path,)
    return tuple(f"{folder}/{path}" for folder in (_LIBRARIES if ".so" in path else _COMMANDS))


def symbols(elf: Elf) -> set[str]:
    """The functions that a binary tells the names of; stripped, it still has those that others call."""
    tables = (elf.symbols, elf.dynamic_symbols)
    return {each.name for table in tables for each in table if each.type == "FUNC" and each.section_index}


def matches(pattern: str, names: Iterable[str]) -> bool:
    """Whether one of *names* is as *pattern* has it, with ``*`` and ``?``."""
    plain = pattern.replace("[", "[[]")
    return any(fnmatchcase(name, plain) for name in names)


def near(name: str, known: Iterable[str]) -> str | None:
    """What *name* was meant to be, of a great many."""
    return suggestion(name, _alike(name, known), limit=0)


def _alike(name: str, known: Iterable[str]) -> list[str]:
    start = name[:_BEGINNING]
    return [each for each in known if each.startswith(start) and abs(len(each) - len(name)) <= _LONGER]


def function_meant(name: str, known: Collection[str]) -> str:
    """What to do where there is no function *name* among those that are *known*.

    Compilers inline functions, and call what they make of one ``name.isra.0``, ``name.constprop.0``; what
    the kernel's source calls ``sys_open`` has another name on x86-64.
    """
    if made := sorted(each for each in known if each.startswith(f"{name}.")):
        return f'the compiler has made "{made[0]}" of it'
    system_call = f"{SYSCALL_PREFIX}{name.removeprefix('sys_')}"
    if name.startswith("sys_") and system_call in known:
        return f'did you mean "{system_call}"?'
    inlined = "the compiler may have inlined it"
    meant = closest(name, _alike(name, known))
    if meant and likeness(meant, name) >= _MISSPELLED:
        return f'did you mean "{meant}"?'
    return f'{inlined}, or did you mean "{meant}"?' if meant else inlined


def not_there(guest: Guest, where: str, what: str, name: str, **more: Any) -> EbpfError:
    """The error for a place that this kernel does not have: *what*, called *name* in BTF.

    It is unsupported if another kernel has it, as far as the guest's owner knows of others.
    """
    elsewhere = probes_of(guest).elsewhere
    if elsewhere and (kernel := elsewhere(name)):
        return UnsupportedError(
            f"this kernel has no {what}, as {kernel} has",
            where=where,
            hint="run it on such a kernel, or declare an alternative",
        )
    return AttachError(f"this kernel has no {what}", where=where, **more)


def readable(guest: Guest, path: str, where: str) -> Elf | EbpfError:
    """A binary of the guest, or the error for one that is not there or cannot be read."""
    try:
        found = binary(guest, path)
    except ObjectError as error:
        return AttachError(f'"{path}" is no binary: {error.what}', where=where)
    return found or AttachError(
        f'the guest has no file "{path}"', where=where, hint=f"copy it: ebpf.guest.install({path!r})"
    )
