"""What the plugin adds to a pytest that has nothing to do with eBPF."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.measure import difference, interleaved, processor_seconds
from benchmarks.result import Bar, Result

BAR: Final = Bar(20, "ms")
ROUNDS: Final = 25


def run() -> list[Result]:
    """Measure ``pytest --collect-only`` of one test, with the plugin and without."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        taken = interleaved(
            {"with": lambda: _collect(root), "without": lambda: _collect(root, "-p", "no:ebpf")}, ROUNDS
        )
    return [
        Result(
            "plugin in a project without ebpf.toml, added to pytest --collect-only",
            difference(taken["with"], taken["without"]) * 1000,
            "ms",
            BAR,
            f"processor time: {median(taken['with']) * 1000:.0f} ms, "
            f"{median(taken['without']) * 1000:.0f} ms without",
        )
    ]


def _collect(folder: Path, *words: str) -> float:
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *words]
    return processor_seconds(argv, folder=folder)
