"""Maps beyond one object: pinned, frozen, shared, read by the thousand: tests/vm/data/shared.bpf.c."""

from __future__ import annotations

import errno

import pytest

from pytest_ebpf.bpf import pins
from pytest_ebpf.errors import GuestError, LoadError
from pytest_ebpf.uapi import MapType

FRAME = bytes(64)
PATH = "/sys/fs/bpf/edge/counts"


@pytest.fixture(autouse=True)
def no_pins_left(guest):
    yield
    pins.unpin_all(guest)


class TestReuse:
    def test_two_objects_count_in_one_map(self, load_object):
        one = load_object("shared")
        other = load_object("shared", reuse={"counts": one.maps.counts, "many": one.maps.many})
        one.programs.count.run(FRAME)
        other.programs.count.run(FRAME)
        assert one.maps.counts[0] == other.maps.counts[0] == 2
        assert one.maps.counts.info().id == other.maps.counts.info().id
        assert one.maps.events.info().id != other.maps.events.info().id
        other.close()
        assert one.maps.counts[0] == 2

    def test_events_of_two_objects_in_one_place(self, load_object):
        one = load_object("shared")
        other = load_object("shared", reuse={"events": one.maps.events, "perf": one.maps.perf})
        for each in (one, other, one):
            each.programs.count.run(FRAME)
        assert [data[0] for data in one.maps.events] == [1, 1, 2]
        assert [data[0] for data in one.maps.perf] == [1, 1, 2]

    def test_a_map_of_another_shape(self, load_object):
        one = load_object("shared")
        with pytest.raises(LoadError) as caught:
            load_object("shared", reuse={"counts": one.maps.many})
        assert str(caught.value) == (
            "shared: maps.counts.reuse: not of the same shape (type 1, key 4, value 8, entries 50000; "
            "wanted 2, 4, 8, 1) (EINVAL: Invalid argument)"
        )


class TestPins:
    def test_without_being_told_nothing_is_pinned(self, load_object):
        load_object("shared").maps.counts[0] = 5
        assert load_object("shared").maps.counts[0] == 0

    def test_a_pinned_map_outlives_its_object(self, load_object):
        load_object("shared", pin={"counts": PATH}).maps.counts[0] = 5
        assert load_object("shared", pin={"counts": PATH}).maps.counts[0] == 5
        load_object("shared").maps.counts.unpin(PATH)
        assert load_object("shared", pin={"counts": PATH}).maps.counts[0] == 0

    def test_maps_programs_and_links_are_pinned(self, load_object, guest):
        shared = load_object("shared")
        shared.maps.counts.pin(PATH)
        shared.programs.count.pin("/sys/fs/bpf/edge/programs/count")
        with shared.programs.count.attach(interface="lo", mode="generic") as link:
            link.pin("/sys/fs/bpf/edge/link")
            with pytest.raises(GuestError) as caught:
                link.pin(PATH)
            link.unpin("/sys/fs/bpf/edge/link")
        assert str(caught.value) == (
            f"programs.count: cannot be pinned at {PATH} (EEXIST: File exists); unpin() what is there"
        )
        pins.unpin_all(guest)
        with pytest.raises(GuestError) as caught:
            shared.maps.counts.unpin(PATH)
        assert str(caught.value) == (
            f"maps.counts: cannot be unpinned: {PATH} (ENOENT: No such file or directory)"
        )

    def test_what_is_pinned_there_is_another_map(self, load_object):
        load_object("shared", pin={"counts": PATH})
        with pytest.raises(LoadError) as caught:
            load_object("shared", pin={"many": PATH})
        what = f"what is pinned at {PATH} is of another type or size; unpin it, or use another path"
        assert str(caught.value) == f"shared: many: {what}"

    def test_a_path_elsewhere(self, load_object):
        with pytest.raises(GuestError) as caught:
            load_object("shared").maps.counts.pin("/counts")
        assert str(caught.value) == (
            "maps.counts: cannot be pinned at /counts (EPERM: Operation not permitted); "
            "paths lie in /sys/fs/bpf"
        )


class TestInfo:
    def test_what_the_kernel_says(self, load_object):
        info = load_object("shared").maps.many.info()
        assert (info.name, info.type, info.max_entries) == ("many", MapType.HASH, 50_000)
        assert (info.key_size, info.value_size, info.frozen) == (4, 8, False)
        assert info.id > 0
        assert info.memory > 50_000 * 8

    def test_a_frozen_map_is_the_programs_alone(self, load_object):
        shared = load_object("shared")
        shared.maps.counts.freeze()
        assert shared.maps.counts.info().frozen
        with pytest.raises(GuestError) as caught:
            shared.maps.counts[0] = 1
        assert str(caught.value) == "maps.counts[0]: it is frozen"
        assert caught.value.errno == errno.EPERM
        shared.programs.count.run(FRAME)
        assert shared.maps.counts[0] == 1


class TestDumps:
    def test_many_entries_are_read_in_batches(self, load_object, guest):
        many = load_object("shared").maps.many
        many.update({key: key * 2 for key in range(50_000)})
        assert dict(many.items()) == {key: key * 2 for key in range(50_000)}
        page = guest.call("dump", map=many.handle)
        assert page["more"]
        assert len(page["cursor"]) == 8
        many.clear()
        assert len(many) == 0

    def test_where_a_key_is_given_it_goes_on_from_there(self, load_object, guest):
        many = load_object("shared").maps.many
        many.update({key: key for key in range(10)})
        first = guest.call("dump", map=many.handle, limit=4, after=(99).to_bytes(4, "little"))
        rest = guest.call("dump", map=many.handle, after=first["items"][-1][0])
        assert (len(first["items"]), first["more"], first["cursor"]) == (4, True, None)
        assert (len(rest["items"]), rest["more"]) == (6, False)
        assert len({key for key, _ in first["items"] + rest["items"]}) == 10
