"""In a project without ``ebpf.toml`` the plugin costs nothing and does nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: What only a project with eBPF programs needs.
HEAVY = {
    "asyncio",
    "concurrent.futures",
    "elftools",
    "jinja2",
    "lz4",
    "msgpack",
    "ninja",
    "pydantic",
    "pytest_ebpf.bpf",
    "pytest_ebpf.kernels",
    "pytest_ebpf.machine",
    "pytest_ebpf.plugin.active",
    "pytest_ebpf.session",
    "scapy",
    "socket",
    "subprocess",
    "tomli",
    "zstandard",
}


def loaded_by(code: str) -> set[str]:
    program = (
        f"import sys\nimport pytest\nbefore = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_importing_it_adds_nothing_heavy():
    added = loaded_by("import pytest_ebpf.plugin")
    assert added <= {
        "pytest_ebpf",
        "pytest_ebpf.manifest",
        "pytest_ebpf.manifest.discovery",
        "pytest_ebpf.plugin",
    }


def test_a_run_without_a_manifest_loads_nothing_of_ours(pytester):
    pytester.makepyfile(
        f"""
        import sys

        def test_modules():
            heavy = {HEAVY - {"socket", "subprocess", "concurrent.futures"}!r}
            assert not heavy & set(sys.modules)
        """
    )
    result = pytester.runpytest_subprocess("-p", "ebpf")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*eBPF matrix*")
    result.stdout.no_fnmatch_line("ebpf: *")


def test_it_is_there_without_being_asked_for(pytester):
    result = pytester.runpytest_subprocess("--help")
    result.stdout.fnmatch_lines(["eBPF programs on real kernels:"])


@pytest.mark.parametrize("options", [("-p", "no:ebpf"), ("-p", "no:terminal")])
def test_it_stands_back(pytester, options):
    pytester.makepyfile("def test_nothing(): pass\n")
    assert pytester.runpytest_subprocess(*options).ret == pytest.ExitCode.OK


def test_a_manifest_is_found_above_the_tests_that_are_named(edge, pytester):
    pytester.mkdir("elsewhere")
    (edge / "tests").mkdir()
    (edge / "tests" / "test_it.py").write_text("def test_it(ebpf): pass\n")
    pytester.chdir()
    argv = ["-p", "ebpf", "--collect-only", "-q", "../tests/test_it.py::test_it"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *argv],
        check=False,
        cwd=edge / "elsewhere",
        capture_output=True,
        text=True,
    )
    assert "tests/test_it.py::test_it[6.1]\n" in done.stdout
