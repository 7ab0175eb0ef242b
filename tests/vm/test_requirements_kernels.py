"""What is said of objects without a kernel, against what kernels do."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

import pytest
from codes import DW, EXIT, JEQ, MOV, alu, alu_x, jump, store

from pytest_ebpf.btf import Btf
from pytest_ebpf.btf.relocate import Resolution, resolve_all
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.oracle import Oracle
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.objects import read_object
from pytest_ebpf.objects.encoding import flaw_of
from pytest_ebpf.objects.instructions import FEATURES, Instruction, features, is_always_checked
from pytest_ebpf.requirements import KernelOracle, Kind, ProgramRequirements, reachable, requirements_of
from pytest_ebpf.requirements.licences import FREE_FOR, GPL_ONLY_HELPERS
from pytest_ebpf.requirements.reach import Effort

SCHED_CLS = 3


@pytest.fixture
def far_guest(machines):
    """``far_guest("5.10")``: the agent on that kernel."""
    return lambda line: Guest(machines.get(line), timeout=60)


# What libbpf says with its debug messages on, and what we say.

_PATCHED = re.compile(
    r"prog '(\w+)': relo #(\d+): patched insn #\d+ \([^)]*\) (?:imm|off|imm64) -?\d+ -> (-?\d+)"
)
_POISONED = re.compile(r"prog '(\w+)': relo #(\d+): substituting insn #\d+ w/ invalid insn")


@pytest.mark.parametrize("line", ["5.10", "7.2"])
def test_relocations_become_what_libbpf_makes_of_them(far_guest, machines, vm_objects, line):
    path = vm_objects("relocations")
    loaded = far_guest(line).call("load", elf=path.read_bytes(), name="x", log_level=1)
    far_guest(line).call("unload", object=loaded["object"])
    log = loaded["log"]
    theirs: dict[int, int | None] = {int(number): None for _, number in _POISONED.findall(log)}
    theirs |= {int(number): int(value) for _, number, value in _PATCHED.findall(log)}

    found = requirements_of(path.read_bytes(), read_object(path))
    btf, kernel = read_object(path).btf, Btf.parse(machines.store.get(line).btf.read_bytes())
    accesses = {
        each.relocation: each.accesses for each in found.program("probe").requirements if each.relocation
    }
    ours: dict[int, int | None] = {}
    kinds = set()
    for number, (relocation, said) in enumerate(resolve_all(btf, found.relocations, kernel)):
        assert isinstance(said, Resolution), said
        ours[number] = None if said.refusal(accesses=accesses[relocation]) else said.value
        kinds.add(relocation.kind)
    assert ours == theirs
    assert len(kinds) == 13
    assert None in ours.values()


# What the verifier comes to, and what folding says.


def loads(guest: Guest, data: bytes, programs: dict[str, bool]) -> str | None:
    """Load those of *programs* that are wanted; None if they load, else what was said."""
    wanted = {name: {"autoload": autoload} for name, autoload in programs.items()}
    try:
        loaded = guest.call("load", elf=data, name="x", programs=wanted)
    except CallError as error:
        return str(error.details["log"][-1000:])
    guest.call("unload", object=loaded["object"])
    return None


#: What not every verifier follows, and a symbol that BTF does not have.
NOT_TOLD = {"symbol_missing", "word_that_is_5", "stored_number", "swapped", "divided", "negated"}


def test_folding_says_what_loads(guest, kernel, vm_objects):
    """Each program falls if a helper or a function that is not there is reached, and only then."""
    path = vm_objects("guards")
    data, facts = path.read_bytes(), read_object(path)
    found = requirements_of(data, facts)
    oracle = Oracle(KernelFacts(kernel), found, facts.btf)
    efforts = (Effort.JOINED, Effort.APART, Effort.KEEN)
    joined, apart, keen = (
        {each.name for each in found.programs if comes_to_harm(each, oracle, effort)} for effort in efforts
    )
    assert keen <= apart <= joined
    assert apart - keen <= NOT_TOLD
    # BTF does not have every symbol, so both ways are followed.
    assert "symbol_missing" in keen
    programs = {each.name for each in found.programs}
    assert loads(guest, data, {name: name not in apart for name in programs}) is None
    for name in keen - {"symbol_missing"}:
        assert loads(guest, data, {other: other == name for other in programs}) is not None, name
    always = {"unguarded", "by_context", "rodata_reached", "kfunc_unguarded", "by_either_argument"}
    assert always | {"by_result_of_global"} <= keen
    assert len(keen) < len(always) + 9
    assert len(joined - apart) >= 8


def comes_to_harm(program: ProgramRequirements, oracle: KernelOracle, effort: Effort) -> bool:
    """Whether folding comes to a call of what no kernel has."""
    harm = {
        each.instruction
        for each in program.requirements
        if each.kind in {Kind.HELPER, Kind.KFUNC} and each.name in {"helper 9999", "bpf_no_such_kfunc"}
    }
    assert harm, program.name
    return not harm.isdisjoint(reachable(program, oracle, effort=effort))


# Instructions, alive and dead.

ZERO_AT_8 = [alu(MOV, 1, 0), store(DW, 10, -8, 1), alu_x(MOV, 2, 10), alu(MOV, 3, 3), alu(MOV, 0, 7)]
LIVE = {
    "jump_less": Instruction(0xA5, 1, 0, 0, 5),
    "jump32": Instruction(0x16, 1, 0, 0, 5),
    "alu32": Instruction(0x04, 1, 0, 0, 5),
    "atomic_add": Instruction(0xDB, 10, 3, -8, 0x00),
    "atomic_fetch_add": Instruction(0xDB, 10, 3, -8, 0x01),
    "atomic_or": Instruction(0xDB, 10, 3, -8, 0x40),
    "atomic_fetch_or": Instruction(0xDB, 10, 3, -8, 0x41),
    "atomic_and": Instruction(0xDB, 10, 3, -8, 0x50),
    "atomic_fetch_and": Instruction(0xDB, 10, 3, -8, 0x51),
    "atomic_xor": Instruction(0xDB, 10, 3, -8, 0xA0),
    "atomic_fetch_xor": Instruction(0xDB, 10, 3, -8, 0xA1),
    "xchg": Instruction(0xDB, 10, 3, -8, 0xE1),
    "cmpxchg": Instruction(0xDB, 10, 3, -8, 0xF1),
    "sign_extended_load": Instruction(0x91, 1, 10, -8, 0),
    "sign_extended_move": Instruction(0xBF, 1, 3, 8, 0),
    "byte_swap": Instruction(0xD7, 1, 0, 0, 32),
    "signed_divide": Instruction(0x3F, 1, 3, 1, 0),
    "signed_modulo": Instruction(0x9F, 1, 3, 1, 0),
    "goto_long": Instruction(0x06, 0, 0, 0, 0),
    "may_goto": Instruction(0xE5, 0, 0, 1, 0),
    "load_acquire": Instruction(0xDB, 1, 10, -8, 0x100),
    "store_release": Instruction(0xDB, 10, 3, -8, 0x110),
}
#: Those that need more around them than one instruction.
NOT_ALONE = {"packet_access", "function_address", "kfunc_call", "address_space_cast", "goto_indirect"}


def test_every_feature_is_tried():
    assert {*LIVE, *NOT_ALONE} == set(FEATURES)
    assert all(features(each)[0] == name for name, each in LIVE.items())


def packed(body: Sequence[Instruction]) -> bytes:
    return b"".join(
        struct.pack("<BBhi", each.code, each.dst | each.src << 4, each.offset, each.immediate)
        for each in body
    )


def assemble(guest: Guest, code: bytes, kind: int = SCHED_CLS, licence: str = "GPL") -> str | None:
    """Load a program and unload it; None if it loads, else what was said."""
    try:
        made = guest.call("assemble", type=kind, attach_type=0, insns=code, license=licence)
    except CallError as error:
        return str(error.details["log"])
    guest.call("unload", prog=made["prog"])
    return None


def takes(guest: Guest, body: list[Instruction]) -> bool:
    return assemble(guest, packed(body)) is None


def test_which_instructions_are_refused_where_control_never_comes(guest):
    known, wrong = {}, {}
    for name, each in LIVE.items():
        known[name] = takes(guest, [*ZERO_AT_8, each, alu(MOV, 0, 0), EXIT])
        dead = takes(guest, [*ZERO_AT_8, jump(JEQ, 0, 7, 1), each, alu(MOV, 0, 0), EXIT])
        needed = {word for word in features(each) if is_always_checked(word, each)}
        if dead != all(known[word] for word in needed):
            wrong[name] = (known[name], dead)
    assert not wrong


# Instructions that no kernel has.


def encodings() -> list[Instruction]:
    """Every code, with what its fields might hold and what they may not."""
    fields = [(3, 0, 0, 0), (3, 2, 0, 0), (3, 11, 0, 0), (15, 0, 0, 0), (3, 0, 1, 0), (3, 0, 0, 16)]
    fields += [(0, 0, 0, 0), (3, 0, 8, 1), (2, 3, -8, 0xE1), (2, 3, -8, 0x10), (3, 2, -8, 0x100)]
    return [Instruction(code, *each) for code in range(256) for each in fields]


#: What the verifier says of an instruction itself, and not of the registers it finds there.
MALFORMED = re.compile(
    "unknown opcode|reserved fields|R15 is invalid|invalid atomic o|unrecognized bpf_ld_imm64"
)


def test_which_instructions_no_kernel_has(guest, kernel):
    """Each refuses those that are called flawed; the newest calls no others malformed."""
    tail = [alu(MOV, 0, 0)] * 20 + [EXIT]
    tried, calls = encodings(), []
    for each in tried:
        halves = [each, Instruction(0, 0, 0, 0, 0)] if each.code == 0x18 else [each]
        for jumps in ([], [jump(JEQ, 0, 7, len(halves))]):
            body = packed([*ZERO_AT_8, *jumps, *halves, *tail])
            calls.append(("assemble", {"type": SCHED_CLS, "attach_type": 0, "insns": body, "license": "GPL"}))
    answers = []
    for at in range(0, len(calls), 200):
        made = guest.batch(calls[at : at + 200])
        guest.batch([("unload", answer) for answer in made if not isinstance(answer, CallError)])
        answers += made
    wrong = []
    for each, live, dead in zip(tried, answers[::2], answers[1::2], strict=True):
        flaw = flaw_of(each)
        if flaw and not (isinstance(live, CallError) and (isinstance(dead, CallError) or not flaw.anywhere)):
            wrong.append((each, flaw))
        log = live.details["log"] if isinstance(live, CallError) else ""
        if kernel.version.major == 7 and not flaw and MALFORMED.search(log):
            wrong.append((each, log[-200:]))
    assert not wrong


# Licences.

UNAVAILABLE = re.compile("unknown func|invalid func|cannot use helper")


@pytest.mark.parametrize("line", ["5.10", "7.2"])
def test_helpers_for_programs_with_a_free_licence_only(far_guest, vm_objects, line):
    """Called alone, without their arguments: the licence is looked at first."""
    guest = far_guest(line)
    restricted, free = set(), set()

    for kind in (2, 3, 6, 7):  # kprobe, sched_cls, xdp, perf_event
        for number in range(1, 212):
            code = struct.pack("<BBhi", 0x85, 0, 0, number) + struct.pack("<BBhi", 0x95, 0, 0, 0)
            said = assemble(guest, code, kind, "Proprietary")
            if said and "GPL" in said:
                restricted.add(number)
            elif not said or not UNAVAILABLE.search(said):  # its arguments are looked at
                free.add(number)
    data = vm_objects("unfree").read_bytes()
    call = struct.pack("<BBhi", 0x85, 0, 0, 211)
    for number in (111, 121, 126, 127, 150):  # of tracing programs and iterators
        changed = data.replace(call, struct.pack("<BBhi", 0x85, 0, 0, number))
        for traced in (True, False):
            said = loads(guest, changed, {"traced": traced, "iterated": not traced})
            if said and "GPL" in said:
                restricted.add(number)
    assert restricted <= GPL_ONLY_HELPERS
    assert free & GPL_ONLY_HELPERS == {*FREE_FOR}
    if line == "7.2":
        assert GPL_ONLY_HELPERS - restricted == {77, 78, 92}
        assert len(free) > 90
