"""``ebpf-build matrix``: which programs of any object load on which kernels, and why not."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace

from pytest_ebpf import report
from pytest_ebpf.cli.loading import load_all, read_objects, workspace_of
from pytest_ebpf.cli.progress import say
from pytest_ebpf.kernels import select


def run(arguments: Namespace) -> int:
    """Print the matrix; 1 if a program does not load somewhere, though the kernel has what it needs."""
    workspace = workspace_of(arguments, whole=not arguments.objects)
    specs = select(arguments.kernel, workspace.promised, option="--kernel")
    objects = read_objects(workspace, arguments.objects)
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
