"""What of libbpf's output is the verifier's, and which of its lines say why."""

from __future__ import annotations

import re
from typing import Final

_BEGIN: Final = "-- BEGIN PROG LOAD LOG --"
_END: Final = "-- END PROG LOAD LOG --"

#: An instruction as the verifier prints it, from 6.0 on with states behind it.
INSTRUCTION: Final = re.compile(r"(?P<index>\d+): \((?P<code>[0-9a-f]{2})\) (?P<text>.*)")

#: What the verifier prints that is no reason: statistics, instructions, source lines, register states,
#: the path to a branch, notes on functions that it goes on after.
_NO_REASON: Final = re.compile(
    r"""
    processed\ \d+\ insns | verification\ time | stack\ depth | (max|total|peak)_states | (old|cur)\ state:
    | \d+:\ | R\d+[_a-z]*= | ; | from\ \d+\ to\ \d+ | func\#\d+ | (caller|callee): | frame\d | fp-\d+
    | mark_precise: | last_idx | regs= | parent\ (already|didn't|state) | propagating\ r\d+ | Func\#\d+
    | Validating\ | returning\ from\ callee: | to\ caller\ at | reg\ type\ unsupported\ for\ arg
    | Unrecognized\ arg | [Ll]ive\ regs
    """,
    re.VERBOSE,
)

#: A line that lacks its end: statistics stand right behind it (6.18 and later, of a wrong map).
_STATISTICS: Final = re.compile(r"(?<=.)processed \d+ insns \(limit .*$")

#: From Linux 7.3 on the verifier tells its reasons a second time, at length, with a suggestion.
_RETOLD: Final = re.compile(r"(?ms)^Verification failed: .*?^Suggestion:\n(?:  [^\n]*\n)+")
_SUGGESTION: Final = re.compile(r"(?m)^Suggestion:\n(?P<text>(?:  .*\n)+)")

#: What libbpf says of the failure as a whole, after it has said why.
_SUMMARY: Final = re.compile(
    r"failed to load( object| BPF skeleton)?\b.*$|.*: failed to load: -\w+|.*BPF program load failed.*"
    r"|.*: failed to prepare load attributes: -\w+"
    r"|.*-- (BEGIN|END) PROG LOAD LOG --|.*failed to load object"
)
_LIBBPF: Final = re.compile(r"^libbpf: ")
_SOURCE: Final = re.compile(r"; (?P<text>.*?)(?:(?<= )@ (?P<at>[^@]+:\d+))?$")


def verifier_log(log: str) -> str:
    """The verifier's part of what libbpf printed, of the last program; empty if it did not come that far.

    Of a log that was cut to its last megabytes the beginning may be missing.
    """
    before, end, _ = log.rpartition(_END)
    return before.rpartition(_BEGIN)[2].strip("\n") if end else ""


def told_once(log: str) -> list[str]:
    """The lines of the verifier's part of *log*, without what Linux 7.3 tells a second time."""
    text = _RETOLD.sub("", verifier_log(log) + "\n")
    return [_STATISTICS.sub("", line.strip()) for line in text.splitlines() if line.strip()]


def reasons(log: str) -> list[str]:
    """The lines of *log* that may say why, the last of them last.

    They stand behind the last instruction; without a verifier's log, they are those of libbpf's own that say
    more than that it failed.
    """
    lines = told_once(log)
    last = max((at for at, line in enumerate(lines) if INSTRUCTION.match(line)), default=-1)
    if lines:
        return [line for line in lines[last + 1 :] if not _NO_REASON.match(line)]
    own = [_LIBBPF.sub("", line.strip()) for line in log.splitlines() if _LIBBPF.match(line)]
    return [line for line in own if not _SUMMARY.fullmatch(line)]


def comment(line: str) -> tuple[str, str | None] | None:
    """The source line that *line* of a log quotes: its text and, from Linux 6.10 on, its ``file:line``.

    Line 0 is what the compiler added; there is nothing to quote.
    """
    found = _SOURCE.match(line)
    if found is None or (found["at"] or "").endswith(":0"):
        return None
    return found["text"].strip(), found["at"]


def suggested(log: str) -> str | None:
    """What the verifier itself suggests, from Linux 7.3 on."""
    found = _SUGGESTION.search(verifier_log(log) + "\n")
    return " ".join(found["text"].split()) if found else None
