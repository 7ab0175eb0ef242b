"""Programs for which the verifier has much to do, and much to say."""

from __future__ import annotations

import pytest

from pytest_ebpf import paths
from pytest_ebpf.bpf import LoadOptions, load
from pytest_ebpf.errors import LoadError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.machine import MachineConfig, Recipe, boot
from pytest_ebpf.objects import read_object

NULL = "what bpf_map_lookup_elem returned may be null where memory is read through it"
CUT = "(there was more of this log: only its end is kept)\n"


def refused(guest: Guest, path, turns: int) -> LoadError:
    """What comes of loading the program with a loop of so many *turns*, each of six instructions."""
    with pytest.raises(LoadError) as caught:
        load(
            guest,
            path.read_bytes(),
            read_object(path),
            name="long_way",
            options=LoadOptions(globals={"turns": turns}),
        )
    return caught.value


@pytest.mark.parametrize("line", ["5.10"])
def test_a_program_that_is_too_large_is_refused_after_one_look_at_it(guest, vm_objects):
    error = refused(guest, vm_objects("long_way"), 200_000)
    assert str(error) == "long_way: walk: checking the program takes more than 1000000 steps"
    assert "processed 1000001 insns (limit 1000000)" in error.log
    assert len(error.log) < 4096, "not the log of its million instructions, for which no machine has room"


@pytest.mark.parametrize("line", ["6.12"])
def test_of_a_long_log_the_end_is_kept_and_it_is_said(guest, vm_objects):
    error = refused(guest, vm_objects("long_way"), 10_000)
    assert error.what == NULL
    assert error.at.endswith("long_way.bpf.c:27: return sum + *count;")
    assert len(error.log) == (4 << 20) + len(CUT)
    assert error.log.endswith(CUT)


@pytest.mark.parametrize("line", ["5.10"])
def test_a_log_for_which_the_machine_has_no_room_is_told_without_its_instructions(line, machines, vm_objects):
    recipe = Recipe(machines.store.get(line), paths.agent(), MachineConfig(memory=64))
    with boot(recipe, timeout=120) as machine:
        error = refused(Guest(machine, timeout=120), vm_objects("long_way"), 20_000)
    assert error.what == "R0 may be null where memory is used through it"
    assert error.log.endswith(CUT)
    assert len(error.log) < 4096


@pytest.mark.parametrize("line", ["5.10"])
def test_data_that_does_not_go_into_one_message_is_said(guest, vm_objects):
    path = vm_objects("much_data")
    elf, options = path.read_bytes(), LoadOptions(globals={"seen": 1})
    with pytest.raises(UsageError) as caught:
        load(guest, elf, read_object(path), name="much", options=options)
    size = len(elf) + (64 << 20) + 4
    assert str(caught.value) == (
        f"much: globals: the object and the sections in which they lie have {size} bytes "
        "(limit 66060288); make .bss smaller, or set what is no constant once the object is loaded"
    )
