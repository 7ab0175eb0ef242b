"""The manifest of adopted objects, with comments. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from pytest_ebpf.adoption.settings import SETS, Setting
from pytest_ebpf.adoption.survey import SurveyedObject, SurveyedProgram
from pytest_ebpf.bpf.attaching.plan import missing_settings
from pytest_ebpf.hooks import attachment
from pytest_ebpf.manifest.scalars import PROJECT_NAME
from pytest_ebpf.objects import MapFacts
from pytest_ebpf.objects.maps import flag_names

_HEAD = f"""\
# Objects that another build makes, as `ebpf-build adopt` found them. Change it: `ebpf-build schema` describes
# every key. "{SETS}" marks what the objects leave to the program that loads them; what stands
# there lets a first test begin.
"""

#: The longest licence that a manifest takes.
_LICENCE = 127


def manifest_text(project: str, kernels: Sequence[str], objects: Sequence[SurveyedObject]) -> str:
    """The text of ``ebpf.toml`` for *objects*, in their order, promised for *kernels*."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", project)
    licences = [each.facts.license for each in objects if each.facts.license]
    licence = next((each for each in licences if len(each) <= _LICENCE and each.isprintable()), "GPL")
    lines = [
        _HEAD,
        "[project]",
        f"name = {_quoted(name if PROJECT_NAME.fullmatch(name) else 'adopted')}",
        f"license = {_quoted(licence)}",
        f"kernels = [{', '.join(map(_quoted, kernels))}]   # `ebpf-build check` says on which it can work",
    ]
    for each in objects:
        lines += ["", *_object(each)]
    return "\n".join(lines) + "\n"


def _object(found: SurveyedObject) -> Iterator[str]:
    yield f"[objects.{found.name}]"
    yield f"path = {_quoted(found.path)}"
    if found.refusal:
        yield _comment(f"No kernel takes it as it is: {found.refusal}.")
    if found.part:
        kernels = f"kernels = {_quoted(found.part.kernels)}   " if found.part.kernels else ""
        yield kernels + _comment(found.part.what)
    for each in found.facts.maps:
        yield _comment(f"map {each.name}: {_map(each)}")
    lines = found.settings.lines
    if lines:
        yield ""
        yield f"[objects.{found.name}.load]"
        yield from map(_setting, lines)
    if found.programs:
        yield ""
        if any(each.declared for each in found.programs):
            yield f"[objects.{found.name}.programs]"
        yield from map(_program, found.programs)


def _map(found: MapFacts) -> str:
    sides = [
        f"{side} {name or f'{size} bytes'}"
        for side, name, size in (
            ("key", found.key_name, found.key_size),
            ("value", found.value_name, found.value_size),
        )
        if size
    ]
    entries = [f"max_entries {found.max_entries}"] if found.max_entries else []
    inner = [f"of {found.inner.type_name}"] if found.inner else []
    return ", ".join([found.type_name, *inner, *sides, *entries, *flag_names(found.flags)])


def _setting(found: Setting) -> str:
    key = f"{found.table}.{_key(found.name)}"
    if found.value is None:
        return _comment(f"{key} = ...: {found.comment}")
    return f"{key} = {json.dumps(found.value)}   {_comment(found.comment)}"


def _program(found: SurveyedProgram) -> str:
    facts = found.facts
    if not found.declared:
        return _comment(f"{facts.name}: {found.why_not or 'a manifest cannot name it, tests can'}")
    keys = [f"hook = {_quoted(facts.section)}"]
    keys += [] if found.autoload else ["autoload = false"]
    keys += [f"kernels = {_quoted(found.kernels)}"] if found.kernels else []
    text = f"{facts.name} = {{ {', '.join(keys)} }}"
    remark = found.why_not or _attachment(found)
    return f"{text}   {_comment(remark)}" if remark else text


def _attachment(found: SurveyedProgram) -> str:
    """What a loader says when it attaches the program."""
    missing = missing_settings(found.facts.section)
    if not missing or found.facts.hook is None or not attachment(found.facts.hook.kind).how:
        return ""
    settings = ", ".join(f"{' or '.join(group)} = ..." for group in missing)
    return f"attach = {{ {settings} }}: {SETS}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    """A basic string of TOML: a string of JSON, but for pairs of surrogates and for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """In one line, whatever names an object has."""
    return "# " + "".join(each if each.isprintable() else "?" for each in text)
