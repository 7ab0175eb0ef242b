"""Declared hooks of every kind build, and are found in the object where they were declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_ebpf import hooks, objects
from pytest_ebpf.btf import Struct
from pytest_ebpf.build import build
from pytest_ebpf.errors import MismatchError
from pytest_ebpf.manifest import load
from pytest_ebpf.objects.check import differences
from pytest_ebpf.uapi import MapFlag

HEAD = '[project]\nname = "hooks"\nkernels = ["6.12"]\n'

#: Targets of kinds whose sections name more than a function.
TARGETS = {
    "uprobe": "/bin/true:main",
    "uretprobe": "/bin/true:main",
    "uprobe.multi": "/bin/true:ma*",
    "uretprobe.multi": "/bin/true:ma*",
    "uprobe.session": "/bin/true:ma*",
    "usdt": "/bin/true:provider:name",
    "tracepoint": "syscalls/sys_enter_openat",
    "tp": "syscalls/sys_enter_openat",
    "iter": "task",
    "lsm": "file_open",
    "lsm_cgroup": "socket_bind",
}


def sections() -> list[str]:
    """A hook of every kind, and of kinds with a target one without."""
    found = []
    for kind in hooks.KINDS:
        found.append(kind.prefix)
        if kind.target:
            found.append(f"{kind.prefix}/{TARGETS.get(kind.prefix.removesuffix('.s'), 'target')}")
    return found


def source_of(names: dict[str, str]) -> str:
    """A source with a program in each section."""
    programs = "\n".join(
        f'SEC("{section}")\nint {name}(void *ctx)\n{{\n\treturn 0;\n}}\n' for name, section in names.items()
    )
    return f'#include "ebpf.h"\n\n{programs}'


@pytest.fixture
def built(tmp_path, kernel_btf):
    """``built(declared, source)``: the manifest and the facts of its only object."""

    def make(declared: str, source: str) -> tuple[object, objects.ObjectFacts]:
        (tmp_path / "it.bpf.c").write_text(source)
        path = tmp_path / "ebpf.toml"
        path.write_text(HEAD + declared)

        def check(manifest, name: str, file: Path):
            return differences(manifest, name, objects.read_object(file))

        result = build(path, kernel_btf=kernel_btf, check=check)
        return load(path), objects.read_object(result.objects[0].path)

    return make


def test_every_kind(built):
    names = {f"p{index}": section for index, section in enumerate(sections())}
    rows = "\n".join(f'{name} = {{ hook = "{section}" }}' for name, section in names.items())
    declared = f'[objects.it]\nsource = "it.bpf.c"\n[objects.it.programs]\n{rows}\n'
    _, facts = built(declared, source_of(names))
    found = {program.name: program for program in facts.programs}
    assert {name: found[name].section for name in names} == names
    for name, section in names.items():
        hook = hooks.parse(section)
        assert hook is not None
        assert found[name].prog_type == hook.kind.prog_type, section
        assert found[name].hook == hook, section


STRUCT_OPS = """
#include "ebpf.h"

SEC("struct_ops/allowed")
__u32 BPF_PROG(allowed, struct sock *sk)
{
	return 2;
}

SEC("struct_ops")
void BPF_PROG(shrinks, struct sock *sk, __u32 ack, __u32 acked)
{
}

SEC(".struct_ops.link")
struct tcp_congestion_ops slow = {
	.ssthresh = (void *)allowed,
	.cong_avoid = (void *)shrinks,
	.name = "slow",
};
"""


def test_struct_ops_are_programs_and_a_map(built):
    declared = """
        [objects.it]
        source = "it.bpf.c"
        programs.allowed = { hook = "struct_ops/allowed" }
        programs.shrinks = { hook = "struct_ops" }
    """
    _, facts = built(declared, STRUCT_OPS)
    (slow,) = facts.maps
    assert (slow.name, slow.type_name, slow.value_name) == ("slow", "struct_ops", "struct tcp_congestion_ops")
    assert slow.flags == MapFlag.LINK
    assert {program.name for program in facts.programs} == {"allowed", "shrinks"}


def test_a_member_is_called_as_a_declared_type_is(built):
    """What the pointer leads to is known all the same."""
    declared = """
        [types.task]
        struct = { pid = "u32" }
        [objects.it]
        source = "it.bpf.c"
        programs.walk = { hook = "iter/task", records = "task" }
    """
    source = """
        #include "ebpf.h"

        SEC("iter/task")
        int walk(struct bpf_iter__task *ctx)
        {
            return ctx->task ? ctx->task->tgid : 0;
        }
    """
    _, facts = built(declared, source)
    assert facts.btf.type(facts.btf.find("task", Struct)).size == 4
    assert facts.globals == ()


def test_a_hook_of_another_kind_is_a_difference(built):
    declared = '[objects.it]\nsource = "it.bpf.c"\nprograms.p = { hook = "fexit/target" }\n'
    with pytest.raises(MismatchError) as caught:
        built(declared, source_of({"p": "fentry/target"}))
    assert str(caught.value).endswith(
        "objects.it.programs.p: declared in section fexit/target, built in fentry/target;"
        " correct the declaration or the source"
    )


RECORDS = """
#include "ebpf.h"

SEC("tracepoint/syscalls/sys_enter_umask")
int seen(void *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (event)
		bpf_ringbuf_submit(event, 0);
	return 0;
}
"""


def test_the_type_of_records_is_in_the_object(built):
    declared = """
        [types.event]
        struct = { pid = "u32", name = "char[16]" }
        [maps.events]
        type = "ringbuf"
        max_entries = 4096
        records = "event"
        [objects.it]
        source = "it.bpf.c"
        programs.seen = { hook = "tracepoint/syscalls/sys_enter_umask" }
    """
    _, facts = built(declared, RECORDS)
    assert facts.btf is not None
    assert facts.btf.find("event") is not None
    (events,) = facts.maps
    assert (events.name, events.max_entries, events.value_size, events.pinning) == ("events", 4096, 0, 0)
    assert facts.globals == ()
