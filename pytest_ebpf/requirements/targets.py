"""What in the kernel a program's section names."""

from __future__ import annotations

from typing import Final

from pytest_ebpf.hooks import Hook
from pytest_ebpf.requirements.model import Kind, Requirement, Stage
from pytest_ebpf.uapi import AttachType, ProgType

#: By the section's prefix, without what makes it sleepable (``.s``).
_KINDS: Final = {
    "fentry": Kind.FUNCTION,
    "fexit": Kind.FUNCTION,
    "fmod_ret": Kind.FUNCTION,
    "fsession": Kind.FUNCTION,
    "tp_btf": Kind.BTF_TRACEPOINT,
    "raw_tp": Kind.BTF_TRACEPOINT,
    "raw_tp.w": Kind.BTF_TRACEPOINT,
    "raw_tracepoint": Kind.BTF_TRACEPOINT,
    "raw_tracepoint.w": Kind.BTF_TRACEPOINT,
    "tp": Kind.TRACEPOINT,
    "tracepoint": Kind.TRACEPOINT,
    "kprobe": Kind.KPROBE,
    "kretprobe": Kind.KPROBE,
    "kprobe.multi": Kind.KPROBE,
    "kretprobe.multi": Kind.KPROBE,
    "kprobe.session": Kind.KPROBE,
    "ksyscall": Kind.SYSCALL,
    "kretsyscall": Kind.SYSCALL,
    "lsm": Kind.LSM_HOOK,
    "lsm_cgroup": Kind.LSM_HOOK,
    "iter": Kind.ITERATOR,
}

#: What a section can name.
TARGETS: Final = frozenset(_KINDS.values())

#: What is looked up by its BTF id when the program is loaded; the others not before they are attached.
_AT_LOAD: Final = frozenset(
    {"fentry", "fexit", "fmod_ret", "fsession", "tp_btf", "lsm", "lsm_cgroup", "iter"}
)

#: Types whose expected attach type the kernel checks when the program is loaded
#: (``bpf_prog_load_check_attach``, ``bpf_check_attach_target``). Those of others, when they are attached.
_CHECKED_AT_LOAD: Final = frozenset(
    {
        ProgType.CGROUP_SOCK,
        ProgType.CGROUP_SOCK_ADDR,
        ProgType.CGROUP_SKB,
        ProgType.CGROUP_SOCKOPT,
        ProgType.SK_LOOKUP,
        ProgType.SK_REUSEPORT,
        ProgType.NETFILTER,
        ProgType.TRACING,
        ProgType.LSM,
    }
)


def target_of(hook: Hook) -> Requirement | None:
    """What a program on *hook* needs to be there; None where the section names nothing of the kernel's."""
    prefix = hook.kind.prefix.removesuffix(".s")
    kind = _KINDS.get(prefix)
    target = hook.target
    if kind is None or not target:
        return None
    if kind is Kind.KPROBE:
        target = target.partition("+")[0]
        if any(each in target for each in "*?"):
            return None  # a pattern, which may match nothing
    return Requirement(kind, target, stage=Stage.LOAD if prefix in _AT_LOAD else Stage.ATTACH)


def attach_type_of(prog_type: int, attach_type: int) -> Requirement:
    """The attach type that libbpf expects of the program."""
    stage = Stage.LOAD if prog_type in _CHECKED_AT_LOAD else Stage.ATTACH
    return Requirement(Kind.ATTACH_TYPE, AttachType(attach_type).name.lower(), attach_type, stage=stage)


def may_sleep(hook: Hook) -> bool:
    """Whether libbpf loads the program as a sleepable one."""
    return hook.kind.prefix.endswith(".s") or hook.kind.prog_type == ProgType.SYSCALL


def flags_of(hook: Hook) -> list[Requirement]:
    """The flags that libbpf loads the program with (``SEC_SLEEPABLE``, ``SEC_XDP_FRAGS``)."""
    found = []
    if may_sleep(hook):
        found.append(Requirement(Kind.PROGRAM_FLAG, "sleepable", 1 << 4))
    if hook.kind.prefix.startswith("xdp.frags"):
        found.append(Requirement(Kind.PROGRAM_FLAG, "xdp_has_frags", 1 << 5))
    return found
