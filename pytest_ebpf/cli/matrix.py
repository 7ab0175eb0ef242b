"""``ebpf-build matrix``: which programs of any object load on which kernels, and why not."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_ebpf import report
from pytest_ebpf.cli.build import manifest_of, say
from pytest_ebpf.cli.progress import working
from pytest_ebpf.errors import UsageError
from pytest_ebpf.kernels import select
from pytest_ebpf.manifest import find
from pytest_ebpf.session.compatibility import compatibility
from pytest_ebpf.session.prepared import Prepared
from pytest_ebpf.session.workspace import Workspace


def run(arguments: Namespace) -> int:
    """Print the matrix; 1 if a program does not load somewhere, though the kernel has what it needs."""
    workspace = Workspace(find(Path.cwd()), Path.cwd(), say=say)
    specs = select(arguments.kernel, workspace.promised, option="--kernel")
    objects = _objects(workspace, arguments.files)
    workspace.require_emulator()
    programs = sum(len(each.facts.programs) for each in objects)
    say(f"loading {count(programs, 'program')} on {count(len(specs), 'kernel')}")
    with working("kernels") as tell:
        run = compatibility(objects, specs, workspace.fleet(arguments.accelerator), tell)
    matrix = run.matrix
    if arguments.json:
        print(report.json_document(run), end="")
    elif arguments.markdown:
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
    manifest_of(None)
    workspace.build()
    return [workspace.prepared(name) for name in (workspace.manifest.objects if workspace.manifest else ())]


def read_files(workspace: Workspace, files: Sequence[str]) -> list[Prepared]:
    """Read the objects in *files*, named as short as tells them apart."""
    found = {}
    for name in dict.fromkeys(files):
        if not Path(name).is_file():
            raise UsageError("no such file", where=name, hint="give the path of an object file")
        found[name] = workspace.file(str(Path(name).absolute()))
    names = Counter(each.name for each in found.values())
    return [each if names[each.name] == 1 else replace(each, name=name) for name, each in found.items()]


def count(number: int, what: str) -> str:
    """Spell *number* of *what* out."""
    return f"{number} {what}{'' if number == 1 else 's'}"
