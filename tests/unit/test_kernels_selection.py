"""``--ebpf-kernel``: what each way of writing it selects."""

from __future__ import annotations

import pytest

from pytest_ebpf.errors import UsageError
from pytest_ebpf.kernels import Version, in_range, select
from pytest_ebpf.kernels.selection import check_spec, is_path, names_promised

PROMISED = ["5.10", "6.1", "6.12", "6.18", "latest"]


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("all", ["5.10", "6.1", "6.12", "6.18", "latest"]),
        ("6.1", ["6.1"]),
        ("6.12, 6.1", ["6.12", "6.1"]),
        ("7.2,6.1.192", ["7.2", "6.1.192"]),
        ("6.1,all", ["6.1", "5.10", "6.12", "6.18", "latest"]),
        ("latest", ["latest"]),
        ("./bzImage,~/linux/bzImage", ["./bzImage", "~/linux/bzImage"]),
        ("6.1.0-56-cloud-amd64", ["6.1.0-56-cloud-amd64"]),
        ("7.3~rc7-1~exp1", ["7.3~rc7-1~exp1"]),
    ],
)
def test_names_are_taken_in_the_order_written_and_once(expression, selected):
    assert select(expression, PROMISED) == tuple(selected)


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        (">=6.1", ["6.1", "6.12", "6.18", "latest"]),
        (">6.1", ["6.12", "6.18", "latest"]),
        ("<6.12", ["5.10", "6.1"]),
        ("<= 6.12", ["5.10", "6.1", "6.12"]),
        ("==6.12", ["6.12"]),
        ("!=6.12", ["5.10", "6.1", "6.18", "latest"]),
        (">=6.1,<6.18", ["6.1", "6.12"]),
        (">=6.1,<6.18,7.2", ["6.1", "6.12", "7.2"]),
        ("7.2,<6", None),
    ],
)
def test_ranges_choose_among_the_promised_and_several_hold_together(expression, selected):
    if selected is None:
        with pytest.raises(UsageError) as caught:
            select(expression, PROMISED)
        assert str(caught.value) == "--ebpf-kernel: not a range of kernels (<6); write it like >=6.1"
    else:
        assert select(expression, PROMISED) == tuple(selected)


def test_a_bound_counts_to_the_precision_it_is_written_in():
    promised = ["6.1.100", "6.1.192"]
    assert select("<=6.1", promised) == ("6.1.100", "6.1.192")
    assert select("<=6.1.100", promised) == ("6.1.100",)


@pytest.mark.parametrize(
    ("expression", "inside"),
    [
        (">=6.1", True),
        (">6.1", False),
        ("<=6.1", True),
        ("==6.1", True),
        ("!=6.1", False),
        (">6.1.191", True),
        ("<6.1.192", False),
        (">=5.15,<6.12", True),
        (">= 5.15 , < 6.1", False),
    ],
)
def test_a_version_that_booted_is_in_a_range_or_not(expression, inside):
    assert in_range(expression, Version(6, 1, 192), where="here") is inside


@pytest.mark.parametrize("text", ["6.1", ">6", ">=6.1.x", ">=6.1,newer", "", ">=6.1.192.1", "=>6.1"])
def test_what_is_no_range_is_not_taken_for_part_of_one(text):
    item = text.rpartition(",")[2]
    with pytest.raises(UsageError) as caught:
        in_range(text, Version(6, 1, 192), where="test_a.py:7")
    assert str(caught.value) == f"test_a.py:7: not a range of kernels ({item}); write it like >=6.1"


@pytest.mark.parametrize(
    ("expression", "promised"), [("all", True), ("6.1, >=6.12", True), ("6.1,latest", False), ("", False)]
)
def test_all_and_ranges_need_what_the_project_promises(expression, promised):
    assert names_promised(expression) is promised


def test_a_path_is_in_no_range():
    assert select(">=5.10", ["./bzImage", "6.1"]) == ("6.1",)


def test_a_range_without_a_match_says_what_is_promised():
    with pytest.raises(UsageError) as caught:
        select(">=8.0", ["6.1", "6.12"])
    assert str(caught.value) == (
        "--ebpf-kernel: selects no kernel (>=8.0); the project promises 6.1, 6.12; name a kernel, such as 6.1"
    )


def test_all_of_nothing_is_an_error():
    with pytest.raises(UsageError) as caught:
        select("all", [])
    assert str(caught.value) == (
        "--ebpf-kernel: selects no kernel (all); no ebpf.toml here promises any; name a kernel, such as 6.1"
    )


@pytest.mark.parametrize("expression", ["newest", "6", "6.x", "bzImage", "-6.1", "6.1;ls"])
def test_nonsense_is_refused(expression):
    with pytest.raises(UsageError) as caught:
        select(expression, PROMISED)
    assert str(caught.value) == (
        f"--ebpf-kernel: not a kernel ({expression}); "
        "write a line (6.1), a version (6.1.192), latest or the path of an image (./bzImage)"
    )


def test_an_empty_place_in_the_list_is_refused():
    with pytest.raises(UsageError, match=r"^--ebpf-kernel: no kernel named; write a line"):
        select("6.1,", PROMISED)


def test_a_path_has_a_slash_or_a_tilde():
    assert is_path("./bzImage")
    assert is_path("~")
    assert not is_path("7.3~rc7-1~exp1")
    check_spec("./no/such/file", where="kernels")
