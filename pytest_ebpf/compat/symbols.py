"""Checks of what a kernel has by name: types and their fields, functions and variables, options."""

from __future__ import annotations

from typing import Final

from pytest_ebpf.btf import Enum, Struct, Typedef
from pytest_ebpf.btf.names import essential
from pytest_ebpf.compat.kernel import Kernel
from pytest_ebpf.compat.model import Lack
from pytest_ebpf.errors import BtfError
from pytest_ebpf.requirements import Kconfig, Kind, Ksym, Requirement
from pytest_ebpf.requirements.constants import holds

#: Functions of which the verifier wants to know the device ("metadata kfuncs require device-bound program").
_OF_A_DEVICE: Final = "bpf_xdp_metadata_"

#: What to declare an option as, by how its value begins; others are numbers.
_SHAPES: Final = {"y": "enum libbpf_tristate", "m": "enum libbpf_tristate", '"': "an array of char"}


def relocation(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """A type, a field or a value that libbpf relocates."""
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


def symbol(kernel: Kernel, need: Requirement, section: str | None) -> Lack | None:
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
        return elsewhere(kernel, name) or Lack(certain=False, what=what, instead="")
    if found is None:
        return elsewhere(kernel, name) or Lack(certain=False, what=f"{what} {name} is not in its BTF")
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


def kconfig(kernel: Kernel, need: Requirement, _: str | None) -> Lack | None:
    """An option of its configuration, which fits what it is declared as."""
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


def elsewhere(kernel: Kernel, name: str) -> Lack | None:
    """A function that a module has."""
    return _in_module(name, kernel.facts.module_with(name))


def _in_module(name: str, module: str | None) -> Lack | None:
    if module is None:
        return None
    return Lack(certain=False, what=f"{name} is in the module {module}", instead=f"load {module} before")
