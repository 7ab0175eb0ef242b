"""Checks of the places where programs are attached: functions, hooks, tracepoints, operations."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pytest_ebpf.compat.kernel import Kernel
from pytest_ebpf.compat.model import Lack
from pytest_ebpf.compat.symbols import elsewhere
from pytest_ebpf.requirements import Requirement

#: Functions that kernels from 5.13 on let nobody trace (``btf_id_deny`` in kernel/bpf/verifier.c). Which of
#: them are there and on the list depends on the kernel's version and configuration.
_SELDOM_TRACED: Final = frozenset(
    {
        *("migrate_disable", "migrate_enable", "rcu_read_unlock_strict", "preempt_count_add"),
        *("preempt_count_sub", "__rcu_read_lock", "__rcu_read_unlock"),
    }
)

#: Functions whose result fmod_ret may change on every kernel; of others a list in the kernel says, on which
#: those of system calls are if it was configured so.
_CHANGEABLE: Final = "security_"


def function(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """A function to trace; ``module:function`` says where it is."""
    module, _, name = need.name.rpartition(":")
    if not module and kernel.facts.has_function(name):
        if name in _SELDOM_TRACED:
            return Lack(certain=False, what=f"the verifier decides whether {name} may be traced")
        if section in {"fmod_ret", "fmod_ret.s"} and not name.startswith(_CHANGEABLE):
            what = f"the verifier decides whether programs may change what {name} returns"
            return Lack(certain=False, what=what)
        return None
    return elsewhere(kernel, name) or Lack(certain=True, what=f"no function {name} in its BTF")


def lsm_hook(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """A hook of the security modules."""
    if kernel.facts.has_function(f"bpf_lsm_{need.name}"):
        return None
    return Lack(certain=True, what=f"no LSM hook {need.name}")


def iterator(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """What an iterator goes through."""
    if kernel.facts.has_function(f"bpf_iter_{need.name}"):
        return None
    return elsewhere(kernel, f"bpf_iter_{need.name}") or Lack(certain=True, what=f"no iterator {need.name}")


def btf_tracepoint(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """A tracepoint by its type."""
    if kernel.facts.has_tracepoint(need.name):
        return None
    # tp_btf wants its type when it is loaded; raw_tp looks it up by name, modules included.
    return Lack(certain=section == "tp_btf", what=f"no tracepoint {need.name} in its BTF")


def tracepoint(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """A tracepoint by category and name."""
    category, _, name = need.name.rpartition("/")
    enters = name.removeprefix("sys_enter_").removeprefix("sys_exit_")
    if category == "syscalls" and kernel.facts.has_function(f"__x64_sys_{enters}"):
        return None
    if kernel.facts.has_tracepoint(name):
        return None
    return Lack(certain=False, what=f"no tracepoint {name} in its BTF")


def kprobe(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """A function, or the like, that a kprobe is set on."""
    if kernel.facts.has_function(need.name):
        return None
    # BTF lacks functions that were inlined somewhere or made in variants; kprobes find them by symbol.
    return elsewhere(kernel, need.name) or Lack(certain=False, what=f"no function {need.name} in its BTF")


def syscall(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """A system call by its name."""
    return kprobe(kernel, replace(need, name=f"__x64_sys_{need.name}"), section)


def struct_ops(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """A struct of operations, and the member that a program is."""
    name, _, member = need.name.partition(".")
    if not kernel.facts.has_type(f"bpf_struct_ops_{name}"):
        return Lack(certain=True, what=f"programs cannot implement struct {name}")
    if member and member not in kernel.facts.members(name):
        return Lack(certain=True, what=f"struct {name} has no {member}")
    return None
