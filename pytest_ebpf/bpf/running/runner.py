"""Running a program by itself (``BPF_PROG_TEST_RUN``): what is sent, tried again, and made of the answers."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from pytest_ebpf.bpf.maps import Map
from pytest_ebpf.bpf.probe import probes_of
from pytest_ebpf.bpf.running import redirects
from pytest_ebpf.bpf.running.diagnosis import Attempt, explain
from pytest_ebpf.bpf.running.inputs import Inputs, Kind, pack_inputs, rooms
from pytest_ebpf.bpf.running.result import Result
from pytest_ebpf.bpf.running.seen import seen_of
from pytest_ebpf.bpf.running.testrun import RULES, Answer, RunFlag, result
from pytest_ebpf.errors import GuestError, UsageError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.packets import PacketLike, recent_of
from pytest_ebpf.values.by_btf import Values


@dataclass(frozen=True)
class Runner:
    """Runs the program *kind*, which *handle* numbers, in *guest*.

    *verdicts* names its return values, *values* reads the context of a syscall program, *held* gives the maps
    that a packet may be redirected through.
    """

    guest: Guest
    kind: Kind
    handle: Callable[[], int]
    verdicts: type[IntEnum] | None
    values: Values | None
    held: Callable[[], Iterable[Map]]

    def run(
        self,
        frames: Sequence[PacketLike | None],
        contexts: Sequence[Any],
        options: dict[str, int],
        *,
        metadata: bytes = b"",
        redirect: bool = False,
    ) -> list[Result]:
        """Run it on each of *frames* with its context; errors are those of ``Program.run``."""
        kind = self.kind
        if redirect and kind.number not in redirects.VERDICTS:
            raise UsageError(
                f"a {kind.name} program redirects no packet", where=kind.where, hint="leave redirect out"
            )
        inputs = pack_inputs(kind, frames, contexts, metadata, self.values)
        if inputs.optional and self._goes_without_context(options):
            inputs = replace(inputs, context=None)
        inputs = replace(inputs, redirect=redirect)
        recent_of(self.guest).note(inputs.data)
        answers = self._send(inputs, options)
        if inputs.optional and inputs.context:
            answers = self._retried(inputs, options, answers)
        for index, answer in enumerate(answers):
            if not answer.ran:
                raise explain(self._attempt(inputs, options, index, answer))
        results = [
            result(answer, kind.number, self.verdicts, inputs.declared, self.held) for answer in answers
        ]
        seen_of(self.guest).note(kind.function, results)
        return results

    def options(self, *, repeat: int, flags: int, cpu: int, batch_size: int = 0) -> dict[str, int]:
        """The options that are not what the kernel assumes: some types refuse even ``repeat=1``.

        :class:`UsageError` for a type that no kernel runs, or not *repeat* times.
        """
        rules = RULES.get(self.kind.number)
        if rules is None:
            raise UsageError(
                f"no kernel runs a {self.kind.name} program by itself",
                where=self.kind.where,
                hint="attach it and trigger what it is attached to",
            )
        if repeat != 1 and not rules.repeats:
            raise UsageError(
                f"a {self.kind.name} program runs once (repeat {repeat})",
                where=self.kind.where,
                hint="call run() several times, or run_many()",
            )
        given = {"repeat": repeat if repeat != 1 else 0, "flags": flags, "cpu": cpu, "batch_size": batch_size}
        return {name: int(value) for name, value in given.items() if value}

    def _goes_without_context(self, options: dict[str, int]) -> bool:
        """Live frames give no context back; a kernel before 5.15 takes none for xdp."""
        return _are_live(options) or probes_of(self.guest).xdp_context is False

    def _retried(self, inputs: Inputs, options: dict[str, int], answers: list[Answer]) -> list[Answer]:
        """Run what was refused with a context once more, without; remember if that helped."""
        refused = [index for index, answer in enumerate(answers) if answer.status == errno.EINVAL]
        if not refused:
            return answers
        data = [inputs.data[index] for index in refused]
        again = self._send(replace(inputs, data=data, context=None), options)
        if any(answer.ran for answer in again):
            probes_of(self.guest).xdp_context = False
        found = dict(zip(refused, again, strict=True))
        return [found.get(index, answer) for index, answer in enumerate(answers)]

    def _send(self, inputs: Inputs, options: dict[str, int]) -> list[Answer]:
        args: dict[str, Any] = {"prog": self.handle(), "data": inputs.data, **options}
        if inputs.redirect:
            args["redirect"] = True
        if inputs.context is not None:
            args["ctx"] = inputs.context
        args |= rooms(self.kind.number, inputs, live=_are_live(options))
        try:
            return [Answer(*each) for each in self.guest.call("run", **args)]
        except CallError as error:
            if not inputs.redirect:
                raise
            hint = "run it without redirect=True"
            raise GuestError(error.what, errno=error.errno, where=self.kind.where, hint=hint) from error

    def _attempt(self, inputs: Inputs, options: dict[str, int], index: int, answer: Answer) -> Attempt:
        one_of_many = replace(self.kind, where=f"{self.kind.where}, packet {index}")
        return Attempt(
            guest=self.guest,
            kind=self.kind if len(inputs.data) == 1 else one_of_many,
            data=inputs.data[index],
            context=inputs.context[index] if inputs.context and not inputs.optional else None,
            options=options,
            status=answer.status,
        )


def _are_live(options: dict[str, int]) -> bool:
    """Whether frames take the way of their verdict, and nothing comes back."""
    return bool(options.get("flags", 0) & RunFlag.LIVE_FRAMES)
