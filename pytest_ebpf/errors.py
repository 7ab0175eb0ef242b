"""Every error a user can cause, and the few that say we could not tell.

All derive from :class:`EbpfError` and read ``where: what is wrong (value seen); what to do``.
They are printed without a traceback by the command and by the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final


class EbpfError(Exception):
    """Base class: *what* is wrong, *where*, and what to do (*hint*)."""

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.hint}" if self.hint else text


class UsageError(EbpfError):
    """An option, a marker or an argument that cannot be understood."""


class ToolError(EbpfError):
    """A program of the host (clang, QEMU, apt, ...) is missing, too old, or failed."""


@dataclass(frozen=True)
class Problem:
    """One located defect: *where* is ``file:line: dotted.path``."""

    where: str
    what: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; {self.hint}" if self.hint else "")


class ProblemsError(EbpfError):
    """Several defects found in one pass, printed one a line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class ManifestError(ProblemsError):
    """``ebpf.toml`` is malformed or declares something impossible."""


class MismatchError(ProblemsError):
    """A built object is not what the manifest declares."""


class BudgetError(ProblemsError):
    """The verifier has more to do for a program than it may."""


class BuildError(EbpfError):
    """A template does not render or a source does not compile."""


class ObjectError(EbpfError):
    """A file is not a BPF object that can be read."""


class BtfError(ObjectError):
    """BTF data is malformed, or a type asked of it is not there."""


class KernelError(EbpfError):
    """A kernel cannot be had, or its image cannot be read."""


class LoadError(EbpfError):
    """The kernel refused an object.

    *log* is the whole of what libbpf and the verifier said; *program* the one that was refused, if it
    was a program; *at* the source line, ``file:line: text``; *explanation* some lines with the reason, the
    source around it, the registers that matter and what to do. Both are empty where the log does not tell.
    *retry*, if there is one, has another guest load the same, for a moment.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        program: str | None = None,
        errno: int = 0,
        log: str = "",
        at: str = "",
        explanation: str = "",
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.program = program
        self.errno = errno
        self.log = log
        self.at = at
        self.explanation = explanation
        self.retry: Callable[[Any], None] | None = None


class AttachError(EbpfError):
    """A program cannot be attached: what it goes to is not there, or the kernel refuses it there.

    *log* is what libbpf said.
    """

    def __init__(
        self, what: str, *, where: str | None = None, hint: str | None = None, errno: int = 0, log: str = ""
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.errno = errno
        self.log = log


class UnsupportedError(EbpfError):
    """The booted kernel lacks what was asked, found by probing it. The outcome ``unsupported``."""


class ValueConversionError(EbpfError):
    """A Python value does not fit the BTF type it is meant for."""


class PacketError(EbpfError):
    """A packet that this kernel's ``BPF_PROG_TEST_RUN`` does not take."""


class GuestError(EbpfError):
    """The guest carried a call out and answered with an errno."""

    def __init__(self, what: str, *, errno: int, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.errno = errno


class CommandError(EbpfError):
    """A command in the guest failed, did not end in time, said too much, or is not to be had.

    *status* and *signal* tell how it ended, None where that is not what is wrong. *stdout* and *stderr* are
    what it had said by then.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        status: int | None = None,
        signal: int | None = None,
        stdout: str = "",
        stderr: str = "",
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status
        self.signal = signal
        self.stdout = stdout
        self.stderr = stderr


class ProcessError(EbpfError):
    """A process that makes system calls in the guest hung in one, or has ended."""


class ConditionError(EbpfError):
    """What a test waited for did not come about in time."""


#: What a kernel says when it has no memory left at all (mm/oom_kill.c), as told from that of a cgroup.
_SHORT_OF_MEMORY: Final = ("System is deadlocked on memory", "Out of memory: Killed process")


class KernelCrashedError(EbpfError):
    """The guest's kernel died. *console* is the tail of what it printed, the splat included."""

    def __init__(self, what: str, *, console: str = "") -> None:
        short_of_memory = any(text in what for text in _SHORT_OF_MEMORY)
        hint = "give machines more: memory = ... under [test] in ebpf.toml" if short_of_memory else None
        super().__init__(what, hint=hint)
        self.console = console


class InfrastructureError(EbpfError):
    """We could not tell: the machine, the guest or the wire failed. Never a verdict on the program.

    *console* is the tail of what the guest printed, where there is a guest.
    """

    def __init__(
        self, what: str, *, where: str | None = None, hint: str | None = None, console: str = ""
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.console = console


class MachineError(InfrastructureError):
    """QEMU did not start, or the kernel did not come up to the agent's hello."""


class ProtocolError(InfrastructureError):
    """The guest sent something that is no message of the protocol."""


class GuestLostError(InfrastructureError):
    """The connection to the guest ended in the middle of a call."""


class DeadlineError(InfrastructureError):
    """The guest did not answer in time."""
