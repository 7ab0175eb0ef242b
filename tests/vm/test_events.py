"""Events on every kernel: none lost, in order, and losses that are said: tests/vm/data/events.bpf.c."""

from __future__ import annotations

import time

import pytest

from pytest_ebpf.bpf import LostEventsError, NoRecordError, trace
from pytest_ebpf.errors import GuestError, ValueConversionError

FRAME = bytes(64)
MANY = 100_000

#: Bytes of one record in a ring: its header, and 12 + 4 bytes of struct event.
RECORD = 8 + 16


@pytest.fixture
def sample(load_object):
    return load_object("events")


class TestRing:
    def test_a_hundred_thousand_events_in_order_and_none_lost(self, sample):
        events = sample.maps.ring.of("event")
        sample.programs.to_ring.run(FRAME, repeat=MANY)
        assert [event.number for event in events.read()] == list(range(MANY))
        assert sample.globals.refused == 0
        assert events.read() == []

    def test_the_same_without_a_wakeup(self, load_object):
        sample = load_object("events", globals={"flags": 1})  # BPF_RB_NO_WAKEUP
        sample.programs.to_ring.run(FRAME, repeat=3)
        start = time.monotonic()
        assert sample.maps.ring.of("event").next(timeout=20).number == 0
        assert len(sample.maps.ring.read()) == 2
        assert time.monotonic() - start < 10

    def test_a_full_ring_is_reported_and_what_came_is_there(self, sample):
        events = sample.maps.small.of("event")
        sample.programs.to_small.run(FRAME, repeat=1000)
        with pytest.raises(LostEventsError) as caught:
            events.read()
        assert str(caught.value) == (
            "maps.small: the ring was full (4096 bytes), so records may be missing; "
            "read more often or raise max_entries"
        )
        assert caught.value.lost is None
        assert len(events.read()) == 4096 // RECORD == 1000 - sample.globals.refused

    def test_a_ring_that_was_almost_full_is_not(self, sample):
        sample.programs.to_small.run(FRAME, repeat=4096 // RECORD - 1)
        assert len(sample.maps.small.read()) == 4096 // RECORD - 1
        sample.programs.to_small.run(FRAME, repeat=4096 // RECORD - 1)
        assert len(list(sample.maps.small)) == 4096 // RECORD - 1

    def test_some_at_a_time(self, sample):
        events = sample.maps.ring.of("event")
        sample.programs.to_ring.run(FRAME, repeat=10)
        assert [event.number for event in events.read(3)] == [0, 1, 2]
        assert [event.number for event in events.collect(3)] == [3, 4, 5]
        assert [event.number for event in events.until(lambda event: event.number == 7)] == [6, 7]
        assert [event.number for event in events] == [8, 9]

    def test_too_few(self, sample):
        events = sample.maps.ring.of("event")
        sample.programs.to_ring.run(FRAME, repeat=2)
        with pytest.raises(NoRecordError) as caught:
            events.collect(3, timeout=0.05)
        assert str(caught.value) == ("maps.ring: 2 of 3 records within 0.05 s; read() gives those that came")
        assert len(events.read()) == 2

    def test_a_condition_that_no_record_meets(self, sample):
        events = sample.maps.ring.of("event")
        with pytest.raises(NoRecordError) as caught:
            events.until(lambda event: event.number == 5, timeout=0.05)
        assert str(caught.value) == "maps.ring: no record met the condition within 0.05 s"
        sample.programs.to_ring.run(FRAME, repeat=2)
        with pytest.raises(NoRecordError) as caught:
            events.until(lambda event: event.number == 5, timeout=0.05)
        assert str(caught.value) == (
            "maps.ring: no record of 2, the last event(number=1, size=64), met the condition within 0.05 s"
        )

    def test_a_record_that_is_too_short_for_its_type(self, sample):
        sample.programs.to_ring.run(FRAME)
        with pytest.raises(ValueConversionError) as caught:
            sample.maps.ring.of("longer").read()
        assert str(caught.value) == (
            "maps.ring record: 16 bytes are no longer of 24; the program sent another type, name that to of()"
        )
        assert sample.maps.ring.of("event").next() == {"number": 0, "size": 64}

    def test_a_record_that_ends_within_its_last_array(self, sample):
        sample.programs.to_ring.run(FRAME)
        with pytest.raises(ValueConversionError) as caught:
            sample.maps.ring.of("other").read()
        assert str(caught.value).endswith(
            "another type, name that to of(), or less of its last array: of(..., short=True)"
        )
        number, size_and_padding = sample.maps.ring.of("other", short=True).next().words
        assert (number, size_and_padding & 0xFFFFFFFF) == (0, 64)

    def test_a_flexible_array_has_the_rest_of_a_record(self, sample):
        sample.programs.to_ring.run(FRAME)
        sample.programs.to_perf.run(FRAME)
        of_ring, of_perf = sample.maps.ring.of("header").next(), sample.maps.perf.of("header").next()
        assert (len(of_ring.words), of_ring.words[:2]) == (4, [64, 0])  # and 4 bytes of padding
        assert (len(of_perf.words), of_perf.words[:2]) == (6, [64, 0])  # and as many by perf


class TestPerf:
    def test_records_of_a_type(self, sample):
        events = sample.maps.perf.of("event")
        sample.programs.to_perf.run(FRAME, repeat=3)
        assert events.next().size == 64
        assert [event.number for event in events] == [1, 2]
        with pytest.raises(NoRecordError) as caught:
            events.next(timeout=0.05)
        assert str(caught.value) == (
            "maps.perf: no record within 0.05 s; did the program run, and reach bpf_perf_event_output?"
        )

    def test_a_type_given_when_it_is_loaded(self, load_object):
        class Event:
            __btf_name__ = "event"

        sample = load_object("events", records={"perf": "event", "ring": Event})
        sample.programs.to_perf.run(FRAME)
        assert sample.maps.perf.read() == [{"number": 0, "size": 64}]
        sample.programs.to_ring.run(FRAME)
        assert sample.maps.ring.next() == {"number": 1, "size": 64}

    def test_what_was_lost_is_counted(self, sample):
        events = sample.maps.perf.of("event")
        sample.programs.to_perf.run(FRAME, repeat=20_000)
        with pytest.raises(LostEventsError) as caught:
            events.read()
        lost = sample.globals.refused
        assert str(caught.value) == (
            f"maps.perf: {lost} records were lost, as the buffer of their CPU was full; "
            "read more often, or load(..., perf_pages={...}) with more pages"
        )
        assert caught.value.lost == lost > 0
        assert [event.number for event in events.read()] == list(range(20_000 - lost))
        sample.programs.to_perf.run(FRAME, repeat=5)
        assert len(events.read()) == 5

    def test_with_a_larger_buffer_nothing_is(self, load_object):
        sample = load_object("events", perf_pages={"perf": 256})
        sample.programs.to_perf.run(FRAME, repeat=20_000)
        numbers = [event.number for event in sample.maps.perf.of("event").read()]
        assert numbers == list(range(20_000))

    def test_without_buffers(self, load_object):
        sample = load_object("events", perf_pages={"perf": 0})
        sample.programs.to_perf.run(FRAME)
        with pytest.raises(GuestError) as caught:
            sample.maps.perf.read()
        assert str(caught.value) == "maps.perf: map: was loaded without buffers (EINVAL: Invalid argument)"


class TestPrintk:
    def test_messages_are_texts(self, sample, guest):
        trace.clear(guest)
        sample.programs.say.run(FRAME, repeat=2)
        messages = trace.messages(guest)
        assert messages == ["packet of 64 bytes"] * 2
        assert messages[0].cpu == 0
        assert 0 < messages[0].time <= messages[1].time
        assert trace.messages(guest) == []

    def test_what_came_before_is_cleared(self, sample, guest):
        sample.programs.say.run(FRAME)
        trace.clear(guest)
        assert trace.messages(guest) == []

    def test_many_fit(self, sample, guest):
        trace.clear(guest)
        sample.programs.say.run(FRAME, repeat=5000)
        assert len(trace.messages(guest)) == 5000
