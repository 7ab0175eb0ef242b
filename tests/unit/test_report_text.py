"""The matrix in a terminal, to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_ebpf.report import Cell, Matrix, Outcome, text
from pytest_ebpf.report.text_table import shortened

WIDE = "test_\u6d4b\u8bd5"

KERNELS = ("5.10.259", "6.1.192", "6.12.57", "6.18.3", "7.2.1")
LACKS = "program type netfilter cannot be run here (errno 524)"


def matrix(rows: dict[str, str], kernels: Iterable[str] = KERNELS) -> Matrix:
    """A matrix from a row of letters for each test: one letter a kernel, a blank where nothing was run."""
    letters = {
        "p": (Outcome.PASSED, None),
        "f": (Outcome.FAILED, "assert <XDP.PASS: 2> == <XDP.DROP: 1>"),
        "u": (Outcome.UNSUPPORTED, LACKS),
        "s": (Outcome.SKIPPED, "needs a kernel before 6.18"),
        "x": (Outcome.XFAILED, None),
        "X": (Outcome.XPASSED, None),
        "c": (Outcome.CRASHED, "BUG: kernel NULL pointer dereference"),
        "t": (Outcome.TIMED_OUT, None),
        "i": (Outcome.INFRASTRUCTURE, "the guest did not answer within 10 s"),
    }
    return Matrix.of(
        Cell(row, kernel, *letters[letter])
        for row, said in rows.items()
        for kernel, letter in zip(kernels, said, strict=True)
        if letter != " "
    )


def lines(said: str) -> str:
    return dedent(said).strip("\n")


def test_a_small_matrix() -> None:
    one = matrix({"tests/test_fw.py::test_drops": "pp", "tests/test_fw.py::test_passes": "pp"}, KERNELS[:2])
    assert text(one, width=80, color=False) == lines(
        """
        test           5.10.259  6.1.192
        tests/test_fw.py
          test_drops   pass      pass
          test_passes  pass      pass

        4 passed on 2 kernels
        """
    )


def test_everything_a_cell_can_say() -> None:
    rows = {
        "tests/test_fw.py::test_drops_blocked": "ppppp",
        "tests/test_fw.py::test_vlan[802.1Q]": "pppsf",
        "tests/test_fw.py::TestIPv6::test_fragments": "pp pp",
        "tests/test_nf.py::test_netfilter_drops": "uuppp",
        "tests/test_nf.py::test_tail_call": "pcptp",
        "tests/test_nf.py::test_quota": "ixXpp",
    }
    assert text(matrix(rows), width=80, color=False) == lines(
        """
        test                    5.10.259  6.1.192   6.12.57  6.18.3   7.2.1
        tests/test_fw.py
          test_drops_blocked    pass      pass      pass     pass     pass
          test_vlan[802.1Q]     pass      pass      pass     skip[1]  FAIL[2]
        tests/test_fw.py::TestIPv6
          test_fragments        pass      pass      -        pass     pass
        tests/test_nf.py
          test_netfilter_drops  unsup[3]  unsup[3]  pass     pass     pass
          test_tail_call        pass      CRASH[4]  pass     TIME     pass
          test_quota            INFRA[5]  xfail     xpass    pass     pass

        xfail: failed, as expected; xpass: passed, though expected to fail;
        unsup: this kernel lacks what is needed; CRASH: the kernel died;
        TIME: not done in time; INFRA: we could not tell; -: not run
        [1] needs a kernel before 6.18
        [2] assert <XDP.PASS: 2> == <XDP.DROP: 1>
        [3] program type netfilter cannot be run here (errno 524)
        [4] BUG: kernel NULL pointer dereference
        [5] the guest did not answer within 10 s

        20 passed, 1 failed, 1 skipped, 1 xfailed, 1 xpassed, 2 unsupported, 1 crashed,
        1 timed out, 1 infrastructure on 5 kernels
        """
    )


def test_programs_of_objects_as_ebpf_build_matrix_shows_them() -> None:
    one = matrix({"fw.bpf.o: ingress": "pp", "fw.bpf.o: egress": "up", "other.o": "pp"}, KERNELS[1:3])
    assert text(one, width=80, color=False, heading="program") == lines(
        """
        program    6.1.192   6.12.57
        fw.bpf.o
          ingress  pass      pass
          egress   unsup[1]  pass

        other.o    pass      pass

        unsup: this kernel lacks what is needed
        [1] program type netfilter cannot be run here (errno 524)

        5 passed, 1 unsupported on 2 kernels
        """
    )


def test_a_parameter_that_looks_like_a_separator_stays_with_its_test() -> None:
    one = matrix({"t.py::test_a[::1]": "p", "t.py::test_a[x: y]": "p"}, KERNELS[:1])
    assert text(one, width=80, color=False).splitlines()[1:4] == [
        "t.py",
        "  test_a[::1]   pass",
        "  test_a[x: y]  pass",
    ]


MANY = tuple(f"6.{minor}.{100 + minor}" for minor in range(12))


def test_neighbours_that_say_the_same_are_folded_when_columns_do_not_fit() -> None:
    rows = {"t.py::test_a": "ppppppssssss", "t.py::test_b": "pppppppppppf"}
    assert text(matrix(rows, MANY), width=60, color=False) == lines(
        """
        test      6.0.100     6.6.106      6.11.111
                  to 6.5.105  to 6.10.110
        t.py
          test_a  pass        skip[1]      skip[1]
          test_b  pass        pass         FAIL[2]

        [1] needs a kernel before 6.18
        [2] assert <XDP.PASS: 2> == <XDP.DROP: 1>

        17 passed, 1 failed, 6 skipped on 12 kernels
        """
    )


def test_columns_are_not_folded_when_they_fit() -> None:
    rows = {"t.py::test_a": "pppp"}
    assert text(matrix(rows, MANY[:4]), width=80, color=False).splitlines()[0] == (
        "test      6.0.100  6.1.101  6.2.102  6.3.103"
    )


def test_columns_that_do_not_fit_even_so_are_put_below() -> None:
    rows = {"t.py::test_a": "pspspspsp", "t.py::test_b": "ppppppppp"}
    assert text(matrix(rows, MANY[:9]), width=46, color=False) == lines(
        """
        test      6.0.100  6.1.101  6.2.102  6.3.103
        t.py
          test_a  pass     skip[1]  pass     skip[1]
          test_b  pass     pass     pass     pass

        test      6.4.104  6.5.105  6.6.106  6.7.107
        t.py
          test_a  pass     skip[1]  pass     skip[1]
          test_b  pass     pass     pass     pass

        test      6.8.108
        t.py
          test_a  pass
          test_b  pass

        [1] needs a kernel before 6.18

        14 passed, 4 skipped on 9 kernels
        """
    )


def test_where_names_need_room_columns_are_narrow() -> None:
    said = text(
        matrix({"t.py::test_of_a_rather_long_name_that_is_told_whole": "ppppp"}), width=80, color=False
    )
    assert said.splitlines()[:4] == [
        "test                                             5.10  6.1   6.12  6.18  7.2",
        "                                                 .259  .192  .57   .3    .1",
        "t.py",
        "  test_of_a_rather_long_name_that_is_told_whole  pass  pass  pass  pass  pass",
    ]


def test_a_long_name_is_shortened_in_the_middle() -> None:
    name = "test_that_a_very_long_name_is_still_told_apart[by-its-end]"
    said = text(matrix({f"t.py::{name}": "ppppp"}), width=80, color=False)
    assert (
        said.splitlines()[3]
        == "  test_that_a_very_long_..._told_apart[by-its-end]  pass  pass  pass  pass  pass"
    )


@pytest.mark.parametrize(
    ("name", "width", "short"),
    [("abcdef", 6, "abcdef"), ("abcdefg", 6, "ab...g"), ("abcdefgh", 7, "ab...gh"), ("abcdef", 3, "...")],
)
def test_shortened(name: str, width: int, short: str) -> None:
    assert shortened(name, width) == short


def test_a_long_reason_is_wrapped_and_a_log_is_cut() -> None:
    log = "0: R1=ctx() R10=fp0\n" * 20
    cells = [
        Cell("a", "6.1", Outcome.FAILED, "a reason of several words that does not fit one line"),
        Cell("b", "6.1", Outcome.FAILED, log),
    ]
    assert text(Matrix.of(cells), width=40, color=False) == lines(
        """
        test  6.1
        a     FAIL[1]
        b     FAIL[2]

        [1] a reason of several words that does
            not fit one line
        [2] 0: R1=ctx() R10=fp0
            0: R1=ctx() R10=fp0
            0: R1=ctx() R10=fp0
            0: R1=ctx() R10=fp0
            0: R1=ctx() R10=fp0
            ...

        2 failed on 1 kernel
        """
    )


def test_color_changes_nothing_but_color() -> None:
    rows = {"t.py::test_a": "pfusc", "t.py::test_b": "xXti "}
    colored = text(matrix(rows), width=80, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == text(matrix(rows), width=80, color=False)
    assert "\x1b[32mpass\x1b[0m" in colored
    assert "\x1b[1;31mFAIL[1]\x1b[0m" in colored
    assert colored.splitlines()[-1] == "\x1b[1;31m1 timed out, 1 infrastructure on 5 kernels\x1b[0m"


def test_nothing_was_run() -> None:
    assert text(Matrix.of([]), width=80, color=True) == "nothing was run"


CELLS = st.lists(
    st.builds(
        Cell,
        st.from_regex(r"(t\.py::)?[a-z_]{1,60}(\[[a-z:]{1,9}\])?", fullmatch=True),
        st.sampled_from(MANY),
        st.sampled_from(Outcome),
        st.none() | st.text(st.characters(codec="ascii", categories=["L", "P", "Zs"]), min_size=1),
    ),
    min_size=1,
)


def test_names_shorter_than_their_heading_leave_columns_no_more_room() -> None:
    kernels = ("6.0.100", "6.1.101", "6.2.102", "6.10.110")
    assert text(matrix({"_": "pppp"}, kernels), width=40, color=False) == lines(
        """
        test  6.0   6.1   6.2   6.10
              .100  .101  .102  .110
        _     pass  pass  pass  pass

        4 passed on 4 kernels
        """
    )


@given(CELLS, st.integers(40, 200))
def test_no_line_is_wider_than_the_terminal(cells: list[Cell], width: int) -> None:
    one = Matrix.of(cells)
    said = text(one, width=width, color=False)
    assert max(map(len, said.splitlines())) <= width
    assert " ".join(said.split()).endswith(one.summary())
    assert not any(line.endswith(" ") for line in said.splitlines())


def test_wide_characters_take_two_columns_and_accents_none():
    lines = text(matrix({WIDE: "ppppp", "test_e\u0301": "ppppp"}), width=100, color=False).splitlines()
    assert lines[1].startswith(f"{WIDE}  pass")
    assert lines[2].startswith("test_e\u0301     pass")
    assert lines[0].startswith("test       5.10.259")
    assert shortened("\u6d4b" * 30, 24) == "\u6d4b" * 5 + "..." + "\u6d4b" * 5


def test_what_does_not_show_is_written_out():
    said = Matrix.of([Cell("test_\u202eliw", "6.1", Outcome.FAILED, "\x1b[31mred\x1b[0m \x07")])
    lines = text(said, width=100, color=False).splitlines()
    assert lines[1].split() == ["test_\\u202eliw", "FAIL[1]"]
    assert "[1] red \\u0007" in lines
