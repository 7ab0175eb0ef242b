"""What libbpf says of a load that failed for want of a target, in words of ours; the probes of a binary."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest

from pytest_ebpf.bpf.attaching.notes import probes_in
from pytest_ebpf.bpf.attaching.places import function_meant, matches, near
from pytest_ebpf.bpf.loading.target_causes import missing
from pytest_ebpf.errors import LoadError, UnsupportedError
from pytest_ebpf.guest import CallError

NEWER = "; run it on a newer kernel, or declare an alternative"
UNSET = "; load(..., targets={'patch': ...}): a function of the kernel, or a program"


def said(log="", what="edge: not loaded"):
    """What is made of a failed load; none of these needs the guest to be asked."""
    return missing(None, "edge", [], CallError("load", 22, {"what": what, "log": log}))


class TestLoads:
    @pytest.mark.parametrize(
        ("log", "kind", "text"),
        [
            (
                "libbpf: struct_ops init_kern: struct tcp_new_ops is not found in kernel BTF\n",
                UnsupportedError,
                "edge: this kernel has no struct_ops tcp_new_ops" + NEWER,
            ),
            (
                "libbpf: struct_ops init_kern: struct bpf_struct_ops_new_ops is not found in kernel BTF\n",
                UnsupportedError,
                "edge: this kernel has no struct_ops new_ops" + NEWER,
            ),
            (
                "libbpf: struct_ops init_kern my_ops: Cannot find member pace in kernel BTF\n",
                UnsupportedError,
                "edge: my_ops: this kernel's struct_ops have no member pace" + NEWER,
            ),
            (
                "libbpf: prog 'patch': failed to find BPF program (FD 7) BTF ID for 'f': -2\n",
                LoadError,
                'edge: patch: its target has no function "f"',
            ),
            (
                "libbpf: prog 'patch': attach program FD is not set\n",
                LoadError,
                "edge: patch: no target is set" + UNSET,
            ),
            (
                "libbpf: extern (func ksym) 'bpf_new': func_proto [9] incompatible with vmlinux [3]\n",
                LoadError,
                (
                    'edge: the kfunc "bpf_new" has other parameters on this kernel than the object declares'
                    "; declare it as each kernel has it, __weak and with different suffixes: NAME___old"
                ),
            ),
        ],
    )
    def test_as_libbpf_says_it(self, log, kind, text):
        error = said(log)
        assert isinstance(error, kind)
        assert str(error) == text

    def test_a_target_that_was_set(self):
        error = said(what="programs.patch.target: libbpf does not find f in target_prog")
        assert str(error) == 'edge: patch: its target has no function "f"'
        assert (error.program, error.errno) == ("patch", 22)

    def test_another_reason(self):
        assert said("libbpf: prog 'x': BPF program load failed: -EINVAL\n") is None


class TestNames:
    known = ("do_unlinkat", "do_rmdir", "tcp_connect")

    def test_what_was_meant(self):
        assert near("do_unlikat", self.known) == 'did you mean "do_unlinkat"?'
        assert near("do_something_else", self.known) is None
        assert near("xdo_unlinkat", self.known) is None

    def test_patterns(self):
        assert matches("do_*", self.known)
        assert matches("tcp_connec?", self.known)
        assert not matches("do_[ur]*", self.known)


@dataclass
class Notes:
    """Stands for a binary with one section."""

    data: bytes

    def section(self, name):
        return self if name == ".note.stapsdt" else None


def note(*names, kind=3):
    description = struct.pack("<QQQ", 1, 2, 3) + b"".join(name + b"\0" for name in names)
    padded = description + bytes(-len(description) % 4)
    return struct.pack("<III", 8, len(description), kind) + b"stapsdt\0" + padded


class TestProbesOfABinary:
    def test_provider_and_name(self):
        first, second = note(b"a", b"one", b"-4@%edi"), note(b"bc", b"two", b"")
        assert probes_in(Notes(first + second)) == {"a:one", "bc:two"}

    def test_a_binary_without(self):
        class Plain:
            def section(self, name):
                return None

        assert probes_in(Plain()) == set()

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\1\2\3",
            note(b"a"),
            note(b"a", b"b", b"", kind=1),
            struct.pack("<III", 0xFFFFFFFF, 0xFFFFFFFF, 3),
            note(b"\xff", b"b", b"c")[:20],
        ],
    )
    def test_malformed_notes_are_left_out(self, data):
        assert probes_in(Notes(data)) == set()

    def test_names_that_are_no_text(self):
        assert probes_in(Notes(note(b"\xff", b"b", b"c"))) == {"\ufffd:b"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tcp_conect", 'did you mean "tcp_connect"?'),
        ("tcp_skb_pcount", 'the compiler may have inlined it, or did you mean "tcp_adjust_pcount"?'),
        ("zzz", "the compiler may have inlined it"),
        ("do_init", 'the compiler has made "do_init.constprop.0" of it'),
        ("sys_openat", 'did you mean "__x64_sys_openat"?'),
    ],
)
def test_what_a_function_that_is_not_there_was_meant_to_be(name, text):
    known = {"tcp_connect", "tcp_adjust_pcount", "do_init.constprop.0", "do_inet", "__x64_sys_openat"}
    assert function_meant(name, known) == text
