"""What is said of types that no kernel has, only a module of it."""

from __future__ import annotations

import pytest

from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.model import Status
from pytest_ebpf.compat.verdict import Subject, judge
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.objects import parse_object

SOURCE = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct %s { void *peer; } __attribute__((preserve_access_index));

SEC("kprobe/do_nanosleep")
int probe(struct %s *ctx)
{
    return BPF_CORE_READ(ctx, peer) != 0;
}
char _license[] SEC("license") = "GPL";
"""


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("veth_priv", Status.UNKNOWN, "struct veth_priv is in the module veth"),
        ("veth_priv___old", Status.UNKNOWN, "struct veth_priv___old is in the module veth"),
        ("no_such_type", Status.CANNOT, "struct no_such_type::peer: there is no struct no_such_type"),
    ],
)
def test_a_type_of_a_module(compile_bpf, name, status, said):
    path = compile_bpf(SOURCE % (name, name))
    data = path.read_bytes()
    subject = Subject.of("module", data, parse_object(data, path))
    [verdict] = judge(subject, KernelFacts(KernelStore(say=print).get("6.12")))
    assert verdict.status is status
    assert [lack.what for lack in verdict.lacks] == [said]
