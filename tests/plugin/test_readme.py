"""The README does what it says: its example runs, its commands and links, its matrix is the sample's."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pytest_ebpf.cli.arguments import parse

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()

#: What each kind of code block is called in the example.
FILES = {"toml": "ebpf.toml", "c": "firewall.bpf.c", "python": "test_firewall.py"}


def blocks() -> dict[str, str]:
    """The example's files by name."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    *example, tracing = found
    assert [kind for kind, _ in example] == list(FILES)
    return {FILES[kind]: text for kind, text in example} | {"test_tracing.py": tracing[1]}


def commands(program: str) -> list[str]:
    """The indented lines of the README that call *program*, without comments."""
    lines = re.findall(rf"^    (?:\$ )?({program} .+)$", README, re.MULTILINE)
    return [line.partition("#")[0].strip() for line in lines]


@pytest.fixture
def example(pytester: pytest.Pytester) -> Path:
    for name in FILES.values():
        (pytester.path / name).write_text(blocks()[name])
    return pytester.path


def test_the_example_of_tracing_passes(pytester):
    sample = ROOT / "sample_project"
    shutil.copy(sample / "ebpf.toml", pytester.path)
    shutil.copytree(sample / "src", pytester.path / "src")
    (pytester.path / "test_tracing.py").write_text(blocks()["test_tracing.py"])
    result = pytester.runpytest_subprocess("-p", "ebpf", "--ebpf-kernel", "6.12")
    result.assert_outcomes(passed=1)


def test_the_example_passes(example, pytester):
    result = pytester.runpytest_subprocess("-p", "ebpf", "--ebpf-kernel", "6.12")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["test * 6.12.*", "test_firewall.py", "  test_drops_blocked  pass", "1 passed on 1 kernel"]
    )


def test_the_example_drops_only_what_is_blocked(example, pytester):
    """It passes because the program works: the test of another address fails."""
    path = example / "test_firewall.py"
    path.write_text(path.read_text().replace("10.1.2.3", "192.0.2.1"))
    result = pytester.runpytest_subprocess("-p", "ebpf", "--ebpf-kernel", "6.12")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *XDP.PASS* == *XDP.DROP*"])


def test_the_object_of_the_example_loads_on_its_own(example, pytester):
    build = [str(Path(sys.executable).with_name("ebpf-build"))]
    subprocess.run(build, cwd=example, check=True, timeout=600)
    argv = [*build, "matrix", "build/ebpf/firewall.bpf.o", "--kernel", "6.12"]
    done = subprocess.run(argv, cwd=example, capture_output=True, text=True, check=False, timeout=600)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 passed on 1 kernel")


def test_the_commands_are_there():
    makefile = (ROOT / "Makefile").read_text()
    targets = [word for line in commands("make") for word in line.split()[1:]]
    assert {"demo", "test", "packages", "agent"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for line in [*commands("ebpf-build"), *re.findall(r"`(ebpf-build [a-z]+)`", README)]:
        argv = line.split()[1:]
        assert callable(parse(argv if argv != ["matrix"] else ["matrix", "a.o", "--kernel", "6.1"]).run)


def test_the_options_are_there_and_all_are_told(pytester):
    options = set(re.findall(r"--ebpf-[a-z-]+", pytester.runpytest_subprocess("--help").stdout.str()))
    assert set(re.findall(r"--ebpf-[a-z-]+", README)) <= options
    running = (ROOT / "docs" / "running.md").read_text()
    assert set(re.findall(r"^\| `(--ebpf-[a-z-]+)", running, re.MULTILINE)) == options


@pytest.mark.parametrize(
    "page", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(page):
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_the_index_has_every_page():
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    listed = re.findall(r"^- \[[^]]+\]\(([^)]+)\): ", (ROOT / "docs" / "index.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted([*pages, "decisions/"])


def test_the_matrix_is_the_samples():
    """Rows are tests of sample_project, columns the kernels that it promises."""
    sample = ROOT / "sample_project"
    picture = README.partition("    ...\n")[2].partition("\n\n")[0].splitlines()
    promised = tomllib.loads((sample / "ebpf.toml").read_text())["project"]["kernels"]
    assert picture[0].split()[1:] == promised
    assert re.fullmatch(r"( +\.\d+){5}", picture[1])
    tests: list[str] = []
    for row in picture[2:]:
        name, *cells = row.split()
        if not cells:
            tests = re.findall(r"^def (test_\w+)", (sample / name).read_text(), re.MULTILINE)
            continue
        assert name in tests
        assert len(cells) == len(promised), name


def test_the_sentence_on_top_is_the_packages():
    summary = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["description"]
    for word in ("TOML", "CO-RE objects", "many real kernels", "pytest", "without root"):
        assert word in summary
        assert word in " ".join(README.split("\n\n")[1].split())


def test_the_figures_are_those_of_the_last_whole_run():
    quoted = [
        line for line in README.splitlines() if line.startswith("| ") and re.search(r" (pass|MISS) ", line)
    ]
    measured = (ROOT / "benchmarks" / "results.md").read_text().splitlines()
    assert len(quoted) > 4
    assert [line for line in quoted if line not in measured] == []
