"""What the verifier says of its work, as five kernels say it of two programs of two and three functions."""

from __future__ import annotations

import pytest

from pytest_ebpf.bpf.complexity import Complexity, complexity

V5_10 = """\
verification time 9701 usec
stack depth 100+64+40
processed 38 insns (limit 1000000) max_states_per_insn 0 total_states 2 peak_states 2 mark_read 1
"""

V6_18 = """\
verification time 35815 usec
stack depth 0
processed 2702 insns (limit 1000000) max_states_per_insn 4 total_states 46 peak_states 45 mark_read 0
"""

#: Has the deepest chain of calls, and the instructions of each function.
V7_2 = """\
verification time 13771 usec
stack depth 104+64+40 max 176
insns processed 28+10
processed 38 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0
"""


@pytest.mark.parametrize(
    ("stats", "told"),
    [
        pytest.param(V5_10, Complexity(38, 2, 2, 204, 0.009701), id="5.10"),
        pytest.param(V6_18, Complexity(2702, 46, 45, 0, 0.035815), id="6.18"),
        pytest.param(V7_2, Complexity(38, 1, 1, 208, 0.013771), id="7.2"),
    ],
)
def test_statistics_of_a_kernel(stats: str, told: Complexity) -> None:
    assert complexity(stats) == told


def test_without_statistics_the_kernel_may_tell_of_instructions() -> None:
    assert complexity("", 38) == Complexity(38)
    assert complexity("", 0) == Complexity()


def test_a_log_cut_short_tells_what_it_has() -> None:
    assert complexity(V7_2[:60], 38) == Complexity(38, stack=208, load_time=0.013771)
