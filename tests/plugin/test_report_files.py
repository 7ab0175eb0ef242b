"""What a run leaves behind: the report's files, JUnit properties, the summary of a CI job, what changed."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
from jsonschema import Draft202012Validator

from pytest_ebpf.report import schema

MODULE = """
    def test_counts(ebpf):
        counter = ebpf.load(Counter)
        counter.programs.count.run(bytes(64))

    def test_fails(ebpf):
        print("before \\x1b[1mit")
        assert ebpf.load(Counter).name == "other"

    def test_skips(ebpf):
        pytest.skip("not today")
"""


@pytest.fixture
def reported(shared_run):
    """One run of that on 6.1 and 6.12, in two workers."""
    return shared_run(
        "reported",
        MODULE,
        "-n",
        "2",
        "--ebpf-report",
        "out",
        "--junitxml",
        "junit.xml",
        "-o",
        "junit_family=xunit1",
    )


@pytest.fixture
def document(reported):
    return json.loads(Path(reported.folder, "out", "matrix.json").read_text())


def test_the_folder_has_all_of_the_reports(reported):
    assert sorted(path.name for path in Path(reported.folder, "out").iterdir()) == [
        "matrix.json",
        "matrix.md",
        "report.html",
        "summary.md",
    ]
    assert "report: out/report.html" in reported.lines


def test_the_document_is_as_the_schema_says(document):
    assert [*Draft202012Validator(schema()).iter_errors(document)] == []
    assert document["project"] == "edge"
    assert document["duration"] > 0


def test_a_failure_is_told_with_what_pytest_has_on_it(document, version_of):
    (cell,) = [
        cell
        for cell in document["cells"]
        if cell["outcome"] == "failed" and cell["column"] == version_of("6.12")
    ]
    assert cell["test"] == "test_edge.py::test_fails[6.12]"
    told = {section["title"]: section["text"] for section in cell["sections"]}
    assert "E       AssertionError: assert 'counter' == 'other'" in told["failure"].splitlines()
    assert told["Captured stdout call"] == "before \x1b[1mit\n"


def test_what_passed_has_no_sections_and_what_was_skipped_can_be_run_again(document):
    told = {(cell["outcome"], cell.get("test"), "sections" in cell) for cell in document["cells"]}
    assert ("passed", None, False) in told
    assert ("skipped", "test_edge.py::test_skips[6.1]", True) in told


def test_programs_are_told_where_the_kernel_tells(document, version_of):
    assert {(each["object"], each["program"], each["column"]) for each in document["programs"]} == {
        ("counter", "count", version_of("6.1")),
        ("counter", "count", version_of("6.12")),
    }
    assert all(each["verified_insns"] > 10 for each in document["programs"])


def test_the_page_has_the_same(reported, document):
    page = Path(reported.folder, "out", "report.html").read_text()
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page)[0])
    assert data["columns"] == document["columns"]
    assert [row[0] for row in data["rows"]] == ["test_counts", "test_fails", "test_skips"]
    details = json.loads(
        zlib.decompress(base64.b64decode(re.findall(r'id="details">(.*?)</script>', page)[0]))
    )
    assert "before \x1b[1mit\n" in details["texts"]


def test_junit_tells_the_kernel(reported, version_of):
    cases = parse(Path(reported.folder, "junit.xml")).getroot().iter("testcase")
    told = {
        case.get("name"): {each.get("name"): each.get("value") for each in case.iter("property")}
        for case in cases
    }
    assert told["test_counts[6.1]"] == {
        "kernel": version_of("6.1"),
        "kernel_spec": "6.1",
        "ebpf_outcome": "passed",
    }
    assert told["test_fails[6.12]"]["ebpf_outcome"] == "failed"
    assert told["test_skips[6.12]"] == {"kernel_spec": "6.12", "ebpf_outcome": "skipped"}


CHANGING = """
    def test_changes(ebpf):
        assert ebpf.load(Counter).name == os.environ.get("WANTED", "counter")
"""


def test_the_next_run_tells_what_has_changed(run, edge, monkeypatch):
    step = edge / "step.md"
    step.write_text("What other steps say.\n")
    run(CHANGING, "--ebpf-kernel", "6.12")
    monkeypatch.setenv("WANTED", "other")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    result = run(CHANGING, "--ebpf-kernel", "6.12", "--ebpf-report", "out")
    result.stdout.fnmatch_lines(["since the last run: 1 broken", "report: out/report.html"])
    summary = (edge / "out" / "summary.md").read_text()
    assert "- **broken**: `test_edge.py::test_changes` on 6.12." in summary
    assert step.read_text() == f"What other steps say.\n{summary}\n"

    monkeypatch.delenv("WANTED")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(edge))
    result = run(
        CHANGING, "--ebpf-kernel", "6.12", "--ebpf-baseline", "out/matrix.json", "-p", "no:cacheprovider"
    )
    result.stdout.fnmatch_lines(
        ["since the last run: 1 fixed", f"ERROR: GITHUB_STEP_SUMMARY: {edge}: Is a directory"]
    )
    assert result.ret == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("{}", "is no matrix in version 1 (version seen: null)"),
        (b"\xff", "is not JSON ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte)"),
    ],
)
def test_a_baseline_that_cannot_be_read(run, edge, text, problem):
    if text is not None:
        (edge / "old.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    result = run(CHANGING, "--ebpf-baseline", "old.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    hint = "give the matrix.json that --ebpf-report wrote"
    result.stderr.fnmatch_lines([f"ERROR: --ebpf-baseline: old.json: {problem}; {hint}"])
