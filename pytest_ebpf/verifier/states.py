"""States of registers as the verifier prints them, from Linux 5.10 to 7.3, and what they say in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

#: ``R3_w=pkt(off=14,r=0,imm=0)``, ``R1=scalar(...,var_off=(0x0; 0x3f))``, ``R2_w=fp-4``, ``R6=inv5``.
_REGISTER: Final = re.compile(
    r"\b(?P<name>R\d+)(?:_[a-zA-Z]+)?=(?P<type>[^\s(,;]*)(?:\((?P<fields>(?:[^()]|\([^()]*\))*)\))?"
)
_FIELD: Final = re.compile(r"(?P<names>[a-z_0-9]+(?:=[a-z_0-9]+(?==))*)=(?P<value>\([^()]*\)|[^,]*)")
_NUMBER: Final = re.compile(r"P?(?P<number>-?(?:0x[0-9a-f]+|\d+))")
_OLD_NUMBER: Final = re.compile(r"invP?(?P<number>-?\d*)")
_STACK: Final = re.compile(r"fp(?:\[\d+\])?(?P<offset>-?\d*)")  # fp[0]-16: of a caller

#: Names of fields before Linux 6.0, and what they became.
_RENAMED: Final = {"umin_value": "umin", "umax_value": "umax", "smin_value": "smin", "smax_value": "smax"}

_U64: Final = (1 << 64) - 1

#: A limit beyond this is none: what is left of the 64 bits after a shift or two.
_ENDLESS: Final = 1 << 60
_NULLABLE: Final = "_or_null"
_TRUST: Final = re.compile(r"(?:trusted_|untrusted_|rcu_|percpu_|user_|rdonly_|alloc_)+")

_WORDS: Final = {
    "ctx": "the context",
    "fp": "pointer to the stack",
    "pkt": "packet pointer",
    "pkt_meta": "pointer to the packet's metadata",
    "pkt_end": "the end of the packet",
    "map_ptr": "the map",
    "map_key": "pointer to a key of map",
    "map_value": "pointer to a value of map",
    "sock": "socket",
    "sock_common": "socket",
    "tcp_sock": "TCP socket",
    "xdp_sock": "AF_XDP socket",
    "mem": "pointer to memory",
    "ringbuf_mem": "pointer to a record of a ring buffer",
    "alloc_mem": "pointer to memory",
    "buf": "pointer to a buffer",
    "flow_keys": "pointer to flow keys",
    "func": "function",
}


@dataclass(frozen=True)
class RegisterState:
    """A register *name* (``R3``) of *type* in the kernel's words, ``scalar`` for what 5.10 calls ``inv``.

    *number* is its value where that is known; *fields* are the rest, as printed.
    """

    name: str
    type: str
    number: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_number(self) -> bool:
        """Whether it is no pointer, for all that the verifier knows."""
        return self.type == "scalar"

    @property
    def is_constant(self) -> bool:
        """Whether its value is known."""
        return self.number is not None

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the most that the number, or what is added to the pointer, may be."""
        least, most = self._field("smin"), self._field("umax")
        if most is None:
            most = self._field("smax")
        if least is None:
            least = self._field("umin")
        if least is None and most is not None and self._field("smax") is None:
            least = 0 if most <= _U64 >> 1 else None
        known = "var_off" in self.fields or most is not None or least is not None
        if not known and not self.is_number:
            return 0, 0
        return (-(1 << 63) if least is None else least), (_U64 if most is None else most)

    def _field(self, name: str) -> int | None:
        text = self.fields.get(name)
        return int(text, 0) if text and _NUMBER.fullmatch(text) else None

    def words(self) -> str:
        """What it holds, in words."""
        if self.is_number:
            return _number(self)
        return ", ".join([_pointer(self.type, self.fields), *self._details()])

    def _details(self) -> Iterator[str]:
        kind = self.type.replace(_NULLABLE, "", 1)
        offset = sum(self._field(name) or 0 for name in ("off", "imm")) + (self.number or 0)
        if kind in {"pkt", "pkt_meta", "map_value", "mem", "ringbuf_mem", "fp", "buf"}:
            least, most = self.limits
            if (least, most) != (0, 0):
                yield f"offset {_range(least + offset, most + offset)}"
            elif kind == "pkt" and self.fields.get("id", "0") != "0":
                yield "offset variable"
            elif offset or kind in {"pkt", "fp"}:
                yield f"offset {offset}"
        if kind == "pkt" and "r" in self.fields:
            checked = int(self.fields["r"], 0)
            yield f"{checked} bytes checked" if checked else "no bytes checked"


def parse(text: str) -> dict[str, RegisterState]:
    """The states in *text*, by name."""
    return {found["name"]: _state(found) for found in _REGISTER.finditer(text)}


def _state(found: re.Match[str]) -> RegisterState:
    name, kind = found["name"], found["type"]
    fields = {
        _RENAMED.get(each, each): listed["value"]
        for listed in _FIELD.finditer(found["fields"] or "")
        for each in listed["names"].split("=")
    }
    if number := _NUMBER.fullmatch(kind):
        return RegisterState(name, "scalar", int(number["number"], 0))
    if number := _OLD_NUMBER.fullmatch(kind):
        return RegisterState(name, "scalar", int(number["number"]) if number["number"] else None, fields)
    if stack := _STACK.fullmatch(kind):
        return RegisterState(name, "fp", int(stack["offset"]) if stack["offset"] else None, fields)
    return RegisterState(name, "scalar" if kind in {"Pscalar", "scalar"} else kind, None, fields)


def type_words(kind: str) -> str:
    """A *kind* of register in words: ``sock_or_null`` is "socket, or null"."""
    return "a number" if kind in {"inv", "scalar"} else _pointer(kind, {})


def _pointer(kind: str, fields: Mapping[str, str]) -> str:
    """A pointer in words, without where it leads to in what it points to."""
    bare = kind.replace(_NULLABLE, "", 1)
    text = _WORDS.get(bare) or _pointed(bare)
    if bare in {"map_value", "map_key", "map_ptr"}:
        text += f" {fields['map']}" if "map" in fields else ""
        text += f" ({fields['vs']} bytes)" if bare == "map_value" and "vs" in fields else ""
    return text if bare == kind else f"{text}, or null"


def _pointed(kind: str) -> str:
    bare = _TRUST.sub("", kind)
    if bare.startswith("ptr_"):
        name = bare.removeprefix("ptr_")
        return f"pointer to struct {name}" if name else "pointer to a structure of the kernel"
    return _WORDS.get(bare) or bare or kind


def _number(state: RegisterState) -> str:
    if state.number is not None:
        return f"the number {state.number}"
    least, most = state.limits
    if least <= -_ENDLESS and most >= _ENDLESS:
        return "any number"
    return f"a number, {_range(least, most)}"


def _range(least: int, most: int) -> str:
    if least <= -_ENDLESS:
        return f"up to {most}"
    return f"{least} to {most}" if most < _ENDLESS else f"{least} or more"
