"""Machines with an object loaded already: as fresh as the others, and only where that is no difference."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace

import pytest

from pytest_ebpf.bpf.loading import alternatives
from pytest_ebpf.errors import DeadlineError, LoadError
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.machine.shelf import Shelf
from pytest_ebpf.machine.snapshot import restore
from pytest_ebpf.machine.template import make
from pytest_ebpf.session import place as places
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.session.fleet import Fleet
from pytest_ebpf.session.place import Place
from pytest_ebpf.session.workspace import Workspace


@pytest.fixture
def fleet():
    """A fleet to which keeping a machine is worth it at once, however quick this host is at loading."""
    made = Fleet(KernelStore(lock=None, say=print), accelerator_request="tcg", say=print)
    made._warm._cost = 0.0
    yield made
    made.close()


@pytest.fixture
def test_of(fleet, tmp_path):
    """``test_of("scope")`` is the fixture ``ebpf`` of a test with a scope of its own."""
    workspace = Workspace(None, tmp_path, say=print)
    return lambda scope, line="6.12", until=math.inf: Ebpf(
        workspace, Place(fleet, line, scope, "test_x.py", until)
    )


@pytest.fixture
def stats(vm_objects):
    return str(vm_objects("maps"))


def is_kept(fleet):
    """Whether a machine is kept with an object."""
    return any(known.template for known in fleet._warm._known.values())


def until_copied(fleet, test_of, path, line="6.12"):
    """Load an object in a fresh machine; one is kept with it from then on."""
    test_of("before", line).load(path).close()
    assert is_kept(fleet)


@pytest.mark.parametrize("line", ["5.10", "6.1", "6.12", "6.18", "7.2"])
def test_a_copy_has_the_object_and_nothing_of_other_tests(fleet, test_of, stats, line):
    until_copied(fleet, test_of, stats, line)
    one, two = test_of("one", line), test_of("two", line)
    first = one.load(stats)
    first.maps.rules["10.0.0.1"] = {"hits": 7}
    assert first.maps.rules["10.0.0.1"].hits == 7
    assert len(two.load(stats).maps.rules) == 0


def test_a_copy_has_the_modules_and_its_own_contents(fleet, test_of, stats):
    for number in range(3):
        loaded = test_of(str(number)).load(
            stats, modules=["veth"], contents={"rules": {"10.0.0.1": {"hits": number}}}
        )
        assert loaded.maps.rules["10.0.0.1"].hits == number
    assert is_kept(fleet)
    ebpf = test_of("copied")
    loaded = ebpf.load(stats, modules=["veth"])
    assert ebpf._guest._number <= 1, "neither the op modules nor the op load was called"
    assert b"veth" in ebpf.guest.files.read("/proc/modules")
    assert len(loaded.maps.rules) == 0


def test_which_alternatives_a_kernel_takes_is_found_once(test_of, vm_objects, monkeypatch):
    tried = []
    monkeypatch.setattr(alternatives, "_refused", lambda *args: tried.append(args[2]) or "not today")
    path = str(vm_objects("maps"))
    groups = {"either": ["tail", "count"]}
    for number in range(3):
        loaded = test_of(str(number)).load(path, alternatives=groups)
        assert loaded.programs.either is loaded.programs.count
        assert not loaded.programs.tail.loaded
    assert tried == ["tail"]


def test_a_group_of_which_the_kernel_takes_none_tells_of_all(test_of, vm_objects):
    path = str(vm_objects("refused"))
    with pytest.raises(LoadError) as caught:
        test_of("one").load(path, alternatives={"either": ["out_of_bounds", "no_null_check"]})
    assert caught.value.program == "no_null_check"
    assert "; tried before: out_of_bounds: 1 byte at offset 4 of the packet is read" in str(caught.value)


def test_other_settings_are_another_object(fleet, test_of, stats):
    until_copied(fleet, test_of, stats)
    loaded = test_of("other").load(stats, max_entries={"totals": 9})
    assert len(loaded.maps.totals) == 9


def test_the_deadline_of_one_test_is_not_that_of_the_next_with_the_same_machine(test_of, stats):
    first = test_of("module")
    first.load(stats).close()
    first._guest.until = time.monotonic() - 1  # as if the first test had been long over
    second = test_of("module")
    second.load(stats)
    assert second._place.running is first._place.running


def test_the_first_load_is_bound_by_the_deadline_of_its_test(test_of, stats):
    late = test_of("late", until=time.monotonic() - 1)
    with pytest.raises(DeadlineError) as caught:
        late.load(stats)
    assert str(caught.value) == (
        "maps.bpf.o: loading it takes longer than it may, and the guest is still at it; "
        "give it longer: timeout = ... under [test] in ebpf.toml, or pytest --ebpf-timeout"
    )


def test_no_machine_is_kept_for_nobody(fleet, test_of, stats):
    last = test_of("last")
    last._place.others = lambda: False
    last.load(stats)
    assert not is_kept(fleet)


def test_keeping_a_machine_takes_no_time_from_its_test(fleet, test_of, stats, monkeypatch):
    until = time.monotonic() + 1000
    first = test_of("first", until=until)
    clock = iter((0.0, 5.0, 105.0))
    monkeypatch.setattr(fleet, "loaded", lambda *_: None)
    monkeypatch.setattr(places, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    first.load(stats)
    assert first._place.until >= until + 100
    assert first._guest.until >= until + 100


def test_random_numbers_are_not_copied(fleet, test_of, vm_objects):
    path = str(vm_objects("random"))
    drawn = set()
    for number in range(8):
        loaded = test_of(str(number)).load(path)
        loaded.programs.draw.run(bytes(64))
        drawn.add(loaded.maps.drawn[0])
    assert len(drawn) == 8
    assert not is_kept(fleet)


def test_what_the_kernel_refuses_is_refused_every_time(test_of, vm_objects):
    path = str(vm_objects("refused"))
    for number in range(3):
        with pytest.raises(LoadError):
            test_of(str(number)).load(path, autoload={"out_of_bounds": True})


def test_a_template_outlives_the_snapshot_it_was_made_from(machines, tmp_path):
    recipe = machines.recipe("6.12")
    shelf = Shelf(tmp_path, say=print)
    template = make(
        shelf.get(recipe, timeout=300),
        [("write_file", {"path": "/tmp/x", "data": b"kept"})],
        wake_timeout=60,
        call_timeout=60,
    )
    shelf.clear()
    machine, guest = restore(template, call_timeout=60).ready(60)
    template.close()
    with machine:
        assert template.answers == (None,)
        assert guest.call("read_file", path="/tmp/x") == b"kept"
