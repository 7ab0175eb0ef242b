"""Objects on kernels that are booted: what ``matrix`` and ``stats`` have in common."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_ebpf.cli.progress import count, say, working
from pytest_ebpf.cli.project import manifest_if_any, manifest_of, told_apart
from pytest_ebpf.errors import UsageError
from pytest_ebpf.report import Run
from pytest_ebpf.session.compatibility import compatibility
from pytest_ebpf.session.fleet import Fleet
from pytest_ebpf.session.prepared import Prepared
from pytest_ebpf.session.workspace import Workspace


def workspace_of(arguments: Namespace, *, whole: bool) -> Workspace:
    """Return the project that a command is about, or the folder where there is none.

    :class:`~pytest_ebpf.errors.UsageError` if there is none and the *whole* of it is asked for.
    """
    manifest = manifest_of(arguments) if whole else manifest_if_any(arguments)
    return Workspace(manifest, Path.cwd(), say=say)


def read_objects(workspace: Workspace, names: Sequence[str]) -> list[Prepared]:
    """Read the objects of these *names* in the manifest, built if they are stale, and in the files so called.

    Without names all of the manifest. :class:`~pytest_ebpf.errors.UsageError` for what is neither.
    """
    declared = workspace.manifest.objects if workspace.manifest else {}
    wanted, files = told_apart(names, declared) if names else (list(declared), [])
    if wanted or not names:
        workspace.build()
    return [*map(workspace.prepared, wanted), *_read_files(workspace, files)]


def _read_files(workspace: Workspace, files: Sequence[str]) -> list[Prepared]:
    """The objects in *files*, named as short as tells them apart."""
    found = {}
    for name in files:
        if not Path(name).is_file():
            raise UsageError("no such file", where=name, hint="give the path of an object file")
        found[name] = workspace.file(str(Path(name).absolute()))
    names = Counter(each.name for each in found.values())
    return [each if names[each.name] == 1 else replace(each, name=name) for name, each in found.items()]


def load_all(workspace: Workspace, objects: Sequence[Prepared], specs: Sequence[str], fleet: Fleet) -> Run:
    """Load every program of *objects* on every kernel, and tell how far that is.

    :class:`~pytest_ebpf.errors.EbpfError` if no machine can be started here.
    """
    workspace.require_emulator()
    programs = sum(len(each.facts.programs) for each in objects)
    say(f"loading {count(programs, 'program')} on {count(len(specs), 'kernel')}")
    with working("kernels") as tell:
        return compatibility(objects, specs, fleet, tell)
