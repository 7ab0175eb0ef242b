"""What is sent to run a program of each type, and what is made of the answer."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from pytest_ebpf import hooks
from pytest_ebpf.bpf.running import context
from pytest_ebpf.bpf.running.inputs import Inputs, Kind, pack_inputs, rooms
from pytest_ebpf.bpf.running.result import Result
from pytest_ebpf.bpf.running.testrun import RULES, Answer, result
from pytest_ebpf.errors import PacketError, UsageError, ValueConversionError
from pytest_ebpf.uapi import CGROUP, TC, TCX, XDP, AttachType, ProgType
from pytest_ebpf.values.by_btf import Values

FRAME = bytes(Ether() / IP() / UDP())


def kind(prog_type):
    return Kind(prog_type, prog_type.name.lower(), "programs.p")


def inputs(prog_type, frames=(None,), contexts=(None,), metadata=b"", values=None):
    return pack_inputs(kind(prog_type), list(frames), list(contexts), metadata, values)


def refusal(error, *args, **kwargs) -> str:
    with pytest.raises(error) as caught:
        inputs(*args, **kwargs)
    return str(caught.value)


class TestPackets:
    @pytest.mark.parametrize("prog_type", [each for each in RULES if RULES[each].frame])
    def test_a_frame_goes_to_every_type_that_is_given_one(self, prog_type):
        assert inputs(prog_type, [FRAME]).data == [FRAME]
        assert refusal(PacketError, prog_type) == (
            f"programs.p: a {prog_type.name.lower()} program needs a packet; give run() one"
        )

    @pytest.mark.parametrize("prog_type", [each for each in RULES if not RULES[each].frame])
    def test_the_others_are_given_none(self, prog_type):
        assert inputs(prog_type).data == [None]
        assert refusal(PacketError, prog_type, [FRAME]) == (
            f"programs.p: a {prog_type.name.lower()} program is given no packet; give a context"
        )

    def test_a_network_packet_is_framed_for_programs_that_see_the_network_layer(self):
        packet = IP() / UDP()
        assert inputs(ProgType.CGROUP_SKB, [packet]).data[0][12:] == b"\x08\0" + bytes(packet)
        assert "begins with IP" in refusal(PacketError, ProgType.XDP, [packet])

    def test_metadata_is_of_xdp_only(self):
        assert refusal(PacketError, ProgType.SCHED_CLS, [FRAME], metadata=b"abcd") == (
            "programs.p: a sched_cls program has no metadata; only xdp programs have"
        )


class TestContexts:
    def test_xdp_gets_one_that_tells_metadata_from_the_packet(self):
        made = inputs(ProgType.XDP, [FRAME], metadata=b"abcd")
        assert made.data == [b"abcd" + FRAME]
        assert made.context == [struct.pack("<6I", 4, 4 + len(FRAME), 0, 0, 0, 0)]
        assert not made.optional

    def test_one_that_nobody_asked_for_is_optional(self):
        assert inputs(ProgType.XDP, [FRAME]).optional
        assert not inputs(ProgType.XDP, [FRAME], [{}]).optional

    def test_xdp_md(self):
        fields = {"ingress_ifindex": 1, "rx_queue_index": 2}
        made = inputs(ProgType.XDP, [FRAME], [fields])
        assert made.context == [struct.pack("<6I", 0, len(FRAME), 0, 1, 2, 0)]

    def test_sk_buff_has_its_fields_where_the_kernel_has_them(self):
        fields = {"mark": 1, "priority": 2, "ifindex": 3, "cb": [4, 5, 6, 7, 8], "tstamp": 9, "gso_size": 10}
        (packed,) = inputs(ProgType.SCHED_CLS, [FRAME], [fields]).context
        words = struct.unpack("<48I", packed)
        assert (words[2], words[8], words[10], words[12:17]) == (1, 2, 3, (4, 5, 6, 7, 8))
        assert struct.unpack_from("<Q", packed, 152) == (9,)
        assert struct.unpack_from("<I", packed, 176) == (10,)

    def test_a_field_that_a_test_run_does_not_take(self):
        assert refusal(ValueConversionError, ProgType.SCHED_CLS, [FRAME], [{"protocol": 8}]) == (
            'context: __sk_buff has no field "protocol"; known: cb, gso_segs, gso_size, hwtstamp, '
            "ifindex, ingress_ifindex, mark, priority, tstamp, wire_len"
        )
        assert refusal(ValueConversionError, ProgType.XDP, [FRAME], [{"ingress_index": 8}]) == (
            'context: xdp_md has no field "ingress_index"; did you mean "ingress_ifindex"?'
        )

    def test_none_is_sent_where_none_is_given(self):
        assert inputs(ProgType.SCHED_CLS, [FRAME]).context is None

    def test_some_of_several(self):
        made = inputs(ProgType.SCHED_CLS, [FRAME, FRAME], [None, {"mark": 1}])
        assert made.context[0] == bytes(192)
        assert made.context[1][8] == 1

    @pytest.mark.parametrize("prog_type", [ProgType.FLOW_DISSECTOR, ProgType.NETFILTER])
    def test_types_without_one(self, prog_type):
        name = prog_type.name.lower()
        assert refusal(UsageError, prog_type, [FRAME], [{"mark": 1}]) == (
            f"programs.p: a {name} program takes no context; leave it out"
        )

    def test_sk_lookup_knows_its_family_by_the_addresses(self):
        (four,) = inputs(ProgType.SK_LOOKUP).context
        given = {"remote_ip6": "::1", "local_port": 80, "remote_port": 443, "protocol": 17}
        (six,) = inputs(ProgType.SK_LOOKUP, contexts=[given]).context
        assert struct.unpack_from("<II", four, 8) == (2, 6)
        assert struct.unpack_from("<II", six, 8) == (10, 17)
        assert six[20:36] == bytes(15) + b"\1"
        assert six[36:38] == b"\x01\xbb"
        assert six[60:64] == b"\x50\0\0\0"
        assert len(six) == 72

    def test_sk_lookup_that_is_no_mapping(self):
        assert refusal(ValueConversionError, ProgType.SK_LOOKUP, contexts=[80]).startswith(
            "context: 80 is no bpf_sk_lookup; give a mapping or a dataclass with cookie, family"
        )

    def test_arguments_of_a_raw_tracepoint_are_filled_up(self):
        (packed,) = inputs(ProgType.RAW_TRACEPOINT, contexts=[[1, -1]]).context
        assert struct.unpack("<12Q", packed) == (1, (1 << 64) - 1, *[0] * 10)

    def test_too_many_arguments(self):
        assert refusal(ValueConversionError, ProgType.RAW_TRACEPOINT, contexts=[range(13)]) == (
            "context: 13 arguments do not fit a raw tracepoint (12); give a list of at most that many numbers"
        )

    def test_a_syscall_program_takes_bytes(self):
        assert inputs(ProgType.SYSCALL, contexts=[b"abc"]).context == [b"abc"]
        assert inputs(ProgType.SYSCALL).context == [None]

    def test_a_syscall_program_takes_no_plain_mapping(self):
        @dataclass
        class Request:
            __btf_name__: ClassVar[str] = "request"

        text = "has no layout; give bytes, or an object of a class made from the manifest's types"
        assert refusal(ValueConversionError, ProgType.SYSCALL, contexts=[{"a": 1}]) == (
            f"context: a dict {text}"
        )
        assert refusal(ValueConversionError, ProgType.SYSCALL, contexts=[Request()]) == (
            f"context: a Request {text}"
        )

    def test_a_mapping_is_of_the_struct_that_the_program_is_given(self, builder):
        b = builder
        number = b.int("u32", 4)
        request = b.struct("request", 8, ("a", number, 0), ("b", number, 32))
        b.add(12, "takes_it", b.proto(number, ("request", b.ptr(b.add(10, "", request)))))
        b.add(12, "takes_a_number", b.proto(number, ("number", number)))
        b.add(12, "takes_nothing", b.proto(number))
        b.add(12, "takes_anything", b.proto(number, ("any", b.ptr(0))))
        values = Values(b.btf())
        packed, layout = context.declared({"b": 2}, values, "takes_it")
        assert packed == struct.pack("<II", 0, 2)
        assert layout is values.named("request")
        for function in ("takes_a_number", "takes_nothing", "takes_anything", "is_not_there"):
            assert values.argument(function) is None


class TestRooms:
    """Sizes of the output buffers: with one that a type does not give, the kernel refuses the run."""

    def test_output_may_grow(self):
        assert rooms(ProgType.SCHED_CLS, Inputs([bytes(60), bytes(100)]), live=False) == {
            "data_room": 4196,
            "ctx_room": 192,
        }

    def test_xdp_gives_a_context_only_for_one(self):
        assert rooms(ProgType.XDP, Inputs([FRAME]), live=False)["ctx_room"] == 0
        assert rooms(ProgType.XDP, inputs(ProgType.XDP, [FRAME]), live=False)["ctx_room"] == 24

    @pytest.mark.parametrize("prog_type", [ProgType.RAW_TRACEPOINT, ProgType.SYSCALL, ProgType.NETFILTER])
    def test_types_without_output(self, prog_type):
        assert rooms(prog_type, Inputs([None]), live=False) == {"data_room": 0, "ctx_room": 0}

    def test_live_frames_give_nothing_back(self):
        assert rooms(ProgType.XDP, inputs(ProgType.XDP, [FRAME]), live=True) == {
            "data_room": 0,
            "ctx_room": 0,
        }


def answer(retval=0, data=None, context=None, status=0):
    return Answer(status, retval, data, len(data or b""), context, 5)


class TestResults:
    def test_a_verdict_has_its_name(self):
        given = result(answer(1, FRAME), ProgType.XDP, XDP)
        assert given == Result(verdict=XDP.DROP, retval=1, data=FRAME, data_size=len(FRAME), duration_ns=5)

    def test_tc_verdicts_are_signed(self):
        given = result(answer(0xFFFFFFFF, FRAME), ProgType.SCHED_CLS, TC)
        assert (given.verdict, given.retval) == (TC.UNSPEC, 0xFFFFFFFF)
        tcx = hooks.verdicts(ProgType.SCHED_CLS, AttachType.TCX_INGRESS)
        assert result(answer(0xFFFFFFFF, FRAME), ProgType.SCHED_CLS, tcx).verdict is TCX.NEXT

    def test_a_value_without_a_name_is_a_number(self):
        assert result(answer(77), ProgType.XDP, XDP).verdict == 77
        assert result(answer(0xFFFFFFFE), ProgType.RAW_TRACEPOINT, None).verdict == -2

    def test_metadata_is_told_from_the_packet(self):
        md = struct.pack("<6I", 4, 4 + len(FRAME), 0, 1, 2, 0)
        given = result(answer(2, b"meta" + FRAME, md), ProgType.XDP, XDP)
        assert (given.metadata, given.data, given.data_size) == (b"meta", FRAME, len(FRAME))
        assert given.context == {"ingress_ifindex": 1, "rx_queue_index": 2}

    def test_a_context_of_an_older_kernel_is_shorter(self):
        given = result(answer(0, FRAME, bytes(8) + b"\7" + bytes(175)), ProgType.SCHED_CLS, TC)
        assert (given.context.mark, given.context.hwtstamp) == (7, 0)

    def test_packets_of_the_network_layer_begin_at_the_ip_header(self):
        zeroed = bytes(14) + FRAME[14:]
        given = result(answer(1, zeroed), ProgType.CGROUP_SKB, CGROUP)
        assert given.data == zeroed
        assert given.packet == IP(FRAME[14:])
        assert result(answer(1, FRAME), ProgType.XDP, XDP).packet == Ether(FRAME)

    def test_flow_keys(self):
        keys = struct.pack("<3H4B", 14, 34, 0x0800, 0, 0, 0, 17) + b"\x08\0\0\x35\x14\xe9" + b"\x0a\0\0\1" * 2
        flow = result(answer(0, keys.ljust(56, b"\0")), ProgType.FLOW_DISSECTOR, None).context
        assert (flow.thoff, flow.ip_proto, flow.n_proto) == (34, 17, 0x0800)
        assert (flow.sport, flow.dport, flow.ipv4_src) == (53, 5353, "10.0.0.1")
        assert result(answer(0), ProgType.FLOW_DISSECTOR, None).context is None

    def test_the_context_of_a_syscall_program(self):
        assert result(answer(0, None, b"abc"), ProgType.SYSCALL, None).context == b"abc"
        assert result(answer(0, None, bytes(24)), ProgType.SYSCALL, None, context.XDP_MD).context == {
            "ingress_ifindex": 0,
            "rx_queue_index": 0,
        }

    def test_output_that_did_not_fit(self):
        cut = Answer(28, 2, FRAME[:20], len(FRAME), None, 0)
        given = result(cut, ProgType.XDP, XDP)
        assert cut.ran
        assert (given.verdict, given.data, given.data_size) == (XDP.PASS, FRAME[:20], len(FRAME))

    def test_it_shows_itself_without_the_packet(self):
        assert repr(result(answer(1, FRAME), ProgType.XDP, XDP)) == f"<Result XDP.DROP, {len(FRAME)} bytes>"
        assert repr(result(answer(7, None), ProgType.SYSCALL, None)) == "<Result 7>"
