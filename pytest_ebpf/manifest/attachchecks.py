"""Settings of attachments, held against what their kinds of hook take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pytest_ebpf.hooks import SETTINGS, Attachment, Setting, attachment
from pytest_ebpf.manifest.defect import Finding
from pytest_ebpf.manifest.objectdecl import ProgramDecl
from pytest_ebpf.manifest.scalars import shown
from pytest_ebpf.suggest import suggestion
from pytest_ebpf.uapi import ProgType

Path = tuple[str | int, ...]

#: Types that the kernel verifies against what they are going to be attached to.
_LOADED_FOR_A_FUNCTION: Final = frozenset({ProgType.TRACING, ProgType.LSM, ProgType.EXT})

_WORDS: Final = {str: "a string", int: "a whole number", list: "an array of strings"}


def attach_findings(path: Path, decl: ProgramDecl) -> Iterator[Finding]:
    """Say what attaching the program at *path* does not take."""
    kind = decl.parsed_hook.kind
    if decl.target is not None and kind.prog_type not in _LOADED_FOR_A_FUNCTION:
        hint = "give it in attach, or as part of the hook"
        yield Finding((*path, "target"), f'{kind.prefix} is not loaded for one (seen "{decl.target}")', hint)
    if not decl.attach:
        return
    takes, here = attachment(kind), (*path, "attach")
    if not takes.how:
        yield Finding(here, f"{kind.prefix} programs are not attached by themselves", takes.instead)
        return
    for name, value in decl.attach.items():
        yield from _setting((*here, name), kind.prefix, takes, name, value)
    for group in takes.required:
        if len(both := [name for name in group if name in decl.attach]) > 1:
            yield Finding(here, f"takes one of them (seen {' and '.join(both)})", "remove one")


def _setting(path: Path, prefix: str, takes: Attachment, name: str, value: Any) -> Iterator[Finding]:
    setting = SETTINGS.get(name)
    if setting is None:
        yield Finding(path, "unknown key", suggestion(name, takes.settings))
    elif name not in takes.settings:
        yield Finding(path, f"{prefix} does not take it", f"it takes {', '.join(takes.settings)}")
    elif not setting.types:
        yield Finding(path, "only a test has it", f"give it there: attach({name}=...)")
    elif not _fits(setting, value):
        kinds = " or ".join(_WORDS[each] for each in setting.types)
        yield Finding(path, f"must be {kinds} ({shown(value)})")
    elif (words := takes.words(name)) and value not in words:
        yield Finding(path, f"unknown value ({shown(value)})", suggestion(value, words))


def _fits(setting: Setting, value: Any) -> bool:
    if isinstance(value, list):
        return list in setting.types and bool(value) and all(isinstance(each, str) for each in value)
    return not isinstance(value, bool) and isinstance(value, setting.types) and value != ""
