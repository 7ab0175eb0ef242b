"""``ebpf-build [build]``: bring the objects of a manifest up to date."""

from __future__ import annotations

import sys
from argparse import Namespace

from pytest_ebpf.cli.progress import count, say, working
from pytest_ebpf.cli.project import manifest_of
from pytest_ebpf.session.building import build_project


def run(arguments: Namespace) -> int:
    """Build and say in a line what was done."""
    manifest = manifest_of(arguments)
    with working("building", quiet=arguments.quiet):
        result = build_project(manifest, arguments.objects, jobs=arguments.jobs, say=say)
    for warning in result.warnings:
        print(warning, file=sys.stderr)
    if not arguments.quiet:
        done = f"{result.compiled} compiled" if result.compiled else "nothing to do"
        print(f"{count(len(result.objects), 'object')}, {done} ({result.seconds:.2f} s)")
    return 0
