"""Programs at functions and probes of a binary of user space: a tool of ours that doubles a number."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_ebpf.session.ebpf import Ebpf

SOURCE = Path(__file__).parents[1] / "vm" / "data" / "tool.c"


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Always at the same address, as Linux 5.10 wants for probes of no certain process."""
    made = tmp_path_factory.mktemp("tool") / "tool"
    subprocess.run(["gcc", "-O1", "-no-pie", "-o", made, SOURCE], check=True, timeout=60)
    return made


@pytest.fixture(autouse=True)
def _installed(ebpf: Ebpf, binary: Path) -> None:
    ebpf.guest.install(binary, to="/tool")


def double(ebpf: Ebpf, number: int) -> int:
    return ebpf.guest.run(["/tool", str(number)], check=False).status


@pytest.mark.hook("uprobe")
def test_uprobe(ebpf: Ebpf) -> None:
    tool = ebpf.load("uprobes")
    tool.programs.called.attach()
    double(ebpf, 21)
    assert tool.globals.argument == 21


@pytest.mark.hook("uretprobe")
def test_uretprobe(ebpf: Ebpf) -> None:
    tool = ebpf.load("uprobes")
    tool.programs.returned.attach()
    double(ebpf, 21)
    assert tool.globals.result == 42


@pytest.mark.hook("uprobe.multi")
def test_uprobe_multi(ebpf: Ebpf) -> None:
    tool = ebpf.load("uprobes")
    tool.programs.any_called.attach()  # main() and twice(), as the manifest says
    double(ebpf, 21)
    assert tool.globals.seen == 2


@pytest.mark.hook("uretprobe.multi")
def test_uretprobe_multi(ebpf: Ebpf) -> None:
    tool = ebpf.load("uprobes")
    tool.programs.any_returned.attach()
    double(ebpf, 21)
    assert tool.globals.result == 42


@pytest.mark.hook("uprobe.session")
def test_uprobe_session(ebpf: Ebpf) -> None:
    tool = ebpf.load("uprobes")
    tool.programs.around.attach()
    double(ebpf, 21)
    assert tool.globals.seen == 2  # where the function begins, and where it ends


@pytest.mark.hook("uprobe.s")
def test_sleepable_uprobe(ebpf: Ebpf) -> None:
    tool = ebpf.load("sleepable", autoload={"begins": True})
    tool.programs.begins.attach()
    double(ebpf, 21)
    assert tool.globals.path == "21"


@pytest.mark.hook("usdt")
def test_usdt(ebpf: Ebpf) -> None:
    tool = ebpf.load("uprobes")
    tool.programs.doubled.attach()
    double(ebpf, 21)
    assert tool.globals.argument == 21
