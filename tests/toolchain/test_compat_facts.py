"""What is known of real kernels that are not running."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_ebpf.btf import Struct
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.oracle import Oracle
from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels import Kernel, KernelStore, Version
from pytest_ebpf.requirements import Kconfig, Requirements
from pytest_ebpf.uapi import AttachType, MapType, ProgType


@pytest.fixture(scope="module")
def store() -> KernelStore:
    return KernelStore(say=print)


@pytest.fixture
def copy(store: KernelStore, tmp_path: Path) -> Kernel:
    """6.12 with BTF and modules that a test may spoil."""
    kernel = store.get("6.12")
    assert kernel.modules
    btf = Path(shutil.copy(kernel.btf, tmp_path / "btf"))
    return replace(kernel, btf=btf, modules=Path(shutil.copytree(kernel.modules, tmp_path / "modules")))


def test_enumerations(store):
    old, new = KernelFacts(store.get("5.10")), KernelFacts(store.get("6.12"))
    assert ProgType.SYSCALL not in old.enumerators("bpf_prog_type")
    assert new.enumerators("bpf_prog_type")[ProgType.NETFILTER] == "BPF_PROG_TYPE_NETFILTER"
    assert AttachType.TRACE_KPROBE_MULTI not in old.enumerators("bpf_attach_type")
    assert MapType.ARENA in new.enumerators("bpf_map_type")
    assert max(old.enumerators("bpf_func_id")) == 155
    assert max(new.enumerators("bpf_func_id")) == 211  # not 212, which is __BPF_FUNC_MAX_ID
    assert old.enumerators("no_such_enum") == {}


def test_functions_and_types(store):
    facts = KernelFacts(store.get("6.12"))
    assert facts.name == str(facts.version)
    assert facts.has_function("tcp_connect")
    assert not facts.has_function("no_such_function")
    assert facts.has_tracepoint("sched_switch")
    assert not facts.has_tracepoint("no_such_tracepoint")
    assert facts.has_variable("bpf_prog_active")
    assert not facts.has_variable("tcp_connect")
    assert facts.has_type("bpf_struct_ops_tcp_congestion_ops")
    assert "cong_avoid" in facts.members("tcp_congestion_ops")
    assert facts.members("no_such_struct") == frozenset()


def test_functions_that_programs_may_call_are_marked_from_6_10_on(store):
    assert KernelFacts(store.get("6.1")).kfuncs is None
    marked = KernelFacts(store.get("6.12")).kfuncs
    assert marked
    assert "bpf_cpumask_create" in marked
    assert "tcp_connect" not in marked


def test_functions_of_modules(store):
    """Modules have BTF from 5.11 on."""
    assert KernelFacts(store.get("5.10")).module_with("nf_conntrack_alloc") is None
    facts = KernelFacts(store.get("6.12"))
    assert not facts.has_function("nf_conntrack_alloc")
    assert facts.module_with("nf_conntrack_alloc") == "nf_conntrack"
    assert facts.module_with("no_such_function") is None
    assert facts.module_with("veth_priv", Struct) == "veth"
    assert facts.module_with("veth_priv") is None
    assert KernelFacts(replace(facts.kernel, modules=None)).module_with("nf_conntrack_alloc") is None


def test_its_btf_is_read_once(copy):
    assert not KernelFacts(copy).index.exists()
    KernelFacts(copy).prepare()
    made = KernelFacts(copy).index.read_bytes()
    assert KernelFacts(copy).has_function("tcp_connect")
    assert KernelFacts(copy).index.read_bytes() == made


def test_the_configuration(store, tmp_path):
    kernel = replace(store.get("6.12"), config=None)
    assert KernelFacts(kernel).config is None
    path = tmp_path / "config"
    path.write_text(
        '#\n# Linux/x86 KERNEL=6.12\n#\nCONFIG_HZ=250\n# CONFIG_IKCONFIG is not set\nCONFIG_CC="gcc = 14"\n'
    )
    facts = KernelFacts(replace(kernel, config=path))
    assert facts.config == {"CONFIG_HZ": "250", "CONFIG_CC": '"gcc = 14"'}
    path.unlink()
    with pytest.raises(KernelError) as caught:
        assert KernelFacts(replace(kernel, config=path)).config
    assert str(caught.value) == (
        f"{path}: cannot be read ([Errno 2] No such file or directory: '{path}'); fetch the kernel again"
    )


@pytest.mark.parametrize(
    ("version", "number"), [("6.1.192", 0x601C0), ("5.10.262", 0x50AFF), ("7.2", 0x70200)]
)
def test_the_version_as_libbpf_fills_it_in(store, version, number):
    kernel = replace(store.get("6.12"), version=Version.parse(version))
    oracle = Oracle(KernelFacts(kernel), Requirements("GPL", True, (), (), (), ()), None)
    assert oracle.kernel_version() == number


def test_values_of_libbpf_s_own(store):
    asked = [
        Kconfig(f"LINUX_HAS_{name}", "bool", 1, weak=False) for name in ("BPF_COOKIE", "SYSCALL_WRAPPER")
    ]
    for line, expected in [("5.10", ["0", "1"]), ("6.12", ["1", "1"])]:
        oracle = Oracle(KernelFacts(store.get(line)), Requirements("GPL", True, (), (), (), ()), None)
        assert [oracle.kconfig(each) for each in asked] == expected


def test_what_is_damaged_is_said_where_it_is(copy):
    module = copy.modules / "nf_conntrack.ko"
    module.write_bytes(b"\0nf_conntrack_alloc\0")
    with pytest.raises(KernelError) as caught:
        KernelFacts(copy).module_with("nf_conntrack_alloc")
    assert str(caught.value) == (
        f"{module}: cannot be read (not an ELF file (begins with 00 6e 66 5f);"
        " give an object made by clang -target bpf); fetch the kernel again"
    )
    copy.btf.write_bytes(b"nonsense")
    with pytest.raises(KernelError) as caught:
        KernelFacts(copy).has_function("tcp_connect")
    assert str(caught.value) == (
        f"{copy.btf}: cannot be read (BTF: no BTF data (begins with 6e 6f, not 9f eb);"
        " compile with -g); fetch the kernel again"
    )
