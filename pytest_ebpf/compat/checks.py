"""One check for each kind of thing that an object may ask of a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from pytest_ebpf import hooks
from pytest_ebpf.btf import Enum, Struct, Typedef
from pytest_ebpf.btf.names import essential
from pytest_ebpf.compat.advice import advice_for
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.mapuse import refusal
from pytest_ebpf.compat.model import Lack
from pytest_ebpf.compat.oracle import Oracle
from pytest_ebpf.compat.rules import Rules, Since, line_of
from pytest_ebpf.errors import BtfError
from pytest_ebpf.requirements import Kconfig, Kind, Ksym, Requirement
from pytest_ebpf.requirements.constants import holds
from pytest_ebpf.uapi import MapFlag, ProgType

#: Sections whose attach types came after them: with Linux 5.14, and 6.6 with tcx, whose name libbpf gives to
#: what netlink attaches everywhere.
_ONCE_WITHOUT_ATTACH_TYPE: Final = frozenset(
    {"sk_reuseport", "sk_reuseport/migrate", "tc/ingress", "tc/egress"}
)

#: Types of programs that the verifier lets load from packets in the old way (``may_access_skb``).
_PACKET_ACCESS: Final = frozenset({ProgType.SOCKET_FILTER, ProgType.SCHED_CLS, ProgType.SCHED_ACT})

#: Functions that kernels from 5.13 on let nobody trace (``btf_id_deny`` in kernel/bpf/verifier.c). Which of
#: them are there and on the list depends on the kernel's version and configuration.
_SELDOM_TRACED: Final = frozenset(
    {
        *("migrate_disable", "migrate_enable", "rcu_read_unlock_strict", "preempt_count_add"),
        *("preempt_count_sub", "__rcu_read_lock", "__rcu_read_unlock"),
    }
)


#: The first line with ``BTF_KIND_DECL_TAG``.
_DECL_TAGS: Final = (5, 16)

#: Functions whose result fmod_ret may change on every kernel; of others a list in the kernel says, on which
#: those of system calls are if it was configured so.
_CHANGEABLE: Final = "security_"

#: Functions of which the verifier wants to know the device ("metadata kfuncs require device-bound program").
_OF_A_DEVICE: Final = "bpf_xdp_metadata_"

#: What to declare an option as, by how its value begins; others are numbers.
_SHAPES: Final = {"y": "enum libbpf_tristate", "m": "enum libbpf_tristate", '"': "an array of char"}

#: Sections of sleepable programs for which the kernel holds the target against lists of its own.
_SLEEP_BY_TARGET: Final = frozenset({"fentry.s", "fexit.s", "fmod_ret.s", "fsession.s", "lsm.s"})


@dataclass
class Kernel:
    """One object on one kernel, with the answers given so far."""

    facts: KernelFacts
    oracle: Oracle
    rules: Rules
    gpl_compatible: bool
    _answers: dict[tuple[object, ...], Lack | None] = field(default_factory=dict)

    def lack(self, need: Requirement, section: str | None) -> Lack | None:
        """What the kernel lacks of *need*, None if nothing.

        *section* is the kind of hook of the program that asks, in the words of :mod:`pytest_ebpf.hooks`.
        """
        # The place it is asked at has no part in the answer: programs repeat themselves.
        what = need.kind, need.name, need.number, need.subject
        key = *what, need.relocation, need.accesses, need.symbol, section
        if key not in self._answers:
            self._answers[key] = _CHECKS[need.kind](self, need, section)
        found = self._answers[key]
        if found is None:
            return None
        instead = advice_for(need, self.rules) if found.instead is None else found.instead
        source = need.source
        if source and need.instruction is None and need.symbol is None:
            source = replace(source, text="")  # of the program's first line, which says nothing of it
        return replace(found, instead=instead, source=source, stage=need.stage)


Check = Callable[[Kernel, Requirement, str | None], Lack | None]


def _enumerator(enum: str, what: str) -> Check:
    """The kernel's enumeration has the number."""

    def check(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
        if need.number in kernel.facts.enumerators(enum):
            return None
        of = f" (map {need.subject})" if need.subject else ""
        return Lack(certain=True, what=f"no {what} {need.name}{of}")

    return check


def _program_type(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    if lack := _enumerator("bpf_prog_type", "program type")(kernel, need, section):
        return lack
    return _compiled_in(kernel, need, "program type")


def _compiled_in(kernel: Kernel, need: Requirement, what: str) -> Lack | None:
    function = kernel.rules.compiled_in.get(need.name)
    if function and not kernel.facts.has_function(function):
        return Lack(certain=True, what=f"built without {what} {need.name}")
    return None


def _attach_type(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    found = _enumerator("bpf_attach_type", "attach type")(kernel, need, section)
    if found is None:
        return _compiled_in(kernel, need, "attach type")
    if section not in _ONCE_WITHOUT_ATTACH_TYPE:
        return found
    # Kernels that do not know these types do not look at them.
    return replace(found, certain=False) if section == "sk_reuseport/migrate" else None


def _helper(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
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


def _map_flag(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """Others than those with an entry came with a type of maps, or are for libbpf's own use."""
    of = f"(map {need.subject})"
    if need.name.upper() not in MapFlag.__members__:
        return Lack(certain=False, what=f"nothing is known of flag {need.name} {of}")
    return _since(kernel, kernel.rules.map_flags.get(need.name), f"map flag {need.name} {of}")


def _map_use(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    return refusal(need, f"{section} programs", kernel.facts.version, kernel.rules)


def _instruction(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    hook = hooks.parse(section or "")
    if need.name == "packet_access" and hook and hook.kind.prog_type not in _PACKET_ACCESS:
        what = f"{section} programs may not use instruction {need.name}"
        return Lack(certain=True, what=what, instead="use an access that is checked against data_end")
    return _since(kernel, kernel.rules.instructions.get(need.name), f"instruction {need.name}")


def _encoding(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """What no kernel had that was measured; a newer one may."""
    return Lack(certain=line_of(kernel.facts.version) <= kernel.rules.newest, what=need.name)


def _program_flag(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """Programs that may sleep: where they can be hooked to, and, of functions, to which, has grown."""
    if need.name != "sleepable":
        return _since(kernel, kernel.rules.program_flags.get(need.name), f"program flag {need.name}")
    if lack := _since(kernel, kernel.rules.sleepable.get(section or ""), f"sleepable {section} programs"):
        return lack
    if section in _SLEEP_BY_TARGET:
        return Lack(certain=False, what="the verifier decides which functions and hooks may sleep")
    return None


def _relocation(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    assert need.relocation
    found = kernel.oracle.resolutions[need.relocation]
    if isinstance(found, BtfError):
        return Lack(certain=True, what=found.what)
    refusal = found.refusal(accesses=need.accesses)
    if refusal is None:
        return None
    return _type_elsewhere(kernel, need.name) or Lack(certain=True, what=f"{need.name}: {refusal}")


def _type_elsewhere(kernel: Kernel, accessed: str) -> Lack | None:
    """A type that only a module has: libbpf looks into those that are loaded."""
    spelled = accessed.partition("::")[0]
    name = essential(spelled.rpartition(" ")[2])
    if any(kernel.facts.btf.flavours(name)):
        return None
    return _in_module(spelled, kernel.facts.module_with(name, Struct, Enum, Typedef))


def _symbol(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """A kfunc or another symbol of the kernel."""
    assert isinstance(need.symbol, Ksym)
    found = kernel.oracle.has_ksym(need.symbol)
    name = need.symbol.name
    what = "function" if need.symbol.is_function else "symbol"
    if found is False:
        there = kernel.facts.has_function(name) or kernel.facts.has_variable(name)
        if there:
            instead = "declare it with the kernel's types in full, as vmlinux.h does"
            return Lack(certain=True, what=f"{what} {name} has another type", instead=instead)
        return None if need.weak else Lack(certain=True, what=f"no {what} {name}")
    if found is None and need.weak:
        return None
    if found is None and not need.symbol.is_function:
        what = f"libbpf reads the address of {name} from /proc/kallsyms"
        return _elsewhere(kernel, name) or Lack(certain=False, what=what, instead="")
    if found is None:
        return _elsewhere(kernel, name) or Lack(certain=False, what=f"{what} {name} is not in its BTF")
    # That the object names it is no call: the programs that make one ask for it again.
    return _kfunc(kernel, name, section) if need.kind is Kind.KFUNC and section else None


def _kfunc(kernel: Kernel, name: str, section: str) -> Lack | None:
    """A function that is there; which programs may call it is registered at run time, and was measured."""
    if name.startswith(_OF_A_DEVICE) and section.startswith("xdp"):
        what = f"{name} is for programs that the loader binds to a device"
        return Lack(certain=False, what=what, instead="")
    allowed = kernel.rules.allows_kfunc(section, name, kernel.facts.version)
    if allowed:
        return None
    kfuncs = kernel.facts.kfuncs
    if kfuncs is not None and name not in kfuncs and not kernel.rules.is_kfunc(name):
        return Lack(certain=True, what=f"{name} is no function that programs may call")
    if allowed is False:
        return Lack(certain=True, what=f"{section} programs may not call {name}", instead="")
    what = f"the verifier decides whether {section} programs may call {name}"
    return Lack(certain=False, what=what, instead="")


def _kconfig(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    if need.name.startswith("LINUX_"):
        return None
    assert isinstance(need.symbol, Kconfig)
    config = kernel.facts.config
    if config is None:
        return None
    if need.name not in config:
        return Lack(certain=True, what=f"{need.name} is not set", instead="declare it __weak")
    text, option = config[need.name], need.symbol
    if holds(option, text):
        return None
    what = f"{need.name} is {text}, which its type ({option.shape}, {option.size} bytes) does not hold"
    return Lack(certain=True, what=what, instead=f"declare it {_SHAPES.get(text[:1], 'unsigned long')}")


def _function(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    """A function to trace; ``module:function`` says where it is."""
    module, _, name = need.name.rpartition(":")
    if not module and kernel.facts.has_function(name):
        if name in _SELDOM_TRACED:
            return Lack(certain=False, what=f"the verifier decides whether {name} may be traced")
        if section in {"fmod_ret", "fmod_ret.s"} and not name.startswith(_CHANGEABLE):
            what = f"the verifier decides whether programs may change what {name} returns"
            return Lack(certain=False, what=what)
        return None
    return _elsewhere(kernel, name) or Lack(certain=True, what=f"no function {name} in its BTF")


def _elsewhere(kernel: Kernel, name: str) -> Lack | None:
    """A function that a module has."""
    return _in_module(name, kernel.facts.module_with(name))


def _in_module(name: str, module: str | None) -> Lack | None:
    if module is None:
        return None
    return Lack(certain=False, what=f"{name} is in the module {module}", instead=f"load {module} before")


def _lsm_hook(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    if kernel.facts.has_function(f"bpf_lsm_{need.name}"):
        return None
    return Lack(certain=True, what=f"no LSM hook {need.name}")


def _iterator(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    if kernel.facts.has_function(f"bpf_iter_{need.name}"):
        return None
    return _elsewhere(kernel, f"bpf_iter_{need.name}") or Lack(certain=True, what=f"no iterator {need.name}")


def _btf_tracepoint(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    if kernel.facts.has_tracepoint(need.name):
        return None
    # tp_btf wants its type when it is loaded; raw_tp looks it up by name, modules included.
    return Lack(certain=section == "tp_btf", what=f"no tracepoint {need.name} in its BTF")


def _tracepoint(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    category, _, name = need.name.rpartition("/")
    enters = name.removeprefix("sys_enter_").removeprefix("sys_exit_")
    if category == "syscalls" and kernel.facts.has_function(f"__x64_sys_{enters}"):
        return None
    if kernel.facts.has_tracepoint(name):
        return None
    return Lack(certain=False, what=f"no tracepoint {name} in its BTF")


def _kprobe(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    if kernel.facts.has_function(need.name):
        return None
    # BTF lacks functions that were inlined somewhere or made in variants; kprobes find them by symbol.
    return _elsewhere(kernel, need.name) or Lack(certain=False, what=f"no function {need.name} in its BTF")


def _syscall(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
    return _kprobe(kernel, replace(need, name=f"__x64_sys_{need.name}"), section)


def _struct_ops(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    name, _, member = need.name.partition(".")
    if not kernel.facts.has_type(f"bpf_struct_ops_{name}"):
        return Lack(certain=True, what=f"programs cannot implement struct {name}")
    if member and member not in kernel.facts.members(name):
        return Lack(certain=True, what=f"struct {name} has no {member}")
    return None


def _exception_callback(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """What libbpf hands on to kernels that have tags, though exceptions came later."""
    if line_of(kernel.facts.version) < _DECL_TAGS:
        return None
    what = f"exception callback {need.name}"
    if need.subject:
        return Lack(certain=True, what=f"{what} {need.subject}")
    return _since(kernel, kernel.rules.program_flags["exception_callback"], what)


def _licence(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    if kernel.gpl_compatible:
        return None
    return Lack(
        certain=True,
        what=f"{need.name} is for programs with a GPL-compatible licence",
        instead='SEC("license") says which it is',
    )


def _nothing(_kernel: Kernel, _need: Requirement, _section: str | None) -> Lack | None:
    """What libbpf sees to."""
    return None


_CHECKS: Final[dict[Kind, Check]] = {
    Kind.PROGRAM_TYPE: _program_type,
    Kind.PROGRAM_FLAG: _program_flag,
    Kind.ATTACH_TYPE: _attach_type,
    Kind.MAP_TYPE: _enumerator("bpf_map_type", "map type"),
    Kind.MAP_FLAG: _map_flag,
    Kind.MAP_USE: _map_use,
    Kind.HELPER: _helper,
    Kind.KFUNC: _symbol,
    Kind.KSYM: _symbol,
    Kind.KCONFIG: _kconfig,
    Kind.INSTRUCTION: _instruction,
    Kind.ENCODING: _encoding,
    Kind.BTF_KIND: _nothing,
    Kind.RELOCATION: _relocation,
    Kind.FUNCTION: _function,
    Kind.BTF_TRACEPOINT: _btf_tracepoint,
    Kind.TRACEPOINT: _tracepoint,
    Kind.KPROBE: _kprobe,
    Kind.SYSCALL: _syscall,
    Kind.LSM_HOOK: _lsm_hook,
    Kind.ITERATOR: _iterator,
    Kind.STRUCT_OPS: _struct_ops,
    Kind.EXCEPTION_CALLBACK: _exception_callback,
    Kind.LICENCE: _licence,
}
