"""The agent reads the kernel's BTF once, whatever the number of objects that are relocated against it."""

from __future__ import annotations

import pytest

READ = "libbpf: loaded kernel BTF from"
RELOCATED = "CO-RE relocating"


@pytest.fixture
def log_of(guest, vm_objects):
    """``log_of("relocated")`` loads an object, unloads it, and returns what libbpf said."""

    def one(name: str) -> str:
        loaded = guest.call("load", elf=vm_objects(name).read_bytes(), name=name, log_level=1)
        guest.call("unload", object=loaded["object"])
        return str(loaded["log"])

    return one


def test_a_warm_agent_reads_no_btf_for_an_object(guest, log_of):
    assert guest.call("warm") is None
    for _ in range(2):
        log = log_of("relocated")
        assert RELOCATED in log
        assert READ not in log


def test_warming_twice_is_warming_once(guest, log_of):
    assert guest.batch([("warm", {}), ("warm", {})]) == [None, None]
    assert READ not in log_of("relocated")
