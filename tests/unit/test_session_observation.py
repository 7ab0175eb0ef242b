"""What a test got on several kernels: what differs first, and which kernels agree."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from pytest_ebpf import XDP
from pytest_ebpf.bpf.maps import PerCpu
from pytest_ebpf.bpf.running.context import SK_LOOKUP
from pytest_ebpf.bpf.running.result import Result
from pytest_ebpf.bpf.running.seen import KEPT, Seen
from pytest_ebpf.errors import PacketError
from pytest_ebpf.session.observation import Group, Observed, across_cpus, first_difference, groups, observe

FRAME = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(dst="10.0.0.2", src="10.0.0.1") / UDP()


def seen(*results):
    kept = Seen(wanted=True)
    kept.note("count", results)
    return list(observe(kept, []))


def test_runs_are_observed_in_their_order():
    first, second = Result(XDP.PASS, 2), Result(-5, 1 << 32 - 5, b"\x01\x02")
    assert seen(first, second) == [
        Observed("verdict", "run 1 of count: verdict", "XDP.PASS"),
        Observed("verdict", "run 2 of count: verdict", "-5"),
        Observed("packet", "run 2 of count: packet", "0102"),
    ]


def test_a_cookie_is_another_one_each_time():
    context = SK_LOOKUP.decode(bytes(SK_LOOKUP.size), 0)
    names = [each.name for each in seen(Result(XDP.PASS, 2, context=context))]
    assert "context.family" in names
    assert "context.cookie" not in names


def test_of_very_many_runs_there_is_the_count():
    observed = seen(*[Result(XDP.PASS, 2)] * (KEPT + 5))
    assert len(observed) == KEPT + 1
    assert observed[-1] == Observed("verdict", "runs", str(KEPT + 5))


def test_nothing_is_kept_unless_it_is_wanted():
    kept = Seen()
    kept.note("count", [Result(XDP.PASS, 2)])
    assert list(observe(kept, [])) == []


def test_the_first_difference_says_where_and_what():
    found = first_difference(seen(Result(XDP.PASS, 2)), seen(Result(XDP.DROP, 1)))
    assert (found.place, found.one, found.other) == ("run 1 of count: verdict", "XDP.PASS", "XDP.DROP")


def test_packets_differ_by_fields_of_which_some_are_ignored():
    other = FRAME.copy()
    other[IP].ttl = 9
    one, two = (seen(Result(XDP.PASS, 2, bytes(each))) for each in (FRAME, other))
    found = first_difference(one, two)
    assert (found.place, found.one, found.other) == ("run 1 of count: packet: IP.ttl", "64", "9")
    assert first_difference(one, two, ["IP.ttl"]) is None
    assert first_difference(one, two, ["packet"]) is None


def test_packets_of_the_network_layer_are_frames_with_their_type():
    data = bytes(14) + bytes(FRAME)[14:]
    (_, packet) = seen(Result(1, 1, data, layer3=True))
    assert bytes.fromhex(packet.text)[12:14] == b"\x08\x00"


def test_a_context_that_a_kernel_does_not_give_is_not_compared():
    context = [Observed("context.mark", "run 1 of count: context.mark", "0")]
    assert first_difference(context, []) is None


def test_what_only_one_has_is_a_difference():
    entry = [Observed("maps.seen", "fw: maps.seen[1]", "2")]
    found = first_difference(entry, [])
    assert (found.place, found.one, found.other) == ("fw: maps.seen[1]", "2", "nothing")
    assert first_difference(entry, [], ["maps"]) is None


def test_on_which_cpu_a_program_ran_is_no_difference():
    assert across_cpus(PerCpu([0, 2, 1])) == across_cpus(PerCpu([3, 0, 0])) == 3
    assert across_cpus(PerCpu(["", "a"])) == across_cpus(PerCpu(["a", ""]))
    assert across_cpus([2, 1]) == [2, 1]


def test_kernels_that_agree_are_grouped_the_most_first():
    one, other = (seen(Result(each, each)) for each in (XDP.PASS, XDP.DROP))
    found = groups({"5.10": other, "6.1": one, "6.12": one})
    assert [group.kernels for group in found] == [["6.1", "6.12"], ["5.10"]]
    assert (found[0].difference, found[1].difference.one) == (None, "XDP.PASS")
    assert groups({"6.1": one, "6.12": one}) == [Group(["6.1", "6.12"], None)]


def test_a_name_that_is_nothing_is_said():
    other = FRAME.copy()
    other[IP].ttl = 9
    one, two = (seen(Result(XDP.PASS, 2, bytes(each))) for each in (FRAME, other))
    with pytest.raises(PacketError) as caught:
        first_difference(one, two, ["map.seen"])
    assert str(caught.value).startswith('ignore: there is no "map.seen"; ')
