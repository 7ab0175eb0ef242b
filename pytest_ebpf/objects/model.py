"""What a BPF object says about itself, as frozen facts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf.btf import Btf
from pytest_ebpf.hooks import Hook


@dataclass(frozen=True)
class ProgramFacts:
    """A program that libbpf would load.

    *prog_type* and *attach_type* are the kernel's numbers as the section implies them (None: the section is
    no hook). *instructions* and *size* (bytes) are the program's own; *total_instructions* includes each
    of its *subprograms* once, as libbpf hands them to the kernel. *helpers* are the numbers of the kernel's
    helpers that all of it calls (``enum bpf_func_id``). *source* is ``file:line``.
    """

    name: str
    section: str
    hook: Hook | None
    prog_type: int | None
    attach_type: int | None
    autoload: bool
    instructions: int
    total_instructions: int
    size: int
    source: str | None
    subprograms: tuple[str, ...]
    helpers: tuple[int, ...] = ()


@dataclass(frozen=True)
class MapFacts:
    """A map; sizes in bytes, 0 where the loader sets them.

    *key* and *value* are ids in the object's BTF, None where the map gives sizes only. *inner* is the shape
    of inner maps. *programs* are those that libbpf puts into it when it loads the object, which fails if one
    of them is not loaded. *pinning* is 0 or ``LIBBPF_PIN_BY_NAME`` (1). *legacy* is a ``struct bpf_map_def``
    of section ``maps``, which libbpf refuses from 1.0 on.
    """

    name: str
    type: int
    type_name: str
    key_size: int
    value_size: int
    max_entries: int
    flags: int
    key: int | None = None
    value: int | None = None
    key_name: str | None = None
    value_name: str | None = None
    inner: MapFacts | None = None
    pinning: int = 0
    legacy: bool = False
    programs: tuple[str, ...] = ()


@dataclass(frozen=True)
class GlobalFacts:
    """A global variable of *size* bytes at *offset* of *section*; *initial* is None where it starts as zero.

    *constant* ones lie in ``.rodata`` and are fixed once the object is loaded.
    """

    name: str
    section: str
    type_name: str | None
    type_id: int | None
    offset: int
    size: int
    constant: bool
    initial: bytes | None


@dataclass(frozen=True)
class CoreRelocation:
    """A CO-RE relocation at *instruction* (counted from the start) of *program*, which may be a subprogram.

    *type_name* is the type it starts from, *access* what it is about: ``struct task_struct::mm``.
    """

    program: str
    instruction: int
    kind: str
    type_name: str
    access: str
    source: str | None


#: What gives the symbols of functions their type.
TYPED: Final = "in assembly, .type NAME, @function; compile with clang 9 or newer"


@dataclass(frozen=True)
class ObjectFacts:
    """Everything that can be said of an object without a kernel. Parts are in the object's own order.

    *untyped* are names of what could be programs, but for the type of their symbols.
    """

    path: Path
    license: str | None
    big_endian: bool
    has_btf: bool
    programs: tuple[ProgramFacts, ...]
    maps: tuple[MapFacts, ...]
    globals: tuple[GlobalFacts, ...]
    relocations: tuple[CoreRelocation, ...]
    btf: Btf | None
    untyped: tuple[str, ...] = ()

    @property
    def lost(self) -> str | None:
        """Why libbpf finds none of the functions that there are, if so."""
        if self.programs or not self.untyped:
            return None
        return f"the symbol of {self.untyped[0]} has no type, and libbpf finds functions by it"
