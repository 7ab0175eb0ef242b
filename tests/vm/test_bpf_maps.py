"""Maps of every kind, in kernels: tests/vm/data/maps.bpf.c."""

from __future__ import annotations

import ipaddress
import re

import pytest

from pytest_ebpf.bpf import NoRecordError, PerCpu
from pytest_ebpf.errors import (
    EbpfError,
    GuestError,
    LoadError,
    UnsupportedError,
    UsageError,
    ValueConversionError,
)
from pytest_ebpf.guest import CallError
from pytest_ebpf.uapi import MapFlag, MapType

FRAME = bytes(64)


@pytest.fixture
def sample(load_object):
    return load_object("maps")


class TestHash:
    def test_it_is_a_dict(self, sample):
        rules = sample.maps.rules
        rules["10.0.0.1"] = {"action": "DROP", "hits": 3}
        rules[ipaddress.ip_address("10.0.0.2")] = {"hits": 4}
        assert rules["10.0.0.1"].hits == 3
        assert len(rules) == 2
        assert "10.0.0.2" in rules
        assert rules.get("10.0.0.9") is None
        assert rules == {"10.0.0.1": {"action": 1, "hits": 3}, "10.0.0.2": {"action": 0, "hits": 4}}
        del rules["10.0.0.1"]
        assert list(rules) == ["10.0.0.2"]
        rules.clear()
        assert dict(rules) == {}

    def test_what_was_read_can_be_changed_and_written(self, sample):
        sample.maps.rules["10.0.0.1"] = {"hits": 3}
        sample.maps.rules["10.0.0.1"] = sample.maps.rules["10.0.0.1"]._replace(hits=4)
        assert sample.maps.rules["10.0.0.1"].hits == 4

    def test_a_missing_key(self, sample):
        with pytest.raises(KeyError, match=re.escape("10.0.0.9")):
            _ = sample.maps.rules["10.0.0.9"]
        with pytest.raises(KeyError, match=re.escape("10.0.0.9")):
            del sample.maps.rules["10.0.0.9"]

    def test_several_in_one_call(self, sample):
        sample.maps.rules.update({f"10.0.0.{number}": {"hits": number} for number in range(4)})
        found = sample.maps.rules.get_many(["10.0.0.3", "10.0.0.9"])
        assert [rule and rule.hits for rule in found] == [3, None]

    def test_a_full_map(self, sample):
        with pytest.raises(GuestError) as caught:
            sample.maps.rules.update((f"10.0.0.{number}", {}) for number in range(5))
        assert str(caught.value) == (
            "maps.rules['10.0.0.4']: the map is full (max_entries 4); "
            "make it larger: load(..., max_entries={'rules': ...})"
        )
        assert len(sample.maps.rules) == 4

    def test_made_larger(self, load_object):
        rules = load_object("maps", max_entries={"rules": 10_000}).maps.rules
        rules.update((ipaddress.ip_address(number), {"hits": number}) for number in range(10_000))
        assert rules.max_entries == len(rules) == 10_000
        assert sum(rule.hits for rule in rules.values()) == sum(range(10_000))
        rules.clear()
        assert len(rules) == 0

    @pytest.mark.parametrize(
        ("sizes", "text"),
        [
            (
                {"value_size": {"rules": 1 << 30}},
                "1073741824, 4 entries and these flags (E2BIG: Argument list too long); a map of this type",
            ),
            (
                {"max_entries": {"totals": 1 << 26}},
                "16, 67108864 entries and these flags (ENOMEM: Cannot allocate memory); make it smaller, or",
            ),
        ],
        ids=["value", "entries"],
    )
    def test_what_the_kernel_does_not_create(self, load_object, sizes, text):
        ((name,),) = sizes.values()
        with pytest.raises(LoadError) as caught:
            load_object("maps", **sizes)
        kind = {"rules": "hash", "totals": "array"}[name]
        what = f"maps: {name}: the kernel creates no {kind} with keys of 4 bytes, values of {text} "
        assert str(caught.value).startswith(what)

    def test_a_value_that_does_not_fit(self, sample):
        with pytest.raises(ValueConversionError) as caught:
            sample.maps.rules["10.0.0.1"] = {"action": "DORP"}
        assert str(caught.value) == (
            'maps.rules value.action: enum action has no constant "DORP"; did you mean "DROP"?'
        )
        with pytest.raises(ValueConversionError) as caught:
            sample.maps.rules["10.0.0"] = {}
        assert str(caught.value) == ('maps.rules key: "10.0.0" is no IPv4 address; write it like "10.0.0.1"')

    def test_what_it_is(self, sample):
        blocked = sample.maps.blocked
        assert (blocked.name, blocked.type, blocked.flags) == (
            "blocked",
            MapType.LPM_TRIE,
            MapFlag.NO_PREALLOC,
        )
        assert (blocked.key_size, blocked.value_size, blocked.max_entries) == (8, 16, 4)
        assert repr(sample.maps.rules) == "<HashMap rules: hash>"

    def test_a_map_without_a_class_of_its_own(self, sample):
        assert sample.maps.devices.type == MapType.DEVMAP_HASH
        assert dict(sample.maps.devices) == {}


class TestArray:
    def test_it_is_a_list_of_fixed_length(self, sample):
        totals = sample.maps.totals
        assert len(totals) == 3
        totals[1] = {"packets": 5}
        totals[-1] = {"packets": 7}
        assert [each.packets for each in totals] == [0, 5, 7]
        assert [each.packets for each in totals[1:]] == [5, 7]
        totals.update({0: {"bytes": 1}, 1: {"bytes": 2}})
        assert totals[0] == {"packets": 0, "bytes": 1}
        totals.clear()
        assert list(totals) == [{"packets": 0, "bytes": 0}] * 3

    @pytest.mark.parametrize("line", ["7.2"], indirect=True)
    def test_more_than_one_message_takes(self, load_object):
        """A message is bounded at 64 MiB."""
        large = load_object("maps", max_entries={"totals": 300}, value_size={"totals": 1 << 18}).maps.totals
        large.update({index: index.to_bytes(4, "little") * (1 << 16) for index in (0, 150, 299)})
        assert [value[:4] for value in large if any(value[:4])] == [b"\x96\0\0\0", b"\x2b\1\0\0"]
        assert large[299] == b"\x2b\1\0\0" * (1 << 16)

    def test_it_equals_a_list(self, sample):
        sample.maps.totals[1] = {"packets": 5}
        zeros = {"packets": 0, "bytes": 0}
        assert sample.maps.totals == [zeros, {"packets": 5, "bytes": 0}, zeros]
        assert sample.maps.totals != [zeros] * 3
        assert sample.maps.totals != [zeros] * 2
        assert sample.maps.totals != 3

    def test_an_index_is_an_integer(self, sample):
        for index in (1.5, "1", None):
            with pytest.raises(TypeError):
                _ = sample.maps.totals[index]

    def test_values_by_index_are_pairs(self, sample):
        with pytest.raises(ValueConversionError) as caught:
            sample.maps.totals.update([7])
        assert str(caught.value) == "maps.totals: 7 is no pair; give a mapping, or pairs of key and value"

    @pytest.mark.parametrize("index", [3, -4])
    def test_out_of_range(self, sample, index):
        with pytest.raises(IndexError) as caught:
            _ = sample.maps.totals[index]
        assert str(caught.value) == f"maps.totals[{index}]: out of range (max_entries 3)"

    def test_a_program_counts_in_it(self, sample):
        sample.programs.count.run_many([FRAME, FRAME + FRAME])
        assert sample.maps.totals[0] == {"packets": 2, "bytes": 192}


class TestPerCpu:
    def test_a_value_for_each_possible_cpu(self, sample):
        sample.programs.count.run(FRAME)
        assert sample.maps.by_cpu[1] == [1, 0]
        assert sample.maps.by_cpu[1].sum() == 1

    def test_one_for_all_or_one_for_each(self, sample):
        by_port = sample.maps.by_port
        by_port[80] = {"packets": 2}
        by_port[443] = PerCpu([{"packets": 1}, {"packets": 2}])
        assert by_port[80].sum().packets == 4
        assert [each.packets for each in by_port[443]] == [1, 2]
        sample.maps.by_cpu[0] = [3, 4]
        assert sample.maps.by_cpu[0].sum() == 7


class TestLpmTrie:
    def test_reading_is_longest_prefix_match(self, sample):
        blocked = sample.maps.blocked
        blocked["10.0.0.0/8"] = {"hits": 8}
        blocked["10.1.0.0/16"] = {"hits": 16}
        assert blocked["10.1.2.3"].hits == 16
        assert blocked["10.2.2.3"].hits == 8
        assert "192.0.2.1" not in blocked

    def test_iterating_and_deleting_are_exact(self, sample):
        blocked = sample.maps.blocked
        blocked["10.0.0.0/8"] = {}
        with pytest.raises(KeyError, match=re.escape("10.0.0.0/16")):
            del blocked["10.0.0.0/16"]
        assert list(blocked) == ["10.0.0.0/8"]
        del blocked["10.0.0.0/8"]
        assert list(blocked) == []

    def test_each_key_comes_once_though_the_one_to_go_on_behind_is_gone(self, load_object):
        blocked = load_object("maps", max_entries={"blocked": 5000}).maps.blocked
        blocked.update((f"10.{number >> 8}.{number & 255}.0/24", {}) for number in range(4100))
        order = list(blocked)
        found = iter(blocked)
        first = next(found)
        del blocked[order[4095]]
        assert sorted([first, *found]) == sorted(order)

    def test_a_key_with_more_bits_than_its_length_says(self, sample):
        """As a program may write one: the trie gives it back as it was."""
        sample.maps.blocked[b"\x08\0\0\0\x0a\1\2\3"] = {"hits": 8}
        (key,) = sample.maps.blocked
        assert (key, sample.maps.blocked[key].hits) == ("10.0.0.0/8", 8)
        del sample.maps.blocked[key]
        assert dict(sample.maps.blocked) == {}

    def test_a_key_of_ones_own_with_the_size_of_an_ipv6_prefix(self, sample):
        sample.maps.blocked6["2001:db8::/32"] = 4
        assert dict(sample.maps.blocked6) == {"2001:db8::/32": 4}
        assert sample.maps.blocked6["2001:db8::1"] == 4


class TestStreams:
    def test_records_of_a_type(self, sample):
        sample.programs.count.run_many([FRAME, FRAME + FRAME])
        events = sample.maps.events.of("event")
        assert events.next() == {"length": 64, "name": "packet"}
        assert [event.length for event in events] == [128]
        assert events.read() == []

    def test_records_without_a_type_are_bytes(self, sample):
        sample.programs.count.run(FRAME)
        assert sample.maps.events.read() == [b"\x40\0\0\0packet\0\0"]

    def test_a_type_given_when_it_is_loaded(self, load_object):
        sample = load_object("maps", records={"events": "event"})
        sample.programs.count.run(FRAME)
        assert sample.maps.events.next().name == "packet"

    def test_what_is_no_type_and_no_stream_leaves_nothing_loaded(self, load_object, guest):
        first = load_object("maps")._handle
        for records, text in (
            (
                {"rules": "event"},
                "maps.rules: records: its entries are no records; only ring buffers and perf",
            ),
            ({"events": "evnt"}, 'maps.events: the object has no type "evnt"; did you mean "event"?'),
        ):
            with pytest.raises(EbpfError) as caught:
                load_object("maps", records=records)
            assert str(caught.value).startswith(text)
        last = load_object("maps")._handle
        assert last > first
        for number in range(first + 1, last):
            with pytest.raises(CallError):
                guest.call("unload", object=number)

    def test_contents_of_devices(self, load_object):
        devices = load_object("maps", contents={"devices": {5: 1}}).maps.devices
        assert {key: target.number for key, target in devices.items()} == {5: 1}

    def test_contents_of_what_has_none(self, load_object):
        with pytest.raises(UsageError) as caught:
            load_object("maps", contents={"events": [1]})
        assert str(caught.value) == (
            "maps: contents: events (ringbuf) takes none; only maps of values do; "
            "put what a test makes into it in the test"
        )

    def test_an_unknown_type(self, sample):
        with pytest.raises(ValueConversionError) as caught:
            sample.maps.events.of("evnt")
        assert str(caught.value) == 'maps.events: the object has no type "evnt"; did you mean "event"?'

    def test_no_record_in_time(self, sample):
        with pytest.raises(NoRecordError) as caught:
            sample.maps.events.next(timeout=0.05)
        assert str(caught.value) == (
            "maps.events: no record within 0.05 s; "
            "did the program run, and reach bpf_ringbuf_submit or bpf_ringbuf_output?"
        )

    def test_a_queue(self, sample):
        queue = sample.maps.queue
        queue.push({"length": 1})
        queue.push({"length": 2, "name": "two"})
        assert queue.peek().length == 1
        assert queue.pop().length == 1
        assert queue.drain() == [{"length": 2, "name": "two"}]
        with pytest.raises(IndexError) as caught:
            queue.pop()
        assert str(caught.value) == "maps.queue: empty"

    def test_a_full_queue(self, sample):
        sample.maps.queue.push({})
        sample.maps.queue.push({})
        with pytest.raises(GuestError) as caught:
            sample.maps.queue.push({})
        assert caught.value.what == "the map is full (max_entries 2)"

    def test_a_stack(self, sample):
        sample.maps.stack.push(1)
        sample.maps.stack.push(2)
        assert sample.maps.stack.drain() == [2, 1]

    @pytest.mark.parametrize("line", ["6.1", "6.12", "6.18", "7.2"], indirect=True)
    def test_a_bloom_filter(self, load_object):
        seen = load_object("bloom").maps.seen
        seen.add(7)
        assert 7 in seen
        assert 8 not in seen

    @pytest.mark.parametrize("line", ["5.10"], indirect=True)
    def test_a_map_type_that_the_kernel_does_not_have(self, load_object, guest):
        with pytest.raises(UnsupportedError) as caught:
            load_object("bloom")
        assert str(caught.value) == ("bloom: seen: this kernel has no bloom_filter maps; use another type")


def test_closing_twice_does_nothing(load_object):
    sample = load_object("maps")
    with sample as inside:
        assert inside is sample
    sample.close()
    assert repr(sample) == "<LoadedObject maps>"
