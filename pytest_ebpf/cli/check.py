"""``ebpf-build check``: on which kernels objects can work, and because of what not, without booting one."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_ebpf.cli.progress import say
from pytest_ebpf.cli.project import kernel_store, manifest_if_any, manifest_of, told_apart
from pytest_ebpf.compat import render
from pytest_ebpf.compat.verdict import Subject
from pytest_ebpf.errors import UsageError
from pytest_ebpf.kernels import Kernel, select
from pytest_ebpf.kernels.selection import names_promised
from pytest_ebpf.session.checking import check, read_subject

if TYPE_CHECKING:
    from pytest_ebpf.manifest import Manifest


def run(arguments: Namespace) -> int:
    """Print the verdicts; 1 if a program that is loaded with its object cannot work on one of the kernels."""
    manifest = manifest_if_any(arguments) if arguments.objects else manifest_of(arguments)
    kernels = _kernels(arguments.kernel, manifest)
    report = check(_subjects(arguments.objects, manifest), kernels)
    forms = {"text": render.text, "json": render.json_document, "markdown": render.markdown}
    print(forms[arguments.format](report))
    return 0 if report.ok else 1


def _kernels(given: Sequence[str], manifest: Path | None) -> Sequence[Kernel]:
    """The kernels named, else those that the manifest promises, else those in the cache."""
    expression = ",".join(given)
    promised: Sequence[str] = ()
    if manifest and (not expression or names_promised(expression)):
        from pytest_ebpf.manifest import load  # noqa: PLC0415 - slow to import, and not always needed

        promised = load(manifest).kernels
    store = kernel_store(manifest)
    if expression:
        return [store.get(spec) for spec in select(expression, promised, option="--kernel")]
    kernels = [store.get(spec) for spec in promised] or [each for each in store.cached() if each.packages]
    if not kernels:
        raise UsageError("there is no kernel in the cache", where="--kernel", hint="name one, such as 6.1")
    return kernels


def _subjects(names: Sequence[str], manifest: Path | None) -> list[Subject]:
    """The objects of the manifest that are named, all without names, and those in files.

    The manifest is not read for what can be no name of an object.
    """
    if manifest is None or (names and not any(map(str.isidentifier, names))):
        return _files(names)
    from pytest_ebpf.manifest import load  # noqa: PLC0415 - slow to import, and not always needed

    declared = load(manifest)
    wanted, files = told_apart(names, declared.objects)
    return [*(_declared(manifest, declared, wanted) if wanted or not names else []), *_files(files)]


def _files(names: Sequence[str]) -> list[Subject]:
    """The objects in files, each named as short as tells it from the others."""
    paths = {Path(name): None for name in names}
    counts = Counter(path.name for path in paths)
    return [read_subject(path, path.name if counts[path.name] == 1 else str(path)) for path in paths]


def _declared(path: Path, manifest: Manifest, names: Sequence[str]) -> list[Subject]:
    """The objects of the *manifest* in *path*, built if they are stale, loaded as they are declared."""
    from pytest_ebpf.session.building import build_project  # noqa: PLC0415 - as above

    objects = build_project(path, names, say=say).objects
    return [read_subject(built.path, built.name, manifest) for built in objects]
