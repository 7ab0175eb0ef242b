"""The wheel has all that a project needs, and nothing of what it was made from."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Says where the package and its data lie that a test is run with.
CONFTEST = """
import pytest_ebpf
from pytest_ebpf import paths

def pytest_report_header():
    return f"package {pytest_ebpf.__file__}", f"agent {paths.agent()}"
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, timeout=600)
    (built,) = folder.glob("*.whl")
    return built


def test_what_is_in_it(wheel):
    names = set(ZipFile(wheel).namelist())
    data = {name.removeprefix("pytest_ebpf/_data/") for name in names if "/_data/" in name}
    templates = {f"templates/{path.name}" for path in (ROOT / "templates").iterdir()}
    headers = {name for name in data if re.fullmatch(r"vm/agent/build/include/bpf/\w+(\.bpf)?\.h", name)}
    assert {f"vm/agent/build/include/bpf/{name}.h" for name in ("bpf_helpers", "bpf_core_read")} <= headers
    assert data == templates | headers | {"vm/agent/build/agent", "vm/kernels.json"}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "pytest_ebpf").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules
    report = ROOT / "pytest_ebpf" / "report"
    parts = {str(path.relative_to(ROOT)) for path in [*report.glob("page/*"), *report.glob("*.json")]}
    assert parts == {name for name in names if "/report/" in name} - modules


def test_an_installed_wheel_builds_and_tests(wheel, pytester, monkeypatch):
    """Installed without its dependencies, which are here, in front of the checkout."""
    target = pytester.path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target]
    subprocess.run([*pip, wheel], check=True, timeout=600)
    monkeypatch.setenv("PYTHONPATH", str(target))
    project = pytester.mkdir("project")
    readme = (ROOT / "README.md").read_text()
    for kind, name in (("toml", "ebpf.toml"), ("c", "firewall.bpf.c"), ("python", "test_firewall.py")):
        (project / name).write_text(readme.partition(f"```{kind}\n")[2].partition("```")[0])
    (project / "conftest.py").write_text(CONFTEST)
    os.chdir(project)
    result = pytester.runpytest_subprocess("-p", "ebpf", "--ebpf-kernel", "6.12")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            f"package {target}/pytest_ebpf/__init__.py",
            f"agent {target}/pytest_ebpf/_data/vm/agent/build/agent",
        ]
    )
