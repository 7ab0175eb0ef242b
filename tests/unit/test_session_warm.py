"""When a machine is kept with an object loaded, and which one gives way."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from pytest_ebpf.errors import MachineError
from pytest_ebpf.machine.template import Template
from pytest_ebpf.session import warm as warms
from pytest_ebpf.session.warm import Warm


def template(size: int) -> Template:
    """A template of nothing: two files in memory, which closing must close."""
    return Template(None, (), size, os.memfd_create("ram"), os.memfd_create("state"))


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@pytest.fixture
def warm():
    held = Warm(room=300)
    yield held
    held.close()


def put(warm: Warm, key: str, size: int = 100, seconds: float = 0.5, load: float = 1.0) -> Template:
    """Have a template of *size* made, which takes so many *seconds* beside the *load*."""
    made = template(size)
    clock = iter((10.0, 10.0 + load + seconds))
    warm.spent(key, load)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warms, "make", lambda *_, **__: made)
        patch.setattr(warms, "time", SimpleNamespace(monotonic=lambda: next(clock)))
        warm.make(key, None, (), wake_timeout=1, call_timeout=1)
    return made


def test_it_pays_once_loading_has_cost_as_much(warm):
    assert not warm.spent("6.12 firewall", 0.125)
    assert not warm.spent("6.12 firewall", 0.125)
    assert warm.spent("6.12 firewall", 0.125)


def test_what_making_one_took_is_what_the_next_must_be_worth(warm):
    put(warm, "a", seconds=0.25)
    assert not warm.spent("b", 0.125)
    assert warm.spent("b", 0.125)


def test_a_load_that_takes_minutes_makes_no_other_object_wait_for_its_template(warm):
    put(warm, "a", seconds=0.25, load=90.0)
    assert not warm.spent("b", 0.125)
    assert warm.spent("b", 0.125)


def test_a_template_that_cannot_be_made_is_not_tried_with_every_load(warm, monkeypatch):
    def fail(*_, **__):
        raise MachineError("no")

    assert warm.spent("a", 1.0)
    monkeypatch.setattr(warms, "make", fail)
    with pytest.raises(MachineError):
        warm.make("a", None, (), wake_timeout=1, call_timeout=1)
    assert not warm.spent("a", 0.125)
    assert warm.spent("a", 1.0)


def test_each_kernel_and_object_is_counted_for_itself(warm):
    assert not warm.spent("6.12 firewall", 0.2)
    assert not warm.spent("6.1 firewall", 0.2)
    assert not warm.spent("6.12 classifier", 0.2)


def test_what_is_there_is_not_made_again(warm):
    kept = put(warm, "a")
    assert warm.template("a") is kept
    assert not warm.spent("a", 100.0)


def test_what_was_never_loaded_has_none(warm):
    assert warm.template("a") is None


def test_the_least_recently_used_gives_way(warm):
    first, second, third = (put(warm, key) for key in "abc")
    warm.template("a")
    put(warm, "d")
    assert warm.template("b") is None
    assert not is_open(second._ram)
    assert not is_open(second._state)
    assert (warm.template("a"), warm.template("c")) == (first, third)


def test_the_newest_stays_however_large_it_is(warm):
    put(warm, "a")
    huge = put(warm, "b", size=1000)
    assert warm.template("b") is huge
    assert warm.template("a") is None


def test_closing_gives_all_memory_back(warm):
    kept = [put(warm, key) for key in "ab"]
    warm.close()
    assert not any(is_open(each._ram) for each in kept)
