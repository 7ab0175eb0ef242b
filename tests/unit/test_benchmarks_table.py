"""The table that ``python -m benchmarks`` prints. What is measured is not tested: it is what it is."""

from __future__ import annotations

import pytest

from benchmarks import __main__ as command
from benchmarks.measure import difference, interleaved, ratio
from benchmarks.result import Bar, Result, markdown, text, written

RESULTS = [
    Result("boot / virtme-ng, 6.1", 0.174, "ratio", Bar(0.3, "ratio"), "1.4 s / 10.8 s"),
    Result("test runs, single", 2949, "/s", Bar(3000, "/s", at_least=True)),
    Result("sample project, wall time", 31.42, "s", None, "5 kernels: 150 passed"),
]


def test_the_table_for_a_terminal():
    assert text(RESULTS).splitlines() == [
        "claim                      bar         measured        of",
        "boot / virtme-ng, 6.1      <= 0.30     0.17      pass  1.4 s / 10.8 s",
        "test runs, single          >= 3,000/s  2,900/s   MISS",
        "sample project, wall time              31 s            5 kernels: 150 passed",
    ]


def test_the_table_as_markdown():
    assert markdown(RESULTS[:2], heading="Measured here.") == (
        "Measured here.\n"
        "\n"
        "| claim | bar | measured |  | of |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| boot / virtme-ng, 6.1 | <= 0.30 | 0.17 | pass | 1.4 s / 10.8 s |\n"
        "| test runs, single | >= 3,000/s | 2,900/s | MISS |  |\n"
    )


@pytest.mark.parametrize(
    ("figure", "unit", "shown"),
    [(0.174, "ratio", "0.17"), (31_234, "/s", "31,200/s"), (59.4, "ms", "59 ms"), (4.4, "s", "4.4 s")],
)
def test_figures_are_written_to_what_can_be_believed(figure, unit, shown):
    assert written(figure, unit) == shown


def test_a_bar_is_met_on_the_line():
    assert Bar(0.3, "ratio").met(0.3)
    assert not Bar(0.3, "ratio").met(0.31)
    assert Bar(3000, "/s", at_least=True).met(3000)
    assert not Bar(3000, "/s", at_least=True).met(2999)


def test_two_sides_are_measured_in_turn():
    order = []

    def side(name, figures):
        def measure():
            order.append(name)
            return figures.pop(0)

        return measure

    taken = interleaved({"ours": side("ours", [1.0, 9.0, 2.0]), "other": side("other", [4.0, 10.0, 4.0])}, 3)
    assert order == ["ours", "other"] * 3
    assert taken == {"ours": [1.0, 9.0, 2.0], "other": [4.0, 10.0, 4.0]}
    assert ratio(taken["ours"], taken["other"]) == 0.5
    assert difference(taken["ours"], taken["other"]) == -2.0


def test_a_benchmark_that_there_is_not(capsys, monkeypatch):
    monkeypatch.setattr(command, "SUBJECTS", {"boot": "benchmarks.boot", "calls": "benchmarks.calls"})
    assert command.main(["boots"]) == 2
    assert capsys.readouterr().err == ("benchmarks: no such benchmark (boots); there are boot, calls\n")


class TestARun:
    """Two benchmarks in the place of the real ones."""

    @pytest.fixture(autouse=True)
    def results(self, tmp_path, monkeypatch):
        (tmp_path / "bench_good.py").write_text(_MODULE.format(figure=0.2))
        (tmp_path / "bench_bad.py").write_text(_MODULE.format(figure=0.4))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(command, "SUBJECTS", {"good": "bench_good", "bad": "bench_bad"})
        monkeypatch.setattr(command, "_heading", lambda: "Measured here.")
        monkeypatch.setattr(command, "RESULTS", tmp_path / "results.md")
        return tmp_path / "results.md"

    def test_a_miss_is_a_failure(self, capsys):
        assert command.main(["good"]) == 0
        assert command.main(["bad"]) == 1
        assert "MISS" in capsys.readouterr().out

    def test_only_a_whole_run_is_kept(self, results):
        command.main(["good"])
        assert not results.exists()
        command.main([])
        lines = results.read_text().splitlines()
        assert lines[0] == "Measured here."
        assert lines[-2:] == ["| it | <= 0.30 | 0.20 | pass |  |", "| it | <= 0.30 | 0.40 | MISS |  |"]


_MODULE = """
from benchmarks.result import Bar, Result

def run():
    return [Result("it", {figure}, "ratio", Bar(0.3, "ratio"))]
"""
