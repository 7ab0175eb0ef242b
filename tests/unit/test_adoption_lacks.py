"""Which kernels adopted objects and programs are for, by verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from pytest_ebpf.adoption.lacks import Lack, Lacks, lacks_of
from pytest_ebpf.compat import model
from pytest_ebpf.compat.model import Report, Status, Verdict
from pytest_ebpf.requirements import Stage

KERNELS: Final = ("5.10.262", "6.1.192", "6.12.117", "7.2.13", "7.3-rc7")


def verdicts(program: str, works: str, *, required: bool = True, stage: Stage = Stage.LOAD) -> list[Verdict]:
    """Those on a program by kernel: *works* has a ``+`` where it does, a ``-`` where it does not."""
    lacks = {"+": (), "-": (model.Lack(certain=True, what=f"no {program}", stage=stage),)}
    return [
        Verdict("o", program, kernel, required, Status.WORKS if sign == "+" else Status.CANNOT, lacks[sign])
        for kernel, sign in zip(KERNELS, works, strict=True)
    ]


def lacks(*programs: list[Verdict]) -> Lacks:
    return lacks_of(Report(KERNELS, tuple(each for program in programs for each in program)))["o"]


@pytest.mark.parametrize(
    ("works", "first", "kernels"),
    [
        ("-++++", "5.10.262", ">5.10"),
        ("---++", "5.10.262", ">6.12"),
        ("----+", "5.10.262", ">7.2"),
        ("+----", "6.1.192", "<6.1"),
        ("++++-", "7.3-rc7", "<7.3"),
        ("-+++-", "5.10.262", ">5.10,<7.3"),
        ("+-+++", "6.1.192", "!=6.1"),
        ("-+-+-", "5.10.262", ">5.10,!=6.12,<7.3"),
    ],
)
def test_the_range_of_a_program_leaves_out_the_kernels_that_do_not_take_it(
    works: str, first: str, kernels: str
) -> None:
    found = lacks(verdicts("all", "+++++"), verdicts("some", works))
    assert found == Lacks({"some": Lack(f"not on {first}: no some", kernels)})


def test_the_range_of_an_object_leaves_out_the_kernels_that_take_nothing_of_it() -> None:
    found = lacks(verdicts("one", "--+++"), verdicts("other", "-+++-"))
    assert found == Lacks(
        {"one": Lack("not on 6.1.192: no one", ">6.1"), "other": Lack("not on 7.3-rc7: no other", "<7.3")},
        Lack("not on 5.10.262: no one", ">5.10"),
    )


def test_what_is_not_loaded_with_its_object_does_not_count_for_it() -> None:
    found = lacks(verdicts("one", "-++++"), verdicts("asked_for", "+++++", required=False))
    assert found == Lacks({}, Lack("not on 5.10.262: no one", ">5.10"))
    assert lacks(verdicts("asked_for", "-++++", required=False)).whole is None
    assert lacks(verdicts("asked_for", "-----", required=False)).whole is None


def test_what_no_kernel_takes_is_for_none() -> None:
    found = lacks(verdicts("one", "+++++"), verdicts("other", "-----"))
    assert found == Lacks({"other": Lack("on no kernel at hand: no other", None)})
    later = verdicts("later", "-----")[-1:]
    assert lacks([*verdicts("one", "-----")[:-1], replace(later[0], program="one")]).whole == Lack(
        "on no kernel at hand: no later", None
    )
    nowhere = Lack("on no kernel at hand: no one", None)
    assert lacks(verdicts("one", "-----")) == Lacks({"one": nowhere}, nowhere)


def test_what_shows_only_in_attaching_keeps_nothing_from_being_loaded() -> None:
    assert lacks(verdicts("one", "-++++", stage=Stage.ATTACH)) == Lacks()


def test_what_can_be_attached_on_no_kernel_that_loads_it_is_known() -> None:
    attached = lacks(verdicts("one", "-----", stage=Stage.ATTACH), verdicts("other", "+++++"))
    assert attached == Lacks(attaching={"one": "on no kernel at hand: no one"})
    loaded, tried = verdicts("one", "--+++"), verdicts("one", "-----", stage=Stage.ATTACH)
    assert lacks([*loaded[:2], *tried[2:]], verdicts("other", "+++++")) == Lacks(
        {"one": Lack("not on 5.10.262: no one", ">6.1")}, None, {"one": "on no kernel at hand: no one"}
    )


def test_kernels_of_one_line_of_which_one_takes_it_are_not_told_apart() -> None:
    old, new = verdicts("one", "-++++")[0], verdicts("one", "+++++")[0]
    pair = Report(("5.10.1", "5.10.2"), (_on(old, "5.10.1"), _on(new, "5.10.2")))
    assert lacks_of(pair)["o"].whole == Lack("not on 5.10.1: no one", None)


def _on(verdict: Verdict, kernel: str) -> Verdict:
    return Verdict("o", verdict.program, kernel, True, verdict.status, verdict.lacks)


def test_without_kernels_nothing_is_known() -> None:
    assert lacks_of(Report((), ())) == {}
