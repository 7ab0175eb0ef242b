"""What works and what does not on this host: a finding for each thing that the main job needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pytest_ebpf import paths
from pytest_ebpf.kernels.apt import Apt
from pytest_ebpf.machine.shelf import LIMIT, Shelf
from pytest_ebpf.session.budget import available_memory
from pytest_ebpf.session.health import host, stock, tools
from pytest_ebpf.session.health.finding import Finding, State, healthy
from pytest_ebpf.session.workspace import Workspace

__all__ = ["Finding", "State", "examine", "healthy"]


def examine(manifest: Path | None, folder: Path, *, say: Callable[[str], None]) -> tuple[Finding, ...]:
    """Look at this host, and at the project of *manifest*; without one, at *folder*.

    Takes a second at most, but for the first time on a host whose ``/dev/kvm`` can be opened: then a machine
    is started with it, which takes up to 10 s. *say* is told of that.
    """
    workspace = Workspace(manifest, folder, say=say)
    declared = host.project(workspace)
    if declared.state != "ok":  # what it says of kernels and machines is not known
        workspace = Workspace(None, workspace.root, say=say)

    root = paths.cache_root()
    cached = workspace.store.cached()
    mend = paths.agent_recipe()
    emulator, agent = tools.emulator(), tools.agent(paths.agent(), mend)
    ready = bool(cached) and "fail" not in (emulator.state, agent.state)
    archive = stock.archive(Apt(root / "apt", say=say))
    obtainable = archive.state != "fail"
    if cached and not obtainable:  # what is in the cache will do
        archive = replace(archive, state="note")
    return (
        host.python(),
        declared,
        emulator,
        tools.accelerator(
            (lambda: workspace.fleet("auto").accelerator) if ready else None, memory=root / "accelerator.json"
        ),
        tools.compiler(),
        agent,
        tools.headers(paths.libbpf_include(), mend),
        stock.kernels(
            list(dict.fromkeys(str(kernel.version) for kernel in cached)),
            workspace.promised,
            workspace.store.has,
            obtainable=obtainable,
        ),
        stock.snapshots(Shelf(root, say=say).entries(), LIMIT),
        archive,
        host.disk(host.room_in(root), host.room_in(workspace.root), kernels=bool(cached)),
        host.memory(available_memory(), workspace.test.memory),
    )
