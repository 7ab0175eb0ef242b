"""KVM is taken only where a real start has proven it, and the answer is kept while the host is up."""

from __future__ import annotations

import json

import pytest

from pytest_ebpf.errors import MachineError
from pytest_ebpf.machine import accelerator
from pytest_ebpf.machine.accelerator import Choice, choose


@pytest.fixture
def device(tmp_path, monkeypatch):
    """A device file that this user may open."""
    path = tmp_path / "kvm"
    path.touch()
    monkeypatch.setattr(accelerator, "_DEVICE", path)
    return path


class Proof:
    def __init__(self, error=None):
        self.error = error
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.error:
            raise self.error


def test_auto_takes_kvm_that_was_proven(device, tmp_path):
    assert choose("auto", Proof(), tmp_path / "memory") == Choice("kvm")


def test_auto_falls_back_and_says_why(device, tmp_path):
    proof = Proof(MachineError("kernel 6.1 did not come up within 10 s"))
    choice = choose("auto", proof, tmp_path / "memory")
    assert choice.accelerator == "tcg"
    assert choice.reason == (
        f"{device} is there but a guest does not come up with it (kernel 6.1 did not come up within 10 s)"
    )


@pytest.mark.parametrize("error", [None, MachineError("no")])
def test_the_answer_is_remembered(device, tmp_path, error):
    proof = Proof(error)
    first = choose("auto", proof, tmp_path / "deep" / "memory")
    assert choose("auto", proof, tmp_path / "deep" / "memory") == first
    assert proof.calls == 1


def test_an_answer_that_cannot_be_kept_is_used(device, tmp_path):
    (tmp_path / "file").touch()
    assert choose("auto", Proof(), tmp_path / "file" / "memory.json") == Choice("kvm")


@pytest.mark.parametrize("kept", ["", "[]", "{}", json.dumps({"boot": "an earlier one", "problem": ""})])
def test_a_memory_that_is_damaged_or_old_is_not_believed(device, tmp_path, kept):
    (tmp_path / "memory").write_text(kept)
    proof = Proof()
    choose("auto", proof, tmp_path / "memory")
    assert proof.calls == 1


def test_without_the_device_nothing_is_tried(device, tmp_path):
    device.unlink()
    proof = Proof()
    assert choose("auto", proof, tmp_path / "memory") == Choice("tcg", f"{device} is not there")
    assert proof.calls == 0


def test_kvm_that_was_asked_for_and_is_not_there_is_an_error(device, tmp_path):
    device.unlink()
    with pytest.raises(MachineError) as caught:
        choose("kvm", Proof(), tmp_path / "memory")
    assert str(caught.value) == (
        f"{device} is not there; use --ebpf-accelerator tcg, or give this user access to KVM"
    )


def test_what_is_asked_for_is_not_proven_first(device, tmp_path):
    proof = Proof()
    assert choose("tcg", proof, tmp_path / "memory") == Choice("tcg")
    assert choose("kvm", proof, tmp_path / "memory") == Choice("kvm")
    assert proof.calls == 0


def test_an_answer_that_cannot_be_kept_is_found_anew(device, tmp_path):
    (tmp_path / "file").touch()
    proof = Proof(MachineError("no"))
    for _ in range(2):
        assert choose("auto", proof, tmp_path / "file" / "memory").accelerator == "tcg"
    assert proof.calls == 2
