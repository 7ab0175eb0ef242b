"""What programs say by ``bpf_printk``: the lines of the kernel's ``trace_pipe`` as messages.

A line has the task, its pid, the CPU, flags and seconds since boot in front of the text
(``trace_print_context`` in ``kernel/trace/trace_output.c``).
"""

from __future__ import annotations

import re
from typing import Final, Self

from pytest_ebpf.guest import Guest

#: ``            curl-123     [000] d..21   12.345678: bpf_trace_printk: text``; 4 to 6 flags.
_LINE: Final = re.compile(
    r"\s*(?P<comm>.{1,16})-(?P<pid>\d+)\s+(?:\(\s*[-\d]+\)\s+)?\[(?P<cpu>\d+)\]\s+"
    r"(?P<flags>\S+)\s+(?P<time>\d+\.\d+): (?P<event>\w+): (?P<text>.*)"
)

#: ``CPU:0 [LOST 12 EVENTS]``: the kernel kept no more; the number is missing where it is not known.
_LOST: Final = re.compile(r"CPU:(?P<cpu>\d+) \[LOST (?:(?P<count>\d+) )?EVENTS\]")

#: The event of ``bpf_printk``, since Linux 5.9.
_EVENT: Final = "bpf_trace_printk"


class Message(str):
    """A text that a program printed; a str with more to it.

    *comm*, *pid* and *cpu* tell which task it interrupted and where, *time* is in seconds since boot. One
    that stands for messages that were lost has the pid -1.
    """

    comm: str
    pid: int
    cpu: int
    time: float

    def __new__(cls, text: str, *, comm: str = "", pid: int = -1, cpu: int = 0, time: float = 0.0) -> Self:
        """Make one from its text."""
        made = super().__new__(cls, text)
        made.comm, made.pid, made.cpu, made.time = comm, pid, cpu, time
        return made

    @property
    def text(self) -> str:
        """The text alone."""
        return str(self)


def messages(guest: Guest) -> list[Message]:
    """Take what programs printed since the last time, or since :func:`clear`."""
    return parse(guest.call("printk"))


def clear(guest: Guest) -> None:
    """Pass over what programs printed so far, and have room for what they will."""
    guest.call("printk", clear=True)


def parse(text: str) -> list[Message]:
    """Read the messages in *text* from ``trace_pipe``; events that are none are passed over."""
    found: list[tuple[re.Match[str], list[str]]] = []
    for line in text.split("\n"):
        if match := _LINE.fullmatch(line):
            found.append((match, [match["text"]]))
        elif match := _LOST.fullmatch(line):
            found.append((match, []))
        elif found:
            found[-1][1].append(line)  # a text of several lines
    return [message for match, lines in found if (message := _message(match, lines)) is not None]


def _message(match: re.Match[str], lines: list[str]) -> Message | None:
    fields = match.groupdict()
    cpu = int(fields["cpu"])
    if "event" not in fields:
        return Message(f"{fields['count'] or 'some'} messages were lost here", cpu=cpu)
    if fields["event"] != _EVENT:
        return None
    text = "\n".join(lines).rstrip("\n")
    return Message(text, comm=fields["comm"], pid=int(fields["pid"]), cpu=cpu, time=float(fields["time"]))
