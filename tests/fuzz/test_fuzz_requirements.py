"""Whatever is in an object or in a kernel's BTF: the declared errors and nothing else, in bounded time."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from codes import Answers, program
from hypothesis import given
from hypothesis import strategies as st
from mutations import mutated, only

from pytest_ebpf import elf, paths
from pytest_ebpf.btf import Btf
from pytest_ebpf.btf.ext import CORE_KINDS, BtfExt, CoreRelo
from pytest_ebpf.btf.relocate import Relocator, resolve_all
from pytest_ebpf.errors import BtfError, ObjectError
from pytest_ebpf.objects import parse_object
from pytest_ebpf.objects.instructions import decode
from pytest_ebpf.requirements import reachable, requirements_of

DATA = st.data()

SOURCE = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#define CORE __attribute__((preserve_access_index))
struct mm { struct { long total; }; } CORE;
struct task { int pid : 3, flag : 5; struct mm *mm; char comm[16]; struct task *next; } CORE;
enum state { IDLE, BUSY };
struct tcp_congestion_ops { void (*init)(void *); char name[16]; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, int); __type(value, long); }
    counters SEC(".maps");
extern int LINUX_KERNEL_VERSION __kconfig;
extern char CONFIG_LSM[20] __kconfig __weak;
extern void bpf_rcu_read_lock(void) __ksym __weak;
extern const int bpf_prog_active __ksym __weak;
const volatile int limit = 5;
__noinline int global(int x) { return x + bpf_get_prandom_u32(); }
static long callback(__u32 i, void *ctx) { char name[32]; return bpf_get_current_comm(name, 32) + i; }
SEC("fentry.s/tcp_connect") int program(void *ctx)
{
    struct task *task = (void *)bpf_get_current_task();
    __u64 number = 0;
    if (bpf_ksym_exists(bpf_rcu_read_lock)) bpf_rcu_read_lock();
    if (&bpf_prog_active) number++;
    if (LINUX_KERNEL_VERSION > 393472 && CONFIG_LSM[0] == 'a') bpf_loop(limit, callback, &number, 0);
    __sync_fetch_and_add(&number, limit);
    if (bpf_core_field_exists(task->next) && bpf_core_type_size(struct mm) > 4)
        return BPF_CORE_READ(task, next, mm, total) + bpf_core_enum_value(enum state, BUSY);
    return global(BPF_CORE_READ_BITFIELD_PROBED(task, flag)) + bpf_core_type_matches(struct task);
}
SEC("struct_ops") void start(void *ctx) { }
SEC(".struct_ops.link") struct tcp_congestion_ops mine = { .name = "mine", .init = start };
char LICENSE[] SEC("license") = "GPL";
"""


@pytest.fixture(scope="session")
def rich_object(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An object that asks for something of every kind."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "rich.bpf.c").write_text(SOURCE)
    headers = ["-I", paths.libbpf_include(), "-idirafter", "/usr/include/x86_64-linux-gnu"]
    argv = [
        "clang-19",
        "-target",
        "bpf",
        "-O2",
        "-g",
        "-mcpu=v3",
        *headers,
        "-c",
        "rich.bpf.c",
        "-o",
        "object",
    ]
    subprocess.run(argv, check=True, timeout=120, cwd=folder)
    return (folder / "object").read_bytes()


ORACLES = st.builds(
    Answers,
    relocations=st.dictionaries(st.sampled_from(CORE_KINDS), st.integers(0, (1 << 64) - 1)),
    symbols=st.dictionaries(st.sampled_from(["bpf_rcu_read_lock", "bpf_prog_active"]), st.booleans()),
    version=st.none() | st.integers(0, 1 << 24),
    options=st.dictionaries(st.sampled_from(["CONFIG_LSM"]), st.sampled_from(["y", "", "5", '"abc"', "x"])),
)


def test_the_seed_is_read_to_its_end(rich_object):
    found = requirements_of(rich_object, parse_object(rich_object, Path("o")))
    assert len({each.kind for program in found.programs for each in program.requirements}) > 10
    main = found.program("program")
    assert len(reachable(main, Answers({"field_exists": 0}, version=0x50A00))) < main.instructions


@given(DATA, ORACLES)
def test_requirements_and_what_is_reached(rich_object, data, oracle):
    content = data.draw(mutated(rich_object))
    start = time.process_time()
    with only(ObjectError, "o: "):
        found = requirements_of(content, parse_object(content, Path("o")))
        for each in found.programs:
            reached = reachable(each, oracle)
            assert reached <= set(range(each.instructions))
            assert all(
                need.instruction is None or need.instruction < each.instructions for need in each.requirements
            )
    assert time.process_time() - start < 20


@given(DATA)
def test_relocations_of_a_damaged_object_on_a_damaged_kernel(rich_object, data):
    raw, ext = elf.section(rich_object, ".BTF"), elf.section(rich_object, ".BTF.ext")
    assert raw is not None
    assert ext is not None
    with only(BtfError):
        local = Btf.parse(data.draw(mutated(raw)))
        target = Btf.parse(data.draw(mutated(raw)))
        for _, found in resolve_all(local, BtfExt.parse(ext, local).relocations, target):
            assert isinstance(found, BtfError) or found.value is None or 0 <= found.value < 1 << 64


@given(DATA)
def test_relocations_of_anything(rich_object, data):
    raw = elf.section(rich_object, ".BTF")
    assert raw is not None
    btf = Btf.parse(raw)
    relocator = Relocator(btf, btf)
    for _ in range(4):
        path = ":".join(map(str, data.draw(st.lists(st.integers(-1, 9), max_size=6))))
        type_id, kind = (
            data.draw(st.integers(0, len(btf) + 1)),
            data.draw(st.sampled_from([*CORE_KINDS, "?"])),
        )
        with only(BtfError):
            relocator.resolve(CoreRelo("xdp", 0, type_id, path, kind))


@given(st.binary(max_size=400), ORACLES)
def test_folding_of_any_bytes(code, oracle):
    body = decode(code[: len(code) // 8 * 8], little_endian=True)
    if body:
        assert reachable(program(body), oracle) <= set(range(len(body)))
