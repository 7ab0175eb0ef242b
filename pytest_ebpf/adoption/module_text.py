"""A first module of tests for an adopted object. Pure."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterator, Mapping

from pytest_ebpf.adoption.survey import SurveyedObject, SurveyedProgram

_PACKET = """\
#: What programs are run on. Send what yours is about.
PACKET = Ether() / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=40000, dport=53) / Raw(b"some bytes")
"""


def module_text(found: SurveyedObject) -> str:
    """The text of ``test_NAME.py``: it loads the object, and runs or attaches what needs no more said."""
    head = [
        f'"""First tests of {found.name}, which `ebpf-build adopt` wrote: put in what you expect of it."""',
        "",
        "from __future__ import annotations",
        "",
        "import pytest",
    ]
    wants_packet = not found.skipped and any(each.run == "packet" for each in found.programs)
    if wants_packet:
        head += [
            "from scapy.layers.inet import IP, UDP",
            "from scapy.layers.l2 import Ether",
            "from scapy.packet import Raw",
        ]
    body = [] if not wants_packet else ["", _PACKET.rstrip()]
    if found.skipped:
        body += ["", f"pytestmark = pytest.mark.skip(reason={_quoted(found.skipped)})"]
    return "\n".join([*head, *body, "", "", *_tests(found)]) + "\n"


def _tests(found: SurveyedObject) -> Iterator[str]:
    off = {each.facts.name: False for each in found.programs if not each.autoload and not each.declared}
    yield "@pytest.fixture"
    yield f"def {_OBJECT}(ebpf):"
    yield f"    return {_load(found, off)}"
    yield ""
    yield ""
    yield f"def test_loads({_OBJECT}):"
    yield f"    assert {_what_is_loaded(found)}"
    taken = {"loads"}
    for each in found.programs:
        yield from _tests_of(each, _unique(each.facts.name, taken))


def _what_is_loaded(found: SurveyedObject) -> str:
    """An assertion of the names of programs that are loaded: those that are for some kernels may be."""
    loaded = [each for each in found.programs if each.autoload]
    always = ", ".join(_quoted(each.facts.name) for each in loaded if not each.kernels)
    names = f"each.name for each in {_OBJECT}.programs if each.loaded"
    if all(not each.kernels for each in loaded):
        return f"[{names}] == [{always}]"
    return f"{{{names}}} >= {{{always}}}" if always else f"any(each.loaded for each in {_OBJECT}.programs)"


def _load(found: SurveyedObject, autoload: Mapping[str, bool]) -> str:
    pairs = ", ".join(f"{_quoted(name)}: {wanted}" for name, wanted in autoload.items())
    return f"ebpf.load({_quoted(found.name)}{f', autoload={{{pairs}}}' if pairs else ''})"


#: The fixture of every module.
_OBJECT = "loaded"


def _tests_of(found: SurveyedProgram, name: str) -> Iterator[str]:
    """A test that runs it, one that attaches it, or one that is skipped."""
    program = _member(found.facts.name)
    bodies = {}
    if found.run:
        bodies[f"{name}_runs"] = (
            f"    result = {program}.run({'PACKET' if found.run == 'packet' else ''})",
            "    assert result.retval >= 0  # say which verdict: result.verdict == ...",
        )
    if found.attach:
        bodies[f"{name}_attaches"] = (
            f"    with {program}.attach() as link:",
            "        assert link.attached  # trigger it, and look at what it leaves in its maps",
        )
    if not bodies:
        yield from ("", "", f"@pytest.mark.skip(reason={_quoted(found.reason)})")
        yield from (f"def test_{name}({_OBJECT}):", f"    {program}.attach()")
    for test, body in bodies.items():
        yield from ("", "", f"def test_{test}({_OBJECT}):")
        yield from body


def _member(name: str) -> str:
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name, flags=re.ASCII) and not keyword.iskeyword(name)
    return f"{_OBJECT}.programs.{name}" if plain else f"{_OBJECT}.programs[{_quoted(name)}]"


def _unique(name: str, taken: set[str]) -> str:
    base = re.sub(r"\W", "_", name, flags=re.ASCII)
    found, number = base, 1
    while found in taken:
        number += 1
        found = f"{base}_{number}"
    taken.add(found)
    return found


def _quoted(text: str) -> str:
    return json.dumps(text)
