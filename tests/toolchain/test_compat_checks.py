"""What real kernels lack of what is asked for, one question at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_ebpf.compat.checks import Checks
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.kernel import Kernel
from pytest_ebpf.compat.oracle import Oracle
from pytest_ebpf.compat.rules import rules
from pytest_ebpf.kernels import KernelStore, Version
from pytest_ebpf.requirements import Kind, Ksym, Requirement, Requirements, SourceLine, Stage


@pytest.fixture(scope="module")
def store() -> KernelStore:
    return KernelStore(say=print)


def asking(kind: Kind, name: str, number: int | None = None, **parts) -> Requirement:
    return Requirement(kind, name, number, **parts)


def symbol(name: str, *, is_function: bool) -> Ksym:
    return Ksym(name, 0, is_function=is_function, weak=False)


LINE = SourceLine("a.bpf.c", 7, "\tno(ctx);")


@pytest.mark.parametrize(
    ("line", "section", "need", "certain", "said"),
    [
        ("5.10", "sk_reuseport", asking(Kind.ATTACH_TYPE, "sk_reuseport_select", 39), None, None),
        (
            "5.10",
            "sk_reuseport/migrate",
            asking(Kind.ATTACH_TYPE, "sk_reuseport_select_or_migrate", 40),
            False,
            "no attach type sk_reuseport_select_or_migrate",
        ),
        (
            "6.12",
            None,
            asking(Kind.HELPER, "bpf_redirect_map", 51),
            False,
            "the verifier decides whether these programs may call bpf_redirect_map",
        ),
        (
            "6.12",
            "struct_ops",
            asking(Kind.HELPER, "bpf_redirect_map", 51),
            False,
            "the verifier decides whether struct_ops programs may call bpf_redirect_map",
        ),
        ("6.12", "xdp", asking(Kind.HELPER, "helper 9999", 9999), True, "no helper 9999"),
        (
            "6.12",
            None,
            asking(Kind.MAP_FLAG, "0x80000000", 1 << 31, subject="odd"),
            False,
            "nothing is known of flag 0x80000000 (map odd)",
        ),
        ("6.12", "tp/sched/sched_switch", asking(Kind.TRACEPOINT, "sched/sched_switch"), None, None),
        ("6.12", "tp", asking(Kind.TRACEPOINT, "syscalls/sys_enter_openat"), None, None),
        ("6.12", "tp", asking(Kind.TRACEPOINT, "syscalls/sys_exit_openat"), None, None),
        (
            "6.12",
            "tp",
            asking(Kind.TRACEPOINT, "other/sys_enter_openat"),
            False,
            "no tracepoint sys_enter_openat in its BTF",
        ),
        ("6.12", "raw_tp", asking(Kind.BTF_TRACEPOINT, "sched_switch"), None, None),
        ("6.12", "raw_tp", asking(Kind.BTF_TRACEPOINT, "nothing"), False, "no tracepoint nothing in its BTF"),
        ("6.12", "kprobe", asking(Kind.KPROBE, "tcp_connect"), None, None),
        (
            "6.12",
            "kprobe",
            asking(Kind.KPROBE, "nothing", stage=Stage.ATTACH),
            False,
            "no function nothing in its BTF",
        ),
        (
            "6.12",
            "kprobe",
            asking(Kind.KPROBE, "nf_conntrack_alloc"),
            False,
            "nf_conntrack_alloc is in the module nf_conntrack; load nf_conntrack before",
        ),
        ("6.12", "ksyscall", asking(Kind.SYSCALL, "openat"), None, None),
        ("6.12", "ksyscall", asking(Kind.SYSCALL, "no"), False, "no function __x64_sys_no in its BTF"),
        (
            "6.12",
            "fentry",
            asking(Kind.FUNCTION, "nf_conntrack:nf_conntrack_alloc"),
            False,
            "nf_conntrack_alloc is in the module nf_conntrack; load nf_conntrack before",
        ),
        (
            "6.12",
            "fentry",
            asking(Kind.FUNCTION, "nf_conntrack:tcp_connect"),
            True,
            "no function tcp_connect in its BTF",
        ),
        (
            "6.12",
            "fmod_ret",
            asking(Kind.FUNCTION, "__x64_sys_openat"),
            False,
            "the verifier decides whether programs may change what __x64_sys_openat returns",
        ),
        (
            "6.12",
            "xdp",
            asking(
                Kind.KFUNC,
                "bpf_xdp_metadata_rx_hash",
                symbol=symbol("bpf_xdp_metadata_rx_hash", is_function=True),
            ),
            False,
            "bpf_xdp_metadata_rx_hash is for programs that the loader binds to a device",
        ),
        ("6.12", "iter", asking(Kind.ITERATOR, "task"), None, None),
        (
            "6.12",
            "xdp",
            asking(Kind.KSYM, "jiffies_64", symbol=symbol("jiffies_64", is_function=False)),
            False,
            "libbpf reads the address of jiffies_64 from /proc/kallsyms",
        ),
        (
            "6.12",
            "xdp",
            asking(Kind.KSYM, "bpf_prog_active", symbol=symbol("bpf_prog_active", is_function=False)),
            None,
            None,
        ),
        (
            "6.12",
            "xdp",
            asking(Kind.KSYM, "tcp_connect", symbol=symbol("tcp_connect", is_function=False)),
            None,
            None,
        ),
        (
            "6.12",
            "tc",
            asking(Kind.KFUNC, "tcp_connect", symbol=symbol("tcp_connect", is_function=True)),
            True,
            (
                "tcp_connect is no function that programs may call;"
                " declare it __weak and guard it with bpf_ksym_exists(tcp_connect)"
            ),
        ),
        (
            "6.1",
            "tc",
            asking(Kind.KFUNC, "tcp_connect", symbol=symbol("tcp_connect", is_function=True)),
            False,
            "the verifier decides whether tc programs may call tcp_connect",
        ),
    ],
)
def test_what_is_lacking(store, line, section, need, certain, said):
    facts = KernelFacts(store.get(line))
    oracle = Oracle(facts, Requirements("GPL", True, (), (), (), ()), None)
    lack = Checks(Kernel(facts, oracle, rules(), gpl_compatible=True)).lack(need, section)
    assert (lack and lack.certain, lack and str(lack)) == (certain, said)
    assert lack is None or lack.stage is need.stage


@pytest.mark.parametrize(
    ("need", "said"),
    [
        (
            asking(Kind.KFUNC, "no", symbol=symbol("no", is_function=True), source=LINE),
            (
                "function no is not in its BTF, at a.bpf.c:7: no(ctx);"
                " declare it __weak and guard it with bpf_ksym_exists(no)"
            ),
        ),
        (
            asking(Kind.MAP_TYPE, "no", 9999, subject="m", source=LINE),
            "no map type no (map m), at a.bpf.c:7",
        ),
        (
            asking(Kind.HELPER, "helper 9999", 9999, source=LINE, instruction=3),
            "no helper 9999, at a.bpf.c:7: no(ctx);",
        ),
    ],
)
def test_the_line_that_asks(store, need, said):
    """Of what no instruction asks, and no symbol, the line says nothing."""
    facts = KernelFacts(store.get("5.10"))
    oracle = Oracle(facts, Requirements("GPL", True, (), (), (), ()), None)
    lack = Checks(Kernel(facts, oracle, rules(), gpl_compatible=True)).lack(need, "xdp")
    assert (lack and str(lack)) == said


def test_what_a_kernel_may_have_been_given_is_not_certain(store):
    """Of 6.3 nothing was measured."""
    facts = KernelFacts(replace(store.get("6.12"), version=Version(6, 3)))
    oracle = Oracle(facts, Requirements("GPL", True, (), (), (), ()), None)
    lack = Checks(Kernel(facts, oracle, rules(), gpl_compatible=True)).lack(
        asking(Kind.INSTRUCTION, "signed_divide"), "xdp"
    )
    assert lack
    assert (lack.certain, str(lack)) == (
        False,
        "instruction signed_divide came with 6.6, or was carried back; compile with -mcpu=v3",
    )
