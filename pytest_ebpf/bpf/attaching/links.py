"""Programs where the kernel calls them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from pytest_ebpf.bpf import pins
from pytest_ebpf.bpf.attaching.rows import Held
from pytest_ebpf.bpf.identity import ProgramIdentity
from pytest_ebpf.errors import GuestError, UsageError, ValueConversionError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.uapi import LinkType
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import unpack
from pytest_ebpf.values.named import named_type, type_label

#: The most bytes that the agent reads of an iterator.
ITER_LIMIT: Final = 32 << 20


@dataclass(frozen=True)
class LinkInfo:
    """What the kernel says of a link: ``struct bpf_link_info``. A *type* newer than LinkType is a number."""

    id: int
    type: LinkType | int
    prog_id: int


@dataclass
class AgentLink:
    """A link that the guest's agent keeps."""

    guest: Guest
    handle: int | None
    mode: str | None = None

    def detach(self) -> None:
        """Have the agent take the program off."""
        self.guest.call("detach", link=self.handle)


class Link:
    """A program, or a map of struct_ops, that is attached until :meth:`detach` or the end of a ``with``.

    After :meth:`detach` it can be attached to the same *place* again by :meth:`attach`. *program* is None for
    a map. *last_mode* is the :attr:`mode` that was in effect last.
    """

    def __init__(
        self,
        guest: Guest,
        where: str,
        make: Callable[[], Held],
        *,
        program: ProgramIdentity | None = None,
        values: Values | None = None,
        record: str | type | None = None,
        place: str = "",
    ) -> None:
        self.place = place
        self.last_mode: str | None = None
        self._guest = guest
        self._where = where
        self._make = make
        self._values = values
        self._record = record
        self._held: Held | None = None
        self.program = program

    @property
    def attached(self) -> bool:
        """Whether it is."""
        return self._held is not None

    @property
    def mode(self) -> str | None:
        """The way of attaching that is in effect, where there are several: of xdp native or generic."""
        return self._held.mode if self._held else None

    @property
    def handle(self) -> int:
        """The number by which the guest's agent knows it; :class:`UsageError` if it has none."""
        if self._held is None:
            raise UsageError("is not attached", where=self._where, hint="attach() it again")
        if self._held.handle is None:
            raise UsageError("the kernel has no link for this attachment", where=self._where)
        return self._held.handle

    def attach(self) -> Self:
        """Attach it where it was before; does nothing if it is."""
        if self._held is None:
            self._held = self._make()
            self.last_mode = self._held.mode
        return self

    def detach(self) -> None:
        """Take the program off; does nothing if it is not attached."""
        if self._held is not None:
            held, self._held = self._held, None
            held.detach()

    def release(self) -> None:
        """Take off what the agent does not; all else goes with the object, which is unloaded next."""
        if self._held is not None and self._held.handle is None:
            self.detach()
        self._held = None

    def info(self) -> LinkInfo | None:
        """Ask the kernel about this link; None where it has none for this kind of attachment."""
        answer: dict[str, int] = self._call("link_info")
        if not answer:
            return None
        kind: LinkType | int = answer["type"]
        with suppress(ValueError):
            kind = LinkType(kind)
        return LinkInfo(answer["id"], kind, answer["prog_id"])

    def pin(self, path: str) -> None:
        """Give it a name in the BPF file system, ``/sys/fs/bpf/...``: it stays attached as long as that."""
        pins.pin(self._guest, path, self._where, link=self.handle)

    def unpin(self, path: str) -> None:
        """Take that name away."""
        pins.unpin(self._guest, path, self._where)

    def update(self, program: ProgramIdentity) -> None:
        """Put *program*, of the same type, in the place of the one that is attached."""
        if self.program is not None and program.type != self.program.type:
            raise UsageError(
                f"a {program.type_name} program cannot take the place of a {self.program.type_name} program",
                where=self._where,
                hint="give one of the same type",
            )
        self._call("link_update", prog=program.handle)
        self.program = program

    def read(self) -> bytes:
        """Run an iterator once over all there is, and return what it wrote, at most 32 MiB."""
        data: bytes = self._call("iter", limit=ITER_LIMIT)
        return data

    def text(self) -> str:
        """Run an iterator once, and return what it wrote as text."""
        return self.read().decode(errors="replace")

    def records(self, record: str | type | None = None) -> list[Any]:
        """Run an iterator once, and return what it wrote as records of a type, named as in C.

        Without one it is what the manifest declares. :class:`~pytest_ebpf.errors.ValueConversionError` if
        what was written is no whole number of records.
        """
        record = record or self._record
        if record is None:
            raise UsageError(
                "nothing tells the type of its records",
                where=self._where,
                hint='name it: records("struct task"), or declare it in the manifest',
            )
        codec, data = named_type(self._values, record, self._where), self.read()
        if len(data) % codec.size:
            raise ValueConversionError(
                f"{len(data)} bytes are no whole number of {type_label(record)} ({codec.size} bytes each)",
                where=self._where,
                hint="write one whole record at a time, with bpf_seq_write()",
            )
        parts = range(0, len(data), codec.size)
        return [unpack(codec, data[at : at + codec.size], f"{self._where} record") for at in parts]

    def _call(self, op: str, **args: Any) -> Any:
        """Carry out *op* on this link; a failure is a :class:`GuestError` that names the program."""
        handle = self.handle
        try:
            return self._guest.call(op, link=handle, **args)
        except CallError as error:
            raise GuestError(error.what, errno=error.errno, where=self._where) from error

    def __enter__(self) -> Self:
        return self.attach()

    def __exit__(self, *_: object) -> None:
        self.detach()

    def __repr__(self) -> str:
        state = "attached" if self.attached else "detached"
        return f"<Link of {self._where}: {state}{f', {self.mode}' if self.mode else ''}>"
