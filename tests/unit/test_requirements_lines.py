"""How a line of a source is named to people, whoever compiled it."""

from __future__ import annotations

import pytest

from pytest_ebpf.requirements import SourceLine


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("{here}/src/probe.bpf.c", "src/probe.bpf.c:7"),
        ("src/probe.bpf.c", "src/probe.bpf.c:7"),
        ("../probe.bpf.c", "../probe.bpf.c:7"),
        ("/builds/of/somebody/probe.bpf.c", "probe.bpf.c:7"),
    ],
)
def test_a_file_is_named_from_the_current_folder(tmp_path, monkeypatch, file, shown):
    monkeypatch.chdir(tmp_path)
    assert str(SourceLine(file.format(here=tmp_path), 7, "return 0;")) == shown
