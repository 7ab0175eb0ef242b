"""Damaged objects: whatever happens to the bytes, the answer is facts or an ObjectError, and soon."""

from __future__ import annotations

import random
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_ebpf import elf
from pytest_ebpf.btf import Btf
from pytest_ebpf.errors import ObjectError
from pytest_ebpf.inspection import Inspection
from pytest_ebpf.objects import parse_object, read_object, render, require_programs
from pytest_ebpf.session.checking import read_subject
from pytest_ebpf.session.workspace import Workspace

WHERE = Path("damaged.bpf.o")

SOURCE = """#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
struct task_struct { int pid; struct task_struct *next; } __attribute__((preserve_access_index));
struct rule { __u32 action; union { __u64 hits; void (*call)(struct rule *, int (*)(char)); }; };
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, __u32);
               __type(value, struct rule); };
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 8); __type(key, __u16);
         __array(values, struct inner); } outer SEC(".maps");
const volatile struct rule first = {1};
static long callback(__u32 i, void *ctx) { return i > 5; }
static __noinline int local(struct xdp_md *ctx) { return ctx->data_end - ctx->data; }
SEC("xdp") int program(struct xdp_md *ctx)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    bpf_loop(3, callback, &outer, 0);
    return BPF_CORE_READ(task, next, pid) + local(ctx) + first.action;
}
char LICENSE[] SEC("license") = "GPL";
"""


def answer(data: bytes) -> bool:
    """Read and render *data*; whether it was taken for an object. Any other error fails the test."""
    start = time.process_time()
    said = "damaged.bpf.o: read"
    try:
        facts = parse_object(data, WHERE)
        render.to_text(facts)
        render.to_json(facts)
    except ObjectError as error:
        said = str(error)
    assert time.process_time() - start < 20
    assert said.startswith(("damaged.bpf.o: ", "BTF: "))
    return said == "damaged.bpf.o: read"


@pytest.fixture(scope="module")
def whole(compile_bpf) -> bytes:
    data: bytes = compile_bpf(SOURCE).read_bytes()
    assert answer(data)
    return data


def test_an_object_cut_short_anywhere_is_refused(whole):
    for length in [*range(200), *range(200, len(whole), 97), *range(len(whole) - 70, len(whole))]:
        assert not answer(whole[:length]), length


def test_flipped_bytes(whole):
    chance = random.Random(20261120)
    outcomes = set()
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 1, 2, 8, 40])):
            data[chance.randrange(len(data))] = chance.choice([0, 1, 255, chance.randrange(256)])
        outcomes.add(answer(bytes(data)))
    assert outcomes == {True, False}


@pytest.mark.parametrize("section", [".BTF", ".BTF.ext", ".symtab", ".maps", "xdp"])
def test_small_numbers_in_the_wrong_place(whole, section):
    """Other type ids, offsets and counts that look right are what makes circles."""
    inside = elf.section(whole, section)
    assert inside
    start = whole.index(inside)
    chance = random.Random(section)
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 2, 5])):
            at = start + chance.randrange(len(inside) // 4) * 4
            data[at : at + 4] = chance.choice([chance.randrange(120), 0x0B000000]).to_bytes(4, "little")
        answer(bytes(data))


@given(data=st.binary(max_size=400))
def test_arbitrary_bytes_behind_an_elf_header(whole, data):
    assert not answer(whole[:64] + data)


@given(words=st.lists(st.integers(0, 60), min_size=3, max_size=60), kinds=st.integers(0, 2**32 - 1))
def test_arbitrary_btf_types(whole, words, kinds):
    """Every type of nonsense BTF has a name and a size, or an error."""
    for at in range(1, len(words), 3):
        words[at] = (kinds % 20) << 24 | words[at] % 4
        kinds //= 3
    types = b"".join(word.to_bytes(4, "little") for word in words)
    header = bytes.fromhex("9feb0100") + b"".join(
        number.to_bytes(4, "little") for number in (24, 0, len(types), len(types), 64)
    )
    try:
        btf = Btf.parse(header + types + b"\0" + b"x" * 62 + b"\0")
    except ObjectError:
        return
    for type_id in range(len(btf)):
        for ask in (btf.type, btf.name, btf.size, btf.strip):
            with suppress(ObjectError):
                ask(type_id)


def message(path: Path) -> str:
    with pytest.raises(ObjectError) as caught:
        read_object(path)
    return str(caught.value)


def test_files_that_are_no_objects(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = Path("file.o")
    assert message(here) == "file.o: cannot be read (No such file or directory); check the path"
    assert message(Path()) == ".: cannot be read (Is a directory); check the path"
    give = "give an object made by clang -target bpf"
    here.write_bytes(b"")
    assert message(here) == f"file.o: not an ELF file (begins with nothing); {give}"
    here.write_bytes(b"#!/bin/sh\n")
    assert message(here) == f"file.o: not an ELF file (begins with 23 21 2f 62); {give}"
    here.write_bytes(b"\x7fELF\x02\x01\x01")
    assert message(here) == "file.o: cut short in its header (7 bytes); build it again"
    here.write_bytes(b"\x7fELF\x01\x01\x01" + bytes(80))
    assert message(here) == "file.o: not a 64-bit ELF file (87 bytes); build it again"


def test_an_elf_file_for_another_machine():
    path = Path(sys.executable).resolve()
    assert message(path) == f"{path}: an ELF file for X86_64, not for BPF; compile with -target bpf"


@pytest.mark.parametrize("flag", ["-emit-llvm", "-flto"])
def test_bitcode_of_llvm(flag, compile_bpf):
    path = compile_bpf("int f(void) { return 1; }", flag)
    assert message(path) == (
        f"{path}: bitcode of LLVM, not an ELF file; "
        "compile without -flto and -emit-llvm, or give what links it"
    )


ASSEMBLY = """asm(
    ".section xdp,\\"ax\\",@progbits\\n"
    ".globl prog\\n"
    "%s"
    "prog:\\n r0 = 2\\n exit\\n");
"""
UNTYPED = "the symbol of prog has no type, and libbpf finds functions by it"
TYPED = "in assembly, .type NAME, @function; compile with clang 9 or newer"


def test_a_function_whose_symbol_has_no_type(compile_bpf):
    path = compile_bpf(ASSEMBLY % "")
    found = Inspection.read(path)
    assert found.facts.programs == ()
    assert render.to_text(found.facts).splitlines()[2:] == ["", f"No programs: {UNTYPED}"]
    assert [str(each) for each in found.requirements.refusals] == [f"{UNTYPED}: {TYPED}"]
    with pytest.raises(ObjectError) as caught:
        require_programs(found.facts, "prog.o")
    assert str(caught.value) == f"prog.o: {UNTYPED}; {TYPED}"


def test_labels_are_no_functions_without_a_type(compile_bpf):
    labelled = ASSEMBLY % ".type prog, @function\\n.size prog, 16\\n.globl label\\nlabel:\\n"
    facts = read_object(compile_bpf(labelled))
    assert [each.name for each in facts.programs] == ["prog"]
    assert (facts.untyped, facts.lost) == ((), None)


def test_a_function_without_a_size(compile_bpf):
    path = compile_bpf(ASSEMBLY % ".type prog, @function\\n")
    assert message(path) == f"{path}: function prog has no size; in assembly, .size prog, . - prog"


def test_damage_is_told_where_it_is(whole):
    def said(data: bytes) -> str:
        with pytest.raises(ObjectError) as caught:
            parse_object(data, WHERE)
        return str(caught.value)

    assert said(whole[:-1]) == f"damaged.bpf.o: ELF file cut short ({len(whole) - 1} bytes); build it again"
    types = elf.section(whole, ".BTF")
    assert types
    at = whole.index(types)
    assert said(whole[:at] + b"\0\0" + whole[at + 2 :]) == (
        "damaged.bpf.o: BTF: no BTF data (begins with 00 00, not 9f eb); compile with -g"
    )
    assert said(whole[: at + 2] + b"\7" + whole[at + 3 :]) == (
        "damaged.bpf.o: BTF: unknown version (7); only version 1 is known"
    )
    assert said(whole[:18] + b"\x3e" + whole[19:]) == (
        "damaged.bpf.o: an ELF file for X86_64, not for BPF; compile with -target bpf"
    )
    assert said(whole[:16] + b"\2" + whole[17:]) == (
        "damaged.bpf.o: an ELF file of type EXEC, not an object (REL); compile with -c"
    )


READERS = {
    "read_object": read_object,
    "inspect": Inspection.read,
    "check": lambda path: read_subject(path, path.name),
    "load": lambda path: Workspace(None, path.parent, say=print).file(path.name),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_of_a_file_without_an_end_no_more_is_read_than_shows_that(read):
    with pytest.raises(ObjectError) as caught:
        read(Path("/dev/zero"))
    assert str(caught.value) == "/dev/zero: larger than 64 MiB; give a BPF object"
