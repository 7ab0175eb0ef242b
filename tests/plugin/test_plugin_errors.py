"""What is wrong before the first test: said once, on one screen, without a traceback, with exit status 4."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

COUNTS = "def test_counts(ebpf): ebpf.load(Counter)\n"

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])


def refused(result: pytest.RunResult) -> str:
    """The error of a run that did not come to its first test."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stderr.str()
    assert "Traceback" not in text + result.stdout.str()
    assert "passed" not in result.stdout.str()
    assert text.startswith("ERROR: ")
    return text.removeprefix("ERROR: ").strip()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def only(monkeypatch: pytest.MonkeyPatch, folder: Path, *tools: str) -> None:
    """Leave nothing on the PATH but *tools*."""
    folder.mkdir()
    for tool in tools:
        (folder / tool).symlink_to(str(shutil.which(tool)))
    monkeypatch.setenv("PATH", os.fspath(folder))


@WORKERS
def test_all_problems_of_the_manifest_come_at_once(run, edge, workers):
    edit(edge / "ebpf.toml", "max_entries = 1", "max_entrys = 1")
    edit(edge / "ebpf.toml", 'value = "counters"', 'value = "counter"')
    assert refused(run(COUNTS, *workers)).splitlines() == [
        'ebpf.toml:16: maps.stats.value: unknown type (seen "counter"); did you mean "counters"?',
        'ebpf.toml:17: maps.stats.max_entrys: unknown key; did you mean "max_entries"?',
    ]


def test_a_manifest_that_is_no_toml(run, edge):
    (edge / "ebpf.toml").write_text("[project\n")
    assert refused(run(COUNTS)) == (
        "ebpf.toml:1:9: malformed TOML: Expected ']' at the end of a table declaration"
    )


@pytest.mark.parametrize("option", ["--ebpf-timeout", "--ebpf-run-timeout"])
@pytest.mark.parametrize("time", ["0", "-5", "nan", "soon"])
def test_a_time_that_is_none(run, option, time):
    result = run(COUNTS, f"{option}={time}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    problem = f'argument {option}: not a time in seconds (seen "{time}"); write a number above 0'
    assert result.errlines[1].endswith(problem)


def test_a_manifest_that_is_not_there(run):
    error = refused(run(COUNTS, "--ebpf-manifest", "other.toml"))
    assert error == "other.toml: no such file; write an ebpf.toml, or name the one to use"


@WORKERS
def test_a_program_that_does_not_compile(run, edge, workers):
    edit(edge / "counter.bpf.c", "XDP_PASS", "XDP_PAS")
    error = refused(run(COUNTS, *workers)).splitlines()
    assert error[:2] == [
        "counter does not compile",
        "counter.bpf.c:13:57: error: use of undeclared identifier 'XDP_PAS'; did you mean 'XDP_PASS'?",
    ]


def test_an_object_that_is_not_what_was_declared(run, edge):
    edit(edge / "counter.bpf.c", "int count(", "int counts(")
    error = refused(run(COUNTS))
    assert error.startswith("ebpf.toml:21: objects.counter.programs.count: ")


@WORKERS
def test_no_clang(run, monkeypatch, tmp_path_factory, workers):
    only(monkeypatch, tmp_path_factory.mktemp("empty") / "bin", "qemu-system-x86_64", "setpriv")
    assert refused(run(COUNTS, *workers)) == (
        "clang: not found on PATH; install it: sudo apt-get install clang-19"
    )


@WORKERS
def test_no_qemu(run, monkeypatch, tmp_path_factory, workers):
    only(monkeypatch, tmp_path_factory.mktemp("empty") / "bin", "clang-19")
    assert refused(run(COUNTS, *workers)) == (
        "qemu-system-x86_64: not found on PATH; install it: sudo apt-get install qemu-system-x86"
    )


@WORKERS
def test_a_kernel_that_cannot_be_had(run, edge, workers):
    error = refused(run(COUNTS, "--ebpf-kernel", "./bzImage", *workers))
    assert (
        error
        == f"{edge}/bzImage: no kernel image there (No such file or directory); give the path of a bzImage"
    )


def test_no_manifest_and_no_kernel(pytester):
    pytester.makepyfile("def test_counts(ebpf): pass\ndef test_else(): pass\n")
    result = pytester.runpytest_subprocess("-p", "ebpf")
    result.assert_outcomes(errors=1, passed=1)
    missing = f"ebpf: there is no ebpf.toml in or above {pytester.path}"
    assert f"{missing}; write one, or name a kernel: --ebpf-kernel 6.12" in result.outlines


@pytest.mark.parametrize("arguments", [(), ("first", "second", "--ebpf-kernel", "6.12")])
def test_tests_of_another_project(pytester, edge, arguments):
    """Run from above, where there is no manifest, and together with a project that is found first."""
    for name in ("first", "second"):
        pytester.mkdir(name).joinpath("ebpf.toml").write_text((edge / "ebpf.toml").read_text())
        for source in ("counter.bpf.c", "gate.bpf.c"):
            shutil.copy(edge / source, pytester.path / name)
    (edge / "ebpf.toml").unlink()
    (pytester.path / "second" / "test_it.py").write_text("def test_it(ebpf): pass\n")
    result = pytester.runpytest_subprocess("-p", "ebpf", *arguments)
    result.assert_outcomes(errors=1)
    other = f"ebpf: this test is of another project, {pytester.path}/second/ebpf.toml"
    assert f"{other}; run pytest in its folder, one project at a time" in result.outlines


def test_what_a_test_gets_wrong_is_said_in_its_own_line(run, edge):
    """None of these needs an answer of the kernel but the load."""
    module = """
    def test_object(ebpf):
        ebpf.load("countr")

    def test_map(ebpf):
        ebpf.load("counter").maps.stat

    def test_program(ebpf):
        ebpf.load("counter").programs.cuont

    def test_global(ebpf):
        ebpf.load("counter", globals={"limt": 1})

    def test_file(ebpf):
        ebpf.load("ebpf.toml")

    @pytest.mark.ebpf_kernel("6.4", reason="newer")
    def test_range(ebpf):
        pass

    @pytest.mark.ebpf_kernel(">=6.4")
    def test_reason(ebpf):
        pass

    @pytest.fixture(scope="module")
    def shared(ebpf):
        pass

    def test_scope(shared):
        pass
    """
    result = run(module, "--ebpf-kernel", "6.12")
    result.assert_outcomes(failed=5, errors=3)
    errors = [line.removeprefix("E       ") for line in result.outlines if line.startswith("E     ")]
    assert errors == [
        f"pytest_ebpf.errors.UsageError: {edge}/ebpf.toml: {NO_OBJECT}",
        'AttributeError: counter has no map "stat"; did you mean "stats"?',
        'AttributeError: counter has no program "cuont"; did you mean "count"?',
        f"pytest_ebpf.errors.UsageError: counter: globals: {NO_GLOBAL}",
        f"pytest_ebpf.errors.ObjectError: {edge}/ebpf.toml: {NO_ELF}",
    ]
    assert "contextlib" not in result.stdout.str(), "a frame that is neither of the test nor of pytest"
    marker = "@pytest.mark.ebpf_kernel"
    assert f"test_edge.py:22: {marker}: not a range of kernels (6.4); write it like >=6.1" in result.outlines
    usage = f'test_edge.py:26: {marker}: takes one range and a reason; write (">=5.15", reason="why")'
    assert usage in result.outlines
    scopes = "ScopeMismatch: You tried to access the function scoped fixture ebpf with a module scoped *"
    result.stdout.fnmatch_lines([scopes])


NO_GLOBAL = 'has no global variable "limt"; did you mean "limit"?'
NO_ELF = "not an ELF file (begins with 23 20 54 68); give an object made by clang -target bpf"
NO_OBJECT = 'no object is called "countr", and no file either; it declares counter, gate'


def test_a_program_that_the_verifier_refuses_says_why(run, edge):
    edit(edge / "counter.bpf.c", "    if (!found)\n        return XDP_ABORTED;\n", "")
    result = run(COUNTS, "--ebpf-kernel", "6.12", "--ebpf-report", "out")
    result.assert_outcomes(failed=1)
    (cell,) = json.loads((edge / "out" / "matrix.json").read_text())["cells"]
    log = cell["sections"][-1]
    assert log["title"] == "log of libbpf and the verifier"
    assert "R0 invalid mem access 'map_value_or_null'" in log["text"].splitlines()
    assert log["title"] not in (edge / "out" / "summary.md").read_text()
    assert log["title"] not in result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "E   *LoadError: counter: count: what bpf_map_lookup_elem * at counter.bpf.c:9: found->*",
            "*- why the program was refused -*",
            "what bpf_map_lookup_elem returned may be null where memory is read through it",
            "counter.bpf.c:9, in count",
            ">  9 |     found->packets++;",
            "R0: pointer to a value of map stats (*), or null",
            "R0 is what bpf_map_lookup_elem returned: counter.bpf.c:*",
            "try: compare it with NULL first: if (!p) return ...;",
            "kernel: R0 invalid mem access 'map_value_or_null' (instruction *)",
            "log: * lines, * left out: .pytest_cache/d/ebpf-logs/test_edge-test_counts[[]6.12].log",
            "  test_counts  FAIL[[]1[]]",
        ]
    )


def test_the_newest_kernel_is_asked_too(run, edge):
    """An old kernel does not name maps in the states of registers."""
    edit(edge / "counter.bpf.c", "    if (!found)\n        return XDP_ABORTED;\n", "")
    result = run(COUNTS, "--ebpf-kernel", "5.10,6.12", "--ebpf-explain", "-k", "5.10")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines(
        [
            "*- why the program was refused -*",
            "R0: pointer to a value of map, or null",
            "*- what kernel 6.12.* says -*",
            "R0: pointer to a value of map stats (16 bytes), or null",
        ]
    )


def test_a_kernel_that_takes_what_another_refuses_says_so(run, edge):
    """A lookup of a constant key that an array has is never null, as Linux 6.18 knows and 6.12 does not."""
    edit(edge / "counter.bpf.c", "    if (!found)\n        return XDP_ABORTED;\n", "")
    result = run(COUNTS, "--ebpf-kernel", "6.12,6.18", "--ebpf-explain")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*- what kernel 6.18.* says -*", "it takes the program"])


def test_a_report_that_cannot_be_written(run, edge):
    (edge / "out").write_text("a file, where a folder is wanted")
    result = run(COUNTS, "--ebpf-kernel", "6.12", "--ebpf-report", "out")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["  test_counts  pass", f"ERROR: --ebpf-report: {edge}/out: File exists"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
