"""What the verifier may have to do: budgets of the manifest and of tests, and a baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_ebpf.errors import UsageError
from pytest_ebpf.manifest import Manifest
from pytest_ebpf.report import ProgramSize, baseline_document, read_sizes
from pytest_ebpf.session.limits import (
    Baseline,
    Budget,
    Limits,
    baseline_file,
    limits_of,
    write_baseline,
)
from pytest_ebpf.session.workspace import Workspace

Read = Callable[[str], Manifest]

SIZE = ProgramSize("fw", "ingress", "6.1.192", 1234, states=60, peak_states=12, stack=104)

TEXT = """
    [objects.fw]
    path = "fw.o"
    [objects.fw.programs.ingress]
    hook = "xdp"
    budget = { verified_insns = 1100, stack = 104 }
"""


def said(limits: Limits, *sizes: ProgramSize, budgets: tuple[Budget, ...] = ()) -> list[str]:
    return [str(each.problem) for each in limits.exceeded(sizes, budgets)]


@pytest.fixture
def declared(manifest_of: Read) -> Limits:
    return Limits(manifest_of(TEXT))


def test_without_limits_nothing_is_exceeded(manifest_of: Read) -> None:
    assert said(Limits(), SIZE) == []
    assert said(Limits(manifest_of('[objects.fw]\npath = "fw.o"')), SIZE) == []


def test_a_budget_of_the_manifest(declared: Limits) -> None:
    assert said(declared, SIZE) == [
        (
            "fw: ingress on 6.1.192: 1,234 verified instructions, 12 % over the budget of 1,100 "
            "(ebpf.toml:8); make the program simpler, or raise the budget"
        )
    ]
    assert said(declared, replace(SIZE, verified_insns=1100)) == []
    assert said(declared, replace(SIZE, program="egress"), replace(SIZE, object="other.o")) == []


def test_what_the_kernel_does_not_tell_is_within_any_budget(declared: Limits) -> None:
    assert said(declared, replace(SIZE, verified_insns=1, stack=None)) == []


def test_the_budget_of_a_test_counts_more(declared: Limits) -> None:
    wider = Budget({"verified_insns": 2000}, "a.py:3: @pytest.mark.ebpf_budget")
    assert said(declared, SIZE, budgets=(wider,)) == []
    assert said(declared, replace(SIZE, stack=112), budgets=(wider,)) == [
        (
            "fw: ingress on 6.1.192: 112 bytes of stack, 8 % over the budget of 104 (ebpf.toml:8);"
            " make the program simpler, or raise the budget"
        )
    ]


def test_the_nearest_budget_for_the_program_stands() -> None:
    where = "a.py:3: @pytest.mark.ebpf_budget"
    budgets = (
        Budget({"states": 1}, where, "egress"),
        Budget({"states": 50}, where),
        Budget({"states": 1}, where),
    )
    assert said(Limits(), SIZE, budgets=budgets) == [
        (
            "fw: ingress on 6.1.192: 60 states, 20 % over the budget of 50 "
            "(a.py:3: @pytest.mark.ebpf_budget); make the program simpler, or raise the budget"
        )
    ]


def test_a_baseline_and_its_tolerance(declared: Limits) -> None:
    was = replace(SIZE, column="6.1.190", verified_insns=1, peak_states=10, stack=8, states=58)
    limits = replace(declared, baseline=Baseline("ebpf-baseline.json", [was], 5, "ebpf-build stats --write"))
    now = replace(SIZE, verified_insns=1100)
    assert said(limits, now) == [
        (
            "fw: ingress on 6.1.192: 12 states at once, 20 % over the 10 of ebpf-baseline.json"
            " (5 % are tolerated); make the program simpler, or write the baseline anew:"
            " ebpf-build stats --write"
        )
    ]
    assert said(replace(limits, baseline=Baseline("main.json", [was], 10)), now) == [
        (
            "fw: ingress on 6.1.192: 12 states at once, 20 % over the 10 of main.json (10 % are tolerated);"
            " make the program simpler"
        )
    ]
    assert said(replace(limits, baseline=Baseline("b", [was], 20)), now) == []
    assert said(replace(limits, baseline=Baseline("b", [was], 0)), replace(now, column="7.2.1")) == []


@pytest.mark.parametrize(("now", "exceeded"), [(105, False), (106, True)])
def test_a_tolerance_is_borne_to_the_last(now: int, exceeded: bool) -> None:
    was = ProgramSize("fw", "ingress", "6.1.192", 100)
    limits = Limits(baseline=Baseline("b", [was], 5))
    assert bool(limits.exceeded([replace(was, verified_insns=now)])) is exceeded


class TestFiles:
    @pytest.fixture
    def workspace(self, in_tmp: Path) -> Workspace:
        text = '[project]\nname = "edge"\nkernels = ["6.1"]\n[test]\nbaseline = "base.json"\ntolerance = 9\n'
        (in_tmp / "ebpf.toml").write_text(text)
        return Workspace(in_tmp / "ebpf.toml", in_tmp, say=print)

    def test_the_baseline_of_the_manifest(self, workspace: Workspace) -> None:
        (workspace.root / "base.json").write_text(baseline_document([SIZE]))
        assert limits_of(workspace).baseline == Baseline("base.json", [SIZE], 9, "ebpf-build stats --write")
        assert limits_of(workspace, baseline=False).baseline is None

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (None, "cannot be read (No such file or directory)"),
            (b"[]", "tells of no programs in version 1 (version seen: null)"),
            (b"\xff", "is not JSON ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte)"),
        ],
    )
    def test_that_cannot_be_read(self, workspace: Workspace, content: bytes | None, problem: str) -> None:
        if content is not None:
            (workspace.root / "base.json").write_bytes(content)
        with pytest.raises(UsageError) as caught:
            limits_of(workspace)
        assert str(caught.value) == (
            f"ebpf.toml:5: test.baseline: base.json: {problem}; write it: ebpf-build stats --write"
        )

    def test_without_a_manifest(self, tmp_path: Path) -> None:
        workspace = Workspace(None, tmp_path, say=print)
        assert limits_of(workspace) == Limits()
        assert baseline_file(workspace) == tmp_path / "ebpf-baseline.json"

    def test_writing_keeps_what_others_wrote(self, tmp_path: Path) -> None:
        file = tmp_path / "base.json"
        other = replace(SIZE, program="egress")
        write_baseline(file, [SIZE])
        write_baseline(file, [other])
        assert read_sizes(file.read_text()) == [other, SIZE]
        write_baseline(file, [other], anew=True)
        assert read_sizes(file.read_text()) == [other]

    def test_writing_over_what_is_no_baseline(self, tmp_path: Path) -> None:
        file = tmp_path / "base.json"
        file.write_text("precious")
        with pytest.raises(UsageError) as caught:
            write_baseline(file, [SIZE])
        assert str(caught.value) == (
            f"{file}: is not JSON (Expecting value: line 1 column 1 (char 0));"
            " remove it, or name another file"
        )

    def test_writing_where_nothing_can_be_written(self, tmp_path: Path) -> None:
        file = tmp_path / "none" / "base.json"
        with pytest.raises(UsageError) as caught:
            write_baseline(file, [SIZE])
        assert str(caught.value) == f"{file}: cannot be written (No such file or directory)"
