"""Global variables of a loaded object: tests/vm/data/maps.bpf.c."""

from __future__ import annotations

import pytest

from pytest_ebpf.errors import UsageError
from pytest_ebpf.guest import CallError
from pytest_ebpf.uapi import XDP

FRAME = bytes(64)


@pytest.fixture
def sample(load_object):
    return load_object("maps")


class TestGlobals:
    def test_they_are_read_as_their_types(self, sample):
        sample.programs.count.run(FRAME)
        assert (sample.globals.seen, sample.globals["greeting"]) == (1, "hello")
        assert sample.globals.sum == {"packets": 0, "bytes": 64}
        assert sample.globals.mode == 1
        assert list(sample.globals) == ["limit", "greeting", "mode", "seen", "sum", "type_of_events"]

    def test_they_are_written_one_by_one(self, sample):
        sample.globals.seen = 5
        sample.globals["sum"] = {"packets": 2}
        sample.programs.count.run(FRAME)
        assert sample.globals.seen == 6
        assert sample.globals.sum == {"packets": 2, "bytes": 64}

    def test_writing_one_leaves_those_that_programs_write_alone(self, load_object):
        race = load_object("race")
        with race.programs.count.attach():
            for number in range(50):
                race.globals.knob = number
            differ = race.programs.differ.run(FRAME).verdict
        assert (race.globals.knob, race.globals.counted > 50, differ) == (49, True, 0)

    def test_a_section_of_static_variables(self, load_object):
        """libbpf does not map it."""
        race = load_object("race")
        race.globals.hidden = 7
        assert race.globals.hidden == 7

    @pytest.mark.parametrize(
        ("section", "args", "what"),
        [
            (
                ".bss",
                {"offset": 1 << 40, "length": 1},
                "offset 1099511627776: 1 bytes from there are not in a",
            ),
            (".bss", {"data": bytes(100_000)}, "offset 0: 100000 bytes from there are not in a section of"),
            (".bss", {"data": b"", "length": 1}, "length, data: more than one of them is given"),
            (".rodata", {"data": b"x"}, "map: its data are fixed"),
            ("rules", {"length": 1}, "map: no global data (type 1)"),
        ],
    )
    def test_what_the_agent_does_not_read_or_write(self, sample, guest, section, args, what):
        sections = vars(sample.globals)["_sections"]
        with pytest.raises(CallError) as caught:
            guest.call("data", map=sections.get(section) or sample.maps.rules.handle, **args)
        assert caught.value.what.startswith(what)

    def test_initial_values(self, load_object):
        sample = load_object("maps", globals={"limit": 100, "seen": 40, "mode": "PASS"})
        assert sample.programs.count.run(FRAME).verdict == XDP.PASS
        assert (sample.globals.limit, sample.globals.seen, sample.globals.mode) == (100, 41, 0)
        assert sample.globals.greeting == "hello"

    def test_const_is_fixed(self, sample):
        with pytest.raises(UsageError) as caught:
            sample.globals.limit = 5
        assert str(caught.value) == (
            "globals.limit: is const, and fixed once the object is loaded; load(..., globals={'limit': ...})"
        )

    def test_a_misspelled_name(self, sample):
        text = 'maps has no global variable "sen"; did you mean "seen"?'
        with pytest.raises(AttributeError) as caught:
            sample.globals.sen = 5
        assert str(caught.value) == text
        with pytest.raises(KeyError) as caught:
            _ = sample.globals["sen"]
        assert caught.value.args == (text,)
