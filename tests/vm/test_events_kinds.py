"""Events that not every kernel has: of timers, and from rings that overwrite."""

from __future__ import annotations

import pytest

from pytest_ebpf.bpf import LostEventsError
from pytest_ebpf.errors import ValueConversionError

FRAME = bytes(64)


@pytest.mark.parametrize("line", ["6.1", "6.12", "6.18", "7.2"], indirect=True)
class TestTimers:
    def test_they_are_waited_for(self, load_object):
        sample = load_object("timers")
        assert sample.programs.start.run(FRAME).retval == 0
        assert sample.maps.events.collect(3, timeout=60) == [bytes([number, 0, 0, 0]) for number in (1, 2, 3)]
        assert sample.maps.alarms[0] == {"fired": 3}

    def test_they_and_locks_are_not_shown_and_not_disturbed(self, load_object):
        alarms = load_object("timers").maps.alarms
        alarms[0] = {"fired": 7}
        assert alarms[0] == {"fired": 7}
        with pytest.raises(ValueConversionError, match='alarm has no field "timer"'):
            alarms[0] = {"timer": 1}


@pytest.mark.parametrize("line", ["7.2"], indirect=True)
class TestOverwriting:
    def test_the_newest_records_are_there(self, load_object):
        sample = load_object("overwriting")
        sample.programs.send.run(FRAME, repeat=1000)
        with pytest.raises(LostEventsError):
            sample.maps.events.read()
        numbers = [int.from_bytes(data, "little") for data in sample.maps.events.read()]
        assert len(numbers) > 200
        assert numbers == list(range(1000 - len(numbers), 1000))

    def test_where_nothing_was_overwritten_nothing_is_said(self, load_object):
        sample = load_object("overwriting")
        sample.programs.send.run(FRAME, repeat=100)
        assert len(sample.maps.events.read()) == 100
        sample.programs.send.run(FRAME, repeat=200)
        assert len(sample.maps.events.read()) == 200
