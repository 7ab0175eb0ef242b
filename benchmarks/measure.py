"""Timing two things against each other on a machine that does other work too."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median


def seconds(action: Callable[[], object]) -> float:
    """Return how long *action* took, by the wall clock."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def processor_seconds(argv: Sequence[str], *, folder: Path) -> float:
    """Run *argv* in *folder* and return the processor time it took: a tenth of the noise of a wall clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def interleaved(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Take one figure of each side in turn, *rounds* times: what disturbs the machine hits all of them."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, measure in sides.items():
            taken[name].append(measure())
    return taken


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios of neighbours in time."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))


def difference(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the differences of neighbours in time."""
    return median(mine - other for mine, other in zip(ours, theirs, strict=True))


def rate(action: Callable[[], object], count: int, *, rounds: int = 5) -> float:
    """Return how often a second the thing is done that *action* does *count* times: the median round."""
    action()
    return count / median(seconds(action) for _ in range(rounds))
