"""The sample project's tests on five kernels, and what the parts of a cell cost. Told, without a bar."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.machines import KERNELS, booted
from benchmarks.measure import seconds
from benchmarks.result import Result

SAMPLE: Final = Path(__file__).parents[1] / "sample_project"
OBJECT: Final = SAMPLE / "build" / "ebpf" / "firewall.bpf.o"

_SUMMARY: Final = re.compile(r"^=*\s*(\d.*) in ([\d.]+)s", re.MULTILINE)


def run() -> list[Result]:
    """Run the project's tests, the second time with every snapshot there, then load its largest object."""
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "ebpf",
        "-q",
        "-p",
        "no:cacheprovider",
        "--ebpf-kernel",
        "all",
    ]
    _tests(argv)
    spent, outcomes = _tests(argv)
    told = Result("sample project, wall time", spent, "s", None, f"{len(KERNELS)} kernels: {outcomes}")
    return [told, *(result for spec in KERNELS for result in _loads(spec))]


def _tests(argv: list[str]) -> tuple[float, str]:
    done = subprocess.run(argv, cwd=SAMPLE, capture_output=True, text=True, timeout=1200, check=False)
    summary = _SUMMARY.search(done.stdout)
    if done.returncode or not summary:
        message = f"the sample project does not pass: {done.stdout[-2000:]}{done.stderr[-500:]}"
        raise RuntimeError(message)
    return float(summary[2]), summary[1]


def _loads(spec: str) -> Iterator[Result]:
    elf = OBJECT.read_bytes()
    with booted(spec) as guest:

        def load() -> None:
            answer = guest.call("load", elf=elf, name="firewall")
            guest.call("unload", object=answer["object"])

        first = seconds(load)
        later = median(seconds(load) for _ in range(5))
    detail = f"{len(elf):,} bytes; the first time in a machine {first * 1000:.0f} ms"
    yield Result(f"load of the firewall, {spec}", later * 1000, "ms", None, detail)
