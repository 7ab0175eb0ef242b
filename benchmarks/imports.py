"""What the plugin adds to a pytest that has nothing to do with eBPF."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.measure import difference, interleaved, seconds
from benchmarks.result import Bar, Result

BAR: Final = Bar(20, "ms")
ROUNDS: Final = 25


def run() -> list[Result]:
    """Measure ``pytest --collect-only`` of one test, with the plugin and without."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        taken = interleaved(
            {"with": lambda: _collect(folder), "without": lambda: _collect(folder, "-p", "no:ebpf")}, ROUNDS
        )
    return [
        Result(
            "plugin in a project without ebpf.toml, added to pytest --collect-only",
            difference(taken["with"], taken["without"]) * 1000,
            "ms",
            BAR,
            f"{median(taken['with']) * 1000:.0f} ms, {median(taken['without']) * 1000:.0f} ms without",
        )
    ]


def _collect(folder: str, *words: str) -> float:
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *words]
    return seconds(lambda: subprocess.run(argv, cwd=folder, check=True, capture_output=True))
