"""Attachments to functions of the kernel and of user space, tracepoints, perf events and iterators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pytest_ebpf.bpf.attaching import causes
from pytest_ebpf.bpf.attaching.perf_events import numbers
from pytest_ebpf.bpf.attaching.rows import Row, Settings
from pytest_ebpf.errors import UsageError
from pytest_ebpf.hooks import Hook

#: ``do_unlinkat+0x10``: a function and bytes behind its beginning.
_WITH_OFFSET: Final = re.compile(r"(?P<name>.+)\+(?P<offset>0x[0-9a-fA-F]+|[0-9]+)")


def _returns(hook: Hook) -> bool:
    """Whether the program is called when the function returns."""
    return hook.kind.prefix.startswith(("kret", "uret"))


def _kprobe_section(hook: Hook) -> Settings:
    return {"function": hook.target} if hook.target else {}


def _kprobe(hook: Hook, settings: Settings, _: str) -> Settings:
    made = {**settings, "retprobe": _returns(hook)}
    if found := _WITH_OFFSET.fullmatch(made["function"]):
        made["function"] = found["name"]
        made.setdefault("offset", int(found["offset"], 0))
    return made


def _kprobe_target(_: Hook, settings: Settings) -> str:
    return f'function "{settings["function"]}"'


def _tracepoint_section(hook: Hook) -> Settings:
    category, slash, name = (hook.target or "").partition("/")
    return {"category": category, "name": name} if slash else {}


def _tracepoint_target(_: Hook, settings: Settings) -> str:
    return f"tracepoint {settings['category']}/{settings['name']}"


def _multi_section(hook: Hook) -> Settings:
    return {"pattern": hook.target} if hook.target else {}


def _multi(hook: Hook, settings: Settings, _: str) -> Settings:
    return {**settings, "retprobe": _returns(hook), "session": "session" in hook.kind.prefix}


def _multi_target(_: Hook, settings: Settings) -> str:
    if "pattern" in settings:
        return f'functions "{settings["pattern"]}"'
    return f"functions {', '.join(settings['functions'])}"


def _named_section(hook: Hook) -> Settings:
    return {"name": hook.target} if hook.target else {}


def _syscall(hook: Hook, settings: Settings, _: str) -> Settings:
    return {**settings, "retprobe": _returns(hook)}


def _syscall_target(_: Hook, settings: Settings) -> str:
    return f'system call "{settings["name"]}"'


def _raw_target(_: Hook, settings: Settings) -> str:
    return f'raw tracepoint "{settings["name"]}"'


def _uprobe_section(hook: Hook) -> Settings:
    binary, colon, function = (hook.target or "").rpartition(":")
    return {"binary": binary, "function": function} if colon else {}


def _uprobe(hook: Hook, settings: Settings, _: str) -> Settings:
    made = {**settings, "retprobe": _returns(hook)}
    found = _WITH_OFFSET.fullmatch(made.get("function", ""))
    return {**made, "function": found["name"], "offset": int(found["offset"], 0)} if found else made


def _uprobe_target(_: Hook, settings: Settings) -> str:
    place = settings.get("function", f"offset {settings.get('offset', 0):#x}")
    return f"{settings['binary']}:{place}"


def _uprobe_multi_section(hook: Hook) -> Settings:
    binary, colon, pattern = (hook.target or "").rpartition(":")
    return {"binary": binary, "pattern": pattern} if colon else {}


def _uprobe_multi_target(hook: Hook, settings: Settings) -> str:
    return f"{_multi_target(hook, settings)} of {settings['binary']}"


def _usdt_section(hook: Hook) -> Settings:
    parts = (hook.target or "").rsplit(":", 2)
    return dict(zip(("binary", "provider", "name"), parts, strict=True)) if len(parts) == 3 else {}


def _usdt_target(_: Hook, settings: Settings) -> str:
    return f"{settings['binary']}:{settings['provider']}:{settings['name']}"


def _traced_target(hook: Hook, _: Settings) -> str:
    return f'"{hook.target}"' if hook.target else ""


def _freplace(hook: Hook, settings: Settings, where: str) -> Settings:
    if "target" not in settings:
        if "function" in settings:
            raise UsageError("function: of no target", where=where, hint="give target=, a loaded program")
        return {}
    target = settings["target"]
    return {"target": target.handle, "function": settings.get("function") or hook.target or target.name}


def _freplace_target(hook: Hook, settings: Settings) -> str:
    target = settings.get("target")
    return f'program "{target.name}"' if target else _traced_target(hook, settings)


def _iter(_: Hook, settings: Settings, where: str) -> Settings:
    if len(settings) > 1:
        raise UsageError(f"{' and '.join(settings)} exclude each other", where=where, hint="give one of them")
    return settings


def _iter_target(hook: Hook, _: Settings) -> str:
    return f'iterator "{hook.target}"'


def _perf(_: Hook, settings: Settings, where: str) -> Settings:
    kind, config = numbers(settings["type"], settings["config"], where)
    return {**settings, "type": kind, "config": config}


def _perf_target(_: Hook, settings: Settings) -> str:
    return f"perf event {settings['type']}:{settings['config']}"


TRACE_ROWS: Final[Mapping[str, Row]] = {
    "kprobe": Row(_kprobe_section, _kprobe, _kprobe_target, cause=causes.no_function),
    "kprobe_multi": Row(_multi_section, _multi, _multi_target, cause=causes.no_functions),
    "ksyscall": Row(_named_section, _syscall, _syscall_target, cause=causes.no_system_call),
    "uprobe": Row(_uprobe_section, _uprobe, _uprobe_target, cause=causes.no_user_function),
    "uprobe_multi": Row(_uprobe_multi_section, _multi, _uprobe_multi_target, cause=causes.no_user_functions),
    "usdt": Row(_usdt_section, target=_usdt_target, cause=causes.no_user_probe),
    "tracepoint": Row(_tracepoint_section, target=_tracepoint_target, cause=causes.no_tracepoint),
    "raw_tracepoint": Row(_named_section, target=_raw_target, cause=causes.no_raw_tracepoint),
    "trace": Row(target=_traced_target, cause=causes.no_trampoline),
    "perf_event": Row(arguments=_perf, target=_perf_target, cause=causes.no_perf_event),
    "iter": Row(arguments=_iter, target=_iter_target, cause=causes.no_iteration),
    "freplace": Row(arguments=_freplace, target=_freplace_target),
}
