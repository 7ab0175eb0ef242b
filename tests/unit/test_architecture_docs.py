"""``docs/architecture.md`` is true: no package imports more than it tells, and what it points to is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pytest_ebpf"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
BORDERS, _, PLACES = PAGE.partition("## Where to add")
ROWS = {
    package: last
    for packages, last in re.findall(r"^\| (`[^|]*`) \|.*\| ([^|]*) \|$", BORDERS, re.MULTILINE)
    for package in re.findall(r"`(\w+)`", packages)
}


def imports(package: str) -> Iterator[str]:
    """The packages that *package* imports, within functions and for types too."""
    folder = PACKAGE / package
    for file in folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pytest_ebpf"):
                _, _, module = node.module.partition(".")
                yield from [module.partition(".")[0]] if module else [name.name for name in node.names]


def test_it_tells_of_every_package():
    names = {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert set(ROWS) == names - {"__init__"}


@pytest.mark.parametrize("package", ROWS)
def test_a_package_imports_what_it_tells_at_most(package):
    said = ROWS[package]
    above = list(ROWS)[: list(ROWS).index(package)] if "all above" in said else []
    assert set(imports(package)) - {package} <= {*re.findall(r"\w+", said), *above}


def test_what_it_points_to_is_there():
    named = [name for span in re.findall(r"`([^`]+)`", PLACES) for name in span.split() if "/" in name]
    assert len(named) > 20
    for name in named:
        pattern = name.replace("NAME", "*").rstrip("/")
        assert any([*ROOT.glob(pattern), *PACKAGE.glob(pattern)]), name
