"""Programs of every type that a kernel can run by itself: tests/vm/data/types.bpf.c and refused.bpf.c."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from pytest_ebpf.bpf import RunFlag
from pytest_ebpf.errors import GuestError, LoadError, PacketError, UnsupportedError, UsageError
from pytest_ebpf.uapi import BPF, CGROUP, NF, SK, TC, TCX, XDP, ProgType

PACKET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(dst="10.0.0.1") / UDP()


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


NEWER = lines("6.1", "6.12", "6.18", "7.2")


@pytest.fixture
def loading(load_object):
    """``loading(program, name="types")`` loads one program of an object."""
    return lambda program, name="types": load_object(name, autoload={program: True}).programs[program]


def refused(error, run, *args, **kwargs) -> str:
    with pytest.raises(error) as caught:
        run(*args, **kwargs)
    return str(caught.value)


def test_what_the_verifier_had_to_do(loading, line):
    """Its statistics say the same as ``bpf_prog_info``, which tells of instructions since 5.16."""
    program = loading("xdp_answer")
    told = program.info().verified_insns
    assert program.verified_insns == told if line != "5.10" else program.verified_insns > told == 0
    assert program.states >= program.complexity.peak_states >= 0
    assert 0 <= program.stack <= 512
    assert 0 < program.load_time < 30


def test_of_a_program_that_is_not_loaded_nothing_is_known(load_object):
    program = load_object("types", autoload={"xdp_answer": True}).programs["xdp_grow"]
    assert (program.verified_insns, program.states, program.stack, program.load_time) == (None,) * 4


class TestXdp:
    def test_a_packet_goes_in_and_comes_out(self, loading):
        program = loading("xdp_answer")
        result = program.run(PACKET)
        assert result.packet.dst == "02:00:00:00:00:02"
        assert result.packet["IP"].dst == "10.0.0.1"
        assert (program.type, program.section, program.verdicts) == (ProgType.XDP, "xdp", XDP)
        assert program.run(bytes(64)).data == b"\2" + bytes(63)

    def test_many_in_one_call(self, loading):
        results = loading("xdp_answer").run_many([bytes(64), PACKET, bytes(100)])
        assert [result.data_size for result in results] == [64, len(PACKET), 100]

    def test_output_may_be_longer(self, loading):
        assert loading("xdp_grow").run(PACKET).data[64:] == bytes(PACKET)

    @NEWER
    def test_context_and_metadata(self, loading):
        assert loading("xdp_answer").run(PACKET, context={"ingress_ifindex": 1}).context.ingress_ifindex == 1
        result = loading("xdp_mark").run(PACKET)
        assert (result.metadata, result.data) == (b"\1\2\3\4", bytes(PACKET))
        assert loading("xdp_answer").run(PACKET, metadata=b"abcd").metadata == b"abcd"

    @lines("5.10")
    def test_a_kernel_without_a_context(self, loading, guest):
        program = loading("xdp_answer")
        assert program.run(PACKET).context is None
        text = (
            "programs.xdp_answer: this kernel takes no xdp context or metadata; "
            "run it without, or on a newer kernel"
        )
        assert refused(UnsupportedError, program.run, PACKET, context={"ingress_ifindex": 1}) == text
        assert refused(UnsupportedError, program.run, PACKET, metadata=b"abcd") == text

    @NEWER
    def test_a_context_that_the_kernel_does_not_take(self, loading, guest):
        program = loading("xdp_answer")
        assert refused(GuestError, program.run, PACKET, context={"rx_queue_index": 1}) == (
            "programs.xdp_answer: this kernel does not take this context "
            "(EINVAL: Invalid argument); rx_queue_index needs an ingress_ifindex that exists; "
            "metadata is a multiple of 4 bytes"
        )

    @NEWER
    def test_live_frames(self, loading):
        result = loading("xdp_answer").run(PACKET, flags=RunFlag.LIVE_FRAMES, repeat=8)
        assert (result.data, result.context) == (None, None)

    @NEWER
    def test_a_flag_that_no_kernel_knows(self, loading, guest):
        assert refused(UnsupportedError, loading("xdp_answer").run, PACKET, flags=64) == (
            "programs.xdp_answer: this kernel does not take flags=64 for xdp programs "
            "(EINVAL: Invalid argument); run it without, or on a newer kernel"
        )

    def test_repeat(self, loading):
        assert loading("xdp_answer").run(PACKET, repeat=100).data_size == len(PACKET)

    @NEWER
    def test_too_short(self, loading, guest):
        assert refused(PacketError, loading("xdp_answer").run, bytes(13)) == (
            "programs.xdp_answer: 13 bytes are too short for xdp programs on this kernel; "
            "send 14 bytes or more"
        )

    @lines("5.10")
    def test_too_long(self, loading, guest):
        assert refused(PacketError, loading("xdp_answer").run, bytes(4000)) == (
            "programs.xdp_answer: 4000 bytes are too long for xdp programs on this kernel; "
            "send 3520 bytes at most"
        )

    def test_which_of_several(self, loading):
        text = refused(PacketError, loading("xdp_answer").run_many, [PACKET, bytes(100_000)])
        assert text.startswith("programs.xdp_answer, packet 1: 100000 bytes are too long for xdp programs")


class TestSkb:
    def test_a_classifier_with_its_context(self, loading):
        result = loading("tc_mark").run(PACKET, context={"mark": 64})
        assert result.verdict is TC.UNSPEC
        assert (result.context.mark, result.context.priority) == (7, 65)
        assert loading("tc_mark").run(bytes(PACKET) + bytes(100)).verdict == TC.SHOT

    def test_its_context_comes_back_without_one_given(self, loading):
        assert loading("tc_mark").run(PACKET).context.mark == 7

    def test_a_context_for_each(self, loading):
        results = loading("tc_mark").run_many([PACKET] * 3, contexts=[None, {"mark": 1}, {"mark": 2}])
        assert [result.context.priority for result in results] == [1, 2, 3]

    def test_as_many_contexts_as_packets(self, loading):
        assert refused(UsageError, loading("tc_mark").run_many, [PACKET], contexts=[]) == (
            "programs.tc_mark: 0 contexts for 1 packets; give one for each"
        )

    def test_an_interface_that_is_not_there(self, loading, guest):
        assert refused(GuestError, loading("tc_mark").run, PACKET, context={"ifindex": 77}) == (
            "programs.tc_mark: this kernel does not take this context "
            "(ENODEV: No such device); give fewer fields, and interfaces that exist"
        )

    def test_tcx_has_verdicts_of_its_own(self, loading):
        assert loading("tcx_next").run(PACKET).verdict is TCX.NEXT

    def test_cgroup_programs_see_the_network_layer(self, loading):
        program = loading("cgroup_account")
        result = program.run(IP(dst="10.0.0.1") / UDP())
        assert result.verdict is CGROUP.PASS
        assert result.packet.dst == "10.0.0.1"
        assert result.data[:14] == bytes(14)
        assert program.run(PACKET).verdict is CGROUP.PASS

    def test_socket_filter(self, loading):
        assert loading("socket_length").run(PACKET).verdict == 28

    def test_lwt(self, loading):
        assert loading("lwt_drop").run(IP() / UDP()).verdict is BPF.DROP

    @lines("5.10", "6.1", "6.12", "7.2")
    def test_a_packet_without_its_headers(self, loading, guest):
        assert refused(PacketError, loading("tc_mark").run, bytes(PACKET)[:20]) == (
            "programs.tc_mark: 20 bytes are too short for sched_cls programs "
            "on this kernel; send 34 bytes or more"
        )

    @lines("6.12")
    def test_too_long(self, loading, guest):
        assert refused(PacketError, loading("tc_mark").run, bytes(PACKET).ljust(9000)) == (
            "programs.tc_mark: 9000 bytes are too long for sched_cls programs "
            "on this kernel; send 3712 bytes at most"
        )


class TestOthers:
    def test_flow_dissector(self, loading):
        result = loading("dissect").run(PACKET)
        assert (result.context.ip_proto, result.context.ipv4_src, result.context.dport) == (
            17,
            "10.0.0.1",
            53,
        )

    def test_sk_lookup(self, loading):
        program = loading("choose")
        results = program.run_many(contexts=[{"local_port": 80}, {"local_port": 81}])
        assert [result.verdict for result in results] == [SK.PASS, SK.DROP]
        assert program.run(context={"local_ip6": "::1", "local_port": 80}).verdict is SK.PASS

    def test_raw_tracepoint(self, loading):
        program = loading("raw")
        assert program.run(context=[3, 4]).verdict == 7
        assert refused(UsageError, program.run, context=[3, 4], repeat=2) == (
            "programs.raw: a raw_tracepoint program runs once (repeat 2); "
            "call run() several times, or run_many()"
        )

    @NEWER
    def test_syscall(self, loading):
        result = loading("respond").run(context=b"\5\0\0\0\0\0\0\0")
        assert (result.verdict, result.context) == (3, b"\5\0\0\0\6\0\0\0")

    @lines("6.12", "6.18", "7.2")
    def test_netfilter(self, loading):
        assert loading("filter").run(PACKET).verdict is NF.ACCEPT

    @lines("5.10", "6.1")
    def test_a_program_type_that_the_kernel_does_not_have(self, loading, guest):
        assert refused(UnsupportedError, loading, "filter") == (
            "types: filter: this kernel has no netfilter programs; run it on a newer kernel, or guard it"
        )

    @lines("6.12")
    def test_a_type_that_no_kernel_runs(self, loading):
        program = loading("traced")
        assert refused(UsageError, program.run) == (
            "programs.traced: no kernel runs a kprobe program by itself; "
            "attach it and trigger what it is attached to"
        )
        assert repr(program) == "<Program traced: kprobe>"

    @lines("6.12")
    def test_a_program_that_was_not_loaded(self, load_object):
        program = load_object("types").programs.tc_mark
        assert not program.loaded
        assert refused(UsageError, program.run, PACKET) == (
            "programs.tc_mark: was not loaded; load(..., autoload={'tc_mark': True})"
        )

    def test_what_the_kernel_says_of_a_program(self, loading):
        program = loading("xdp_answer")
        program.run(PACKET, repeat=10)
        info = program.info()
        assert (info.id, info.type) == (program.id, ProgType.XDP)
        assert info.run_cnt in {0, 10}  # kept only where run statistics count test runs
        assert len(info.tag) == 8


class TestRefusals:
    def test_the_verifier_says_why(self, loading, guest):
        with pytest.raises(LoadError) as caught:
            loading("out_of_bounds", "refused")
        error = caught.value
        assert error.program == "out_of_bounds"
        assert error.where == "refused: out_of_bounds"
        assert error.what == "1 byte at offset 4 of the packet is read, but no check says that it is there"
        assert error.at.endswith("refused.bpf.c:17: return data[4];")
        assert error.hint == f"at {error.at}"
        assert "\n> 17 |     return data[4];\n" in error.explanation
        assert "-- BEGIN PROG LOAD LOG --" in error.log

    def test_a_function_that_is_not_there(self, loading, guest):
        text = refused(LoadError, loading, "nowhere", "refused")
        assert text == (
            'refused: nowhere: this kernel has no function "no_such_function_anywhere"; '
            "the compiler may have inlined it"
        )

    @lines("5.10")
    def test_a_helper_that_the_kernel_does_not_have(self, loading, guest):
        assert refused(UnsupportedError, loading, "new_helper", "refused") == (
            "refused: new_helper: this kernel has no helper bpf_ktime_get_tai_ns for xdp programs "
            "(invalid func unknown#208); run it on a newer kernel, or guard it"
        )

    @lines("5.10")
    def test_a_helper_that_it_does_not_have_in_a_program_that_cannot_be_tried(self, loading, guest):
        assert refused(UnsupportedError, loading, "new_helper_traced", "refused") == (
            "refused: new_helper_traced: this kernel has no helper bpf_get_current_task_btf for "
            "tracing programs (invalid func unknown#158); run it on a newer kernel, or guard it"
        )

    @NEWER
    @pytest.mark.parametrize("program", ["new_helper", "new_helper_traced"])
    def test_where_it_has_it_the_program_loads(self, loading, program):
        assert loading(program, "refused").loaded
