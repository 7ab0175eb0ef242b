"""``ebpf-build check``: on which kernels objects can work, and because of what not, without booting one."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pytest_ebpf.cli.progress import say
from pytest_ebpf.cli.project import kernel_store, manifest_if_any, manifest_of
from pytest_ebpf.compat import render
from pytest_ebpf.compat.verdict import Subject
from pytest_ebpf.errors import UsageError
from pytest_ebpf.kernels import Kernel, select
from pytest_ebpf.kernels.selection import names_promised
from pytest_ebpf.session.checking import check, read_subject


def run(arguments: Namespace) -> int:
    """Print the verdicts; 1 if a program that is loaded with its object cannot work on one of the kernels."""
    manifest = manifest_if_any(arguments) if arguments.objects else manifest_of(arguments)
    kernels = _kernels(arguments.kernel, manifest)
    subjects = _declared(manifest) if manifest and not arguments.objects else _files(arguments.objects)
    report = check(subjects, kernels)
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


def _files(names: Sequence[str]) -> list[Subject]:
    """The objects in files, each named as short as tells it from the others."""
    paths = {Path(name): None for name in names}
    counts = Counter(path.name for path in paths)
    return [read_subject(path, path.name if counts[path.name] == 1 else str(path)) for path in paths]


def _declared(manifest: Path) -> list[Subject]:
    """The objects of *manifest*, built if they are stale, loaded as they are declared."""
    from pytest_ebpf.manifest import load  # noqa: PLC0415 - slow to import, and not always needed
    from pytest_ebpf.session.building import build_project  # noqa: PLC0415

    declared = load(manifest)
    objects = build_project(manifest, say=say).objects
    return [read_subject(built.path, built.name, declared) for built in objects]
