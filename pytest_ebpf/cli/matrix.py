"""``ebpf-build matrix``: which programs of any object load on which kernels, and why not."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence

from pytest_ebpf import report
from pytest_ebpf.cli.loading import load_all, read_files, workspace_of
from pytest_ebpf.cli.progress import say
from pytest_ebpf.kernels import select
from pytest_ebpf.session.prepared import Prepared
from pytest_ebpf.session.workspace import Workspace


def run(arguments: Namespace) -> int:
    """Print the matrix; 1 if a program does not load somewhere, though the kernel has what it needs."""
    workspace = workspace_of(arguments, whole=not arguments.files)
    specs = select(arguments.kernel, workspace.promised, option="--kernel")
    objects = _objects(workspace, arguments.files)
    run = load_all(workspace, objects, specs, workspace.fleet(arguments.accelerator))
    matrix = run.matrix
    if arguments.format == "json":
        print(report.json_document(run), end="")
    elif arguments.format == "markdown":
        print(report.markdown(matrix, heading="program"), end="")
    else:
        width = shutil.get_terminal_size().columns
        print(report.text(matrix, width=width, color=sys.stdout.isatty(), heading="program"))
    for wrong in run.mispredicted:
        say(f"ebpf: wrong prediction: {wrong}; please report")
    return 0 if matrix.ok else 1


def _objects(workspace: Workspace, files: Sequence[str]) -> list[Prepared]:
    """Read the objects in *files*; without, what is declared."""
    if files:
        return read_files(workspace, files)
    workspace.build()
    return [workspace.prepared(name) for name in (workspace.manifest.objects if workspace.manifest else ())]
