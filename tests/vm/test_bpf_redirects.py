"""Where packets were redirected to by runs of programs, on every kernel: tests/vm/data/redirects.bpf.c."""

from __future__ import annotations

import pytest

from pytest_ebpf.errors import GuestError, UsageError
from pytest_ebpf.uapi import TC, XDP

FRAME = bytes(64)


@pytest.fixture
def sample(load_object):
    loaded = load_object("redirects")
    loaded.maps.devices[3] = "lo"
    loaded.maps.devices_of_a_name_that_is_long[3] = "lo"
    loaded.maps.processors[0] = 192
    return loaded


def test_to_a_device_by_its_number(sample):
    result = sample.programs.to_device.run(FRAME, redirect=True)
    assert result.verdict == XDP.REDIRECT
    assert (result.redirect.device, result.redirect.map, result.redirect.key) == (3, None, None)


@pytest.mark.parametrize(
    ("program", "name", "key"),
    [
        ("to_devmap", "devices", 3),
        ("to_hash", "devices_of_a_name_that_is_long", 3),
        ("to_cpumap", "processors", 0),
    ],
)
def test_by_a_map(sample, program, name, key):
    redirect = sample.programs[program].run(FRAME, redirect=True).redirect
    assert (redirect.device, redirect.map, redirect.key) == (None, sample.maps[name], key)


def test_by_the_map_of_another_object(sample, load_object):
    other = load_object("redirects", reuse={"devices": sample.maps.devices})
    redirect = other.programs.to_devmap.run(FRAME, redirect=True).redirect
    assert redirect.map is other.maps.devices
    assert redirect.map_id == sample.maps.devices.info().id


def test_where_the_key_is_not_set(sample):
    del sample.maps.devices[3]
    result = sample.programs.to_devmap.run(FRAME, redirect=True)
    assert (result.verdict, result.redirect) == (XDP.DROP, None)


@pytest.mark.parametrize("line", ["7.2"], indirect=True)
def test_values_without_room_for_programs(sample):
    with pytest.raises(UsageError) as caught:
        sample.maps.devices[3] = "lo", sample.programs.to_device
    assert str(caught.value) == (
        "maps.devices: has no room for programs; "
        "declare values of 8 bytes: u64, or struct bpf_devmap_val or bpf_cpumap_val"
    )


def test_tc(sample):
    result = sample.programs.out.run(FRAME, redirect=True)
    assert result.verdict == TC.REDIRECT
    assert (result.redirect.device, result.redirect.ingress) == (3, False)


def test_each_of_many(sample):
    marks = [{"mark": number} for number in (1, 7, 3)]
    results = sample.programs.into.run_many([FRAME] * 3, contexts=marks, redirect=True)
    assert [(each.redirect.device, each.redirect.ingress) for each in results] == [
        (1, True),
        (7, True),
        (3, True),
    ]


def test_what_is_no_redirect(sample):
    sample.programs.out.run(FRAME, redirect=True)
    assert sample.programs.keep.run(FRAME, redirect=True).redirect is None


def test_it_is_told_only_if_asked_for(sample):
    assert sample.programs.to_device.run(FRAME).redirect is None


def test_a_type_that_redirects_nothing(sample):
    with pytest.raises(UsageError) as caught:
        sample.programs.filter.run(FRAME, redirect=True)
    assert str(caught.value) == (
        "programs.filter: a socket_filter program redirects no packet; leave redirect out"
    )


def test_a_program_without_types(guest, sample):
    insns = bytes.fromhex("b7000000040000009500000000000000")  # r0 = XDP_REDIRECT; exit
    handle = guest.call("assemble", type=6, attach_type=0, insns=insns, license="GPL")["prog"]
    with pytest.raises(GuestError, match="redirect: no program can be put behind this one"):
        guest.call("run", prog=handle, data=[FRAME], redirect=True)
