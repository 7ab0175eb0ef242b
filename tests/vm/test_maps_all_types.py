"""Every type of map that some kernel has, on every kernel: used if this one has it, unsupported if not.

What a kernel has is told by its BTF (``enum bpf_map_type``), how types are used by tests/support/maptypes.py.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from maptypes import APART, CASES, HEAD, OPERATIONS, Place

from pytest_ebpf import paths
from pytest_ebpf.bpf import LoadedObject, LoadOptions, load
from pytest_ebpf.bpf.maps.kinds import PLAIN, TYPED
from pytest_ebpf.btf import Btf, Enum
from pytest_ebpf.errors import UnsupportedError
from pytest_ebpf.guest import Guest
from pytest_ebpf.objects import read_object
from pytest_ebpf.system import System
from pytest_ebpf.uapi import MapType


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[MapType], Path]:
    """``compiled(kind)``: an object with a map ``m`` of that type."""
    folder = tmp_path_factory.mktemp("all-types")

    @cache
    def one(kind: MapType) -> Path:
        case = CASES.get(kind)
        text = case.source(kind) if case else HEAD + OPERATIONS
        source = folder / f"{kind.name.lower()}.bpf.c"
        source.write_text(text)
        target = source.with_suffix(".o")
        headers = ["-I", paths.libbpf_include(), "-idirafter", "/usr/include/x86_64-linux-gnu"]
        words = ["-target", "bpf", "-O2", "-g", "-mcpu=v3", *(case.flags if case else ()), *headers]
        subprocess.run(["clang-19", *words, "-c", source, "-o", target], check=True, timeout=120)
        return target

    return one


@pytest.fixture
def kernel_types(kernel) -> set[int]:
    """The map types of the kernel of this test."""
    return types_in(kernel.btf)


@cache
def types_in(path: Path) -> set[int]:
    btf = Btf.parse(path.read_bytes())
    found = btf.find("bpf_map_type", Enum)
    assert found is not None
    kinds = btf.type(found)
    assert isinstance(kinds, Enum)
    return {number for name, number in kinds.values if not name.startswith("__MAX")}


@pytest.fixture
def system(guest: Guest) -> Iterator[System]:
    held = System(guest)
    yield held
    held.close()


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.name.lower())
def test_a_type(kind, compiled, kernel_types, guest, system):
    path = compiled(kind)

    def loaded() -> LoadedObject:
        return load(guest, path.read_bytes(), read_object(path), name="all", options=LoadOptions())

    if kind in kernel_types:
        with loaded() as sample:
            assert sample.maps.m.type == kind
            CASES[kind].use(sample.maps.m, Place(sample, system))
    else:
        with pytest.raises(UnsupportedError) as caught:
            loaded()
        lacks = f"all: m: this kernel has no {kind.name.lower()} maps; use another type"
        assert str(caught.value) == lacks or kind.name.lower() not in str(caught.value)


def test_no_type_of_this_kernel_is_left_out(kernel_types):
    known = {int(kind) for kind in CASES} | {int(kind) for kind in APART}
    assert kernel_types <= known


def test_every_type_has_a_handle_of_its_own():
    by_type = {*PLAIN, *TYPED, MapType.PROG_ARRAY, MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS, MapType.ARENA}
    assert by_type == set(MapType) - {MapType.UNSPEC}
    assert set(CASES) == set(MapType) - APART


def test_struct_ops_show_what_the_kernel_holds(compiled, guest):
    path = compiled(MapType.STRUCT_OPS)
    with load(guest, path.read_bytes(), read_object(path), name="all", options=LoadOptions()) as sample:
        assert sample.maps.edge.type == MapType.STRUCT_OPS
        sample.maps.edge.attach()
        value = sample.maps.edge.value
        assert value.data.name == "edge"
        assert value.data.ssthresh == sample.programs.threshold.id
        assert value.data.cong_control == 0
