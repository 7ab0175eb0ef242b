"""Kernel modules: those that are kept can be inserted, by a test and by the kernel when it wants one."""

from __future__ import annotations

import pytest

from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.kernels.wanted import WANTED


def loaded(guest) -> set[str]:
    listed = guest.call("read_file", path="/proc/modules").decode()
    return {line.split()[0] for line in listed.splitlines()}


def test_all_that_are_kept_go_in_with_what_they_need(guest, kernel):
    there = guest.call("modules", names=list(WANTED))
    assert there == [name in kernel.depends for name in WANTED]
    assert loaded(guest) == set(kernel.depends)


def test_what_is_in_already_is_as_good(guest):
    assert guest.call("modules", names=["veth", "veth"]) == [True, True]


def test_other_names_of_modules(guest):
    names = ["rtnl-link-veth", "rtnl_link_veth", "net-pf-40", "sch-ingress", "tcp-ulp-tls", "vxlan"]
    there = guest.call("modules", names=names)
    assert [there[0], there[1], there[2], there[3], there[5]] == [True] * 5


@pytest.mark.parametrize("name", ["", "nope", "../veth", "veth.ko", "*", "x" * 60])
def test_names_that_are_none(guest, name):
    assert guest.call("modules", names=[name]) == [False]


def test_a_name_that_is_too_long(guest):
    with pytest.raises(CallError) as caught:
        guest.call("modules", names=["veth", "x" * 128])
    assert str(caught.value) == "modules: names[1]: longer than 127 bytes (128) (EINVAL: Invalid argument)"


def test_the_kernel_inserts_what_it_is_asked_for(line, machines):
    machines.discard(line)  # a kernel with nothing but what the machine needs
    guest = Guest(machines.get(line), timeout=60)
    assert not {"tcp_bbr", "sch_fq"} & loaded(guest)
    guest.call("write_file", path="/proc/sys/net/ipv4/tcp_congestion_control", data=b"bbr")
    guest.call("write_file", path="/proc/sys/net/core/default_qdisc", data=b"fq")
    assert {"tcp_bbr", "sch_fq"} <= loaded(guest)


def test_the_kernel_goes_on_without_what_there_is_not(guest):
    with pytest.raises(CallError, match="ENOENT"):
        guest.call("write_file", path="/proc/sys/net/ipv4/tcp_congestion_control", data=b"nope")
