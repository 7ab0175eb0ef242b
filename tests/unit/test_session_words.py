"""What the session says: the outcome behind an error, the reason in a cell, the objects it knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_ebpf import errors, paths
from pytest_ebpf.errors import EbpfError, LoadError, MachineError, ToolError, UnsupportedError, UsageError
from pytest_ebpf.report import Outcome
from pytest_ebpf.session.compatibility import reason_of
from pytest_ebpf.session.failure import lost_machine, outcome_of
from pytest_ebpf.session.workspace import Workspace

RELEASE = "6.1.0-56-cloud-amd64"


OUTCOMES = {
    "UnsupportedError": Outcome.UNSUPPORTED,
    "KernelCrashedError": Outcome.CRASHED,
    "DeadlineError": Outcome.TIMED_OUT,
    "InfrastructureError": Outcome.INFRASTRUCTURE,
    "MachineError": Outcome.INFRASTRUCTURE,
    "ProtocolError": Outcome.INFRASTRUCTURE,
    "GuestLostError": Outcome.INFRASTRUCTURE,
    "KernelError": Outcome.INFRASTRUCTURE,
    "ToolError": Outcome.INFRASTRUCTURE,
}

LOST = {
    "KernelCrashedError",
    "DeadlineError",
    "InfrastructureError",
    "MachineError",
    "ProtocolError",
    "GuestLostError",
}

KINDS = sorted(
    (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EbpfError)),
    key=lambda kind: kind.__name__,
)


def one(kind: type[EbpfError]) -> EbpfError:
    if issubclass(kind, errors.ProblemsError):
        return kind([errors.Problem("here", "wrong")])
    return kind("wrong", errno=22) if issubclass(kind, errors.GuestError) else kind("wrong")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_of_ours_has_an_outcome(kind):
    error = one(kind)
    assert outcome_of(error) is OUTCOMES.get(kind.__name__, Outcome.FAILED)
    assert lost_machine(error) is (kind.__name__ in LOST)


def test_what_is_not_ours_is_a_failure():
    assert outcome_of(ZeroDivisionError()) is Outcome.FAILED
    assert not lost_machine(ZeroDivisionError())
    assert not lost_machine(None)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnsupportedError(f"kernel {RELEASE} has no tcx programs"), "this kernel has no tcx programs"),
        (UnsupportedError("this kernel has no tcx programs"), "this kernel has no tcx programs"),
        (LoadError(f"invalid access (kernel {RELEASE})"), "invalid access"),
        (
            LoadError("invalid access", at="a.bpf.c:7: x = *p;"),
            "invalid access, at a.bpf.c:7: x = *p;",
        ),
    ],
)
def test_a_reason_leaves_the_kernel_to_its_column(error, reason):
    assert reason_of(error, RELEASE) == reason


def workspace(folder: Path) -> Workspace:
    return Workspace(None, folder, say=print)


def test_a_workspace_without_a_manifest_knows_files_only(tmp_path):
    found = workspace(tmp_path)
    assert (found.promised, found.build(), found.import_path, dict(found.bindings)) == ((), None, [], {})
    with pytest.raises(UsageError) as caught:
        found.prepared("firewall")
    assert str(caught.value) == (
        f'{tmp_path}: no object is called "firewall", and no file either; give the path of an object file'
    )


def test_no_machine_without_an_emulator_or_an_agent(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError) as no_emulator:
        workspace(tmp_path).require_emulator()
    assert str(no_emulator.value) == (
        "qemu-system-x86_64: not found on PATH; install it: sudo apt-get install qemu-system-x86"
    )
    (tmp_path / "qemu-system-x86_64").write_text("")
    (tmp_path / "qemu-system-x86_64").chmod(0o755)
    monkeypatch.setattr(paths, "agent", lambda: tmp_path / "agent")
    with pytest.raises(MachineError) as no_agent:
        workspace(tmp_path).require_emulator()
    assert str(no_agent.value) == f"{tmp_path}/agent: the guest agent is not there; {paths.agent_recipe()}"
