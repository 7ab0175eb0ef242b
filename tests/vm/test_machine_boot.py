"""A kernel becomes a guest that answers, says why when it does not, and leaves nothing behind."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import predicted
import pytest

from pytest_ebpf import paths
from pytest_ebpf.errors import DeadlineError, GuestLostError, KernelCrashedError, MachineError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.machine import MachineConfig, Recipe, boot


def start(kernel):
    return boot(Recipe(kernel, paths.agent(), MachineConfig()), timeout=300)


def children_of_this_process():
    return {
        int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == os.getpid()
    }


def _parent(stat):
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def test_what_boots_is_what_was_asked_for(guest, kernel):
    assert guest.hello.release == kernel.release
    assert guest.hello.machine == "x86_64"


def test_one_cpu_more_than_is_online_is_possible(guest):
    assert guest.call("read_file", path="/sys/devices/system/cpu/possible") == b"0-1\n"
    assert guest.call("read_file", path="/sys/devices/system/cpu/online") == b"0\n"


def test_a_message_of_megabytes_crosses(guest):
    assert guest.call("write_file", path="/tmp/big", data=bytes(range(256)) * 8192) is None
    data = guest.call("read_file", path="/tmp/big", limit=4 << 20)
    assert data == bytes(range(256)) * 8192


@pytest.mark.parametrize("line", ["6.12"], indirect=True)
def test_libbpf_finds_the_kernel_s_configuration(kernel, tmp_path):
    """Where it was kept; a program that goes wrong if CONFIG_HZ is 100."""
    predicted.sources()["symbols_kconfig"].compile(tmp_path / "asks.bpf.o")
    asks = (tmp_path / "asks.bpf.o").read_bytes()
    config = tmp_path / "config"
    for text, there in [("CONFIG_HZ=250\n", True), ("CONFIG_HZ=100\n", False), (None, False)]:
        config.write_text(text or "")
        with start(replace(kernel, config=config if text else None)) as machine:
            guest = Guest(machine, timeout=60)
            if there:
                guest.call("load", elf=asks, name="asks")
            else:
                with pytest.raises(CallError):
                    guest.call("load", elf=asks, name="asks")


@pytest.mark.parametrize("line", ["6.12"], indirect=True)
class TestTrouble:
    """What goes wrong with a machine is an error that says what; the machine is gone after it."""

    def test_a_kernel_that_panics_is_told_with_its_last_words(self, kernel):
        with start(kernel) as machine, pytest.raises(KernelCrashedError) as caught:
            Guest(machine, timeout=30).call("write_file", path="/proc/sysrq-trigger", data=b"c")
        assert str(caught.value) == "Kernel panic - not syncing: sysrq triggered crash"
        assert "Call Trace" in caught.value.console

    def test_an_emulator_that_is_killed_is_no_crash_of_the_kernel(self, kernel):
        with start(kernel) as machine:
            os.kill(machine.pid, signal.SIGKILL)
            with pytest.raises(GuestLostError, match=r"the machine ended \(killed by SIGKILL\)"):
                Guest(machine, timeout=30).call("hello")

    def test_a_machine_that_is_silent_says_nothing_of_the_program(self, kernel):
        with start(kernel) as machine:
            os.kill(machine.pid, signal.SIGSTOP)
            with pytest.raises(GuestLostError) as caught:
                Guest(machine, timeout=0.2).call("hello")
        assert str(caught.value) == "the guest did not answer in time, and its kernel is silent"

    def test_a_call_that_hangs_meets_a_deadline_and_the_kernel_shows_its_stacks(self, kernel):
        with start(kernel) as machine:
            process = Guest(machine, timeout=30).call("spawn")["process"]
            with pytest.raises(DeadlineError) as caught:
                Guest(machine, timeout=0.5).call("wait", process=process, timeout_ms=60_000)
        assert str(caught.value) == "the guest did not answer in time"
        assert "sysrq: Show backtrace of all active CPUs" in caught.value.console

    def test_a_kernel_that_does_not_come_up_is_told_with_its_console(self, kernel, tmp_path):
        agent = tmp_path / "agent"
        agent.write_bytes(b"not an executable")
        before = children_of_this_process()
        with pytest.raises(MachineError) as caught:
            boot(Recipe(kernel, agent, MachineConfig()), timeout=300)
        assert "did not come up (Kernel panic - not syncing: No working init found." in str(caught.value)
        assert "No working init found" in caught.value.console
        assert children_of_this_process() == before

    def test_an_agent_that_was_not_built_is_said(self, kernel, tmp_path):
        with pytest.raises(MachineError) as caught:
            boot(Recipe(kernel, tmp_path / "agent", MachineConfig()), timeout=300)
        assert str(caught.value) == (
            f"{tmp_path}/agent: the guest agent is not there (No such file or directory); "
            f"{paths.agent_recipe()}"
        )

    def test_an_emulator_that_refuses_its_arguments_is_quoted(self, kernel):
        with pytest.raises(MachineError) as caught:
            boot(Recipe(kernel, paths.agent(), MachineConfig(memory=1 << 40)), timeout=300)
        assert "Cannot allocate memory" in str(caught.value)

    def test_stopping_twice_is_stopping_once(self, kernel):
        machine = start(kernel)
        machine.stop()
        machine.stop()
        assert not machine.alive

    def test_no_descriptor_is_left(self, kernel):
        start(kernel).stop()
        gc.collect()  # what others have left is not to be closed in between
        before = len(list(Path("/proc/self/fd").iterdir()))
        start(kernel).stop()
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    def test_the_machine_ends_when_its_owner_is_killed(self, kernel):
        owner = subprocess.Popen([sys.executable, "-c", _OWNER], stdout=subprocess.PIPE, text=True)
        pid = int(owner.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        owner.kill()
        owner.wait()
        deadline = time.monotonic() + 60
        while _runs(pid):
            assert time.monotonic() < deadline, "the emulator outlived its owner"
            time.sleep(0.05)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


_OWNER = """
import sys, time
from pathlib import Path
from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.machine import MachineConfig, Recipe, boot
kernel = KernelStore(lock=None, say=lambda text: None).get("6.12")
machine = boot(Recipe(kernel, paths.agent(), MachineConfig()), timeout=300)
print(machine.pid, flush=True)
time.sleep(600)
"""
