"""Whose programs these are, and the kernels that they are for: what is said where that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_ebpf.errors import ManifestError
from pytest_ebpf.manifest import loads

Problems = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("project", "problem"),
    [
        (
            'kernels = ["6.1"]',
            "ebpf.toml:1: project.name: required key is missing; add it to [project]",
        ),
        (
            'name = "edge wall"\nkernels = ["6.1"]',
            'ebpf.toml:2: project.name: not a name (seen "edge wall"); use letters, digits, ".", "_" and "-"',
        ),
        (
            'name = "edge"',
            "ebpf.toml:1: project.kernels: required key is missing; add it to [project]",
        ),
        (
            'name = "edge"\nkernels = []',
            "ebpf.toml:3: project.kernels: must not be empty (seen an array of 0)",
        ),
        (
            'name = "edge"\nkernels = [\n"6.1",\n">=6.2"]',
            (
                'ebpf.toml:5: project.kernels[1]: not a kernel (seen ">=6.2"); write a line ("6.1"),'
                ' a release ("6.1.192"), "latest" or the path of an image ("./bzImage")'
            ),
        ),
        (
            'name = "edge"\nkernels = ["6.1", 6.12]',
            "ebpf.toml:3: project.kernels[1]: must be a string (seen 6.12); put it in quotes",
        ),
        (
            'name = "edge"\nkernels = [6.12]',
            "ebpf.toml:3: project.kernels[0]: must be a string (seen 6.12); put it in quotes",
        ),
        (
            'name = "edge"\nkernels = ["6.1", "5.10", "6.1"]',
            'ebpf.toml:3: project.kernels[2]: named twice (seen "6.1"); remove one',
        ),
        (
            f'name = "edge"\nkernels = ["6.1"]\nlicense = "{"x" * 128}"',
            f'ebpf.toml:4: project.license: must have at most 127 characters (seen "{"x" * 57}...")',
        ),
    ],
)
def test_a_problem_of_the_project(in_tmp: Path, project: str, problem: str) -> None:
    with pytest.raises(ManifestError) as caught:
        loads(f"[project]\n{project}\n", path=in_tmp / "ebpf.toml")
    assert str(caught.value).splitlines() == [problem]


@pytest.mark.parametrize("text", ["6.4", ">=6", "latest", ">=6.4;<7.0", ""])
def test_what_is_no_range_of_kernels(problems_of: Problems, text: str) -> None:
    said = f'not a range of kernels (seen "{text}"); write it like ">=6.4"'
    whole = f'[objects.fw]\npath = "fw.o"\nkernels = "{text}"'
    assert problems_of(whole) == [f"ebpf.toml:6: objects.fw.kernels: {said}"]
    one = f'[objects.fw]\npath = "fw.o"\nprograms.a = {{ hook = "xdp", kernels = "{text}" }}'
    assert problems_of(one) == [f"ebpf.toml:6: objects.fw.programs.a.kernels: {said}"]
