"""``ebpf-build matrix``: which programs of any object load on which kernels, and why not."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from pathlib import Path

from pytest_ebpf import report
from pytest_ebpf.cli.build import say
from pytest_ebpf.kernels import select
from pytest_ebpf.manifest import find
from pytest_ebpf.session.compatibility import compatibility
from pytest_ebpf.session.workspace import Workspace


def run(arguments: Namespace) -> int:
    """Print the matrix; 1 if a program does not load somewhere, though the kernel has what it needs."""
    workspace = Workspace(find(Path.cwd()), Path.cwd(), say=say)
    specs = select(arguments.kernel, workspace.promised)
    files = [workspace.file(name) for name in arguments.files]
    matrix = compatibility(files, specs, workspace.fleet(arguments.accelerator))
    if arguments.json:
        print(report.json_document(matrix))
    elif arguments.markdown:
        print(report.markdown(matrix, heading="program"))
    else:
        width = shutil.get_terminal_size().columns
        print(report.text(matrix, width=width, color=sys.stdout.isatty(), heading="program"))
    return 0 if matrix.ok else 1
