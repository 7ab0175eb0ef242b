"""The one line of a log that says why a kernel refused an object."""

from __future__ import annotations

import re
from typing import Final

_BEGIN: Final = "-- BEGIN PROG LOAD LOG --"
_END: Final = "-- END PROG LOAD LOG --"

#: What the verifier prints that is no reason: statistics, instructions, source lines, register states,
#: the path to a branch.
_NO_REASON: Final = re.compile(
    r"""
    processed\ \d+\ insns | verification\ time | stack\ depth | (max|total|peak)_states | (old|cur)\ state:
    | \d+:\ | R\d+[_a-z]*= | ; | from\ \d+\ to\ \d+ | func\#\d+ | (caller|callee): | frame\d | fp-\d+
    | mark_precise: | last_idx | regs= | parent\ (already|didn't|state)
    """,
    re.VERBOSE,
)

#: A line that only says more about the one before it: what was accessed is the better half.
_SECOND_HALF: Final = re.compile(r"R\d+ .* is outside of|.* memory, len pair leads to invalid memory access")
_FIRST_HALF: Final = re.compile(r"invalid access|(write into|read from) map forbidden")

#: From Linux 7.3 on the verifier tells its reasons a second time, at length, with a suggestion.
_RETOLD: Final = "\nVerification failed: "
_SUGGESTION: Final = re.compile(r"\nSuggestion:\n(?P<text>(?:  .*\n)+)")

#: What libbpf says of the failure as a whole, after it has said why.
_SUMMARY: Final = re.compile(
    r"failed to load( object| BPF skeleton)?\b.*$|.*: failed to load: -\w+|.*BPF program load failed.*"
    r"|.*: failed to prepare load attributes: -\w+"
    r"|.*-- (BEGIN|END) PROG LOAD LOG --|.*failed to load object"
)

_SOURCE: Final = re.compile(r"^; (?P<text>.*?)(?: @ (?P<at>[^@]+:\d+))?$")
_MISSING_HELPER: Final = re.compile(r"(?:unknown|invalid) func (?P<name>\w+)#(?P<number>\d+)")
_LIBBPF: Final = re.compile(r"^libbpf: ")


def verifier_log(log: str) -> str:
    """The verifier's part of what libbpf printed, of the last program; empty if it did not come that far.

    Of a log that was cut to its last megabytes the beginning may be missing.
    """
    before, end, _ = log.rpartition(_END)
    return before.rpartition(_BEGIN)[2].strip("\n") if end else ""


def decisive_line(log: str) -> str | None:
    """The line of *log* that says why, None if there is none.

    That is the verifier's last that is neither a statistic nor a state; without a verifier's log, the
    last of libbpf's own that says more than that it failed.
    """
    verifier = [line.strip() for line in verifier_log(log).partition(_RETOLD)[0].splitlines()]
    reasons = [line for line in verifier if line and not _NO_REASON.match(line)]
    if reasons:
        accessed = reasons[-2] if len(reasons) > 1 and _SECOND_HALF.match(reasons[-1]) else ""
        return accessed if _FIRST_HALF.match(accessed) else reasons[-1]
    own = [_LIBBPF.sub("", line.strip()) for line in log.splitlines() if _LIBBPF.match(line)]
    return next((line for line in reversed(own) if not _SUMMARY.fullmatch(line)), None)


def suggested(log: str) -> str | None:
    """What the verifier itself suggests, from Linux 7.3 on."""
    found = _SUGGESTION.search(verifier_log(log) + "\n")
    return " ".join(found["text"].split()) if found else None


def source_line(log: str) -> str | None:
    """The source line that the verifier was at: ``file.c:12: text``, or the text alone before Linux 6.10."""
    for line in reversed(verifier_log(log).partition(_RETOLD)[0].splitlines()):
        if found := _SOURCE.match(line.strip()):
            text, at = found["text"].strip(), found["at"]
            return f"{at}: {text}" if at else text
    return None


def missing_helper(line: str) -> int | None:
    """The number of the helper that the verifier does not know or does not allow, by its *line*."""
    found = _MISSING_HELPER.search(line)
    return int(found["number"]) if found else None
