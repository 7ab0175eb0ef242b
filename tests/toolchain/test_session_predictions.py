"""Predictions held against what kernels did, as far as that needs no kernel to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import predicted
import pytest

from pytest_ebpf.bpf import LoadOptions
from pytest_ebpf.errors import LoadError, UnsupportedError
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.objects import parse_object
from pytest_ebpf.report import Prediction
from pytest_ebpf.session.predictions import Deed, Predictions
from pytest_ebpf.session.prepared import Prepared

Compared = Callable[..., list[Prediction]]


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    """``compared("hook_xdp", "6.1", loaded=["prog"])``: what is said of that."""

    def once(name: str, line: str, options: LoadOptions | None = None, **did: object) -> list[Prediction]:
        path = tmp_path / f"{name}.bpf.o"
        predicted.sources()[name].compile(path)
        data = path.read_bytes()
        prepared = Prepared("tool", data, parse_object(data, path), options or LoadOptions())
        found = Predictions().compared(Deed(prepared, KernelStore().get(line), **did))
        return [replace(each, said=each.said.replace(f"{tmp_path}/", "")) for each in found]

    return once


def version(line: str) -> str:
    return str(KernelStore().get(line).version)


def test_what_came_as_it_was_said(compared: Compared) -> None:
    assert compared("hook_xdp", "6.1", loaded=["prog"]) == [
        Prediction("tool", "prog", version("6.1"), '"works"')
    ]
    absent = UnsupportedError("this kernel has no netfilter programs", where="tool: prog")
    [found] = compared("hook_netfilter", "6.1", refused=absent)
    assert (found.said, found.seen) == (
        '"cannot work because no program type netfilter, at hook_netfilter.bpf.c:5"',
        "",
    )


def test_what_loads_though_it_cannot_work(compared: Compared) -> None:
    [found] = compared("hook_netfilter", "6.1", loaded=["prog"])
    assert str(found) == (
        f'tool: prog on {version("6.1")}: "cannot work because no program type netfilter,'
        ' at hook_netfilter.bpf.c:5" yet it loaded'
    )


def test_what_lacks_something_though_it_works(compared: Compared) -> None:
    absent = UnsupportedError("this kernel has no xdp programs", where="tool: prog")
    [found] = compared("hook_xdp", "6.1", refused=absent)
    assert (found.said, found.seen) == ('"works"', "it was refused: this kernel has no xdp programs")


def test_what_is_not_there_when_it_is_attached(compared: Compared) -> None:
    """That such a program loads is what was said of it."""
    once = partial(compared, "hook_kprobe_multi", "5.10", loaded=["prog"])
    assert [each.seen for each in once()] == [""]
    assert [each.seen for each in once(attached=["prog"])] == ["it was attached"]


def test_what_nothing_was_said_of(compared: Compared) -> None:
    """What the verifier makes of it, what only it can tell, and what is wrong with something else."""
    refused = LoadError("R0 !read_ok", where="tool: prog", program="prog")
    assert compared("hook_xdp", "6.1", refused=refused) == []
    assert compared("hook_freplace", "6.1", loaded=["prog"]) == []
    assert compared("hook_xdp", "6.1", refused=UnsupportedError("none", where="tool: map")) == []
    assert compared("hook_xdp", "6.1") == []


def test_what_is_set_before_loading_is_known(compared: Compared) -> None:
    said = [
        each.said
        for target in ("tcp_connect", "no_such_function")
        for each in compared(
            "hook_fentry_anywhere", "6.1", LoadOptions(targets={"prog": target}), loaded=["prog"]
        )
    ]
    assert said == [
        '"works"',
        '"cannot work because no function no_such_function in its BTF, at hook_fentry_anywhere.bpf.c:5"',
    ]


def test_each_program_is_compared_once_for_each_kernel(tmp_path: Path) -> None:
    path = tmp_path / "tool.bpf.o"
    predicted.sources()["hook_xdp"].compile(path)
    prepared = Prepared("tool", path.read_bytes(), parse_object(path.read_bytes(), path))
    kept, store = Predictions(), KernelStore()
    deed = Deed(prepared, store.get("6.1"), loaded=["prog"])
    assert len(kept.compared(deed)) == 1
    assert kept.compared(deed) == []
    assert len(kept.compared(replace(deed, kernel=store.get("6.12")))) == 1
