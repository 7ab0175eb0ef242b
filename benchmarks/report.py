"""Reports: how large the page is, how soon it is there and filtered in Chromium, what it adds to a run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.machines import KERNELS
from benchmarks.measure import seconds
from benchmarks.result import Bar, Result
from benchmarks.suites import write_project
from pytest_ebpf.report import html, json_document, markdown_summary

TESTS: Final = 500
SIZE: Final = Bar(3, "MB")
OPEN: Final = Bar(1000, "ms")
FILTER: Final = Bar(50, "ms")
SHARE: Final = Bar(3, "%")

_ROUNDS: Final = 7
_SUPPORT: Final = Path(__file__).parents[1] / "tests" / "support"

#: From the input to the frame after what it changes has been drawn.
_FILTER: Final = """
const search = document.querySelector("#search");
await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
const start = performance.now();
search.value = TEXT;
search.dispatchEvent(new Event("input"));
await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
return performance.now() - start;
"""

#: From the start of the navigation to what comes last: loaded, or drawn.
_OPENED: Final = (
    "Math.max(performance.getEntriesByName('first-contentful-paint')[0]?.startTime,"
    " performance.getEntriesByType('navigation')[0].loadEventEnd)"
)

#: A plugin of pytest that adds up what the hooks of ours take that make reports.
_TIMED: Final = """\
import functools, time
from pytest_ebpf.plugin.summary import Summary

spent = 0.0

def timed(method):
    @functools.wraps(method)
    def call(*arguments, **named):
        global spent
        start = time.perf_counter()
        try:
            return method(*arguments, **named)
        finally:
            spent += time.perf_counter() - start
    return call

for name in ("pytest_runtest_logreport", "pytest_sessionfinish", "pytest_terminal_summary"):
    setattr(Summary, name, timed(getattr(Summary, name)))

def pytest_unconfigure():
    print(f"reporting took {spent:.6f} s")
"""


def run() -> list[Result]:
    """Measure a page of 500 tests on 9 kernels, of which one cell in ten is not as wanted; then real runs."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_page(Path(folder)), _share(Path(folder) / "project")]


def _page(folder: Path) -> Iterator[Result]:
    with _support():
        runs, browsers = import_module("runs"), import_module("browser")
    big = runs.large(TESTS)
    page = folder / "report.html"
    page.write_text(html(big), encoding="utf-8")
    worst = len(html(runs.large(TESTS, failing=1)))
    of = f"{TESTS} tests on {len(big.matrix.columns)} kernels"
    detail = f"{of}, 1 cell in 10 with sections; all cells with sections {worst / 1e6:.2f} MB"
    yield Result("size of the HTML report", page.stat().st_size / 1e6, "MB", SIZE, detail)
    made = median(seconds(lambda: (html(big), json_document(big), markdown_summary(big))) for _ in range(3))
    with browsers.Browser(folder / "profile") as browser:
        opened = [_opened(browser, page) for _ in range(_ROUNDS)]
        filtered = [browser.run(_FILTER.replace("TEXT", repr(text))) for text in _typed()]
    yield Result("the same opens in Chromium", median(opened), "ms", OPEN, f"longest {max(opened):.0f} ms")
    yield Result("the same filters", median(filtered), "ms", FILTER, f"longest {max(filtered):.0f} ms")
    yield Result("the same is written", made * 1000, "ms", None, "with JSON and Markdown")


def _opened(browser: Any, page: Path) -> float:
    browser.open(page)
    return float(browser.wait(_OPENED))


def _typed() -> Iterator[str]:
    """What the filter is set to, one after the other: narrower and wider."""
    for word in ("number_1", "helper 12 is missing", "ipv6"):
        yield from (word[:length] for length in range(len(word) + 1))


def _share(root: Path) -> Result:
    """What reporting takes of runs that are as short as they get: small tests that share a machine."""
    root.mkdir()
    write_project(root)
    (root / "timed_reports.py").write_text(_TIMED)
    _spent(root)  # builds, boots, and pays for the snapshots
    shares = [reporting / whole * 100 for reporting, whole in (_spent(root) for _ in range(3))]
    cells = 100 * len(KERNELS)
    return Result(
        "reporting, of a run's time", median(shares), "%", SHARE, f"{cells} cells, isolation module"
    )


def _spent(root: Path) -> tuple[float, float]:
    argv = [sys.executable, "-m", "pytest", "-p", "ebpf", "-p", "timed_reports", "-q"]
    argv += ["--ebpf-kernel", ",".join(KERNELS), "--ebpf-isolation", "module", "--ebpf-report", "out"]
    environment = {**os.environ, "TESTS": "100", "PYTHONPATH": str(root)}
    done = subprocess.run(
        argv, cwd=root, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    whole = re.search(r"^500 passed.* in ([\d.]+)s", done.stdout, re.MULTILINE)
    reporting = re.search(r"^reporting took ([\d.]+) s", done.stdout, re.MULTILINE)
    if done.returncode or not whole or not reporting:
        raise RuntimeError(f"the small tests do not pass: {done.stdout[-2000:]}{done.stderr[-500:]}")
    return float(reporting[1]), float(whole[1])


@contextmanager
def _support() -> Iterator[None]:
    """Import what the tests share, from where they have it."""
    sys.path.insert(0, str(_SUPPORT))
    try:
        yield
    finally:
        sys.path.remove(str(_SUPPORT))
