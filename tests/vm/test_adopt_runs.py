"""What ``ebpf-build adopt`` writes, run as it is: for objects of the sample, and for what others build."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import adopted
import pytest

from pytest_ebpf import paths

BIN = Path(sys.executable).parent
SAMPLE = Path(__file__).parents[2] / "sample_project"

PYTEST = [BIN / "pytest", "-p", "ebpf", "-p", "no:cacheprovider"]

Outcomes = dict[str, str]


def adopt(folder: Path, *objects: Path, kernel: str) -> None:
    argv = [BIN / "ebpf-build", "adopt", *objects, "--output", folder, "--kernel", kernel]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def outcomes(folder: Path) -> Outcomes:
    """By ``object: test`` what came of the adopted project on 6.12, as its own pytest says."""
    done = subprocess.run(
        [*PYTEST, "--ebpf-kernel", "6.12", "--ebpf-report", "report", "tests"],
        cwd=folder,
        env={**os.environ, "PYTEST_EBPF_CACHE": str(paths.cache_root())},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cells = json.loads((folder / "report" / "matrix.json").read_text())["cells"]
    rows = {each["row"].removeprefix("tests/test_"): each["outcome"] for each in cells}
    return {row.replace(".py::test_", ": "): outcome for row, outcome in rows.items()}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of objects as others build them."""
    folder = tmp_path_factory.mktemp("objects")

    def build(source: str, name: str, *flags: str) -> None:
        (folder / "source.c").write_text(source)
        includes = [f"-I{paths.libbpf_include()}", "-idirafter", "/usr/include/x86_64-linux-gnu"]
        words = ["clang-19", "-target", "bpf", "-O2", "-g", *includes, *flags, "-c", "source.c", "-o", name]
        subprocess.run(words, cwd=folder, check=True, timeout=300)

    build(adopted.LEGACY, "legacy.o")
    build(adopted.BARE, "bare.o", "-g0")
    build(adopted.BARE, "big.o", "-target", "bpfeb")
    build(adopted.SEVERAL, "several.bpf.o")
    build(adopted.SEVERAL, "stripped.o")
    subprocess.run(["llvm-strip-19", "-g", folder / "stripped.o"], check=True)
    build(adopted.OPEN, "open.o")
    build(adopted.HOOKS, "hooks.o")
    build(adopted.CONTEXT, "context.o")
    build(adopted.OPS, "ops.o")
    build(adopted.ASTRAY, "astray.o")
    build(adopted.TAILS, "tails.o")
    return folder


def test_what_others_build_runs_as_it_is(objects, tmp_path):
    adopt(tmp_path, *sorted(objects.glob("*.o")), kernel="6.12")
    found = outcomes(tmp_path)
    assert {name: outcome for name, outcome in found.items() if outcome == "passed"} == dict.fromkeys(
        [
            "astray: loads",
            "astray: placed_attaches",
            "bare: loads",
            "bare: pass_runs",
            "bare: whole_runs",
            "context: loads",
            "hooks: loads",
            "hooks: traced_attaches",
            "hooks: probed_attaches",
            "hooks: at_tracepoint_attaches",
            "hooks: raw_runs",
            "hooks: raw_attaches",
            "hooks: switched_attaches",
            "hooks: tasks_attaches",
            "hooks: looked_up_runs",
            "hooks: looked_up_attaches",
            "hooks: dissected_runs",
            "hooks: dissected_attaches",
            "hooks: routed_runs",
            "hooks: guarded_attaches",
            "ops: loads",
            "open: loads",
            "open: uses_all_runs",
            "open: sampled_attaches",
            *(
                f"{name}: {test}"
                for name in ("several", "stripped")
                for test in ("loads", "first_runs", "second_runs", "__third_runs", "shaper_runs")
            ),
        ],
        "passed",
    )
    assert Counter(found.values()) == {"passed": 34, "skipped": 27}


def test_objects_of_the_sample_run_as_they_are(tmp_path):
    sample = tmp_path / "edge"
    shutil.copytree(SAMPLE, sample, ignore=shutil.ignore_patterns("build"))
    subprocess.run([BIN / "ebpf-build", "-q"], cwd=sample, check=True, timeout=300)
    built = sorted((sample / "build" / "ebpf").glob("*.bpf.o"))
    adopt(tmp_path / "adopted", *built, kernel="6.12,7.2")
    found = outcomes(tmp_path / "adopted")
    assert {f"{path.name.removesuffix('.bpf.o')}: loads" for path in built} <= set(found)
    # What this program traces came with 7.0: it is loaded by its own test, and the others are not held back.
    assert {name: outcome for name, outcome in found.items() if outcome != "passed"} == {
        "opensnoop: opened_since_7_attaches": "unsupported"
    }
