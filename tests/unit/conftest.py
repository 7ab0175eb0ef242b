from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_ebpf.errors import ManifestError
from pytest_ebpf.manifest import Manifest, loads

HEAD = '[project]\nname = "edge"\nkernels = ["6.1"]\n'


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, so that messages name files as a user sees them."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def manifest_of(in_tmp: Path) -> Callable[[str], Manifest]:
    """Read manifest text, put below a [project] of three lines: its first line is line 4."""

    def read(text: str) -> Manifest:
        return loads(HEAD + dedent(text).lstrip("\n"), path=in_tmp / "ebpf.toml")

    return read


@pytest.fixture
def problems_of(manifest_of: Callable[[str], Manifest]) -> Callable[[str], list[str]]:
    """Read manifest text that is wrong, and return what is said about it, a line for each problem."""

    def read(text: str) -> list[str]:
        with pytest.raises(ManifestError) as caught:
            manifest_of(text)
        return str(caught.value).splitlines()

    return read
