"""``python -m benchmarks [SUBJECT ...]``: measure, print the table; for all of them write results.md."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

from benchmarks.result import Result, markdown, text

#: By the words of the command line, in the order of the table.
SUBJECTS: Final = {
    "boot": "benchmarks.boot",
    "calls": "benchmarks.calls",
    "wire": "benchmarks.wire",
    "events": "benchmarks.events",
    "build": "benchmarks.builds",
    "import": "benchmarks.imports",
    "restore": "benchmarks.restores",
    "suite": "benchmarks.suites",
    "check": "benchmarks.checks",
    "report": "benchmarks.report",
    "matrix": "benchmarks.matrix",
}

RESULTS: Final = Path(__file__).with_name("results.md")


def main(names: list[str]) -> int:
    """Measure what is named, or all, one after the other; 1 if a bar is missed, 2 for an unknown name."""
    unknown = [name for name in names if name not in SUBJECTS]
    if unknown:
        print(
            f"benchmarks: no such benchmark ({unknown[0]}); there are {', '.join(SUBJECTS)}", file=sys.stderr
        )
        return 2
    results: list[Result] = []
    for name in names or SUBJECTS:
        print(f"==> {name}", file=sys.stderr, flush=True)
        measure: Callable[[], list[Result]] = import_module(SUBJECTS[name]).run
        results += measure()
    print(text(results))
    if not names:
        RESULTS.write_text(markdown(results, heading=_heading()), encoding="utf-8")
    return 1 if any(each.verdict == "MISS" for each in results) else 0


def _heading() -> str:
    qemu = subprocess.run(
        ["qemu-system-x86_64", "--version"], check=True, capture_output=True, text=True
    ).stdout
    processor = next(
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    return (
        f"Measured by `make bench` on {os.cpu_count()} CPUs ({processor}), without KVM, "
        f"{qemu.splitlines()[0]}, Python {platform.python_version()}."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
