"""Checks of what a kernel has by its enumerations, its version, or how it was built."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pytest_ebpf import hooks
from pytest_ebpf.compat.kernel import Check, Kernel
from pytest_ebpf.compat.mapuse import refusal
from pytest_ebpf.compat.model import Lack
from pytest_ebpf.compat.rules import Since, line_of
from pytest_ebpf.requirements import Requirement
from pytest_ebpf.uapi import MapFlag, ProgType

#: Sections whose attach types came after them: with Linux 5.14, and 6.6 with tcx, whose name libbpf gives to
#: what netlink attaches everywhere.
_ONCE_WITHOUT_ATTACH_TYPE: Final = frozenset(
    {"sk_reuseport", "sk_reuseport/migrate", "tc/ingress", "tc/egress"}
)

#: Types of programs that the verifier lets load from packets in the old way (``may_access_skb``).
_PACKET_ACCESS: Final = frozenset({ProgType.SOCKET_FILTER, ProgType.SCHED_CLS, ProgType.SCHED_ACT})

#: The first line with ``BTF_KIND_DECL_TAG``.
_DECL_TAGS: Final = (5, 16)

#: Sections of sleepable programs for which the kernel holds the target against lists of its own.
_SLEEP_BY_TARGET: Final = frozenset({"fentry.s", "fexit.s", "fmod_ret.s", "fsession.s", "lsm.s"})


def enumerator(enum: str, what: str) -> Check:
    """The kernel's enumeration has the number."""

    def check(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
        if need.number in kernel.facts.enumerators(enum):
            return None
        of = f" (map {need.subject})" if need.subject else ""
        return Lack(certain=True, what=f"no {what} {need.name}{of}")

    return check


def program_type(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """The type is in its enumeration, and was built in."""
    if lack := enumerator("bpf_prog_type", "program type")(kernel, need, section):
        return lack
    return _compiled_in(kernel, need, "program type")


def _compiled_in(kernel: Kernel, need: Requirement, what: str) -> Lack | None:
    function = kernel.rules.compiled_in.get(need.name)
    if function and not kernel.facts.has_function(function):
        return Lack(certain=True, what=f"built without {what} {need.name}")
    return None


def attach_type(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """The attach type is, where the kernel looks at it."""
    found = enumerator("bpf_attach_type", "attach type")(kernel, need, section)
    if found is None:
        return _compiled_in(kernel, need, "attach type")
    if section not in _ONCE_WITHOUT_ATTACH_TYPE:
        return found
    # Kernels that do not know these types do not look at them.
    return replace(found, certain=False) if section == "sk_reuseport/migrate" else None


def helper(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """The helper is there, and for programs of this kind."""
    assert need.number is not None
    if need.number not in kernel.facts.enumerators("bpf_func_id"):
        return Lack(certain=True, what=f"no helper {need.name.removeprefix('helper ')}")
    allowed = kernel.rules.allows(section, need.number, kernel.facts.version)
    if allowed:
        return None
    of = f"{section} programs" if section else "these programs"
    if allowed is False:
        later = kernel.rules.allowed_from(section, need.number, kernel.facts.version)
        instead = f"they may from {later} on: guard it with LINUX_KERNEL_VERSION" if later else ""
        return Lack(certain=True, what=f"{of} may not call {need.name}", instead=instead)
    return Lack(certain=False, what=f"the verifier decides whether {of} may call {need.name}", instead="")


def _since(kernel: Kernel, entry: Since | None, what: str) -> Lack | None:
    """The version is one that has it: of these things BTF says nothing. No *entry*: every kernel has it."""
    has = entry.has(kernel.facts.version) if entry else True
    if entry is None or has:
        return None
    certain = has is False
    carried = "" if certain else ", or was carried back"
    return Lack(certain=certain, what=f"{what} came with {entry.first}{carried}")


def map_flag(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """Others than those with an entry came with a type of maps, or are for libbpf's own use."""
    of = f"(map {need.subject})"
    if need.name.upper() not in MapFlag.__members__:
        return Lack(certain=False, what=f"nothing is known of flag {need.name} {of}")
    return _since(kernel, kernel.rules.map_flags.get(need.name), f"map flag {need.name} {of}")


def map_use(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """What the verifier asks of the maps that a program names."""
    return refusal(need, f"{section} programs", kernel.facts.version, kernel.rules)


def instruction(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """An instruction, by the version that brought it, and where programs of one kind alone may use it."""
    hook = hooks.parse(section or "")
    if need.name == "packet_access" and hook and hook.kind.prog_type not in _PACKET_ACCESS:
        what = f"{section} programs may not use instruction {need.name}"
        return Lack(certain=True, what=what, instead="use an access that is checked against data_end")
    return _since(kernel, kernel.rules.instructions.get(need.name), f"instruction {need.name}")


def encoding(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """What no kernel had that was measured; a newer one may."""
    return Lack(certain=line_of(kernel.facts.version) <= kernel.rules.newest, what=need.name)


def program_flag(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """Programs that may sleep: where they can be hooked to, and, of functions, to which, has grown."""
    if need.name != "sleepable":
        return _since(kernel, kernel.rules.program_flags.get(need.name), f"program flag {need.name}")
    if lack := _since(kernel, kernel.rules.sleepable.get(section or ""), f"sleepable {section} programs"):
        return lack
    if section in _SLEEP_BY_TARGET:
        return Lack(certain=False, what="the verifier decides which functions and hooks may sleep")
    return None


def exception_callback(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """What libbpf hands on to kernels that have tags, though exceptions came later."""
    if line_of(kernel.facts.version) < _DECL_TAGS:
        return None
    what = f"exception callback {need.name}"
    if need.subject:
        return Lack(certain=True, what=f"{what} {need.subject}")
    return _since(kernel, kernel.rules.program_flags["exception_callback"], what)


def licence(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """What is for GPL-compatible programs only."""
    if kernel.gpl_compatible:
        return None
    return Lack(
        certain=True,
        what=f"{need.name} is for programs with a GPL-compatible licence",
        instead='SEC("license") says which it is',
    )
