"""``ebpf-build [build]``: bring the objects of a manifest up to date."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from pytest_ebpf.cli.progress import ERASE, working
from pytest_ebpf.errors import UsageError
from pytest_ebpf.manifest import FILE_NAME, find


def run(arguments: Namespace) -> int:
    """Build and say in a line what was done."""
    from pytest_ebpf.session.building import build_project  # noqa: PLC0415 - others need what is below

    manifest = manifest_of(arguments.manifest)
    with working("building", quiet=arguments.quiet):
        result = build_project(manifest, arguments.objects, jobs=arguments.jobs, say=say)
    for warning in result.warnings:
        print(warning, file=sys.stderr)
    if not arguments.quiet:
        what = f"{len(result.objects)} object{'' if len(result.objects) == 1 else 's'}"
        done = f"{result.compiled} compiled" if result.compiled else "nothing to do"
        print(f"{what}, {done} ({result.seconds:.2f} s)")
    return 0


def manifest_of(given: str | None) -> Path:
    """Return the manifest *given*, else the nearest; :class:`UsageError` if there is none."""
    if given is not None:
        return Path(given)
    if found := find(Path.cwd()):
        return found
    raise UsageError(f"there is no {FILE_NAME} here or above", where=str(Path.cwd()), hint="write one")


def say(message: str) -> None:
    """Print a line at once, apart from what is asked for, in the place of one that tells of progress."""
    print(f"{ERASE if sys.stderr.isatty() else ''}{message}", file=sys.stderr, flush=True)
