"""Everything that a cell can say: by its word, in the matrix, in the reports, in the exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_ebpf.report import Outcome

MODULE = """
FRAME = bytes(64)
new = pytest.mark.ebpf_kernel(">=6.4", reason="once is enough")

def crash(ebpf):
    ebpf._guest.call("write_file", path="/proc/sysrq-trigger", data=b"c")

def test_passes(ebpf):
    assert ebpf.load("counter").programs.count.run(FRAME).verdict == XDP.PASS

@pytest.mark.parametrize("size", [64, 128])
def test_takes_parameters(ebpf, size):
    assert ebpf.load("counter").programs.count.run(bytes(size)).data_size == size

class TestGate:
    def test_is_unsupported_before_6_4(self, ebpf):
        ebpf.load("gate")

@new
def test_fails(ebpf):
    assert ebpf.load("counter").programs.count.run(FRAME).verdict == XDP.DROP

@new
def test_raises(ebpf):
    {}["nothing"]

def test_skips(ebpf):
    pytest.skip("not today")

@pytest.mark.xfail(reason="a known bug")
def test_xfails(ebpf):
    assert False

@pytest.mark.xfail(reason="a former bug")
def test_xpasses(ebpf):
    pass

@new
@pytest.mark.xfail(reason="a former bug", strict=True)
def test_xpasses_strictly(ebpf):
    pass

@new
@pytest.mark.xfail(reason="kills the kernel")
def test_crash_that_is_expected(ebpf):
    crash(ebpf)

@new
def test_crashes(ebpf):
    crash(ebpf)

@new
def test_loses_its_machine(ebpf):
    os.kill(ebpf._guest._stream.pid, signal.SIGKILL)
    ebpf.load("counter")

@new
@pytest.mark.xfail(reason="whatever is expected")
def test_loses_its_machine_though_it_may_fail(ebpf):
    os.kill(ebpf._guest._stream.pid, signal.SIGKILL)
    ebpf.load("counter")

@new
def test_loses_its_machine_in_the_end(ebpf):
    ebpf.load("counter")
    os.kill(ebpf._guest._stream.pid, signal.SIGKILL)

@new
def test_gets_no_answer(ebpf):
    process = ebpf._guest.call("spawn")["process"]
    ebpf._guest._timeout = 1
    ebpf._guest.call("wait", process=process, timeout_ms=600_000)

def test_goes_on(ebpf):
    assert ebpf.load("counter").programs.count.run(FRAME).verdict == XDP.PASS

def test_without_a_kernel():
    pass
"""


@pytest.fixture
def outcomes(shared_run):
    """One run of all that, on 6.1 and on 6.12."""
    return shared_run("outcomes", MODULE, "-v", "-ra", "--ebpf-report", "reports")


@pytest.fixture
def document(outcomes):
    return json.loads(Path(outcomes.folder, "reports", "matrix.json").read_text())


@pytest.mark.parametrize(
    ("test", "word"),
    [
        ("test_passes[6.1]", "PASSED"),
        ("test_takes_parameters[6.12-128]", "PASSED"),
        ("TestGate::test_is_unsupported_before_6_4[6.12]", "PASSED"),
        ("test_fails[6.12]", "FAILED"),
        ("test_fails[6.1]", "SKIPPED (>=6.4: once is enough)"),
        ("test_skips[6.1]", "SKIPPED (not today)"),
        ("test_xfails[6.1]", "XFAIL (a known bug)"),
        ("test_xpasses[6.1]", "XPASS (a former bug)"),
        ("test_xpasses_strictly[6.12]", "FAILED"),
        ("test_crash_that_is_expected[6.12]", "XFAIL (kills the kernel)"),
        ("test_crashes[6.12]", "CRASHED"),
        ("test_loses_its_machine[6.12]", "INFRASTRUCTURE"),
        ("test_loses_its_machine_though_it_may_fail[6.12]", "INFRASTRUCTURE"),
        ("test_loses_its_machine_in_the_end[6.12]", "INFRASTRUCTURE"),
        ("test_gets_no_answer[6.12]", "TIMED OUT"),
        ("test_goes_on[6.12]", "PASSED"),
        ("test_without_a_kernel", "PASSED"),
    ],
)
def test_each_outcome_has_its_word(outcomes, test, word):
    assert outcomes.word_of(test) == word


def test_an_unsupported_test_says_why_where_its_word_stands(outcomes):
    word = outcomes.word_of("TestGate::test_is_unsupported_before_6_4[6.1]")
    assert word.startswith("UNSUPPORTED (gate: inspect: this kernel has no")


def test_the_exit_status_says_that_not_all_is_well(outcomes):
    assert outcomes.status == pytest.ExitCode.TESTS_FAILED
    assert outcomes.lines[-1].strip("= ").partition(" in ")[0] == (
        "8 failed, 10 passed, 11 skipped, 3 xfailed, 2 xpassed, 1 unsupported"
    )


def test_the_matrix_names_the_versions_that_booted(outcomes, version_of):
    old, new = version_of("6.1"), version_of("6.12")
    assert outcomes.below("eBPF matrix").splitlines()[0].split() == ["test", old, new]


def test_the_matrix_has_a_row_for_each_test_in_the_order_of_the_file(outcomes):
    rows = outcomes.below("eBPF matrix").partition("\n\n")[0].splitlines()[1:]
    marks = {words[0]: [mark.partition("[")[0] for mark in words[-2:]] for words in map(str.split, rows)}
    assert marks == {
        "test_edge.py": ["test_edge.py"],
        "test_passes": ["pass", "pass"],
        "test_takes_parameters[64]": ["pass", "pass"],
        "test_takes_parameters[128]": ["pass", "pass"],
        "test_edge.py::TestGate": ["test_edge.py::TestGate"],
        "test_is_unsupported_before_6_4": ["unsup", "pass"],
        "test_fails": ["skip", "FAIL"],
        "test_raises": ["skip", "FAIL"],
        "test_skips": ["skip", "skip"],
        "test_xfails": ["xfail", "xfail"],
        "test_xpasses": ["xpass", "xpass"],
        "test_xpasses_strictly": ["skip", "FAIL"],
        "test_crash_that_is_expected": ["skip", "xfail"],
        "test_crashes": ["skip", "CRASH"],
        "test_loses_its_machine": ["skip", "INFRA"],
        "test_loses_its_machine_though_it_may_fail": ["skip", "INFRA"],
        "test_loses_its_machine_in_the_end": ["skip", "INFRA"],
        "test_gets_no_answer": ["skip", "TIME"],
        "test_goes_on": ["pass", "pass"],
    }


def test_the_json_report_has_every_cell_with_its_reason(document, version_of):
    new = version_of("6.12")
    reasons = {
        cell["row"].rpartition("::")[2]: (cell["outcome"], cell["reason"])
        for cell in document["cells"]
        if cell["column"] == new and cell["outcome"] not in {"passed", "skipped"}
    }
    assert reasons == {
        "test_fails": ("failed", "assert XDP.PASS == XDP.DROP"),
        "test_raises": ("failed", "KeyError: 'nothing'"),
        "test_xfails": ("xfailed", "a known bug"),
        "test_xpasses": ("xpassed", "a former bug"),
        "test_xpasses_strictly": ("failed", "[XPASS(strict)] a former bug"),
        "test_crash_that_is_expected": ("xfailed", "kills the kernel"),
        "test_crashes": ("crashed", "Kernel panic - not syncing: sysrq triggered crash"),
        "test_loses_its_machine": ("infrastructure", "the machine ended (killed by SIGKILL)"),
        "test_loses_its_machine_though_it_may_fail": (
            "infrastructure",
            "the machine ended (killed by SIGKILL)",
        ),
        "test_loses_its_machine_in_the_end": ("infrastructure", "the machine ended (killed by SIGKILL)"),
        "test_gets_no_answer": ("timed out", "the guest did not answer in time"),
    }
    assert not document["ok"]


def test_reports_count_cells_and_tests_without_a_kernel_are_none(document):
    rows = 17
    assert sum(document["counts"].values()) == len(document["cells"]) == 2 * rows
    assert set(document["counts"]) == {str(outcome) for outcome in Outcome}
    assert not [row for row in document["rows"] if "without_a_kernel" in row]


def test_the_markdown_report_is_the_same_matrix(outcomes, version_of):
    lines = Path(outcomes.folder, "reports", "matrix.md").read_text().splitlines()
    assert lines[0] == f"| test | {version_of('6.1')} | {version_of('6.12')} |"
    assert "| `test_edge.py::test_takes_parameters[128]` | pass | pass |" in lines


def test_a_crash_shows_the_console_and_no_frame_of_ours(outcomes):
    failure = outcomes.below("test_crashes[6.12]")
    assert "E       pytest_ebpf.errors.KernelCrashedError: Kernel panic - not syncing" in failure
    assert "sysrq: Trigger a crash" in failure.partition("console of the guest")[2]
    assert "pytest_ebpf/" not in failure


def test_a_lost_machine_does_not_show_how_we_noticed(outcomes):
    failure = outcomes.below("test_loses_its_machine[6.12]")
    assert "E       pytest_ebpf.errors.GuestLostError: the machine ended (killed by SIGKILL)" in failure
    assert "ConnectionResetError" not in failure
    assert "pytest_ebpf/" not in failure


def test_a_failed_assertion_shows_values_by_name(outcomes):
    assert "E       assert XDP.PASS == XDP.DROP" in outcomes.below("test_fails[6.12]")
