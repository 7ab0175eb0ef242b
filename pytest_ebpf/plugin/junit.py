"""Cells of JUnit files that are told to be otherwise when all tests have run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _pytest.junitxml import xml_key

if TYPE_CHECKING:
    from _pytest.junitxml import _NodeReporter


class JUnit:
    """Has pytest's own file of JUnit, if it writes one, show each cell once.

    pytest closes the entry of a test when the test is over, and opens another one for a later report.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._entries: dict[str, _NodeReporter] = {}

    def note(self, passed: pytest.TestReport) -> None:
        """Keep the entry of a test that may yet fail."""
        if xml := self._config.stash.get(xml_key, None):
            self._entries[passed.nodeid] = xml.node_reporter(passed)

    def merge(self, failed: pytest.TestReport) -> None:
        """Move what the entry of *failed* says into that of the test, which has passed."""
        xml, entry = self._config.stash.get(xml_key, None), self._entries.get(failed.nodeid)
        if xml is None or entry is None:
            return
        later = xml.node_reporter(failed)
        case = entry.to_xml()
        case.extend(later.nodes)
        for found in case.iterfind("properties/property[@name='ebpf_outcome']"):
            found.set("value", "failed")
        xml.node_reporters_ordered.remove(later)
        xml.stats["passed"] -= 1
