"""Outcomes by kernel: as text for a terminal, as Markdown, JSON and one HTML page. Pure; prints nothing."""

from __future__ import annotations

from pytest_ebpf.report.changes import Change, Changes, Kind, changes
from pytest_ebpf.report.html_page import html
from pytest_ebpf.report.json_document import json_document, read_document, schema
from pytest_ebpf.report.markdown_summary import markdown_summary
from pytest_ebpf.report.markdown_table import markdown
from pytest_ebpf.report.matrix import Cell, Matrix, Section
from pytest_ebpf.report.outcome import Outcome
from pytest_ebpf.report.run import Prediction, ProgramSize, Run, largest
from pytest_ebpf.report.size_tables import by, size_markdown, size_text
from pytest_ebpf.report.sizes import (
    FIGURES,
    baseline_document,
    held_against,
    in_order,
    merged,
    read_sizes,
    sizes_document,
)
from pytest_ebpf.report.text_table import text

__all__ = [
    "FIGURES",
    "Cell",
    "Change",
    "Changes",
    "Kind",
    "Matrix",
    "Outcome",
    "Prediction",
    "ProgramSize",
    "Run",
    "Section",
    "baseline_document",
    "by",
    "changes",
    "held_against",
    "html",
    "in_order",
    "json_document",
    "largest",
    "markdown",
    "markdown_summary",
    "merged",
    "read_document",
    "read_sizes",
    "schema",
    "size_markdown",
    "size_text",
    "sizes_document",
    "text",
]
