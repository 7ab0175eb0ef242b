"""What lines of the verifier say in plain words, where that takes more than filling in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

from pytest_ebpf.requirements.helpers import helper_name, is_helper
from pytest_ebpf.verifier.model import Kind
from pytest_ebpf.verifier.states import type_words
from pytest_ebpf.verifier.steps import Step


@dataclass(frozen=True)
class Match:
    """A *line* that *rule* knows, with its *parts*.

    *step* is the instruction it is about, *register* the one at fault, None where the line names none,
    *it* what that register holds, in words, and *lost_in* the call that emptied it.
    """

    rule: Rule
    line: str
    parts: dict[str, str]
    step: Step | None
    register: str | None = None
    it: str | None = None
    lost_in: str | None = None

    @property
    def instruction(self) -> int | None:
        """The instruction that the line itself names."""
        found = self.parts.get("insn") or self.parts.get("edge")
        return int(found) if found else None

    @property
    def does(self) -> str:
        """What is done with memory here: it is read or written, by a helper perhaps."""
        if self.step is None:
            return "used"
        if self.step.helper:
            return f"given to {self.step.helper}"
        return "written" if self.step.is_store else "read"

    @property
    def callee(self) -> str:
        """What is called here."""
        return (self.step.helper if self.step else None) or "the function"

    def sentence(self) -> str:
        """What the line says."""
        say = self.rule.say
        if not isinstance(say, str):
            return say(self)
        return say.format(
            **{
                **self.parts,
                "reg": self.register,
                "it": self.it or self.register,
                "does": self.does,
                "callee": self.callee,
                "count": _bytes(self.parts.get("size")),
                "words": type_words(self.parts.get("type") or ""),
            }
        )


@dataclass(frozen=True)
class Rule:
    """Lines that *pattern* matches are of *kind*; *say* is the sentence, or makes it.

    *role* is what the register at fault is for, where lines do not name it: the ``memory`` that is used, what
    is ``added`` to it, a ``length``, or the register itself. It is ``held`` for what is held at the end.
    *at_call*: the rule is of calls only. *advice* is what to do, where that is not the same for all its kind.
    """

    kind: Kind
    pattern: re.Pattern[str]
    say: str | Callable[[Match], str]
    role: str = ""
    at_call: bool = False
    advice: str | None = None


def rule(
    kind: Kind,
    pattern: str,
    say: str | Callable[[Match], str],
    role: str = "",
    *,
    at_call: bool = False,
    advice: str | None = None,
) -> Rule:
    """A rule; *pattern* has ``REG`` for the register at fault, in as many of its alternatives as name it."""
    number = count()
    named = re.sub("REG", lambda _: rf"(?P<reg{next(number)}>R\d+)", pattern)
    return Rule(kind, re.compile(named), say, role, at_call, advice)


def _bytes(size: str | None) -> str:
    return "1 byte" if size == "1" else f"{size} bytes"


def _are(size: str) -> str:
    return "is" if size == "1" else "are"


def packet(found: Match) -> str:
    """Of a packet, how much of it is checked; pointers with an id have something variable added."""
    size, offset, checked = found.parts["size"], int(found.parts["off"]), int(found.parts["r"])
    where = f"offset {offset} of the packet"
    if found.parts["id"] != "0":
        where = "a variable place in the packet"
        where = f"{where} plus {offset}" if offset else where
    lacks = (
        f"only {_bytes(str(checked))} of it are checked" if checked else "no check says that they are there"
    )
    if size == "1":
        lacks = lacks.replace("they are", "it is")
    return f"{_bytes(size)} at {where} {_are(size)} {found.does}, but {lacks}"


def memory(what: str) -> Callable[[Match], str]:
    """Of *what*, whose size is known, that the access lies outside it."""

    def say(found: Match) -> str:
        size, offset = found.parts["size"], found.parts["off"]
        whole = _bytes(found.parts.get("whole"))
        if found.step and found.step.helper:
            return f"{found.callee} is told of {_bytes(size)} at offset {offset} of {what} of {whole}"
        return f"{_bytes(size)} at offset {offset} {_are(size)} {found.does} in {what} of {whole}"

    return say


def not_memory(found: Match) -> str:
    """Of pointers that do not lead to memory."""
    return (
        f"{found.register} is {type_words(found.parts['type'])}, through which memory cannot be {found.does}"
    )


def stack(found: Match) -> str:
    """Of the stack: a helper is told of more bytes than there are, or an access lies outside."""
    size, offset = found.parts["size"], int(found.parts["off"])
    if found.step and found.step.helper:
        there = f"but the stack has {_bytes(str(-offset))} there ({found.register})"
        return f"{found.callee} is told of {_bytes(size)}, {there}"
    return f"{_bytes(size)} {_are(size)} {found.does} at offset {offset} of the stack, which has -512 to -1"


def returned(who: str) -> Callable[[Match], str]:
    """Of what *who* returns, and what it may."""

    def say(found: Match) -> str:
        parts = found.parts
        least: int | None
        most: int | None
        if "mask" in parts:  # before 6.8: the bits that are known, and those that are not
            least, most = _of_bits(parts["value"], parts["mask"])
        else:
            least, most = (int(parts[each], 0) if each in parts else None for each in ("least", "most"))
        low, high = (
            _of_bits(parts["low"], parts["high"])
            if "low" in parts
            else (int(parts["from"]), int(parts["to"]))
        )
        return f"{who} returns {_any_of(least, most)}, but must return {_span(low, high)}"

    return say


def _of_bits(value: str, mask: str) -> tuple[int, int]:
    """The least and the most of numbers that have the bits of *value*, and any of *mask*."""
    return int(value, 16), int(value, 16) | int(mask, 16)


def _any_of(least: int | None, most: int | None) -> str:
    if least is None or most is None:
        return "any number"
    if least != most:
        return f"any number from {least} to {most}"
    if least >= 1 << 63:
        return str(least - (1 << 64))
    return f"{least} ({least - (1 << 32)})" if 1 << 31 <= least < 1 << 32 else str(least)


def _span(low: int, high: int) -> str:
    if high == low + 1:
        return f"{low} or {high}"
    return f"{low}" if low == high else f"{low} to {high}"


def unset(found: Match) -> str:
    """Of a register that has no value."""
    if found.register == "R0" and found.step and found.step.text == "exit":
        return "no value is returned: R0 is never set"
    if found.lost_in:
        return f"{found.register} is read behind {found.lost_in}, which leaves nothing in it"
    return f"{found.register} is read, but never set"


def missing_helper(number: int) -> str:
    """A helper as other kernels call it."""
    return f"helper {helper_name(number)}" if is_helper(number) else f"helper {number}"


def helper(found: Match) -> str:
    """Of a helper that is not there, or not for these programs."""
    name = found.parts["name"]
    if name == "unknown":
        return f"this kernel has no {missing_helper(int(found.parts['number']))}"
    return f"programs of this type cannot call {name}"


def aged(found: Match) -> Match:
    """*found* with the parts that 5.10 calls otherwise."""
    parts = dict(found.parts)
    if "old" in parts:
        parts |= {"off": parts["old"], "size": parts["old_size"]}
    return replace(found, parts=parts)


def frames(found: Match) -> str:
    """Of functions that call each other. Before it follows them the verifier counts from 0."""
    calls = int(found.parts["calls"]) + ("early" in found.parts)
    return f"functions call each other {calls} deep, but 8 are the most"


def region(found: Match) -> str:
    """Of a call that may sleep where that is not allowed, in a program that may."""
    what = found.parts.get("region") or found.parts["within"]
    return f"{found.callee} may sleep, and is called where that is not allowed: {what} region"


def field(found: Match) -> str:
    """Of a field of a map's value that only helpers may touch."""
    what = found.parts.get("field") or found.parts["other"]
    return f"a {what} is {found.does}, which is for its helpers alone"


def named(found: Match) -> Match:
    """*found* with the helper, wherever the line names it."""
    parts = dict(found.parts)
    if "other" in parts:
        parts |= {"name": parts["other"], "number": parts["other_number"]}
    return replace(found, parts=parts)
