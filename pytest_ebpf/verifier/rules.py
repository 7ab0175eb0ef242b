"""The verifier's own lines, in the wording of Linux 5.10 to 7.3, and what they say in plain words.

Source: the format strings of kernel/bpf/verifier.c of those kernels, and recorded logs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_ebpf.verifier.rules_calls import CALLS
from pytest_ebpf.verifier.rules_control import CONTROL
from pytest_ebpf.verifier.rules_memory import MEMORY
from pytest_ebpf.verifier.sentences import Match, Rule
from pytest_ebpf.verifier.steps import Step

#: The first that matches any line decides: what is more telling stands before what is less.
RULES: Final[tuple[Rule, ...]] = (*MEMORY, *CALLS, *CONTROL)


def match(lines: Iterable[str], step: Step | None) -> Match | None:
    """What the first rule that knows any of *lines* makes of it."""
    listed = list(lines)
    calls = step is not None and step.helper is not None
    for rule in RULES:
        if rule.at_call and not calls:
            continue
        for line in listed:
            if found := rule.pattern.search(line):
                parts = {name: part for name, part in found.groupdict().items() if part is not None}
                return Match(rule, line, parts, step, _register(rule, parts))
    return None


def _register(rule: Rule, parts: dict[str, str]) -> str | None:
    """The register that a line names, or its rule."""
    if argument := parts.get("arg"):
        return f"R{int(argument) + 1}"
    named = next((part for name, part in parts.items() if name.startswith("reg")), None)
    return named or (rule.role if rule.role.startswith("R") else None)
