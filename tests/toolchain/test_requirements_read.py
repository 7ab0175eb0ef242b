"""What objects ask for, of every kind, with the line that asks."""

from __future__ import annotations

import re

import pytest
from needs import HEAD, of, only

from pytest_ebpf.errors import ObjectError
from pytest_ebpf.objects import read_object
from pytest_ebpf.requirements import Kind, Requirements, Stage, requirements_of
from pytest_ebpf.uapi import MapType, ProgType

SECTIONS = """
struct tcp_congestion_ops { void (*init)(void *); void (*release)(void *); char name[16]; };
SEC("fentry.s/tcp_connect") int traced(void *c) { return 0; }
SEC("lsm/file_open") int hook(void *c) { return 0; }
SEC("tp_btf/sched_switch") int typed(void *c) { return 0; }
SEC("raw_tp/sys_enter") int raw(void *c) { return 0; }
SEC("tp/sched/sched_switch") int point(void *c) { return 0; }
SEC("kprobe/tcp_connect+0x4") int probe(void *c) { return 0; }
SEC("kprobe.multi/tcp_*") int many(void *c) { return 0; }
SEC("ksyscall/openat") int call(void *c) { return 0; }
SEC("iter/task") int iterator(void *c) { return 0; }
SEC("xdp.frags") int frags(void *c) { return 0; }
SEC("cgroup/connect4") int connect(void *c) { return 1; }
SEC("uprobe//bin/sh:main") int user(void *c) { return 0; }
SEC("?tcx/ingress") int shaper(void *c) { return 0; }
SEC("elsewhere") int unknown(void *c) { return 0; }
SEC("struct_ops") void start(void *c) { }
SEC(".struct_ops.link") struct tcp_congestion_ops mine = { .name = "mine", .release = start };
"""


@pytest.fixture(scope="module")
def sections(read) -> Requirements:
    return read(SECTIONS)


def test_a_section_says_what_the_kernel_must_have(sections):
    asked = {
        each.name: {
            (need.kind.value, need.name, need.stage.value)
            for need in each.requirements
            if need.kind not in {Kind.PROGRAM_TYPE, Kind.ATTACH_TYPE, Kind.INSTRUCTION}
        }
        for each in sections.programs
    }
    assert asked == {
        "traced": {("program_flag", "sleepable", "load"), ("function", "tcp_connect", "load")},
        "hook": {("lsm_hook", "file_open", "load"), ("licence", "lsm", "load")},
        "typed": {("btf_tracepoint", "sched_switch", "load")},
        "raw": {("btf_tracepoint", "sys_enter", "attach")},
        "point": {("tracepoint", "sched/sched_switch", "attach")},
        "probe": {("kprobe", "tcp_connect", "attach")},
        "many": set(),
        "call": {("syscall", "openat", "attach")},
        "iterator": {("iterator", "task", "load")},
        "frags": {("program_flag", "xdp_has_frags", "load")},
        "connect": set(),
        "user": set(),
        "shaper": set(),
        "unknown": set(),
        "start": {
            ("struct_ops", "tcp_congestion_ops.release", "load"),
            ("licence", "struct_ops", "load"),
        },
    }


def test_types_of_programs_and_where_they_attach(sections):
    program = sections.program("connect")
    assert only(Kind.PROGRAM_TYPE, program.requirements).number == ProgType.CGROUP_SOCK_ADDR
    attach = only(Kind.ATTACH_TYPE, program.requirements)
    assert (attach.name, attach.number, attach.stage) == ("cgroup_inet4_connect", 10, Stage.LOAD)
    shaper = sections.program("shaper")
    attach = only(Kind.ATTACH_TYPE, shaper.requirements)
    assert (attach.name, attach.stage, shaper.autoload) == ("tcx_ingress", Stage.ATTACH, False)
    assert of(Kind.PROGRAM_TYPE, sections.program("unknown").requirements) == []
    for name, number in [("traced", 1 << 4), ("frags", 1 << 5)]:
        assert only(Kind.PROGRAM_FLAG, sections.program(name).requirements).number == number
    with pytest.raises(KeyError):
        sections.program("nobody")


def test_a_struct_of_callbacks_is_asked_for_by_the_object(sections):
    need, *members = [each for each in sections.common if each.kind is Kind.STRUCT_OPS]
    assert (need.name, need.subject, need.weak) == ("tcp_congestion_ops", "mine", False)
    assert [(each.name, each.subject, each.weak) for each in members] == [
        ("tcp_congestion_ops.name", "mine", False)
    ]


def test_maps_are_asked_for_by_the_object(read):
    found = read(
        """struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int);
                 __type(value, int); __uint(map_flags, BPF_F_INNER_MAP); };
        struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 8); __type(key, int);
                 __array(values, struct inner); } outer SEC(".maps");
        struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
        struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, int);
                 __type(value, int); __uint(map_flags, BPF_F_NO_PREALLOC | 1u << 31); } odd SEC(".maps");
        SEC("xdp") int program(void *c) { return 0; }
        """
    ).common
    assert [(each.subject, each.name) for each in found if each.kind is Kind.MAP_TYPE] == [
        ("outer", "hash_of_maps"),
        ("outer.inner", "array"),
        ("events", "ringbuf"),
        ("odd", "hash"),
    ]
    assert [(each.subject, each.name, each.number) for each in found if each.kind is Kind.MAP_FLAG] == [
        ("outer.inner", "inner_map", 1 << 12),
        ("odd", "no_prealloc", 1),
        ("odd", "0x80000000", 1 << 31),
    ]
    assert {each.number for each in found if each.name == "ringbuf"} == {MapType.RINGBUF}


CALLS = """
static __noinline int local(int x) { return x + bpf_get_prandom_u32(); }
static long callback(__u32 i, void *ctx) { char b[96]; bpf_get_current_comm(b, 96); return b[3]; }
__noinline int global(int x) { return local(x) + 1; }
SEC("tc") int program(struct __sk_buff *skb)
{
    __u64 x = skb->len;
    bpf_loop(3, callback, &x, 0);
    bpf_trace_printk("hello", 6);
    return global(x);
}
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __type(key, int);
         __type(value, int); } jumps SEC(".maps");
SEC("tc") int jumper(struct __sk_buff *skb) { bpf_tail_call(skb, &jumps, 1); return 0; }
"""


def test_helpers_have_their_function_their_line_and_their_place(read):
    program = read(CALLS).program("program")
    helpers = [each for each in program.requirements if each.kind is Kind.HELPER]
    assert [(each.name, each.number, each.function, each.source.line) for each in helpers] == [
        ("bpf_loop", 181, "program", 12),
        ("bpf_trace_printk", 6, "program", 13),
        ("bpf_get_current_comm", 16, "callback", 7),
        ("bpf_get_prandom_u32", 7, "local", 6),
    ]
    loop = helpers[0]
    assert loop.source.text == "bpf_loop(3, callback, &x, 0);"
    assert str(loop.source).endswith("prog.bpf.c:12")
    assert loop.program == "program"
    assert loop.offset == loop.instruction * 8
    assert program.code.instructions[loop.instruction].immediate == 181
    assert program.code.instructions[helpers[3].instruction].immediate == 7


def test_the_call_graph_has_callbacks_and_tail_calls(read):
    found = read(CALLS)
    program = found.program("program")
    # In libbpf's order: what is called first, and what that calls, before what comes next.
    assert [each.name for each in program.functions] == ["program", "callback", "global", "local"]
    assert [each.is_global for each in program.functions] == [True, False, True, False]
    calls = [(each.name, call.callee, call.is_callback) for each in program.functions for call in each.calls]
    assert calls == [("program", "callback", True), ("program", "global", False), ("global", "local", False)]
    firsts = {each.name: each.first for each in program.functions}
    for each in program.functions:
        assert [call.target for call in each.calls] == [firsts[call.callee] for call in each.calls]
    assert sum(each.instructions for each in program.functions) == program.instructions
    jumper = found.program("jumper").functions[0]
    assert [found.program("jumper").code.instructions[each].immediate for each in jumper.tail_calls] == [12]


def test_stack_is_that_of_the_deepest_chain(read):
    program = read(CALLS).program("program")
    assert {each.name: each.stack for each in program.functions} == {
        "program": 8,
        "callback": 96,
        "global": 0,
        "local": 0,
    }
    assert program.stack == 32 + 96  # each frame counts as a multiple of 32 bytes


def test_a_recursion_has_no_deepest_chain(read):
    source = """
    __noinline int even(unsigned n);
    __noinline int odd(unsigned n) { return n ? even(n - 1) : 0; }
    __noinline int even(unsigned n) { return n ? odd(n - 1) : 1; }
    SEC("tc") int program(struct __sk_buff *skb) { return even(skb->len); }
    """
    assert read(source).program("program").stack is None


def test_licences(read):
    found = read(CALLS)
    assert (found.licence, found.gpl_compatible) == ("GPL", True)
    need = only(Kind.LICENCE, found.program("program").requirements)
    assert (need.name, need.number, need.source.line) == ("bpf_trace_printk", 6, 13)


def test_a_helper_may_be_free_for_one_type_of_program(read):
    source = """
    SEC("perf_event") int sampled(void *c) { return bpf_get_stackid(c, 0, 0); }
    SEC("kprobe/x") int probed(void *c) { return bpf_get_stackid(c, 0, 0); }
    """
    found = {each.name: of(Kind.LICENCE, each.requirements) for each in read(source).programs}
    assert found == {"sampled": [], "probed": ["bpf_get_stackid"]}


EXTERNS = """
extern int LINUX_KERNEL_VERSION __kconfig;
extern _Bool CONFIG_BPF __kconfig __weak;
extern enum libbpf_tristate CONFIG_VETH __kconfig __weak;
extern char CONFIG_LSM[64] __kconfig __weak;
extern char CONFIG_LETTER __kconfig __weak;
extern void bpf_rcu_read_lock___v2(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym;
extern const int bpf_prog_active __ksym __weak;
extern const void init_task __ksym;
SEC("tc") int program(struct __sk_buff *skb)
{
    if (LINUX_KERNEL_VERSION > 1 && CONFIG_BPF && CONFIG_VETH && CONFIG_LSM[2] && CONFIG_LETTER)
        return 1;
    if (bpf_ksym_exists(bpf_rcu_read_lock___v2))
        bpf_rcu_read_lock___v2();
    bpf_rcu_read_unlock();
    return (&bpf_prog_active != 0) + (&init_task == (void *)skb);
}
"""


def test_options_have_their_shape(read):
    program = read(EXTERNS).program("program")
    options = [each.symbol for each in program.requirements if each.kind is Kind.KCONFIG]
    assert [(each.name, each.shape, each.size, each.weak) for each in options] == [
        ("LINUX_KERNEL_VERSION", "int", 4, False),
        ("CONFIG_BPF", "bool", 1, True),
        ("CONFIG_VETH", "tristate", 4, True),
        ("CONFIG_LSM", "string", 64, True),
        ("CONFIG_LETTER", "char", 1, True),
    ]


def test_symbols_of_the_kernel(read):
    found = read(EXTERNS)
    needs = found.program("program").requirements
    called = [(each.name, each.source.line, each.weak) for each in needs if each.kind is Kind.KFUNC]
    # A call is an error where it is reached, whether the symbol is weak or not.
    assert called == [("bpf_rcu_read_lock", 20, False), ("bpf_rcu_read_unlock", 21, False)]
    assert of(Kind.LICENCE, needs) == ["bpf_rcu_read_lock", "bpf_rcu_read_unlock"]
    taken = {each.name: each for each in needs if each.kind is Kind.KSYM}
    assert {name: (each.weak, each.symbol.is_function) for name, each in taken.items()} == {
        "bpf_rcu_read_lock": (True, True),
        "bpf_prog_active": (True, False),
        "init_task": (False, False),
    }
    assert [name for name, each in taken.items() if not each.symbol.type_id] == ["init_task"]


def test_what_libbpf_insists_on_is_asked_for_by_the_object(read):
    found = [each for each in read(EXTERNS).common if each.always]
    assert sorted((each.kind.value, each.name, each.source.line) for each in found) == [
        ("kconfig", "LINUX_KERNEL_VERSION", 17),
        ("kfunc", "bpf_rcu_read_unlock", 21),
        ("ksym", "bpf_prog_active", 22),  # a variable: weak, but of the right type where it is there
        ("ksym", "init_task", 22),
    ]


CORE = """
struct inner { int depth; } __attribute__((preserve_access_index));
struct outer { int first; union { struct { long deep; }; }; struct inner in[4]; }
    __attribute__((preserve_access_index));
enum state { IDLE, BUSY };
SEC("kprobe/x") int probe(void *ctx)
{
    struct outer *o = ctx;
    int sum = o->in[2].depth;
    bpf_core_read(&sum, 4, &o->deep);
    if (bpf_core_field_exists(o->first) && bpf_core_type_exists(struct inner))
        return bpf_core_type_size(struct outer);
    return sum + bpf_core_enum_value(enum state, BUSY);
}
"""


def test_relocations_tell_whether_they_ask(read):
    found = read(CORE)
    needs = [each for each in found.program("probe").requirements if each.kind is Kind.RELOCATION]
    told = [(each.relocation.kind, each.name, each.weak, each.accesses) for each in needs]
    assert sorted(told) == [
        ("byte_off", "struct outer::deep", False, False),
        ("byte_off", "struct outer::in[2].depth", False, True),
        ("enumval_value", "enum state::BUSY", False, False),
        ("field_exists", "struct outer::first", True, False),
        ("type_exists", "struct inner", True, False),
        ("type_size", "struct outer", True, False),
    ]
    assert {each.relocation for each in needs} == set(found.relocations)
    assert {each.name: each.source.line for each in needs}["struct outer::in[2].depth"] == 13


def test_a_stripped_object_has_no_lines_and_all_else(read):
    bare, full = read(CALLS, "-g0"), read(CALLS)
    for ours, theirs in zip(bare.programs, full.programs, strict=True):
        assert [(each.kind, each.name, each.instruction) for each in ours.requirements] == [
            (each.kind, each.name, each.instruction) for each in theirs.requirements
        ]
        assert {each.source for each in ours.requirements} == {None}


def test_a_big_endian_object_asks_for_the_same(read):
    little, big = (
        [
            (each.kind, each.name, each.instruction, each.source.line)
            for program in read(CALLS, "-target", target).programs
            for each in program.requirements
        ]
        for target in ("bpfel", "bpfeb")
    )
    assert big == little


def test_a_legacy_map(read):
    source = """
    struct bpf_map_def { unsigned type, key_size, value_size, max_entries, map_flags; };
    struct bpf_map_def one __attribute__((section("maps"), used)) = {1, 4, 8, 16, 1};
    SEC("xdp") int program(void *c) { int key = 0; return bpf_map_lookup_elem(&one, &key) != 0; }
    """
    found = read(source)
    assert [(each.kind.value, each.name) for each in found.common if each.subject == "one"] == [
        ("map_type", "hash"),
        ("map_flag", "no_prealloc"),
    ]
    assert [each.what for each in found.refusals] == [
        "map one is defined in section maps, which libbpf gave up with 1.0"
    ]


def test_several_thousand_instructions(read):
    lines = "".join(
        f"x ^= skb->len * {number}; if (x == {number}) bpf_get_prandom_u32();\n" for number in range(1500)
    )
    found = read(f'SEC("tc") int program(struct __sk_buff *skb) {{ unsigned x = 0; {lines} return x; }}')
    (program,) = found.programs
    assert program.instructions > 6000
    assert len(of(Kind.HELPER, program.requirements)) == 1500


CHAIN = """
__noinline int last(int x) { asm volatile(".rept 30000; r0 = 1; .endr" ::: "r0"); return x; }
"""


def test_more_instructions_than_any_kernel_takes(compile_bpf):
    """Each program has its own copy of what it calls."""
    programs = "".join(
        f'SEC("xdp") int p{number}(void *c) {{ return last({number}); }}\n' for number in range(70)
    )
    path = compile_bpf(HEAD + CHAIN + programs)
    facts = read_object(path)
    with pytest.raises(ObjectError) as caught:
        requirements_of(path.read_bytes(), facts)
    said = str(caught.value).removeprefix(f"{path}: ")
    assert re.sub(r"\d{7}", "N", said) == (
        "N instructions in programs with their subprograms; split the object"
    )
    large = CHAIN.replace("30000", "1000001")
    path = compile_bpf(HEAD + large + 'SEC("xdp") int huge(void *c) { return last(1); }')
    with pytest.raises(ObjectError) as caught:
        requirements_of(path.read_bytes(), read_object(path))
    said = str(caught.value).removeprefix(f"{path}: ")
    assert re.sub(r"^program huge: \d{7} ", "program huge: N ", said) == (
        "program huge: N instructions with those of its subprograms; no kernel takes more than 1000000"
    )


def test_more_names_than_functions(compile_bpf):
    """Two names for one function are fine; a hundred are damage, and would cost a hundred functions."""
    source = 'SEC("xdp") int program(void *c) { return 0; }\n'
    alias = 'int program%d(void *c) __attribute__((alias("program")));\n'
    few, many = (HEAD + source + "".join(alias % number for number in range(count)) for count in (1, 100))
    assert len(read_object(compile_bpf(few)).programs) == 2
    with pytest.raises(ObjectError) as caught:
        read_object(compile_bpf(many))
    assert str(caught.value) == f"{compile_bpf(many)}: functions that overlap; build it again"
