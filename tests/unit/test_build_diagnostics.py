"""What ninja and clang print, taken apart. The texts are recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_ebpf.build import diagnostics
from pytest_ebpf.build.diagnostics import Step
from pytest_ebpf.build.runner import Ninja, parse_dependencies
from pytest_ebpf.errors import ToolError

ERROR = """\
src/bad.bpf.c:7:9: error: use of undeclared identifier 'XDP_PAS'
    7 |         return XDP_PAS;
      |                ^"""
WARNING = """\
src/bad.bpf.c:6:6: warning: unused variable 'unused' [-Wunused-variable]
    6 |         int unused;
      |             ^~~~~~"""
IN_HEADER = """\
In file included from src/bad.bpf.c:2:
src/helper.h:3:9: error: use of undeclared identifier 'nothing'
    3 |         return nothing;
      |                ^
src/helper.h:1:1: note: declared here"""
COUNT = "1 warning and 2 errors generated."


def test_steps_of_ninja() -> None:
    said = (
        "\x1egood\n"
        f"\x1ebad\nFAILED: [code=1] build/bad.o\nclang -c bad.c -o build/bad.o\n{ERROR}\n{COUNT}\n"
        f"\x1enoisy\n{WARNING}\n1 warning generated.\n"
        "ninja: build stopped: cannot make progress due to previous errors.\n"
    )
    assert diagnostics.steps(said) == (
        Step("good", False, ""),
        Step("bad", True, f"{ERROR}\n{COUNT}"),
        Step("noisy", False, f"{WARNING}\n1 warning generated."),
    )


def test_nothing_to_do_is_no_step() -> None:
    assert diagnostics.steps("ninja: no work to do.\n") == ()


def test_messages_keep_their_source_lines_and_notes() -> None:
    said = f"{IN_HEADER}\n{WARNING}\n{ERROR}\n{COUNT}"
    assert diagnostics.messages(said) == (IN_HEADER, WARNING, ERROR)
    assert diagnostics.errors(said) == (IN_HEADER, ERROR)
    assert diagnostics.warnings(said) == (WARNING,)


def test_what_is_no_message_is_still_shown() -> None:
    assert diagnostics.errors("clang: killed by the kernel") == ("clang: killed by the kernel",)


def test_a_symbol_called_like_a_section_is_said_once() -> None:
    said = "error: xdp changed binding to STB_GLOBAL\nerror: symbol 'xdp' is already defined\n"
    assert diagnostics.errors(said) == ('error: "xdp" is the name of a section and of a symbol; rename one',)


def test_a_screenful_of_errors() -> None:
    many = Step("bad", True, "\n".join(ERROR.replace(":7:", f":{line}:") for line in range(1, 15)))
    text = diagnostics.summary([many])
    assert text.count("error:") == diagnostics.MOST
    assert text.endswith("\n... and 4 more")


def test_an_error_with_dozens_of_notes_is_cut() -> None:
    notes = "\n".join(f"a.h:{line}:1: note: expanded from macro 'M'" for line in range(40))
    assert (
        len(diagnostics.summary([Step("bad", True, f"{ERROR}\n{notes}")]).splitlines()) == diagnostics.LINES
    )


def test_dependencies_as_ninja_lists_them() -> None:
    text = (
        "build/ebpf/a.bpf.o: #deps 2, deps mtime 1 (VALID)\n    src/a.bpf.c\n    build/ebpf/a/ebpf.h\n\n"
        "build/ebpf/b.bpf.o: #deps 1, deps mtime 1 (STALE)\n    src/b c.bpf.c\n\n"
    )
    assert parse_dependencies(text) == {
        "build/ebpf/a.bpf.o": ("src/a.bpf.c", "build/ebpf/a/ebpf.h"),
        "build/ebpf/b.bpf.o": ("src/b c.bpf.c",),
    }


def test_a_graph_that_ninja_does_not_read(tmp_path: Path) -> None:
    graph = tmp_path / "build" / "ebpf" / "build.ninja"
    graph.parent.mkdir(parents=True)
    graph.write_text("nonsense\n")
    with pytest.raises(ToolError) as caught:
        Ninja(tmp_path, "build/ebpf/build.ninja").build((), jobs=None, advise=lambda _, said: said)
    assert str(caught.value) == (
        "build/ebpf/build.ninja: ninja failed (build/ebpf/build.ninja:1: expected '=', got newline);"
        " remove build/ebpf and build again"
    )
