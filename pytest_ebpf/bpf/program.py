"""Programs of a loaded object, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

from pytest_ebpf import hooks
from pytest_ebpf.bpf import pins
from pytest_ebpf.bpf.attach import Plan, is_complete, plan
from pytest_ebpf.bpf.attach_rows import Held
from pytest_ebpf.bpf.attaching import carry_out
from pytest_ebpf.bpf.complexity import complexity
from pytest_ebpf.bpf.inputs import Kind
from pytest_ebpf.bpf.lifetime import Lifetime
from pytest_ebpf.bpf.links import Link
from pytest_ebpf.bpf.maps import Map
from pytest_ebpf.bpf.result import Result
from pytest_ebpf.bpf.running import Runner
from pytest_ebpf.bpf.values import Values
from pytest_ebpf.errors import UnsupportedError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.packets import PacketLike
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


class Program:
    """A program of a loaded object.

    *section* and *type* are those of the object; *verdicts* is the enumeration of its return values, None
    where they are plain numbers. :meth:`run` and :meth:`run_many` run it in the kernel, :meth:`attach` has
    the kernel call it; *links* are its attachments so far, also those that were ended. *settings* are
    those of attachments unless a test gives others; *maps* finds a map of the object. *complexity* tells what
    the verifier had to do.
    """

    def __init__(
        self,
        guest: Guest,
        answer: Mapping[str, Any],
        values: Values | None,
        *,
        lifetime: Lifetime,
        settings: Mapping[str, Any] | None = None,
        maps: Callable[[str], Any] | None = None,
        held: Callable[[], Iterable[Map]] = tuple,
        records: str | type | None = None,
        declared_for: str | None = None,
    ) -> None:
        self._guest = guest
        self._lifetime = lifetime
        self._declared_for = declared_for
        self._settings = settings or {}
        self._maps = maps
        self._held = held
        self._records = records
        self.links: list[Link] = []
        self._was_attached = False
        self._handle: int | None = answer["prog"]
        self._number: int = answer["type"]
        self._values = values
        self.name: str = answer["name"]
        self.section: str = answer["section"]
        self.attach_type: int = answer["attach_type"]
        self.complexity = complexity(answer["stats"], answer["verified_insns"])
        self.verdicts: type[IntEnum] | None = hooks.verdicts(self._number, self.attach_type)

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

    def run(
        self,
        packet: PacketLike | None = None,
        *,
        context: Any = None,
        metadata: bytes = b"",
        repeat: int = 1,
        flags: int = 0,
        cpu: int = 0,
        batch_size: int = 0,
        redirect: bool = False,
    ) -> Result:
        """Run the program once (or *repeat* times, on what it leaves) and return what it gave.

        *packet* is a scapy packet or bytes, for types that are given one. *context* is a mapping of
        fields (xdp, skb types, sk_lookup), a list of numbers (raw_tracepoint), or bytes or a declared
        struct (syscall). *metadata* goes in front of an XDP packet. *flags* are of :class:`RunFlag`.
        With *redirect* the result tells where a packet was redirected to.

        :class:`~pytest_ebpf.errors.UnsupportedError` for what this kernel cannot run,
        :class:`~pytest_ebpf.errors.PacketError` for a packet it does not take,
        :class:`~pytest_ebpf.errors.UsageError` for types that no kernel runs.
        """
        runner = self._runner
        options = runner.options(repeat=repeat, flags=flags, cpu=cpu, batch_size=batch_size)
        return runner.run([packet], [context], options, metadata=metadata, redirect=redirect)[0]

    def run_many(
        self,
        packets: Sequence[PacketLike] | None = None,
        *,
        contexts: Sequence[Any] | None = None,
        repeat: int = 1,
        flags: int = 0,
        cpu: int = 0,
        redirect: bool = False,
    ) -> list[Result]:
        """Run the program on each of *packets*, in their order, in one call of the guest.

        *contexts* has one for each packet. Types without a packet take *contexts* alone. Errors are
        those of :meth:`run`; runs before and after a failing one have taken place.
        """
        options = self._runner.options(repeat=repeat, flags=flags, cpu=cpu)
        frames: Sequence[PacketLike | None] = (
            [None] * len(contexts or ()) if packets is None else list(packets)
        )
        given = [None] * len(frames) if contexts is None else list(contexts)
        if len(given) != len(frames):
            raise UsageError(
                f"{len(given)} contexts for {len(frames)} packets",
                where=self._where,
                hint="give one for each",
            )
        return self._runner.run(frames, given, options, redirect=redirect)

    @cached_property
    def _runner(self) -> Runner:
        kind = Kind(self._number, self.type_name, self._where, self.name)
        return Runner(self._guest, kind, lambda: self.handle, self.verdicts, self._values, self._held)

    def attach(self, **settings: Any) -> Link:
        """Attach it to what its section, the manifest and *settings* say, and return the link.

        Which settings there are depends on the kind of hook: ``interface="eth0"``,
        ``function="tcp_connect"``, ``binary="/bin/true"``, ``cgroup=...``.
        :class:`~pytest_ebpf.errors.UnsupportedError` for a kind of hook that this kernel lacks,
        :class:`~pytest_ebpf.errors.AttachError` for a place that is not there or that the kernel refuses,
        :class:`~pytest_ebpf.errors.UsageError` for settings that are unknown, missing or contradictory.
        """
        planned = plan(self.section, self._where, defaults=self._settings, given=settings, maps=self._maps)
        link = Link(
            self._guest,
            self._where,
            lambda: self._carry_out(planned),
            program=self,
            values=self._values,
            record=self._records,
            place=planned.target,
        )
        self.links.append(link.attach())
        return link

    def _carry_out(self, planned: Plan) -> Held:
        there = any(link.attached and link.place == planned.target for link in self.links)
        held = carry_out(self._guest, self.handle, planned, again=self._was_attached, there=there)
        self._was_attached = True
        return held

    @property
    def attachable(self) -> bool:
        """Whether it is loaded, and can be attached with no settings but those it has."""
        return self.loaded and is_complete(self.section, self._settings)

    @property
    def _where(self) -> str:
        return f"programs.{self.name}"

    def __repr__(self) -> str:
        return f"<Program {self.name}: {self.type_name}>"
