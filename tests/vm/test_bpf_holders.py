"""Maps that hold maps, programs and descriptors: tests/vm/data/maps.bpf.c."""

from __future__ import annotations

import pytest

from pytest_ebpf.errors import EbpfError, GuestError, UsageError
from pytest_ebpf.uapi import XDP

FRAME = bytes(64)


@pytest.fixture
def sample(load_object):
    return load_object("maps")


class TestHolders:
    def test_a_tail_call(self, sample):
        tails = sample.maps.tails
        assert sample.programs.count.run(FRAME).verdict == XDP.DROP
        tails[0] = sample.programs.tail
        assert sample.programs.count.run(FRAME).verdict == XDP.TX
        assert tails[0] is sample.programs.tail
        assert dict(tails) == {0: sample.programs.tail}
        del tails[0]
        assert len(tails) == 0
        with pytest.raises(KeyError):
            _ = tails[0]

    def test_a_program_of_another_object(self, sample, load_object):
        other = load_object("maps")
        sample.maps.tails[1] = other.programs.tail
        with pytest.raises(EbpfError) as caught:
            _ = sample.maps.tails[1]
        assert str(caught.value) == (
            f"maps.tails[1]: holds program {other.programs.tail.id}, which is none of this object; "
            "read it from the object that it belongs to"
        )

    def test_inner_maps_are_made_and_put(self, sample):
        inner = sample.maps.tables.create()
        inner[5] = {"hits": 9}
        sample.maps.tables[1] = inner
        sample.maps.tenants["10.0.0.9"] = inner
        assert sample.maps.tables[1][5].hits == 9
        assert sample.maps.tenants["10.0.0.9"] is inner
        assert list(sample.maps.tables) == [0, 1]
        del sample.maps.tenants["10.0.0.9"]
        assert len(sample.maps.tenants) == 0

    def test_the_object_may_have_put_one_there(self, sample):
        assert sample.maps.tables[0] is sample.maps.first_table

    def test_the_inner_map_that_is_there_now_is_given(self, sample, load_object):
        one, other = sample.maps.tables.create(), sample.maps.tables.create()
        sample.maps.tables[1] = one
        with load_object("maps", reuse={"tables": sample.maps.tables}) as beside:
            beside.maps.tables[1] = beside.maps.first_table
            foreign = beside.maps.first_table.info().id
            with pytest.raises(EbpfError) as caught:
                _ = sample.maps.tables[1]
        assert str(caught.value) == (
            f"maps.tables[1]: holds map {foreign}, which is none of this object; "
            "read it from the object that it belongs to"
        )
        sample.maps.tables[1] = other
        assert sample.maps.tables[1] is other

    @pytest.mark.parametrize(
        ("name", "element", "text"),
        [
            ("tails", "tail", "maps.tails[0]: 'tail' is not a program; give a program that is loaded"),
            ("tables", {}, "maps.tables[0]: {} is not a map; give a map that is loaded"),
        ],
    )
    def test_what_is_no_program_and_no_map(self, sample, name, element, text):
        with pytest.raises(UsageError) as caught:
            sample.maps[name][0] = element
        assert str(caught.value) == text

    def test_an_index_that_is_too_large(self, sample):
        with pytest.raises(GuestError) as caught:
            sample.maps.tails[9] = sample.programs.tail
        assert str(caught.value) == (
            "maps.tails[9]: the index is out of range (max_entries 2); "
            "make it larger: load(..., max_entries={'tails': ...})"
        )

    @pytest.mark.parametrize(
        ("element", "text"),
        [
            ("eth9", 'maps.devices: the guest has no network device "eth9"'),
            (None, "maps.devices[0]: None is no integer; u32 takes a number"),
            (1.5, "maps.devices[0]: 1.5 is no integer; u32 takes a number"),
            (-1, "maps.devices[0]: -1 does not fit u32 (0..4294967295); give a number in that range"),
        ],
    )
    def test_what_is_no_device(self, sample, element, text):
        with pytest.raises(EbpfError) as caught:
            sample.maps.devices[0] = element
        assert str(caught.value) == text
