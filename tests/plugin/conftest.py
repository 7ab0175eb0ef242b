"""A small project, and pytest run in it as a user runs it: in a process of its own."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore

EDGE = Path(__file__).parent / "data" / "edge"

#: The project of tests that attach and trigger.
WATCH = Path(__file__).parent / "data" / "watch"

#: Where kernels are kept. pytester gives each test another home.
CACHE = paths.cache_root()

#: What most test modules of a project begin with.
IMPORTS = (
    "import os, signal\nimport pytest\nfrom bindings import Counter, Gate\nfrom pytest_ebpf import XDP\n\n"
)

Pytest = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, accelerator_decided: None) -> None:
    monkeypatch.setenv("PYTEST_EBPF_CACHE", str(CACHE))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


@pytest.fixture
def edge(pytester: pytest.Pytester) -> Path:
    """A copy of the small project, in the current folder."""
    shutil.copytree(EDGE, pytester.path, dirs_exist_ok=True)
    return pytester.path


@pytest.fixture
def run(edge: Path, pytester: pytest.Pytester) -> Pytest:
    """``run(test_module, *options)``: pytest on that text, in the project."""

    def once(text: str, *options: str) -> pytest.RunResult:
        write_module(edge, text)
        return pytester.runpytest_subprocess("-p", "ebpf", *options)

    return once


def write_module(folder: Path, text: str, name: str = "test_edge.py", imports: str = IMPORTS) -> None:
    (folder / name).write_text(imports + dedent(text))


@dataclass(frozen=True)
class Run:
    """A run of pytest that several tests look at: its exit *status*, what it printed, what it left."""

    status: int
    output: str
    folder: str

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.output.splitlines()]

    def word_of(self, test: str) -> str:
        """What stands after a test's name with ``-v``."""
        heads = tuple(f"{module}::{test} " for module in ("test_edge.py", "test_watch.py"))
        (line,) = [line for line in self.lines if line.startswith(heads)]
        return line.partition(f"::{test} ")[2].rpartition(" [")[0].rstrip()

    @property
    def cells(self) -> dict[tuple[str, str], tuple[str, str | None]]:
        """Outcome and reason by test and line of kernels, where ``--ebpf-report reports`` was given."""
        document = json.loads(Path(self.folder, "reports", "matrix.json").read_text())
        return {
            (cell["row"].rpartition("::")[2], cell["column"].rpartition(".")[0]): (
                cell["outcome"],
                cell["reason"],
            )
            for cell in document["cells"]
        }

    def below(self, heading: str) -> str:
        """What stands below a rule with *heading*, up to the next rule."""
        head = next(number for number, line in enumerate(self.lines) if is_rule(line, heading))
        rest = self.lines[head + 1 :]
        end = next((number for number, line in enumerate(rest) if is_rule(line)), len(rest))
        return "\n".join(rest[:end]).strip()


def is_rule(line: str, heading: str = "") -> bool:
    """Whether *line* is a heading, such as ``=== FAILURES ===``; not the ``_ _ _`` of a traceback."""
    drawn = line[:1] in {"=", "_"} and line[-1:] in {"=", "_"} and not line.startswith("_ _")
    return drawn and line.strip("=_ ").startswith(heading)


@pytest.fixture(scope="session")
def shared_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """``shared_run(name, test_module, *options)``: one run, whichever process of ours asks first.

    With ``watch=True`` it is of the project that attaches and triggers.
    """
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name: str, text: str, *options: str, watch: bool = False) -> Run:
        folder, result = base / f"shared-{name}", base / f"shared-{name}.json"
        with (base / f"shared-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not result.exists():
                shutil.copytree(WATCH if watch else EDGE, folder)
                if watch:
                    write_module(folder, text, "test_watch.py", "import errno\nimport pytest\n\n")
                else:
                    write_module(folder, text)
                result.write_text(json.dumps(asdict(_pytest(folder, options))))
            return Run(**json.loads(result.read_text()))

    return once


def _pytest(folder: Path, options: Sequence[str]) -> Run:
    argv = [sys.executable, "-m", "pytest", "-p", "ebpf", "-p", "no:cacheprovider", *options]
    env = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(
        argv, check=False, cwd=folder, env=env, capture_output=True, text=True, timeout=1800
    )
    return Run(done.returncode, done.stdout + done.stderr, str(folder))


@pytest.fixture(scope="session")
def version_of() -> Callable[[str], str]:
    """``version_of("6.1")``: the version that boots, which labels the column."""
    store = KernelStore(CACHE, say=print)
    return lambda line: str(store.get(line).version)


@pytest.fixture
def no_machine_left() -> Iterator[None]:
    """Nothing that the test started is still there when it ends."""
    yield
    assert not emulators_below(os.getpid())


def emulators_below(root: int) -> list[int]:
    """The QEMU processes that *root* or its descendants have started."""
    parents, found = {}, []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = entry.read_text().partition("(")[2].rpartition(")")
            parents[int(entry.parent.name)] = int(rest.split()[1])
            if name.startswith("qemu"):
                found.append(int(entry.parent.name))
    return [pid for pid in found if root in _ancestors(pid, parents)]


def _ancestors(pid: int, parents: Mapping[int, int]) -> Iterator[int]:
    while pid in parents:
        pid = parents[pid]
        yield pid


@pytest.fixture
def machines_below() -> Callable[[int], list[int]]:
    """``machines_below(pid)``: the QEMU processes that a process and its children have started."""
    return emulators_below


@pytest.fixture
def make_module(edge: Path) -> Callable[[str], None]:
    """``make_module(text)``: the tests of the project."""
    return lambda text: write_module(edge, text)
