"""Whether what a test gives to set before loading is what a loader takes, and of what the object has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from pytest_ebpf.bpf.loading.options import BPF_FS, LoadOptions
from pytest_ebpf.bpf.sources import HasHandle
from pytest_ebpf.errors import UsageError
from pytest_ebpf.objects import ObjectFacts
from pytest_ebpf.suggest import suggestion


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 < value < 1 << 32


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)


#: What each option takes for a name, in words, and whether a value is that. Others take anything.
_TAKES: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "autoload": ("True or False", lambda value: isinstance(value, bool)),
    "max_entries": ("a number from 1 to 4294967295", _is_size),
    "value_size": ("a number of bytes from 1 to 4294967295", _is_size),
    "perf_pages": ("a number of pages", lambda value: type(value) is int and value >= 0),
    "inner": ("the name of a map", lambda value: isinstance(value, str)),
    "records": ("the name of a type", lambda value: isinstance(value, (str, type))),
    "attach": ("a mapping of settings", lambda value: isinstance(value, Mapping)),
    "targets": ("the name of a function, or a program", lambda value: isinstance(value, (str, HasHandle))),
    "alternatives": ("a list of programs", lambda value: _is_list(value) and bool(value)),
    "pin": (
        f"True, False, or a path that begins with {BPF_FS}",
        lambda value: isinstance(value, bool) or (isinstance(value, str) and value.startswith(BPF_FS)),
    ),
    "reuse": ("a map of another object", lambda value: isinstance(value, HasHandle)),
    "contents": (
        "a mapping, pairs or values",
        lambda value: isinstance(value, Iterable) and not isinstance(value, (str, bytes)),
    ),
    "entries": (
        "a list of programs, or a mapping from keys to programs",
        lambda value: _is_list(value) or isinstance(value, Mapping),
    ),
}


def check_given(owner: str, given: Mapping[str, Any]) -> None:
    """:class:`UsageError` if what is *given* for the object *owner* is no option, or not what that takes."""
    known = [each.name for each in fields(LoadOptions) if each.name not in {"declared_for", "hooks"}]
    for option, value in given.items():
        if option not in known:
            hint = suggestion(option, known, limit=len(known))
            raise UsageError(f'no option "{option}"', where=f"{owner}: load", hint=hint)
        where = f"{owner}: {option}"
        if option == "modules":
            if not _is_list(value):
                raise UsageError(f"not a list of names ({value!r})", where=where, hint='write ["name"]')
        elif not isinstance(value, Mapping):
            raise UsageError(f"not by name ({value!r})", where=where, hint='give a mapping: {"name": ...}')
        else:
            _check_each(where, option, value)


def _check_each(where: str, option: str, given: Mapping[str, Any]) -> None:
    takes, fits = _TAKES.get(option, ("", lambda _: True))
    for name, value in given.items():
        if not fits(value):
            raise UsageError(f"{name}: not {takes} ({value!r})", where=where)


def check_names(owner: str, facts: ObjectFacts, options: LoadOptions) -> None:
    """:class:`UsageError` if *options* name a program, a map or a variable that the object does not have."""
    maps = [each.name for each in facts.maps]
    programs = [each.name for each in facts.programs]
    variables = list(dict.fromkeys(each.name for each in facts.globals))
    entered = [*programs, *options.alternatives]
    expected: list[tuple[str, str, Iterable[str], list[str]]] = [
        ("globals", "global variable", options.globals, variables),
        ("autoload", "program", options.autoload, programs),
        ("max_entries", "map", options.max_entries, maps),
        ("value_size", "map", options.value_size, maps),
        ("inner", "map", options.inner, maps),
        ("inner", "map", options.inner.values(), maps),
        ("records", "map", options.records, [*maps, *programs]),
        ("attach", "program", options.attach, programs),
        ("targets", "program", options.targets, programs),
        *(("alternatives", "program", names, programs) for names in options.alternatives.values()),
        ("pin", "map", options.pin, maps),
        ("reuse", "map", options.reuse, maps),
        ("perf_pages", "map", options.perf_pages, maps),
        ("contents", "map", options.contents, maps),
        ("entries", "map", options.entries, maps),
        *(
            ("entries", "program", each.values() if isinstance(each, Mapping) else each, entered)
            for each in options.entries.values()
        ),
    ]
    for option, kind, names, known in expected:
        for each in names:
            if each not in known:
                raise UsageError(
                    f'has no {kind} "{each}"',
                    where=f"{owner}: {option}",
                    hint=suggestion(each, known),
                )
