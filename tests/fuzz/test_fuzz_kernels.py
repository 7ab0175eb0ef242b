"""Wounded BTF of kernels and modules, wounded indexes, and whole checks of wounded objects."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import mutated, only

from pytest_ebpf import elf
from pytest_ebpf.btf import Btf, Func
from pytest_ebpf.btf.index import open_indexed
from pytest_ebpf.btf.split import names_in
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.verdict import Subject, judge
from pytest_ebpf.errors import BtfError, ObjectError
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.objects import parse_object

DATA = st.data()


@pytest.fixture(scope="module")
def raw_btf(bpf_object: bytes) -> bytes:
    data = elf.section(bpf_object, ".BTF")
    assert data
    return data


@pytest.fixture(scope="module")
def facts() -> KernelFacts:
    return KernelFacts(KernelStore().get("6.12"))


@given(DATA)
def test_the_btf_of_a_kernel(tmp_path_factory, raw_btf, data):
    folder = tmp_path_factory.mktemp("btf")
    (folder / "btf").write_bytes(data.draw(mutated(raw_btf)))
    with only(BtfError):
        made = open_indexed(folder / "btf", folder / "index")
        read = open_indexed(folder / "btf", folder / "index")
        assert made.ids("int") == read.ids("int")


@given(DATA)
def test_the_index_of_a_kernel(tmp_path_factory, raw_btf, data):
    """Whatever is in it, what is found is what is there."""
    folder: Path = tmp_path_factory.mktemp("index")
    (folder / "btf").write_bytes(raw_btf)
    sound = open_indexed(folder / "btf", folder / "index")
    (folder / "index").write_bytes(data.draw(mutated((folder / "index").read_bytes())))
    found = open_indexed(folder / "btf", folder / "index")
    assert [found.ids(name) for name in ("int", "event")] == [sound.ids(name) for name in ("int", "event")]


@given(DATA)
def test_the_btf_of_a_module(raw_btf, data):
    with only(BtfError):
        names_in(data.draw(mutated(raw_btf)), Btf.parse(raw_btf), Func)


@given(DATA)
def test_a_check_of_an_object(bpf_object, facts, data):
    path = Path("wounded.o")
    with only(ObjectError):
        wounded = data.draw(mutated(bpf_object))
        list(judge(Subject.of("wounded", wounded, parse_object(wounded, path)), facts))
