"""Our resolving of CO-RE relocations against libbpf's own code, run on the host with BTF of real kernels."""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_ebpf import elf, paths
from pytest_ebpf.btf import Array, Btf, Enum, Fwd, Struct, Typedef
from pytest_ebpf.btf.ext import CORE_KINDS, BtfExt, CoreRelo
from pytest_ebpf.btf.relocate import Relocator
from pytest_ebpf.errors import BtfError

Asked = tuple[int, str, int]  # type, path, kind

FIELDS, TYPES, ENUMERATORS = range(6), (6, 7, 8, 9, 12), (10, 11)


@pytest.fixture(scope="module")
def libbpf(tmp_path_factory) -> Callable[[Path, Path, list[Asked]], list[str]]:
    """What libbpf answers to each relocation of LOCAL on TARGET."""
    build = paths.agent().parent
    binary = tmp_path_factory.mktemp("libbpf") / "relocator"
    include = [build / "libbpf" / each for each in ("src", "include", "include/uapi")]
    words = ["gcc", "-O1", "-Wall", *(f"-I{each}" for each in [*include, build / "include/bpf"])]
    source = Path(__file__).parent / "data" / "relocator.c"
    argv = [*words, str(source), str(build / "libbpf.a"), "-lelf", "-lz", "-lzstd", "-o", str(binary)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr

    def ask(local: Path, target: Path, asked: list[Asked]) -> list[str]:
        text = "".join(f"{type_id} {path} {kind}\n" for type_id, path, kind in asked)
        done = subprocess.run(
            [binary, local, target], input=text, check=True, capture_output=True, text=True, timeout=120
        )
        return done.stdout.splitlines()

    return ask


def answer(relocator: Relocator, asked: Asked) -> str:
    """Our answer in the words of relocator.c."""
    type_id, path, kind = asked
    try:
        found = relocator.resolve(CoreRelo("xdp", 0, type_id, path, CORE_KINDS[kind]))
    except BtfError:
        return "error"
    return "poisoned" if found.value is None else f"value {found.value} {int(not found.sizes)}"


def a_path(btf: Btf, type_id: int, chance: random.Random) -> str:
    """A way from a type to some field deep in it."""
    indices = [chance.choice([0, 0, 0, 1])]
    for _ in range(chance.randint(1, 6)):
        found = btf.type(btf.strip(type_id))
        if isinstance(found, Struct) and found.members:
            indices.append(chance.randrange(len(found.members)))
            type_id = found.members[indices[-1]].type_id
        elif isinstance(found, Array):
            indices.append(chance.randrange(max(found.count, 1)))
            type_id = found.type_id
        else:
            break
    return ":".join(map(str, indices))


def questions(btf: Btf, count: int, chance: random.Random) -> list[Asked]:
    named = [each for each in btf.ids_of(Struct, Enum, Typedef, Fwd) if btf.is_named(each)]
    structs = [each for each in btf.ids_of(Struct) if btf.is_named(each)]
    found = ((each, btf.type(each)) for each in btf.ids_of(Enum) if btf.is_named(each))
    enums = {type_id: enum for type_id, enum in found if isinstance(enum, Enum) and enum.values}
    enum_ids = list(enums)
    asked = []
    for _ in range(count):
        kind = chance.randrange(len(CORE_KINDS))
        if kind in FIELDS:
            type_id = chance.choice(structs if chance.random() < 0.9 else named)
            asked.append((type_id, a_path(btf, type_id, chance), kind))
        elif kind in ENUMERATORS:
            type_id = chance.choice(enum_ids)
            beyond = chance.random() < 0.02
            asked.append((type_id, str(chance.randrange(len(enums[type_id].values) + beyond)), kind))
        else:
            asked.append((chance.choice(named), "0" if chance.random() < 0.99 else "0:0", kind))
    return asked


@pytest.mark.parametrize(("ours", "theirs"), [("6.18", "5.10"), ("5.10", "7.2"), ("6.1", "6.12")])
def test_types_of_one_kernel_on_another(libbpf, kernel_btf, ours, theirs):
    """Thousands of fields, types and enumerators, found and not found, of every kind of relocation."""
    local, target = kernel_btf(ours), kernel_btf(theirs)
    btf = Btf.parse(local.read_bytes())
    asked = questions(btf, 6000, random.Random(f"{ours} on {theirs}"))
    relocator = Relocator(btf, Btf.parse(target.read_bytes()))
    seen = Counter()
    for each, expected in zip(asked, libbpf(local, target, asked), strict=True):
        assert answer(relocator, each) == expected, (btf.name(each[0]), each)
        seen[CORE_KINDS[each[2]], expected.split()[0]] += 1
    assert {kind for kind, said in seen if said == "value"} == set(CORE_KINDS)
    assert {kind for kind, said in seen if said == "poisoned"} == {
        "byte_off",
        "byte_sz",
        "signed",
        "lshift_u64",
        "rshift_u64",
        "enumval_value",
    }


OBJECT = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#define CORE __attribute__((preserve_access_index))
typedef unsigned int gfp_t;
struct list_head { struct list_head *next, *prev; } CORE;
struct mm_struct { struct { unsigned long total_vm, hiwater_vm; }; } CORE;
struct task_struct { int pid, tgid; char comm[16]; struct mm_struct *mm; struct list_head tasks;
                     unsigned int __state; } CORE;
struct task_struct___old { long state; } CORE;
struct sk_buff { union { struct { struct sk_buff *next; }; }; unsigned int len; __u8 pkt_type : 3, nohdr : 1;
                 __u16 mac_len; } CORE;
struct bpf_map___wrong { struct bpf_map___wrong *name; } CORE;
struct task_struct___short { short exit_code; } CORE;
struct no_such_struct { int x; } CORE;
enum bpf_func_id___mine { BPF_FUNC_map_lookup_elem___mine = 0, BPF_FUNC_no_such_helper = 9999 };
enum hrtimer_mode { HRTIMER_MODE_ABS, HRTIMER_MODE_PINNED = 2 };
struct list_head___both { struct list_head___both *next; } CORE;

SEC("kprobe/x") int probe(void *ctx)
{
    struct task_struct *t = ctx;
    struct task_struct___old *old = ctx;
    struct sk_buff *skb = ctx;
    struct bpf_map___wrong *wrong = ctx;
    long sum = BPF_CORE_READ(t, mm, total_vm) + (long)BPF_CORE_READ(t, tasks.prev, next);
    sum += BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type) + BPF_CORE_READ_BITFIELD(skb, nohdr);
    sum += bpf_core_field_exists(t->__state) + bpf_core_field_exists(old->state);
    sum += bpf_core_field_exists(struct task_struct, comm[5]) + bpf_core_field_size(t->comm);
    sum += bpf_core_field_offset(struct task_struct, comm[15]) + bpf_core_field_exists(wrong->name);
    sum += bpf_core_type_exists(struct no_such_struct) + bpf_core_type_size(struct task_struct);
    sum += bpf_core_type_exists(gfp_t) + bpf_core_type_id_kernel(struct sk_buff);
    sum += bpf_core_type_id_local(struct sk_buff) + bpf_core_type_matches(struct list_head);
    sum += bpf_core_type_matches(struct task_struct) + bpf_core_type_matches(struct list_head___both);
    sum += bpf_core_enum_value(enum bpf_func_id___mine, BPF_FUNC_map_lookup_elem___mine);
    sum += bpf_core_enum_value_exists(enum bpf_func_id___mine, BPF_FUNC_no_such_helper);
    sum += bpf_core_enum_value(enum bpf_func_id___mine, BPF_FUNC_no_such_helper);
    sum += bpf_core_enum_value(enum hrtimer_mode, HRTIMER_MODE_PINNED);
    return sum + ((struct task_struct___short *)ctx)->exit_code + ((struct no_such_struct *)ctx)->x;
}
char LICENSE[] SEC("license") = "GPL";
"""


@pytest.mark.parametrize("line", ["5.10", "6.1", "6.12", "6.18", "7.2"])
def test_an_object_on_every_kernel(libbpf, compile_bpf, kernel_btf, line):
    """What clang makes of every macro of ``bpf_core_read.h``."""
    path = compile_bpf(OBJECT)
    data, target = path.read_bytes(), kernel_btf(line)
    btf = Btf.parse(elf.section(data, ".BTF") or b"")
    relocations = BtfExt.parse(elf.section(data, ".BTF.ext") or b"", btf).relocations
    asked = [(each.type_id, each.path, CORE_KINDS.index(each.kind)) for each in relocations]
    assert {CORE_KINDS[kind] for _, _, kind in asked} == set(CORE_KINDS)
    relocator = Relocator(btf, Btf.parse(target.read_bytes()))
    ours = [answer(relocator, each) for each in asked]
    assert ours == libbpf(path, target, asked)
    assert "poisoned" in ours
    assert any(each.endswith(" 0") for each in ours)  # exit_code is an int
