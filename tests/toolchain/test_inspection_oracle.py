"""What we read of objects against what bpftool and libbpf say of them: programs, maps, types, relocations."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from btftypes import assert_same, bpftool

from pytest_ebpf import manifest
from pytest_ebpf.inspection import Inspection
from pytest_ebpf.inspection.references import References, Target
from pytest_ebpf.objects import MapFacts
from pytest_ebpf.objects.instructions import SIZE

SAMPLE = Path(__file__).parents[2] / "sample_project"

#: What the sample has no use for: calls, callbacks, externs, static data, maps in maps, all kinds of CO-RE.
EVERYTHING = """#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
struct task_struct { int pid; struct task_struct *parent; } __attribute__((preserve_access_index));
struct task_struct___none { int no_such_member; } __attribute__((preserve_access_index));
enum pid_type { PIDTYPE_PID };
struct pair { __u64 a, b; };
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, __u32);
               __type(value, __u64); };
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 8); __type(key, __u16);
         __array(values, struct inner); } outer SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1024); __uint(map_flags, BPF_F_NO_PREALLOC);
         __uint(key_size, 6); __type(value, struct pair); __uint(pinning, 1); } seen SEC(".maps");
extern int LINUX_KERNEL_VERSION __kconfig;
extern const int bpf_prog_active __ksym;
static volatile __u64 hidden = 5;
__u64 total, written = 3;
const volatile int limit = -5;
static __noinline int local(void *ctx) { return hidden++ + bpf_get_prandom_u32(); }
__noinline int shared(int x) { return x + local(0) + total; }
static long step(__u32 index, void *ctx) { written += index; return 0; }
SEC("kprobe/do_exit") int first(void *ctx)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    struct task_struct___none *none = (void *)task;
    int sum = BPF_CORE_READ(task, parent, pid) + bpf_core_field_exists(none->no_such_member);
    sum += bpf_core_type_exists(struct task_struct) + bpf_core_type_size(struct task_struct);
    sum += bpf_core_enum_value(enum pid_type, PIDTYPE_PID) + bpf_core_field_size(task->pid);
    sum += bpf_core_type_id_kernel(struct task_struct) + bpf_core_type_id_local(struct task_struct);
    bpf_loop(3, step, 0, 0);
    return sum + shared(limit) + local(ctx) + LINUX_KERNEL_VERSION + bpf_prog_active;
}
SEC("kprobe/do_exit") int second(void *ctx)
{
    __u16 key = 1;
    return bpf_map_lookup_elem(&outer, &key) != bpf_map_lookup_elem(&seen, ctx);
}
char LICENSE[] SEC("license") = "GPL";
"""

_PROGRAM = re.compile(r"sec '(.*)': found program '(.*)' at insn offset (\d+) .*, code size (\d+) insns")
_MAP = re.compile(r"map '(.*)': found (\w+) (?:= (0x[0-9a-f]+|\d+)|\[\d+\], sz = (\d+))\.")
_DATA = re.compile(r"map '.*' \(global data\): at sec_idx (\d+)")
_AGAINST = re.compile(r"sec '\.rel(.*)': relo #\d+: insn #(\d+) against '(.*)'")
_FOUND = re.compile(r"prog '(.*)': found (data map|map|extern) .*? for insn #?(\d+)")
_CORE = re.compile(r"prog '(.*)': relo #\d+: <(\w+)> \[(\d+)\] (.*)")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the objects of the sample project, built from a copy."""
    copy = tmp_path_factory.mktemp("sample") / "edge"
    shutil.copytree(SAMPLE, copy, ignore=shutil.ignore_patterns("build"))
    command = Path(sys.executable).with_name("ebpf-build")
    subprocess.run([command, "-q"], cwd=copy, check=True, timeout=300)
    return copy / "build" / "ebpf"


@pytest.fixture(params=[*manifest.load(SAMPLE / "ebpf.toml").objects, "everything"])
def inspection(request: pytest.FixtureRequest, sample: Path, compile_bpf) -> Inspection:
    """Each object of the sample, and one of everything else."""
    name = request.param
    return Inspection.read(compile_bpf(EVERYTHING) if name == "everything" else sample / f"{name}.bpf.o")


def libbpf_says(*words: str | Path) -> list[str]:
    """libbpf's debug log of a command of bpftool."""
    done = subprocess.run(["bpftool", "-d", *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [line.removeprefix("libbpf: ") for line in (done.stdout + done.stderr).splitlines()]


@pytest.fixture
def opened(inspection: Inspection) -> list[str]:
    """What libbpf says when it opens the object."""
    return libbpf_says("gen", "skeleton", inspection.path)


def test_programs_and_subprograms(inspection, opened):
    theirs = {match.groups() for line in opened if (match := _PROGRAM.match(line))}
    ours = {
        (each.section.name, each.name, str(each.start // SIZE), str(each.size // SIZE))
        for each in inspection.functions(None)
    }
    assert ours == theirs
    assert ours


def _said_of(found: MapFacts) -> Iterator[tuple[str, str, int]]:
    """A map in the words of libbpf, without what it leaves out."""
    yield found.name, "type", found.type
    yield found.name, "max_entries", found.max_entries
    yield found.name, "map_flags", found.flags
    yield found.name, "pinning", found.pinning
    yield found.name, "key" if found.key else "key_size", found.key_size
    if found.inner is None:  # else libbpf says only what the maps within are
        yield found.name, "value" if found.value else "value_size", found.value_size
    else:
        yield from _said_of(found.inner)


def test_maps(inspection, opened):
    matches = [match for line in opened if (match := _MAP.fullmatch(line))]
    theirs = {(match[1], match[2], int(match[3] or match[4], 0)) for match in matches}
    ours = {said for each in inspection.facts.maps for said in _said_of(each) if said[2]}
    assert ours == {said for said in theirs if said[2]}


def test_sections_that_become_maps(inspection, opened):
    theirs = {inspection.elf.sections[int(match[1])].name for line in opened if (match := _DATA.match(line))}
    ours = {each.section for each in inspection.facts.globals}
    assert ours <= theirs
    # Texts have no name; of the kernel's configuration, which has no section, the symbol table tells.
    assert all(name == ".symtab" or name.startswith(".rodata.") for name in theirs - ours)


def test_every_type(inspection):
    assert inspection.facts.btf is not None
    assert_same(inspection.facts.btf, bpftool(inspection.path))


def test_what_instructions_refer_to(inspection, opened):
    references = References(inspection)
    sections = {each.section.name for each in inspection.functions(None)}
    against = {
        (match[1], int(match[2])): match[3]
        for line in opened
        if (match := _AGAINST.match(line)) and match[1] in sections
    }
    ours = {
        (function.section.name, each.offset // SIZE): each
        for function in inspection.functions(None)
        for each in references.of(function)
    }
    assert set(ours) == set(against)
    for place, symbol in against.items():
        assert symbol in {ours[place].name, ""} or symbol in {each.name for each in inspection.elf.sections}
    kinds = {(match[1], int(match[3])): match[2] for line in opened if (match := _FOUND.match(line))}
    words = {Target.MAP: "map", Target.DATA: "data map", Target.KSYM: "extern", Target.KCONFIG: "extern"}
    assert {
        (each.function, each.instruction): words[each.target]
        for each in ours.values()
        if each.target in words
    } == kinds


def test_relocations(inspection, kernel_btf, tmp_path):
    said = libbpf_says("gen", "min_core_btf", kernel_btf("6.12"), tmp_path / "min.btf", inspection.path)
    theirs: dict[str, list[tuple[str, int, str | None]]] = {}
    for line in said:
        if match := _CORE.fullmatch(line):
            path = re.search(r"\(([\d:]+)(?: @ offset [\d.]+)?\)$", match[4])
            theirs.setdefault(match[1], []).append((match[2], int(match[3]), path[1] if path else None))
    ours: dict[str, list[tuple[str, int, str | None]]] = {}
    for each in inspection.requirements.relocations:
        by_path = each.kind in {"byte_off", "byte_sz", "field_exists", "signed", "lshift_u64", "rshift_u64"}
        ours.setdefault(each.section, []).append((each.kind, each.type_id, each.path if by_path else None))
    assert ours == theirs


def test_the_object_of_everything_has_it(compile_bpf):
    inspection = Inspection.read(compile_bpf(EVERYTHING))
    kinds = {each.kind for each in inspection.requirements.relocations}
    assert kinds == {
        "byte_off",
        "byte_sz",
        "field_exists",
        "type_exists",
        "type_size",
        "enumval_value",
        "local_type_id",
        "target_type_id",
    }
    references = References(inspection)
    found = {each.target for function in inspection.functions(None) for each in references.of(function)}
    assert found == {Target.MAP, Target.DATA, Target.FUNCTION, Target.KSYM, Target.KCONFIG}
