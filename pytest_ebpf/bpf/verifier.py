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
    processed\ \d+\ insns | verification\ time | stack\ depth | max_states | total_states | peak_states
    | mark_precise: | last_idx | regs= | parent\ (already|didn't|state) | propagating | falling\ back
    | \d+:\ \( | \d+:\ R\d | \d+:\ safe | R\d+[_a-z]*= | ; | from\ \d+\ to\ \d+ | func\#\d+ | \d+:\s*$
    | (caller|callee): | frame\d | fp-\d+ | arg\#\d+\ reference | reg\ type\ unsupported\ for\ arg
    | to\ caller\ at | returning\ from\ callee | caller | verifying | validating | \w+\(\)\ is\ global\ and
    | (old|cur)\ state: | live\ regs\ before | BPF\ program\ is\ too\ large\. \ Processed\ 0\ | Suggestion | At\b
    """,
    re.VERBOSE,
)

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
    """The verifier's part of what libbpf printed, of the last program; empty if it did not come that far."""
    _, begin, rest = log.rpartition(_BEGIN)
    return rest.partition(_END)[0].partition("\nlibbpf: ")[0].strip("\n") if begin else ""


def decisive_line(log: str) -> str | None:
    """The last line of *log* that says why, None if there is none.

    That is the verifier's last sentence that is neither a statistic nor a state; without a verifier's
    log, the last of libbpf's own that says more than that it failed.
    """
    verifier = [line.strip() for line in verifier_log(log).splitlines()]
    reason = next((line for line in reversed(verifier) if line and not _NO_REASON.match(line)), None)
    if reason:
        return re.sub(r"^Reason:\s*", "", reason)
    own = [_LIBBPF.sub("", line.strip()) for line in log.splitlines() if _LIBBPF.match(line)]
    return next((line for line in reversed(own) if not _SUMMARY.fullmatch(line)), None)


def source_line(log: str) -> str | None:
    """The source line that the verifier was at: ``file.c:12: text``, or the text alone before Linux 6.10."""
    for line in reversed(verifier_log(log).splitlines()):
        if found := _SOURCE.match(line.strip()):
            text, at = found["text"].strip(), found["at"]
            return f"{at}: {text}" if at else text
    return None


def missing_helper(line: str) -> int | None:
    """The number of the helper that the verifier does not know or does not allow, by its *line*."""
    found = _MISSING_HELPER.search(line)
    return int(found["number"]) if found else None
