"""``ebpf-build stats``: what the verifier of each kernel has to do for each program, held against budgets."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from pytest_ebpf import report
from pytest_ebpf.cli.loading import load_all, read_objects, workspace_of
from pytest_ebpf.cli.progress import say
from pytest_ebpf.kernels import select
from pytest_ebpf.manifest.source import display_name
from pytest_ebpf.report import ProgramSize
from pytest_ebpf.session.limits import (
    Baseline,
    Excess,
    Limits,
    baseline_file,
    limits_of,
    read_baseline,
    write_baseline,
)
from pytest_ebpf.session.workspace import Workspace


def run(arguments: Namespace) -> int:
    """Print the figures; 1 if one is over its budget, or if there are none because a program is refused."""
    workspace = workspace_of(arguments, whole=not arguments.objects)
    specs = select(arguments.kernel, workspace.promised, option="--kernel")
    limits = _limits(workspace, arguments)
    objects = read_objects(workspace, arguments.objects)
    fleet = workspace.fleet(arguments.accelerator)
    found = load_all(workspace, objects, specs, fleet)
    sizes = report.in_order(found.programs)
    exceeded = limits.exceeded(sizes)
    emulated = fleet.accelerator.accelerator == "tcg"
    print(_shown(arguments.format, sizes, limits, exceeded, emulated=emulated), end="")
    for line in dict.fromkeys(
        f"{cell.row} on {cell.column}: {cell.outcome}: {cell.reason}"
        for cell in found.matrix.cells
        if cell.reason
    ):
        say(line)
    for excess in exceeded:
        say(str(excess.problem))
    if arguments.write:
        whole = not arguments.objects and set(specs) == set(workspace.promised)
        write_baseline(baseline_file(workspace), sizes, anew=whole)
        say(f"wrote {display_name(baseline_file(workspace).absolute())}")
    return 1 if exceeded or not found.matrix.ok else 0


def _limits(workspace: Workspace, arguments: Namespace) -> Limits:
    """What the manifest sets, with the baseline that is asked for in the place of its own."""
    limits = limits_of(workspace, baseline=not arguments.write and arguments.against is None)
    if arguments.against is None:
        return limits
    where = f"--against: {arguments.against}"
    hint = "give a baseline, what ebpf-build stats --format json printed, or a matrix.json"
    sizes = read_baseline(Path(arguments.against), where, hint)
    return Limits(limits.manifest, Baseline(arguments.against, sizes, workspace.test.tolerance))


def _shown(
    form: str,
    sizes: Sequence[ProgramSize],
    limits: Limits,
    exceeded: Sequence[Excess],
    *,
    emulated: bool,
) -> str:
    if form == "json":
        said = [str(each.problem) for each in exceeded]
        return report.sizes_document(sizes, emulated=emulated, exceeded=said)
    over: dict[ProgramSize, set[str]] = {}
    for each in exceeded:
        over.setdefault(each.size, set()).add(each.figure)
    before = report.held_against(limits.baseline.sizes, sizes) if limits.baseline else {}
    table = report.size_markdown if form == "markdown" else report.size_text
    return table(sizes, before, over, emulated=emulated) + "\n"
