"""What ``ebpf-build inspect`` prints, to the letter, and the JSON document."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_ebpf.objects import ObjectFacts, read_object, render

SOURCE = """#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
struct task_struct { int pid; struct task_struct *next; } __attribute__((preserve_access_index));
struct rule { __u32 action; __u64 hits; };
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, __u32);
               __type(value, struct rule); };
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 8); __type(key, __u16);
         __array(values, struct inner); } outer SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1024); __uint(map_flags, BPF_F_NO_PREALLOC);
         __uint(key_size, 6); __type(value, struct rule); __uint(pinning, 1); } seen SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
const volatile int limit = -5;
const volatile char tag[8] = "a\\"b";
const volatile struct rule first = {1, 2};
const volatile _Bool on = 1;
__u64 total;
static __noinline int local(struct xdp_md *ctx) { return ctx->data_end - ctx->data; }
SEC("xdp") int ingress(struct xdp_md *ctx) { total++; return local(ctx) + first.action; }
SEC("?kprobe/do_exit") int probe(void *ctx)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    return BPF_CORE_READ(task, next, pid) + BPF_CORE_READ(task, next, next, pid);
}
SEC("mine") int odd(void *ctx) { return 0; }
char LICENSE[] SEC("license") = "GPL";
"""

SCREEN = """\
prog.bpf.o
license GPL, little-endian, BTF with 74 types

Programs (3)
  name     section          type           insns  with calls  source
  ingress  xdp              xdp               12          16  prog.bpf.c:19
  probe    ?kprobe/do_exit  kprobe            38              prog.bpf.c:22
  odd      mine             no hook known      2              prog.bpf.c:25

Maps (3)
  name         type          key        value             entries  flags
  outer        hash_of_maps  __u16 (2)  (4)                     8
  outer.inner  array         __u32 (4)  struct rule (16)        4
  seen         hash          (6)        struct rule (16)     1024  no_prealloc pinned
  events       ringbuf                                       4096

Globals (5)
  name   section  type         bytes  initial
  limit  .rodata  int              4  -5
  tag    .rodata  char[8]          8  "a\\"b"
  first  .rodata  struct rule     16  01 00 00 00 00 00 00 00 ...
  on     .rodata  _Bool            1  1
  total  .bss     __u64            8  0

CO-RE relocations (3, 2 distinct)
  of the kernel             asks      times  first at
  struct task_struct::next  byte_off      2  prog.bpf.c:23
  struct task_struct::pid   byte_off      1  prog.bpf.c:23"""


@pytest.fixture(scope="module")
def facts(compile_bpf) -> ObjectFacts:
    return replace(read_object(compile_bpf(SOURCE)), path=Path("prog.bpf.o"))


def test_the_screen(facts):
    assert render.to_text(facts) == SCREEN


def test_what_an_object_lacks_is_said(compile_bpf):
    facts = read_object(compile_bpf("int f(void) { return 0; }", "-g0"))
    text = render.to_text(replace(facts, path=Path("bare.o")))
    assert text == "bare.o\nlicense none (the kernel wants one), little-endian, no BTF (compile with -g)"


def test_many_relocations_are_cut_and_that_is_said(facts):
    many = tuple(replace(facts.relocations[0], access=f"struct s::m{number}") for number in range(40))
    text = render.to_text(replace(facts, relocations=many)).splitlines()
    assert "CO-RE relocations (40, 40 distinct)" in text
    assert text[-1] == "  and 28 more, in the JSON form"


def test_json_is_versioned_and_whole(facts):
    document = json.loads(render.to_json(facts))
    assert (document["version"], document["license"], document["endian"], document["btf"]) == (
        1,
        "GPL",
        "little",
        True,
    )
    assert document["programs"][1] == {
        "name": "probe",
        "section": "kprobe/do_exit",
        "type": "kprobe",
        "attach_type": None,
        "target": "do_exit",
        "autoload": False,
        "instructions": 38,
        "total_instructions": 38,
        "size": 304,
        "source": facts.programs[1].source,
        "subprograms": [],
        "helpers": [35, 113],
    }
    assert document["maps"][0]["inner"]["value"] == {"type": "struct rule", "size": 16}
    assert document["maps"][1]["flags"] == ["no_prealloc"]
    assert document["maps"][1]["pinned"] is True
    assert document["globals"][0] == {
        "name": "limit",
        "section": ".rodata",
        "type": "int",
        "offset": 0,
        "size": 4,
        "constant": True,
        "initial": "fbffffff",
    }
    assert document["globals"][4]["initial"] is None
    assert len(document["relocations"]) == 3
    assert set(document["relocations"][0]) == {
        "program",
        "instruction",
        "kind",
        "type_name",
        "access",
        "source",
    }


def test_json_says_which_byte_order_an_object_has(compile_bpf):
    big = read_object(compile_bpf(SOURCE, "-target", "bpfeb"))
    assert json.loads(render.to_json(big))["endian"] == "big"


def test_the_document_is_described(facts):
    """``docs/inspect.md`` names every key."""
    text = (Path(__file__).parents[2] / "docs" / "inspect.md").read_text()
    document = json.loads(render.to_json(facts))

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    assert {key for key in keys(document) if f"`{key}`" not in text} == set()
