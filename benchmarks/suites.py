"""Whole runs of small tests: by isolation, and as tests and kernels grow in number."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.machines import KERNELS
from benchmarks.result import Bar, Result

TESTS: Final = 100
BARS: Final = {"test": Bar(45, "s"), "module": Bar(12, "s")}

#: How many tests on one kernel, and how many kernels for twenty tests, show the line.
LINE: Final = (10, 100, 1000)
COLUMNS: Final = (1, 3, 5)

_MANIFEST: Final = """\
[project]
name = "small"
kernels = ["5.10", "6.1", "6.12", "6.18", "7.2"]

[build]
kernel = "6.12"

[maps.runs]
type = "array"
key = "u32"
value = "u64"
max_entries = 1

[objects.small]
source = "small.bpf.c"
programs.ingress = { hook = "xdp" }
"""

_SOURCE: Final = """\
#include "ebpf.h"

SEC("xdp") int ingress(struct xdp_md *ctx)
{
	__u32 only = 0;
	__u64 *count = bpf_map_lookup_elem(&runs, &only);

	if (count)
		*count += 1;
	return XDP_PASS;
}
"""

_TEST: Final = """\
import os

import pytest

from pytest_ebpf import XDP


@pytest.mark.parametrize("number", range(int(os.environ["TESTS"])))
def test_small(ebpf, number):
    small = ebpf.load("small")
    assert small.programs.ingress.run(bytes(64)).verdict == XDP.PASS
    assert small.maps.runs[0] == 1
"""

_PASSED: Final = re.compile(r"^(\d+) passed.* in ([\d.]+)s", re.MULTILINE)


def run() -> list[Result]:
    """Measure both kinds of isolation, then the lines."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root)
        _seconds(root, 1, KERNELS, "test")  # builds, boots, and pays for the snapshots
        return [
            *(_isolated(root, isolation, bar) for isolation, bar in BARS.items()),
            *(_growth(root, tests, KERNELS[2:3]) for tests in LINE),
            *(_growth(root, 20, KERNELS[:columns]) for columns in COLUMNS),
        ]


def write_project(root: Path) -> None:
    """Write the project of small tests; ``TESTS`` of the environment says how many there are."""
    for name, text in (("ebpf.toml", _MANIFEST), ("small.bpf.c", _SOURCE), ("test_small.py", _TEST)):
        (root / name).write_text(text)


def _isolated(root: Path, isolation: str, bar: Bar) -> Result:
    spent = _seconds(root, TESTS, KERNELS, isolation)
    cells = TESTS * len(KERNELS)
    detail = f"{spent / cells * 1000:.0f} ms a cell"
    return Result(f"{TESTS} tests on {len(KERNELS)} kernels, isolation {isolation}", spent, "s", bar, detail)


def _growth(root: Path, tests: int, kernels: Sequence[str]) -> Result:
    spent = _seconds(root, tests, kernels, "test")
    cells = tests * len(kernels)
    claim = f"{tests} tests, {len(kernels)} kernel{'s' if len(kernels) > 1 else ''}, isolation test"
    return Result(claim, spent, "s", None, f"{spent / cells * 1000:.0f} ms a cell")


def _seconds(root: Path, tests: int, kernels: Sequence[str], isolation: str) -> float:
    argv = [sys.executable, "-m", "pytest", "-p", "ebpf", "-q", "-p", "no:cacheprovider"]
    argv += ["--ebpf-kernel", ",".join(kernels), "--ebpf-isolation", isolation]
    done = subprocess.run(
        ["env", f"TESTS={tests}", *argv], cwd=root, capture_output=True, text=True, timeout=1200, check=False
    )
    passed = _PASSED.search(done.stdout)
    if done.returncode or not passed or int(passed[1]) != tests * len(kernels):
        message = f"the small tests do not pass: {done.stdout[-2000:]}{done.stderr[-500:]}"
        raise RuntimeError(message)
    return float(passed[2])
