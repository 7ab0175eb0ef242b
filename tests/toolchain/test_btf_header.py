"""``vmlinux.h`` as clang sees it: structs and constants must come out as the kernel has them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from pytest_ebpf import elf
from pytest_ebpf.btf import Btf, Enum, Struct, Typedef, Var
from pytest_ebpf.btf.ext import BtfExt, access
from pytest_ebpf.btf.header import full, minimal
from pytest_ebpf.btf.naming import Names
from pytest_ebpf.btf.spelling import keyword
from pytest_ebpf.objects import read_object

LINES = ("5.10", "6.1", "6.12", "6.18", "7.2")

TRACER = """
    #include "vmlinux.h"
    #include <bpf/bpf_helpers.h>
    #include <bpf/bpf_tracing.h>
    #include <bpf/bpf_core_read.h>
    struct event { __u32 pid; __u64 inode; char comm[16]; };
    struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
    SEC("kprobe/do_unlinkat")
    int BPF_KPROBE(unlink, int dfd, struct filename *name)
    {
        struct task_struct *task = (void *)bpf_get_current_task();
        struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
        if (!event)
            return 0;
        event->pid = BPF_CORE_READ(task, real_parent, tgid);
        event->inode = BPF_CORE_READ(task, mm, exe_file, f_inode, i_ino);
        bpf_get_current_comm(event->comm, sizeof(event->comm));
        if (bpf_core_field_exists(task->__state) && bpf_core_type_exists(struct bpf_ringbuf))
            event->pid += bpf_core_enum_value(enum bpf_map_type, BPF_MAP_TYPE_RINGBUF);
        bpf_ringbuf_submit(event, 0);
        return 0;
    }
    char LICENSE[] SEC("license") = "GPL";
"""

FILTER = """
    #include "vmlinux.h"
    #include <bpf/bpf_helpers.h>
    #include <bpf/bpf_endian.h>
    struct key { __be32 address; };
    struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, struct key);
             __type(value, u64); } seen SEC(".maps");
    SEC("xdp") int filter(struct xdp_md *ctx)
    {
        void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
        struct ethhdr *eth = data;
        struct iphdr *ip = (void *)(eth + 1);
        if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(0x0800))
            return XDP_PASS;
        struct key key = {ip->saddr};
        u64 *count = bpf_map_lookup_elem(&seen, &key);
        if (count)
            __sync_fetch_and_add(count, 1);
        return ip->protocol == IPPROTO_UDP ? XDP_DROP : XDP_PASS;
    }
    char LICENSE[] SEC("license") = "GPL";
"""


def identifiers(source: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", source.split("bpf_helpers.h>")[1]))


def clang(folder: Path, source: str, *flags: str) -> Path:
    """Compile against the ``vmlinux.h`` in *folder*; no warning is let through."""
    (folder / "test.c").write_text(source)
    argv = ["clang-19", "-target", "bpf", "-g", "-Wall", "-Werror", *flags, "-c", "test.c", "-o", "test.o"]
    done = subprocess.run(argv, check=False, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[:2000]
    return folder / "test.o"


def layout(btf: Btf, type_id: int, base: int = 0) -> list[tuple[str, int, int]]:
    """Every named member that can be reached without a dot: its name, first bit, and bits of a bit field."""
    found = btf.type(type_id)
    assert isinstance(found, Struct)
    members = []
    for member in found.members:
        inner = btf.strip(member.type_id)
        if member.name:
            members.append((member.name, base + member.bit_offset, member.bit_size))
        elif isinstance(btf.type(inner), Struct):
            members += layout(btf, inner, base + member.bit_offset)
    return members


@pytest.mark.parametrize("line", LINES)
def test_structs_keep_their_layout(tmp_path, kernel_btf, line):
    """A variable of every struct is compiled; clang's own BTF then says what became of each.

    Every sixth struct of the kernels in the middle.
    """
    kernel = Btf.parse(kernel_btf(line).read_bytes())
    (tmp_path / "vmlinux.h").write_text(full(kernel))
    names = Names(kernel, ())
    named = [type_id for type_id in kernel.ids_of(Struct) if kernel.is_named(type_id)]
    sample = named if line in {"5.10", "7.2"} else named[::6]
    structs = {type_id: kernel.type(type_id) for type_id in sample}
    source = "".join(
        f"{keyword(found)} {names.tag(type_id, found)} v{type_id};\n" for type_id, found in structs.items()
    )
    target = clang(tmp_path, f'#include "vmlinux.h"\n{source}')
    built = Btf.parse(elf.section(target.read_bytes(), ".BTF") or b"")
    assert len(structs) > 1000
    for type_id, found in structs.items():
        variable = built.type(built.find(f"v{type_id}", Var) or 0)
        its_type = built.strip(variable.type_id)
        assert built.size(its_type) == found.size, found.name
        assert layout(built, its_type) == layout(kernel, type_id), found.name


@pytest.mark.parametrize("line", ["5.10", "7.2"])
def test_every_constant_and_typedef_of_a_kernel(tmp_path, kernel_btf, line):
    kernel = Btf.parse(kernel_btf(line).read_bytes())
    (tmp_path / "vmlinux.h").write_text(full(kernel))
    names = Names(kernel, ())
    checks = []
    for name, type_id in names.owners.items():
        found = kernel.type(type_id)
        assert isinstance(found, Enum)
        if kernel.ids(name, Typedef):
            continue
        value = dict(found.values)[name]
        mask = (1 << 8 * found.size) - 1
        checks.append(f'_Static_assert(((u64)({name}) & {mask}ULL) == {value & mask}ULL, "{name}");')
    for type_id in kernel.ids_of(Typedef):
        if isinstance(kernel.type(kernel.strip(type_id)), Struct):
            name = names.typedef(type_id, kernel.type(type_id))
            checks.append(f'_Static_assert(sizeof({name}) == {kernel.size(type_id)}, "{name}");')
    assert len(checks) > 10_000
    clang(tmp_path, '#include "vmlinux.h"\n' + "\n".join(checks), "-Wno-c23-extensions")


@pytest.mark.parametrize("line", ["6.1", "7.2"])
def test_it_holds_what_bpftool_has(kernel_btf, line):
    """Definitions are counted, as each side spells them."""
    path = kernel_btf(line)
    argv = ["bpftool", "btf", "dump", "file", str(path), "format", "c"]
    theirs = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120).stdout
    ours = full(Btf.parse(path.read_bytes()))
    for pattern in (
        r"^(?:struct|union) \w+ \{",
        r"^enum \w+ \{",
        r"^(?:typedef .* \**(\w+)(?:\[\d+\])*;|\} \w+;)$",
    ):
        here, there = (len(set(re.findall(pattern, text, re.MULTILINE))) for text in (ours, theirs))
        assert abs(here - there) <= 0.01 * there, pattern


@pytest.mark.parametrize("line", LINES)
def test_libbpf_headers_need_nothing_else(tmp_path, kernel_btf, compile_bpf, line):
    text = minimal(Btf.parse(kernel_btf(line).read_bytes()), ())
    (tmp_path / "vmlinux.h").write_text(text)
    loop = "bpf_for(each, 0, 3)" if line not in {"5.10", "6.1"} else "for (each = 0; each < 3; each++)"
    compile_bpf(
        f"#define LOOP {loop}"
        """
        #include "vmlinux.h"
        #include <bpf/bpf_helpers.h>
        #include <bpf/bpf_tracing.h>
        #include <bpf/bpf_core_read.h>
        #include <bpf/bpf_endian.h>
        SEC("kprobe/x")
        int BPF_KPROBE(probe, unsigned long a, void *b)
        {
            int sum = 0, each;
            LOOP
                sum += a;
            return sum + bpf_htons(1) + (b != 0);
        }
        """,
        f"-I{tmp_path}",
        "-Wall",
        "-Werror",
    )
    assert len(text.splitlines()) < 300


@pytest.mark.parametrize("line", ["6.1", "7.2"])
@pytest.mark.parametrize(
    ("source", "taken"), [(TRACER, {"event"}), (FILTER, {"key"})], ids=["tracer", "filter"]
)
def test_the_minimal_header_makes_the_same_object_as_the_full_one(
    tmp_path, kernel_btf, compile_bpf, line, source, taken
):
    kernel = Btf.parse(kernel_btf(line).read_bytes())
    objects = []
    for name, text in {
        "full": full(kernel, taken),
        "minimal": minimal(kernel, identifiers(source), taken),
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "vmlinux.h").write_text(text)
        objects.append(compile_bpf(source, f"-I{folder}"))
    code, relocations = zip(*map(code_and_relocations, objects), strict=True)
    assert code[0] == code[1]
    assert relocations[0] == relocations[1]
    assert len(text.splitlines()) < 6000
    sizes = [path.stat().st_size for path in objects]
    assert sizes[1] <= sizes[0]


def code_and_relocations(path: Path) -> tuple[dict[str, bytes], list[tuple[object, ...]]]:
    parsed = elf.Elf.read(path.read_bytes())
    sections = {each.name: each for each in parsed.sections}
    code = {name: each.data for name, each in sections.items() if each.flags & 4}
    btf = Btf.parse(sections[".BTF"].data)
    ext = BtfExt.parse(sections[".BTF.ext"].data, btf)
    return code, [
        (each.section, each.offset, each.kind, each.path, access(btf, each)) for each in ext.relocations
    ]


def test_a_taken_name_leaves_the_kernel_s_type_usable(tmp_path, kernel_btf, compile_bpf):
    source = """
        #include "vmlinux.h"
        #include <bpf/bpf_helpers.h>
        #include <bpf/bpf_core_read.h>
        struct key { int mine; };
        SEC("kprobe/x") int probe(void *ctx)
        {
            struct key own = {1};
            struct key___kernel *theirs = ctx;
            return own.mine + BPF_CORE_READ(theirs, serial);
        }
    """
    kernel = Btf.parse(kernel_btf("6.12").read_bytes())
    (tmp_path / "vmlinux.h").write_text(minimal(kernel, identifiers(source), {"key"}))
    facts = read_object(compile_bpf(source, f"-I{tmp_path}"))
    assert [each.access for each in facts.relocations] == ["struct key___kernel::serial"]


def test_the_same_kernel_gives_the_same_text(kernel_btf):
    data = kernel_btf("6.12").read_bytes()
    words = identifiers(TRACER)
    once = minimal(Btf.parse(data), sorted(words), {"event"})
    assert once == minimal(Btf.parse(data), sorted(words, reverse=True), ["event"])
