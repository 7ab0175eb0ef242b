"""The places that a program can be attached to, as the guest lists them. Asked after something failed."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, Final

from pytest_ebpf.bpf.probe import probes_of
from pytest_ebpf.elf import Elf
from pytest_ebpf.errors import AttachError, EbpfError, GuestError, ObjectError, UnsupportedError
from pytest_ebpf.guest import Guest
from pytest_ebpf.suggest import suggestion

#: Where agents mount tracefs.
_EVENTS: Final = "/sys/kernel/tracing/available_events"
_LIMIT: Final = 32 << 20
#: Kinds of symbols that are code, as nm(1) spells them.
_CODE: Final = frozenset("tTwW")
#: A name is looked for among those of about its length that begin as it does: a kernel has 100,000 of them.
_BEGINNING: Final = 2
_LONGER: Final = 3

SYSCALL_PREFIX: Final = "__x64_sys_"


def functions(guest: Guest) -> frozenset[str]:
    """The functions of the kernel and its modules: 0.5 s in an emulated guest."""
    text: bytes = guest.call("read_file", path="/proc/kallsyms", limit=_LIMIT)
    rows = (line.split(maxsplit=3) for line in text.decode("ascii", "replace").splitlines())
    return frozenset(row[2] for row in rows if len(row) >= 3 and row[1] in _CODE)


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
    try:
        data: bytes = guest.call("read_file", path=path, limit=_LIMIT)
    except GuestError:
        return None
    return Elf.read(data)


def symbols(elf: Elf) -> set[str]:
    """The functions that a binary tells the names of."""
    return {each.name for each in elf.symbols if each.type == "FUNC" and each.section_index}


def matches(pattern: str, names: Iterable[str]) -> bool:
    """Whether one of *names* is as *pattern* has it, with ``*`` and ``?``."""
    plain = pattern.replace("[", "[[]")
    return any(fnmatchcase(name, plain) for name in names)


def near(name: str, known: Iterable[str]) -> str | None:
    """What *name* was meant to be, of a great many."""
    start = name[:_BEGINNING]
    alike = [each for each in known if each.startswith(start) and abs(len(each) - len(name)) <= _LONGER]
    return suggestion(name, alike, limit=0)


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
        f'the guest has no file "{path}"', where=where, hint="put it there before attaching"
    )
