"""Programs of a loaded object, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from functools import cached_property
from typing import Any

from pytest_ebpf import hooks
from pytest_ebpf.bpf.attaching.carry import carry_out
from pytest_ebpf.bpf.attaching.links import Link
from pytest_ebpf.bpf.attaching.plan import Plan, is_complete, plan
from pytest_ebpf.bpf.attaching.rows import Held
from pytest_ebpf.bpf.identity import ProgramIdentity
from pytest_ebpf.bpf.lifetime import Lifetime
from pytest_ebpf.bpf.maps import Map
from pytest_ebpf.bpf.running.inputs import Kind
from pytest_ebpf.bpf.running.result import Result
from pytest_ebpf.bpf.running.runner import Runner
from pytest_ebpf.errors import UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.packets import PacketLike
from pytest_ebpf.values.by_btf import Values


class Program(ProgramIdentity):
    """A program of a loaded object.

    *verdicts* is the enumeration of its return values, None where they are plain numbers. :meth:`run` and
    :meth:`run_many` run it in the kernel, :meth:`attach` has the kernel call it; *links* are its attachments
    so far, also those that were ended. *settings* are those of attachments unless a test gives others; *maps*
    finds a map of the object.
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
        super().__init__(guest, answer, lifetime=lifetime, declared_for=declared_for)
        self._settings = settings or {}
        self._maps = maps
        self._held = held
        self._records = records
        self.links: list[Link] = []
        self._was_attached = False
        self._values = values
        self.verdicts: type[IntEnum] | None = hooks.verdicts(self._number, self.attach_type)

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
