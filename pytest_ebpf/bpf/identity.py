"""Programs of a loaded object as the kernel knows them: what they are, not what is done with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pytest_ebpf.bpf import pins
from pytest_ebpf.bpf.complexity import complexity
from pytest_ebpf.bpf.lifetime import Lifetime
from pytest_ebpf.errors import UnsupportedError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.uapi import ProgType


@dataclass(frozen=True)
class ProgramInfo:
    """What the kernel says of a program: ``struct bpf_prog_info``. Lengths are bytes of machine code."""

    id: int
    type: int
    tag: bytes
    jited_len: int
    xlated_len: int
    verified_insns: int
    run_time_ns: int
    run_cnt: int
    map_ids: tuple[int, ...]


class ProgramIdentity:
    """What a link or a map needs to know of a program.

    *section* and *type* are those of the object. *complexity* tells what the verifier had to do.
    """

    def __init__(
        self,
        guest: Guest,
        answer: Mapping[str, Any],
        *,
        lifetime: Lifetime,
        declared_for: str | None = None,
    ) -> None:
        self._guest = guest
        self._lifetime = lifetime
        self._declared_for = declared_for
        self._handle: int | None = answer["prog"]
        self._number: int = answer["type"]
        self.name: str = answer["name"]
        self.section: str = answer["section"]
        self.attach_type: int = answer["attach_type"]
        self.complexity = complexity(answer["stats"], answer["verified_insns"])

    @property
    def type(self) -> ProgType | int:
        """The kernel's program type; a plain number where it is newer than this project."""
        try:
            return ProgType(self._number)
        except ValueError:
            return self._number

    @property
    def type_name(self) -> str:
        """The type as the kernel's tools spell it: ``sched_cls``."""
        return self.type.name.lower() if isinstance(self.type, ProgType) else f"type {self._number}"

    @property
    def verified_insns(self) -> int | None:
        """How many instructions the verifier went through; None if it was not loaded."""
        return self.complexity.verified_insns

    @property
    def states(self) -> int | None:
        """How many states the verifier kept in all."""
        return self.complexity.states

    @property
    def stack(self) -> int | None:
        """The bytes of stack of all its functions together."""
        return self.complexity.stack

    @property
    def load_time(self) -> float | None:
        """The seconds that verifying it took, in the guest."""
        return self.complexity.load_time

    @property
    def loaded(self) -> bool:
        """Whether it was loaded; programs with autoload off are not."""
        return self._handle is not None

    @property
    def handle(self) -> int:
        """The number by which the guest's agent knows it; :class:`UsageError` if it has none (any more).

        :class:`UnsupportedError` if it was not, because it is for other kernels.
        """
        self._lifetime.check()
        if self._handle is None and self._declared_for:
            raise UnsupportedError(f"declared for {self._declared_for}", where=self._where)
        if self._handle is None:
            raise UsageError(
                "was not loaded", where=self._where, hint=f"load(..., autoload={{{self.name!r}: True}})"
            )
        return self._handle

    def info(self) -> ProgramInfo:
        """Ask the kernel about this program: run counts and times are those of now."""
        answer = self._guest.call("prog_info", prog=self.handle)
        return ProgramInfo(**{**answer, "map_ids": tuple(answer["map_ids"])})

    def pin(self, path: str) -> None:
        """Give it a name in the BPF file system, ``/sys/fs/bpf/...``, whose folders are made."""
        pins.pin(self._guest, path, self._where, prog=self.handle)

    def unpin(self, path: str) -> None:
        """Take that name away."""
        pins.unpin(self._guest, path, self._where)

    @cached_property
    def id(self) -> int:
        """The kernel's id of this program."""
        return self.info().id

    @property
    def _where(self) -> str:
        return f"programs.{self.name}"

    def __repr__(self) -> str:
        return f"<Program {self.name}: {self.type_name}>"
