"""``ebpf-build diff``: what it says of two objects, and its exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("ebpf-build")

OLD = """#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct rule { __u32 action; __u32 hits; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16); __type(key, __u32);
         __type(value, struct rule); } rules SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32);
         __type(value, __u64); } gone SEC(".maps");
const volatile int limit = 5;
static __noinline int local(void *ctx) { return bpf_get_prandom_u32(); }
SEC("xdp") int ingress(struct xdp_md *ctx)
{
    __u32 key = limit;
    return bpf_map_lookup_elem(&rules, &key) ? XDP_DROP : local(ctx);
}
SEC("xdp") int same(struct xdp_md *ctx) { return 1; }
SEC("xdp") int removed(struct xdp_md *ctx) { return !bpf_map_lookup_elem(&gone, ctx); }
char LICENSE[] SEC("license") = "GPL";
"""

NEW = """#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct rule { __u32 action; __u64 hits; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 32); __type(key, __u32);
         __uint(map_flags, BPF_F_NO_PREALLOC); __type(value, struct rule); } rules SEC(".maps");
const volatile int limit = 6;
static __u64 added_variable;
static __noinline int local(void *ctx) { return bpf_get_prandom_u32() + bpf_ktime_get_ns(); }
SEC("xdp") int ingress(struct xdp_md *ctx)
{
    __u32 key = limit;
    added_variable++;
    return bpf_map_lookup_elem(&rules, &key) ? XDP_DROP : local(ctx);
}
SEC("xdp") int same(struct xdp_md *ctx) { return 2; }
SEC("?tc") int added(struct __sk_buff *skb) { return added_variable; }
char LICENSE[] SEC("license") = "Dual BSD/GPL";
"""

TEXT = """\
old.o -> new.o: 14 differences

Object
  ~ licence: GPL -> Dual BSD/GPL

Programs
  ~ ingress instructions: 16 -> 25 (+9)
  - removed: xdp, 9 instructions
  + added: tc, 4 instructions
  ~ same code: 1 of its instructions are others

Subprograms
  ~ local instructions: 2 -> 6 (+4)

Maps
  ~ rules max_entries: 16 -> 32 (+16)
  ~ rules flags: none -> no_prealloc
  ~ rules value size: 8 bytes -> 16 bytes
  ~ rules value.hits: __u32 at byte 4 -> __u64 at byte 8
  - gone: array, max_entries 1

Globals
  ~ limit initial: hex 05 -> hex 06
  + added_variable: __u64 in .bss

Asked of the kernel
"""

Diff = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def diff(tmp_path: Path, compile_bpf) -> Diff:
    """``diff("--format", "json")`` of *old* and *new*, sources."""

    def once(*words: str, old: str = OLD, new: str = NEW, flags: tuple[str, ...] = ()):
        (tmp_path / "old.o").write_bytes(compile_bpf(old).read_bytes())
        (tmp_path / "new.o").write_bytes(compile_bpf(new, *flags).read_bytes())
        done = subprocess.run(
            [COMMAND, "diff", "old.o", "new.o", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return once


def test_what_differs(diff):
    done = diff()
    assert (done.returncode, done.stderr) == (1, "")
    head, _, asked = done.stdout.partition("Asked of the kernel\n")
    assert head + "Asked of the kernel\n" == TEXT
    assert "  + helper bpf_ktime_get_ns: for ingress\n" in asked
    assert "prog.bpf.c:8: static __noinline int local(void *ctx)" in asked


def test_the_example_in_the_documentation():
    described = (Path(__file__).parents[2] / "docs" / "diff.md").read_text()
    assert "\n".join(f"    {line}".rstrip() for line in TEXT.splitlines()) in described


def test_the_same_object_is_no_difference(diff):
    done = diff(new=OLD)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "old.o -> new.o: no difference\n"
    assert diff("--format", "markdown", new=OLD).stdout == "`old.o` and `new.o` do not differ.\n"


def test_a_map_that_is_pinned(diff):
    pinned = "__uint(max_entries, 16); __uint(pinning, LIBBPF_PIN_BY_NAME);"
    assert diff(new=OLD.replace("__uint(max_entries, 16);", pinned)).stdout.splitlines() == [
        "old.o -> new.o: 1 difference",
        "",
        "Maps",
        "  ~ rules pinned by name: no -> yes",
    ]


def test_the_other_byte_order(diff):
    lines = diff(new=OLD, flags=("-target", "bpfeb")).stdout.splitlines()
    assert lines[2:4] == ["Object", "  ~ byte order: little-endian -> big-endian"]


def test_lines_that_moved_are_no_difference(diff):
    assert diff(new="// a comment\n\n" + OLD).returncode == 0


def test_a_program_that_gains_what_another_had_already(diff):
    """The object asks for nothing new, the program does."""
    new = OLD.replace("return 1;", "return bpf_get_prandom_u32();")
    lines = diff(new=new).stdout.splitlines()
    at = lines.index("  + helper bpf_get_prandom_u32: for same")
    assert lines[at + 1].endswith(
        'prog.bpf.c:15: SEC("xdp") int same(struct xdp_md *ctx) { return bpf_get_prandom_u32(); }'
    )


def test_what_was_asked_for_in_earnest_and_is_so_no_more(diff):
    asks = "extern int bpf_no_such_thing __ksym{weak};\n" + OLD.replace(
        "return 1;", "return {guard}bpf_no_such_thing;"
    )
    old = asks.replace("{weak}", "").replace("{guard}", "").replace("#include", "#include", 1)
    new = asks.replace("{weak}", " __weak").replace("{guard}", "&bpf_no_such_thing && ")
    headers, kernel_symbol = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n", "extern int"
    old, new = (headers + text.replace(headers, "") for text in (old, new))
    assert kernel_symbol in old
    assert (
        "  ~ ksym bpf_no_such_thing when it is not there: it fails -> nothing fails"
        in diff(old=old, new=new).stdout.splitlines()
    )


def test_without_btf(diff):
    source = '#include <linux/bpf.h>\n__attribute__((section("xdp"))) int pass(void *ctx) { return 2; }\n'
    lines = diff(old=source, new=source, flags=("-g0",)).stdout.splitlines()
    assert "  ~ BTF: yes -> no" in lines
    assert "  - btf kind func: for the object" in lines


def test_markdown_is_a_table(diff):
    lines = diff("--format", "markdown").stdout.splitlines()
    assert lines[:4] == [
        "**old.o -> new.o: 14 differences**",
        "",
        "| | what | change | where |",
        "|---|---|---|---|",
    ]
    assert "| ~ maps | rules max_entries | 16 -> 32 (+16) |  |" in lines
    assert all(line.count("|") - line.count("\\|") == 5 for line in lines[2:])


def test_json_is_versioned_and_described(diff):
    document = json.loads(diff("--format", "json").stdout)
    assert (document["version"], document["same"], document["old"], document["new"]) == (
        1,
        False,
        "old.o",
        "new.o",
    )
    assert document["changes"][0] == {
        "part": "object",
        "name": "",
        "what": "licence",
        "old": "GPL",
        "new": "Dual BSD/GPL",
        "source": None,
        "text": None,
    }
    described = (Path(__file__).parents[2] / "docs" / "diff.md").read_text()
    assert {key for key in {*document, *document["changes"][0]} if f"`{key}`" not in described} == set()


def test_trouble_is_told_from_a_difference(diff, tmp_path):
    diff()
    (tmp_path / "notes").write_text("no object")
    for words, said in (
        (("old.o", "missing.o"), "missing.o: cannot be read (No such file or directory); check the path"),
        (
            ("notes", "new.o"),
            "notes: not an ELF file (begins with 6e 6f 20 6f); give an object made by clang -target bpf",
        ),
    ):
        done = subprocess.run(
            [COMMAND, "diff", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"ebpf-build: {said}\n")
