"""From a hook and the settings of an attachment to what the guest's agent is asked. Pure.

Which settings a kind of hook takes is told by :mod:`pytest_ebpf.hooks`; the rows, of the modules beside this
one, say what a section gives of them and how they are written for the agent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_ebpf.bpf.attaching.net import NET_ROWS
from pytest_ebpf.bpf.attaching.performed import PERFORMED_ROWS
from pytest_ebpf.bpf.attaching.rows import Row, Settings
from pytest_ebpf.bpf.attaching.trace import TRACE_ROWS
from pytest_ebpf.bpf.sources import HasDescriptor, HasHandle, HasIfindex, HasPath, HasPid
from pytest_ebpf.errors import UsageError
from pytest_ebpf.hooks import SETTINGS, Attachment, Hook, attachment, parse
from pytest_ebpf.suggest import suggestion

ROWS: Final[Mapping[str, Row]] = {**TRACE_ROWS, **NET_ROWS, **PERFORMED_ROWS}


@dataclass(frozen=True)
class Plan:
    """What to do: *how*, as the agent calls it, with *args*; *target* says to people where the program goes.

    *row* carries it out where that takes more than one call of the agent.
    """

    where: str
    hook: Hook
    how: str
    args: Settings
    target: str
    row: Row


def plan(
    section: str,
    where: str,
    *,
    defaults: Settings | None = None,
    given: Settings | None = None,
    maps: Callable[[str], Any] | None = None,
) -> Plan:
    """Plan the attachment of the program of *section*.

    The section's target counts least, then *defaults*, then what is *given*. *maps* finds a map of the
    object by name. :class:`~pytest_ebpf.errors.UsageError` for settings that are unknown, missing,
    contradictory, or of the wrong type.
    """
    hook = parse(section)
    if hook is None:
        raise UsageError(
            f'nothing is known of the section "{section}"',
            where=f"{where}: attach",
            hint=f'say in the manifest where it goes: {where} = {{ hook = "xdp", section = "{section}" }}',
        )
    takes = attachment(hook.kind)
    kind, at = hook.kind.prefix, f"{where}: attach"
    if not takes.how:
        raise UsageError(f"a {kind} program is not attached by itself", where=at, hint=takes.instead)
    row = ROWS.get(takes.how, Row())
    merged: dict[str, Any] = {}
    for layer in (row.from_section(hook), defaults or {}, given or {}):
        _check(layer, takes, at, kind)
        merged = _override(merged, layer, takes)
    _complete(merged, takes, at, kind)
    resolved = {name: _resolve(name, value, at, maps) for name, value in merged.items()}
    return Plan(where, hook, takes.how, row.arguments(hook, resolved, at), row.target(hook, merged), row)


def is_complete(section: str, defaults: Settings | None = None) -> bool:
    """Whether a program of *section* can be attached with no more settings than its *defaults*."""
    return missing_settings(section, defaults) == ()


def missing_settings(section: str, defaults: Settings | None = None) -> tuple[tuple[str, ...], ...] | None:
    """The groups of settings of which one each is still to be given; None where programs are not attached."""
    hook = parse(section)
    takes = attachment(hook.kind) if hook else None
    if hook is None or takes is None or not takes.how:
        return None
    known = {**ROWS.get(takes.how, Row()).from_section(hook), **(defaults or {})}
    return tuple(group for group in takes.required if not any(name in known for name in group))


def _check(layer: Settings, takes: Attachment, where: str, kind: str) -> None:
    """Names, alternatives and types of the settings in one place."""
    for name, value in layer.items():
        if name not in takes.settings:
            accepted = ", ".join(takes.settings) or "nothing"
            raise UsageError(
                f'a {kind} program takes no "{name}"',
                where=where,
                hint=suggestion(name, takes.settings, limit=0) or f"it takes {accepted}",
            )
        _check_value(takes, name, value, where)
    for group in takes.required:
        if len(both := [name for name in group if name in layer]) > 1:
            raise UsageError(f"{' and '.join(both)} exclude each other", where=where, hint="give one of them")


def _check_value(takes: Attachment, name: str, value: Any, where: str) -> None:
    setting, words = SETTINGS[name], takes.words(name)
    if words and value not in words:
        raise UsageError(f"{name}: {value!r} is none of {', '.join(words)}", where=where)
    if isinstance(value, bool) or not _fits(value, setting.types):
        types = " or ".join(each.__name__ for each in setting.types) or "an object of the guest"
        raise UsageError(f"{name}: not {types} ({value!r})", where=where)


def _fits(value: Any, types: tuple[type, ...]) -> bool:
    if isinstance(value, types):
        return not (isinstance(value, list) and (not value or any(type(each) is not str for each in value)))
    plain = isinstance(value, (str, int, float, bytes, list, tuple, dict, type(None)))
    return not plain and isinstance(value, (HasPath, HasPid, HasHandle, HasIfindex, HasDescriptor))


def _override(lower: dict[str, Any], layer: Settings, takes: Attachment) -> dict[str, Any]:
    """*layer* over *lower*; of settings that exclude each other the upper one goes."""
    gone = {name for group in takes.required if any(each in layer for each in group) for name in group}
    return {**{name: value for name, value in lower.items() if name not in gone}, **layer}


def _complete(settings: Settings, takes: Attachment, where: str, kind: str) -> None:
    for group in takes.required:
        if not any(name in settings for name in group):
            missing = " or ".join(group)
            raise UsageError(
                f"a {kind} program needs {missing}",
                where=where,
                hint=f"attach({group[0]}=...), or name it in the section or the manifest",
            )


def _resolve(name: str, value: Any, where: str, maps: Callable[[str], Any] | None) -> Any:
    """A setting as the agent takes it: paths, pids and handles of the objects that stand for them."""
    if name == "map" and isinstance(value, str):
        if maps is None:
            raise UsageError(f'map: no object to look "{value}" up in', where=where)
        try:
            return maps(value).handle
        except KeyError as error:
            raise UsageError(f"map: {error.args[0]}", where=where) from error
    if name == "map":
        return value.handle
    if name in {"pid", "tid"} and isinstance(value, HasPid):
        return value.pid
    if name in {"cgroup", "netns"} and isinstance(value, HasPath):
        return value.path
    return value
