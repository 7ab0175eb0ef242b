"""Outcomes by kernel: the matrix, as text for a terminal, as Markdown and as JSON. Pure; prints nothing."""

from __future__ import annotations

from pytest_ebpf.report.json_document import json_document
from pytest_ebpf.report.markdown_table import markdown
from pytest_ebpf.report.matrix import Cell, Matrix
from pytest_ebpf.report.outcome import Outcome
from pytest_ebpf.report.text_table import text

__all__ = ["Cell", "Matrix", "Outcome", "json_document", "markdown", "text"]
