"""What is read from objects that clang makes, held against what their source says."""

from __future__ import annotations

import re
import struct
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from pytest_ebpf import elf
from pytest_ebpf.btf import Btf, DataSec
from pytest_ebpf.btf.ext import BtfExt
from pytest_ebpf.errors import ObjectError
from pytest_ebpf.objects import MapFacts, ProgramFacts, parse_object, read_object
from pytest_ebpf.uapi import AttachType, MapFlag, MapType, ProgType

HEAD = """#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
char LICENSE[] SEC("license") = "Dual BSD/GPL";
"""

PROGRAMS = (
    HEAD
    + """static __noinline int local(struct xdp_md *ctx) { return ctx->data_end - ctx->data; }
__noinline int global(int x) { return x * bpf_get_prandom_u32(); }
__noinline int deeper(int x) { return global(x) + 1; }
static long callback(__u32 i, void *ctx) { return i > 5; }
SEC("xdp")
int first(struct xdp_md *ctx)
{
    bpf_loop(3, callback, 0, 0);
    return local(ctx) > 5 ? deeper(3) : global(2);
}
SEC("xdp")
int second(struct xdp_md *ctx) { return XDP_PASS; }
SEC("?fentry/tcp_connect") int traced(void *ctx) { return 0; }
SEC("tc/egress") int shaper(struct __sk_buff *skb) { return local((void *)skb); }
SEC("somewhere") int elsewhere(void *ctx) { return 0; }
"""
)


@pytest.fixture(scope="module")
def programs(compile_bpf) -> dict[str, ProgramFacts]:
    return {each.name: each for each in read_object(compile_bpf(PROGRAMS)).programs}


def test_programs_come_in_the_object_s_order(programs):
    assert list(programs) == ["first", "second", "traced", "shaper", "elsewhere"]


def test_helpers_are_those_of_all_that_is_called(programs):
    random, loop = 7, 181
    called = {name: each.helpers for name, each in programs.items() if each.helpers}
    assert called == {"first": (random, loop)}


def test_a_program_s_section_says_what_it_is(programs):
    said = {name: (each.section, each.prog_type, each.attach_type) for name, each in programs.items()}
    assert said == {
        "first": ("xdp", ProgType.XDP, AttachType.XDP),
        "second": ("xdp", ProgType.XDP, AttachType.XDP),
        "traced": ("fentry/tcp_connect", ProgType.TRACING, AttachType.TRACE_FENTRY),
        "shaper": ("tc/egress", ProgType.SCHED_CLS, AttachType.TCX_EGRESS),
        "elsewhere": ("somewhere", None, None),
    }
    assert programs["traced"].hook.target == "tcp_connect"
    assert programs["elsewhere"].hook is None


def test_a_question_mark_keeps_a_program_from_being_loaded(programs):
    assert [name for name, each in programs.items() if not each.autoload] == ["traced"]


def test_subprograms_are_followed_through_calls_and_callbacks(programs):
    assert sorted(programs["first"].subprograms) == ["callback", "deeper", "global", "local"]
    assert programs["shaper"].subprograms == ("local",)
    assert programs["second"].subprograms == ()


def test_a_program_s_source_is_the_line_of_its_function(programs):
    assert re.fullmatch(r".*prog\.bpf\.c:10", programs["first"].source)
    assert programs["second"].source.endswith("prog.bpf.c:16")


def test_instructions_are_those_llvm_disassembles(compile_bpf, programs):
    """An ldimm64 is one line for llvm-objdump and two instructions for the kernel."""
    argv = ["llvm-objdump-19", "-d", str(compile_bpf(PROGRAMS))]
    text = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout
    counted: Counter[str] = Counter()
    function = ""
    for line in text.splitlines():
        if label := re.match(r"[0-9a-f]+ <(?!LBB)(\w+)>:", line):
            function = label[1]
        elif code := re.match(r"\s+\d+:\t((?:[0-9a-f]{2} ?)+)\t", line):
            counted[function] += len(code[1].split()) // 8
    for name, each in programs.items():
        assert each.instructions == counted[name] == each.size // 8
        assert each.total_instructions == each.instructions + sum(counted[sub] for sub in each.subprograms)


MAPS = (
    HEAD
    + """struct rule { __u32 action; __u64 hits; };
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, __u32);
               __type(value, struct rule); };
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, 4096);
         __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, __u64); __type(value, struct rule[2]);
       } blocked SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 8); __type(key, __u16);
         __array(values, struct inner); } outer SEC(".maps");
int jump(void *ctx);
int land(void *ctx);
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 4); __uint(key_size, 4);
         __array(values, int (void *)); } jumps SEC(".maps") = { .values = { [0] = jump, [2] = land } };
SEC("tc") int land(void *ctx) { return 0; }
SEC("tc") int jump(void *ctx) { return 0; }
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 16); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(key_size, 4); __uint(value_size, 40);
         __uint(pinning, LIBBPF_PIN_BY_NAME); } sized SEC(".maps");
struct { __uint(type, 33); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, 10);
         __ulong(map_extra, 1ull << 44); } arena SEC(".maps");
struct { __uint(type, 999); } unknown SEC(".maps");
"""
)


@pytest.fixture(scope="module")
def maps(compile_bpf) -> dict[str, MapFacts]:
    return {each.name: each for each in read_object(compile_bpf(MAPS)).maps}


def test_a_map_s_shape_is_its_declaration(maps):
    blocked = maps["blocked"]
    assert (blocked.type, blocked.type_name) == (MapType.LPM_TRIE, "lpm_trie")
    assert (blocked.key_name, blocked.key_size) == ("__u64", 8)
    assert (blocked.value_name, blocked.value_size) == ("struct rule[2]", 32)
    assert (blocked.max_entries, blocked.flags, blocked.pinning, blocked.legacy) == (4096, 1, 0, False)


def test_a_map_of_maps_tells_the_shape_of_the_inner_ones(maps):
    outer = maps["outer"]
    assert (outer.key_size, outer.value_size, outer.inner.name) == (2, 4, "outer.inner")
    assert (outer.inner.type_name, outer.inner.value_name, outer.inner.max_entries) == (
        "array",
        "struct rule",
        4,
    )


def test_an_array_of_programs_has_no_inner_map(maps):
    assert (maps["jumps"].value_size, maps["jumps"].inner) == (4, None)


def test_a_map_tells_the_programs_that_libbpf_puts_into_it(maps):
    assert {name: each.programs for name, each in maps.items() if each.programs} == {
        "jumps": ("jump", "land")
    }


def test_what_is_left_to_the_loader_is_zero_or_none(maps):
    assert (maps["events"].key_size, maps["events"].value_size, maps["events"].key) == (0, 0, None)
    sized = maps["sized"]
    assert (sized.key, sized.key_size, sized.value_size, sized.max_entries, sized.pinning) == (
        None,
        4,
        40,
        0,
        1,
    )


def test_a_type_of_map_that_is_not_known_has_its_number_for_a_name(maps):
    assert maps["unknown"].type_name == "999"


GLOBALS = (
    HEAD
    + """enum mode { OFF, ON };
const volatile __u32 limit = 1000;
const volatile struct { char name[4]; int level; } config = {"ab", -2};
static volatile short hidden = -7;
__u64 total;
enum mode mode = ON;
__u8 cold[3] SEC(".data.cold") = {1, 2, 3};
SEC("xdp") int program(struct xdp_md *ctx) { total += hidden; return limit + config.level; }
"""
)


def test_static_variables_of_one_name_have_each_its_place(compile_bpf, tmp_path):
    """As those of several files that ``bpftool gen object`` has linked."""
    without_license = HEAD.partition("char LICENSE")[0]
    sources = (
        f"{without_license}static volatile int count = {number}; __u64 n{number} = 1;"
        f'SEC("xdp") int p{number}(struct xdp_md *ctx) {{ return count += n{number}; }}'
        for number in (5, 6)
    )
    linked = tmp_path / "linked.o"
    argv = ["bpftool", "gen", "object", linked, *map(compile_bpf, sources)]
    subprocess.run(argv, check=True, timeout=120)
    counts = [each for each in read_object(linked).globals if each.name == "count"]
    assert sorted(each.initial for each in counts) == [b"\5\0\0\0", b"\6\0\0\0"]
    assert len({each.offset for each in counts}) == 2


def test_globals_have_their_place_type_and_first_value(compile_bpf):
    found = {each.name: each for each in read_object(compile_bpf(GLOBALS)).globals}
    assert {name: (each.section, each.type_name, each.size) for name, each in found.items()} == {
        "limit": (".rodata", "__u32", 4),
        "config": (".rodata", "struct {...}", 8),
        "hidden": (".data", "short", 2),
        "mode": (".data", "enum mode", 4),
        "cold": (".data.cold", "__u8[3]", 3),
        "total": (".bss", "__u64", 8),
    }
    assert found["limit"].initial == (1000).to_bytes(4, "little")
    assert found["config"].initial == b"ab\0\0\xfe\xff\xff\xff"
    assert found["hidden"].initial == b"\xf9\xff"
    assert found["mode"].initial == b"\1\0\0\0"
    assert found["total"].initial is None
    assert {name for name, each in found.items() if each.constant} == {"limit", "config"}
    assert len({(each.section, each.offset) for each in found.values()}) == 6


CORE = (
    HEAD
    + """struct inner { int depth; int list[4]; };
struct outer { int first; union { struct { long deep; }; long other; }; struct inner in; struct outer *next; }
    __attribute__((preserve_access_index));
enum state { IDLE, BUSY };
SEC("kprobe/x")
int probe(void *ctx)
{
    struct outer *o = ctx;
    int sum = BPF_CORE_READ(o, deep);
    sum += BPF_CORE_READ(o, next, in.list[2]);
    sum += bpf_core_field_exists(o->first) + bpf_core_type_exists(struct inner);
    return sum + bpf_core_enum_value(enum state, BUSY);
}
"""
)


def test_relocations_are_told_by_name_and_line(compile_bpf):
    found = read_object(compile_bpf(CORE)).relocations
    assert [(each.kind, each.access) for each in found] == [
        ("byte_off", "struct outer::deep"),
        ("byte_off", "struct outer::next"),
        ("byte_off", "struct outer::in.list[2]"),
        ("field_exists", "struct outer::first"),
        ("type_exists", "struct inner"),
        ("enumval_value", "enum state::BUSY"),
    ]
    assert {each.program for each in found} == {"probe"}
    # Clang's optimiser moves some of what it relocates to a neighbouring line.
    lines = {each.access: int(each.source.rpartition(":")[2]) for each in found}
    assert (lines["struct outer::deep"], lines["struct outer::in.list[2]"]) == (13, 14)
    assert (lines["struct inner"], lines["enum state::BUSY"]) == (15, 16)
    instructions = [each.instruction for each in found]
    assert instructions == sorted(instructions)


def test_the_license_is_read(compile_bpf):
    assert read_object(compile_bpf(PROGRAMS)).license == "Dual BSD/GPL"
    assert (
        read_object(compile_bpf('__attribute__((section("xdp"))) int f(void *c) { return 0; }')).license
        is None
    )


def test_an_object_without_btf_still_has_programs_and_globals(compile_bpf):
    facts = read_object(compile_bpf(GLOBALS, "-g0"))
    assert (facts.has_btf, facts.btf, facts.relocations) == (False, None, ())
    assert [(each.name, each.source) for each in facts.programs] == [("program", None)]
    assert {each.name: each.type_name for each in facts.globals}["limit"] is None


def test_a_big_endian_object_reads_the_same(compile_bpf):
    little, big = (read_object(compile_bpf(PROGRAMS, "-target", target)) for target in ("bpfel", "bpfeb"))
    assert (little.big_endian, big.big_endian) == (False, True)
    assert [each.subprograms for each in big.programs] == [each.subprograms for each in little.programs]
    assert [each.instructions for each in big.programs] == [each.instructions for each in little.programs]
    maps = {each.name: each for each in read_object(compile_bpf(MAPS, "-target", "bpfeb")).maps}
    assert (maps["blocked"].value_size, maps["jumps"].programs) == (32, ("jump", "land"))


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        ("int odd", "map odd is not declared as a struct; use __uint and __type"),
        ("struct { int type; } odd", "map odd: type is no number (int); use __uint"),
        ("struct { int *type; } odd", "map odd: type is no number (int *); use __uint"),
        ("struct { __u32 key; } odd", "map odd: key is no pointer (__u32); use __type"),
        ("struct { __u32 value; } odd", "map odd: value is no pointer (__u32); use __type"),
        ("struct { int *values; } odd", "map odd: values are neither maps nor programs; use __array"),
        ("struct { int *values[1]; } odd", "map odd: values are neither maps nor programs; use __array"),
        ("struct { int values[1]; } odd", "map odd: values is no pointer (int); use __type"),
    ],
)
def test_a_declaration_that_is_no_map(compile_bpf, declaration, said):
    path = compile_bpf(f'{HEAD}{declaration} SEC(".maps");')
    with pytest.raises(ObjectError) as caught:
        read_object(path)
    assert str(caught.value) == f"{path}: {said}"


DAMAGED = (
    HEAD
    + """const volatile int limit = 7;
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, int); }
    one SEC(".maps");
struct outer { int first; } __attribute__((preserve_access_index));
SEC("kprobe/x") int probe(struct outer *found) { return found->first + limit; }
"""
)


def test_what_leads_nowhere(compile_bpf):
    data = compile_bpf(DAMAGED).read_bytes()
    types, extended = (elf.section(data, name) for name in (".BTF", ".BTF.ext"))
    btf = Btf.parse(types)
    for section in (".maps", ".rodata"):
        (slot,) = btf.type(btf.find(section, DataSec)).variables
        place = struct.pack("<3I", slot.type_id, slot.offset, slot.size)
        assert said_of(data, types, place, struct.pack("<I", 1) + place[4:]) == (
            f"a.o: section {section}: type 1 is no variable; build it again"
        )
    (relocation,) = BtfExt.parse(extended, btf).relocations
    place = struct.pack("<2I", relocation.offset, relocation.type_id)
    assert said_of(data, extended, place, struct.pack("<I", 4096) + place[4:]) == (
        "a.o: CO-RE relocation at byte 4096 of section kprobe/x, where no function is; build it again"
    )
    symbols = elf.section(data, ".symtab")
    probe = next(each for each in elf.Elf.read(data).symbols if each.name == "probe")
    place = struct.pack("<H2Q", probe.section_index, probe.value, probe.size)
    assert said_of(data, symbols, place, place[:-8] + struct.pack("<Q", probe.size + 8)) == (
        f"a.o: function probe: bytes 0 to {probe.size + 8} of section kprobe/x, which has {probe.size};"
        " build it again"
    )


def said_of(data: bytes, section: bytes, old: bytes, new: bytes) -> str:
    """What is wrong with *data* when *old*, which the *section* in it has once, is *new*."""
    assert section.count(old) == data.count(section) == 1
    with pytest.raises(ObjectError) as caught:
        parse_object(data.replace(section, section.replace(old, new)), Path("a.o"))
    return str(caught.value)


def test_a_legacy_map_that_is_cut_short(compile_bpf):
    path = compile_bpf('int one __attribute__((section("maps"), used)) = 1;')
    with pytest.raises(ObjectError) as caught:
        read_object(path)
    assert str(caught.value) == f"{path}: map one is cut short in section maps; build it again"


def test_a_legacy_map_is_read_and_marked(compile_bpf):
    source = """
        struct bpf_map_def { unsigned type, key_size, value_size, max_entries, map_flags; };
        struct bpf_map_def one __attribute__((section("maps"), used)) = {1, 4, 8, 16, 1};
        struct bpf_map_def two __attribute__((section("maps"), used)) = {2, 4, 8, 32, 0};
    """
    found = read_object(compile_bpf(source, "-g0")).maps
    assert [(each.name, each.type_name, each.max_entries, each.flags) for each in found] == [
        ("one", "hash", 16, 1),
        ("two", "array", 32, 0),
    ]
    assert all(each.legacy for each in found)


def test_struct_ops_are_maps(compile_bpf):
    source = (
        HEAD
        + """
        struct tcp_congestion_ops { void (*init)(void *); char name[16]; };
        SEC("struct_ops/init") void start(void *ctx) { }
        SEC(".struct_ops.link") struct tcp_congestion_ops mine = {.init = start, .name = "mine"};
    """
    )
    facts = read_object(compile_bpf(source))
    assert [(each.name, each.type_name, each.value_name, each.flags) for each in facts.maps] == [
        ("mine", "struct_ops", "struct tcp_congestion_ops", MapFlag.LINK)
    ]
    assert facts.programs[0].prog_type == ProgType.STRUCT_OPS


def test_symbols_are_those_llvm_reads(compile_bpf):
    path = compile_bpf(PROGRAMS)
    argv = ["llvm-nm-19", "--defined-only", "--print-size", str(path)]
    text = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout
    theirs = {
        name: (int(value, 16), int(size, 16)) for value, size, _, name in map(str.split, text.splitlines())
    }
    parsed = elf.Elf.read(path.read_bytes())
    ours = {each.name: (each.value, each.size) for each in parsed.symbols if each.type in {"FUNC", "OBJECT"}}
    assert ours == {name: theirs[name] for name in ours}
    assert len(ours) == 10


def test_reading_is_quick(compile_bpf):
    path: Path = compile_bpf(PROGRAMS)
    read_object(path)
    times = []
    for _ in range(5):
        start = time.process_time()
        read_object(path)
        times.append(time.process_time() - start)
    assert min(times) < 0.06
