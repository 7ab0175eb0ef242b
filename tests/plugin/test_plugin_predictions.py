"""What is said of programs without booting, held against what kernels do: a defect of ours is told as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.report import read_document

MODULE = """
FRAME = bytes(64)

def test_counts(ebpf):
    counter = ebpf.load(Counter)
    assert counter.programs.count.run(FRAME).verdict == XDP.PASS

def test_counts_again(ebpf):
    ebpf.load(Counter, globals={"limit": 1})

def test_gate(ebpf):
    ebpf.load(Gate)
"""

#: Data that is wrong: it says that no xdp program may call bpf_map_lookup_elem (1).
CONFTEST = """
from pathlib import Path
from pytest_ebpf import paths
paths.vm = lambda: Path(__file__).parent / "doctored"
"""


@pytest.fixture
def doctored(edge: Path) -> Path:
    """Data about kernels, with a mistake in it."""
    folder = edge / "doctored"
    folder.mkdir()
    (folder / "agent").symlink_to(paths.vm() / "agent")
    data = json.loads((paths.vm() / "kernels.json").read_text())
    for entry in data["helpers"]["classes"]:
        if "xdp" in entry["sections"]:
            for numbers in entry["since"].values():
                numbers[:] = [number for number in numbers if number != 1]
    (folder / "kernels.json").write_text(json.dumps(data))
    (edge / "conftest.py").write_text(CONFTEST)
    return edge


def wrong_lines(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "wrong prediction" in line]


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_a_wrong_prediction_is_told_once_and_fails_nothing(doctored, run, options):
    result = run(MODULE, "--ebpf-report", "out", *options)
    assert result.ret == 0
    places = [str(KernelStore().get(line).version) for line in ("6.1", "6.12")]
    lines = wrong_lines(result)
    assert sorted(lines) == [
        f'ebpf: wrong prediction: counter: count on {version}: "cannot work because xdp programs may not'
        f' call bpf_map_lookup_elem, at counter.bpf.c:7" yet it loaded; please report'
        for version in places
    ]
    document = (doctored / "out" / "matrix.json").read_text()
    said = json.loads(document)["predictions"]
    assert said["compared"] == 4
    assert said["wrong"][0] == {
        "object": "counter",
        "program": "count",
        "column": places[0],
        "said": '"cannot work because xdp programs may not call bpf_map_lookup_elem, at counter.bpf.c:7"',
        "seen": "it loaded",
    }
    assert len(read_document(document).mispredicted) == len(said["wrong"]) == 2


def test_right_ones_are_counted(edge, run):
    result = run(MODULE, "--ebpf-report", "out")
    assert (result.ret, wrong_lines(result)) == (0, [])
    said = json.loads((edge / "out" / "matrix.json").read_text())["predictions"]
    assert said == {"compared": 4, "wrong": []}
