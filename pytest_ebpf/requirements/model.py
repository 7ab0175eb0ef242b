"""What an object asks of a kernel, each thing with the instruction and the line that ask for it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pytest_ebpf.btf.ext import CoreRelo
from pytest_ebpf.objects.instructions import Instruction


class Kind(StrEnum):
    """What is asked for. Of each, *name* and *number* of a :class:`Requirement` are what is said here."""

    PROGRAM_TYPE = "program_type"  # enum bpf_prog_type: "xdp", 6
    PROGRAM_FLAG = "program_flag"  # of prog_flags: "sleepable", 16; "xdp_has_frags", 32
    ATTACH_TYPE = "attach_type"  # enum bpf_attach_type: "trace_fentry", 24
    MAP_TYPE = "map_type"  # enum bpf_map_type: "ringbuf", 27
    MAP_USE = "map_use"  # what programs that sleep, or trace, ask of a map: "queue", 22; "bpf_spin_lock"
    MAP_FLAG = "map_flag"  # one bit of map_flags: "mmapable", 1024; without a name "0x80000000"
    HELPER = "helper"  # enum bpf_func_id: "bpf_loop", 181
    KFUNC = "kfunc"  # a function of the kernel that is called: "bpf_task_acquire"
    KSYM = "ksym"  # a variable or a function of the kernel whose address is taken: "bpf_prog_active"
    KCONFIG = "kconfig"  # "CONFIG_HZ", "LINUX_KERNEL_VERSION"
    INSTRUCTION = "instruction"  # a word of instructions.FEATURES: "jump32", "cmpxchg"
    ENCODING = "encoding"  # what no kernel has, in words: "no kernel has calls through a pointer", 0x8d
    BTF_KIND = "btf_kind"  # BTF_KIND_*: "enum64", 19
    RELOCATION = "relocation"  # CO-RE: "struct task_struct::mm"; see Requirement.relocation
    FUNCTION = "function"  # what fentry, fexit, fmod_ret and fsession trace: "tcp_connect", "mod:function"
    BTF_TRACEPOINT = "btf_tracepoint"  # of tp_btf and raw_tp: "sched_switch"
    TRACEPOINT = "tracepoint"  # "sched/sched_switch"
    KPROBE = "kprobe"  # "tcp_connect", without the offset
    SYSCALL = "syscall"  # of ksyscall and kretsyscall: "openat"
    LSM_HOOK = "lsm_hook"  # "file_open"
    ITERATOR = "iterator"  # "task"
    STRUCT_OPS = "struct_ops"  # a type, or a member that a program implements: "tcp_congestion_ops.init"
    EXCEPTION_CALLBACK = "exception_callback"  # what is called when a program throws: "caught"
    LICENCE = "licence"  # a GPL-compatible licence, for a helper, a kfunc or a program type


class Stage(StrEnum):
    """When the want of something shows."""

    LOAD = "load"
    ATTACH = "attach"


def shown_file(file: str) -> str:
    """*file* for people: from the current folder if it is below, else an absolute path by its last part."""
    with suppress(ValueError):
        return str(Path(file).relative_to(Path.cwd()))
    return Path(file).name if Path(file).is_absolute() else file


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a source as ``.BTF.ext`` has it; *text* is empty where the compiler left it out."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{shown_file(self.file)}:{self.line}"

    @property
    def quoted(self) -> str:
        """The line with its text, its file without folders: ``probe.bpf.c:5: return 0;``."""
        place, text = f"{self.file.rpartition('/')[2]}:{self.line}", self.text.strip()
        return f"{place}: {text}" if text else place


@dataclass(frozen=True, slots=True)
class Ksym:
    """A symbol of the kernel: a variable, or a function if *is_function*.

    *name* is the one that libbpf looks up, that of a function without its flavour.
    *type_id* is its type in the object's BTF: libbpf wants the kernel's to be compatible. A symbol without
    a type (0) is looked up in the kernel's table of symbols instead of its BTF.
    """

    name: str
    type_id: int
    is_function: bool
    weak: bool


@dataclass(frozen=True, slots=True)
class Kconfig:
    """An option of the kernel's configuration, or a value of libbpf's own (``LINUX_KERNEL_VERSION``).

    *shape* is ``bool``, ``tristate``, ``char``, ``int`` or ``string``; *size* in bytes.
    """

    name: str
    shape: str
    size: int
    weak: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no kernel is ever asked to take an object, or none takes it; *instead* is what can be done."""

    what: str
    instead: str | None = None
    source: SourceLine | None = None

    def __str__(self) -> str:
        text = f"{self.what}, at {self.source}" if self.source else self.what
        return f"{text}: {self.instead}" if self.instead else text


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is asked of a kernel.

    *program* is None where it is the object as a whole that asks: then every program fails with it.
    *function* is the subprogram, or the program itself, that holds the instruction; *instruction* its
    index in the whole program (as the verifier counts) and *offset* its byte in its ELF section. All three
    are None where no instruction asks.

    *weak*: its absence alone stops nothing (a weak symbol, a relocation that asks whether something exists,
    BTF that libbpf rewrites for kernels that do not know it).
    *always*: the kernel or libbpf insist on it even where control never comes.
    *relocation* is what a RELOCATION is about; *accesses*: its instruction reads or writes the field.
    *symbol* is what a KFUNC, a KSYM or a KCONFIG is about.
    *subject* is the map of a MAP_TYPE, a MAP_FLAG or a MAP_USE; why libbpf refuses an EXCEPTION_CALLBACK.
    """

    kind: Kind
    name: str
    number: int | None = None
    program: str | None = None
    function: str | None = None
    instruction: int | None = None
    offset: int | None = None
    source: SourceLine | None = None
    weak: bool = False
    always: bool = False
    stage: Stage = Stage.LOAD
    relocation: CoreRelo | None = None
    accesses: bool = False
    symbol: Ksym | Kconfig | None = None
    subject: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """The same for requirements that ask for the same, whoever asks."""
        return self.kind, self.name, self.relocation.kind if self.relocation else ""

    def within(self, program: str, first: int) -> Requirement:
        """The same, of *program*, whose instruction *first* is the first of the function."""
        return Requirement(  # there are thousands, for which replace() takes twice as long
            self.kind,
            self.name,
            self.number,
            program,
            self.function,
            None if self.instruction is None else first + self.instruction,
            self.offset,
            self.source,
            self.weak,
            self.always,
            self.stage,
            self.relocation,
            self.accesses,
            self.symbol,
            self.subject,
        )


def asked_once(needs: Iterable[Requirement]) -> list[Requirement]:
    """Each thing once, as it is asked first; asked in earnest counts more than asking whether it is there."""
    found: dict[tuple[str, ...], Requirement] = {}
    for each in needs:
        if each.key not in found or (found[each.key].weak and not each.weak):
            found[each.key] = each
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Call:
    """From *instruction* to the function *callee* that begins at instruction *target*.

    A *callback* is not called there: its address is taken.
    """

    instruction: int
    callee: str
    target: int
    is_callback: bool


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """A function of a program: its instructions are *first* to ``first + instructions - 1`` of the whole.

    *stack* is the bytes of stack that it can be seen to use. *is_global* ones are verified by themselves.
    *tail_calls* are the instructions that call ``bpf_tail_call``. What *catches* is called by no instruction.
    """

    name: str
    first: int
    instructions: int
    stack: int
    is_global: bool
    calls: tuple[Call, ...]
    tail_calls: tuple[int, ...]
    source: SourceLine | None
    catches: bool = False


@dataclass(frozen=True, slots=True)
class DataAddress:
    """Byte *offset* of *section*."""

    section: str
    offset: int


#: What a relocation of the ELF file puts into an ``ldimm64``, where folding has a use for it.
Address = DataAddress | Ksym | Kconfig


@dataclass(frozen=True)
class ProgramCode:
    """What folding works on, by index in the whole program.

    *instructions* are those of the program and behind it those of its subprograms; *functions* as in
    :class:`ProgramRequirements`; *addresses* what an ``ldimm64`` loads, None where that is of no use here.
    *reached* keeps what folding found: kernels that give the same answers have it but once.
    """

    instructions: tuple[Instruction, ...]
    functions: tuple[FunctionFacts, ...]
    addresses: Mapping[int, Address | None]
    relocations: Mapping[int, CoreRelo]
    rodata: Mapping[str, bytes]
    little_endian: bool
    reached: dict[Hashable, frozenset[int]] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """The deepest chains of calls in a program, by what they can be seen to use.

    *stack* is in bytes, each frame rounded up to 32 as the verifier does; *without_callbacks*, some of which
    run on a stack of their own, it is less. *frames* are functions called one within the other.
    *before_tail_call* are the bytes of those that come before a function which makes a tail call.
    """

    stack: int
    without_callbacks: int
    frames: int
    before_tail_call: int


@dataclass(frozen=True)
class ProgramRequirements:
    """What one program asks for, in the order of its instructions; first what no instruction asks.

    *chain* is None where a function calls itself.
    """

    name: str
    section: str
    autoload: bool
    prog_type: int | None
    attach_type: int | None
    requirements: tuple[Requirement, ...]
    functions: tuple[FunctionFacts, ...]
    chain: Chain | None
    code: ProgramCode = field(repr=False, compare=False)

    @property
    def stack(self) -> int | None:
        """Bytes of the deepest chain of calls; None for one without end."""
        return self.chain.stack if self.chain else None

    @property
    def instructions(self) -> int:
        """Instructions of the whole, as libbpf hands it to the kernel."""
        return len(self.code.instructions)


@dataclass(frozen=True)
class Requirements:
    """What an object asks for: *common* to all of it, and by program, in libbpf's order.

    *relocations* are all CO-RE relocations in the file's order, in which libbpf resolves them. *refusals* are
    what is wrong with it on any kernel.
    """

    licence: str | None
    gpl_compatible: bool
    common: tuple[Requirement, ...]
    programs: tuple[ProgramRequirements, ...]
    relocations: tuple[CoreRelo, ...]
    refusals: tuple[Refusal, ...]

    def program(self, name: str) -> ProgramRequirements:
        """The program called *name*; KeyError if there is none."""
        for each in self.programs:
            if each.name == name:
                return each
        raise KeyError(name)
