"""Handles of a loaded object as far as they need no guest: names, per-CPU values, load options."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import pytest_ebpf
from pytest_ebpf.bpf import PerCpu, Record
from pytest_ebpf.bpf.globals import Globals, initial_images
from pytest_ebpf.bpf.lifetime import Lifetime
from pytest_ebpf.bpf.loaded import Maps, Programs
from pytest_ebpf.bpf.loading.load import load
from pytest_ebpf.bpf.loading.options import LoadOptions
from pytest_ebpf.bpf.maps.percpu import per_cpu
from pytest_ebpf.errors import UsageError, ValueConversionError
from pytest_ebpf.objects import read_object
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import array, integer, pack, unpack

OBJECT = Path(__file__).parent / "data" / "bpf" / "values.le.o"


@dataclass(frozen=True)
class Counters:
    packets: int = 0
    source: str = ""


class TestNames:
    maps = Maps("firewall", {"blocked": "handle", "stats": "other"})

    def test_by_attribute_and_by_item(self):
        assert self.maps.blocked == self.maps["blocked"] == "handle"
        assert list(self.maps) == ["handle", "other"]
        assert len(self.maps) == 2
        assert "stats" in self.maps
        assert dir(self.maps) == ["blocked", "stats"]
        assert repr(self.maps) == "<maps of firewall: blocked, stats>"

    def test_a_misspelled_name(self):
        text = 'firewall has no map "blokced"; did you mean "blocked"?'
        with pytest.raises(AttributeError) as attribute:
            _ = self.maps.blokced
        with pytest.raises(KeyError) as item:
            _ = self.maps["blokced"]
        assert str(attribute.value) == text
        assert item.value.args == (text,)

    def test_they_cannot_be_set(self):
        with pytest.raises(AttributeError) as caught:
            self.maps.stats = {0: 1}
        assert str(caught.value) == (
            "firewall: a map cannot be set; what it holds can: maps.NAME[key] = value"
        )
        with pytest.raises(AttributeError) as caught:
            Programs("firewall", {"ingress": None}).ingress = None
        assert str(caught.value) == (
            "firewall: a program cannot be set; a link can be given another: link.update(program)"
        )

    def test_a_name_like_no_other(self):
        with pytest.raises(AttributeError) as caught:
            _ = Programs("firewall", {"ingress": None}).x
        assert str(caught.value) == 'firewall has no program "x"; known: ingress'
        with pytest.raises(AttributeError) as caught:
            _ = Programs("empty", {}).x
        assert str(caught.value) == 'empty has no program "x"'


def test_what_is_left_of_an_object_that_was_closed():
    lifetime = Lifetime("firewall")
    lifetime.check()
    lifetime.end()
    with pytest.raises(UsageError) as caught:
        lifetime.check()
    assert str(caught.value) == (
        "firewall: was closed; load it again: it lasts as long as the test that loaded it"
    )


class TestPerCpu:
    two = per_cpu(integer(4, signed=False, order="little"), 2)

    def test_each_value_takes_a_multiple_of_eight_bytes(self):
        assert self.two.size == 16
        assert unpack(self.two, b"\1\0\0\0....\2\0\0\0....", "") == [1, 2]

    def test_one_value_is_given_to_every_cpu(self):
        assert pack(self.two, 5, "") == pack(self.two, [5, 5], "") == pack(self.two, (5, 5), "")

    def test_one_for_each(self):
        assert pack(self.two, PerCpu([1, 2]), "") == b"\1" + bytes(7) + b"\2" + bytes(7)

    def test_too_few(self):
        with pytest.raises(ValueConversionError) as caught:
            pack(self.two, [1], "maps.m value")
        assert str(caught.value) == "maps.m value: 1 values for 2 CPUs; give one for each, or one for all"

    def test_the_cpu_of_a_value_that_does_not_fit_is_named(self):
        with pytest.raises(ValueConversionError) as caught:
            pack(self.two, [1, -1], "maps.m value")
        assert str(caught.value).startswith("maps.m value[1]: -1 does not fit u32")
        with pytest.raises(ValueConversionError) as caught:
            pack(self.two, -1, "maps.m value")
        assert str(caught.value).startswith("maps.m value: -1 does not fit u32")

    def test_of_values_that_are_lists_only_a_percpu_has_one_for_each(self):
        lists = per_cpu(array(integer(2, signed=False, order="little"), 2), 2)
        assert pack(lists, [1, 2], "") == (b"\1\0\2\0" + bytes(4)) * 2
        assert pack(lists, PerCpu([[1, 2], [3, 4]]), "")[8:] == b"\3\0\4\0" + bytes(4)

    def test_sums(self):
        assert PerCpu([1, 2, 3]).sum() == 6
        assert PerCpu([1.5, 2.5]).sum() == 4.0
        assert PerCpu([[1, 2], [3, 4]]).sum() == [4, 6]
        record = Record("c", {"packets": 2, "parts": [1]})
        assert PerCpu([record, record]).sum() == {"packets": 4, "parts": [2]}
        assert PerCpu([Counters(1, "a"), Counters(2, "a")]).sum() == Counters(3, "a")
        assert PerCpu([{"a": 1}, {"a": 2}]).sum() == {"a": 3}

    def test_what_cannot_be_added(self):
        with pytest.raises(ValueConversionError) as caught:
            PerCpu([Counters(1, "a"), Counters(2, "b")]).sum()
        assert str(caught.value) == "PerCpu.sum: cannot add 'a' and 'b'; look at the CPUs one by one"


class TestGlobals:
    """Initial values are put into the section's image before the object is loaded."""

    facts = read_object(OBJECT)
    elf = OBJECT.read_bytes()

    def images(self, **wanted):
        values = Values(self.facts.btf)
        return initial_images(self.elf, self.facts, values, wanted, order="little", owner="edge")

    def test_nothing_wanted_nothing_sent(self):
        assert self.images() == {}

    def test_the_rest_of_the_section_stays(self):
        before = next(each for each in self.facts.globals if each.name == "rule")
        data = self.images(rule={"action": "ANSWER", "hits": 9})[".data"]
        assert data[before.offset : before.offset + 16] == b"\2" + bytes(7) + b"\x09" + bytes(7)
        numbers = next(each for each in self.facts.globals if each.name == "numbers")
        assert data[numbers.offset : numbers.offset + numbers.size] == numbers.initial

    def test_a_section_of_zeros(self):
        assert self.images(function=5)[".bss"] == b"\5" + bytes(7)

    def test_a_value_that_does_not_fit(self):
        with pytest.raises(ValueConversionError) as caught:
            self.images(rule={"hits": -1})
        assert str(caught.value).startswith("globals.rule.hits: -1 does not fit u64 (0..")

    def test_a_variable_in_an_arena(self):
        rule = next(each for each in self.facts.globals if each.name == "rule")
        facts = replace(self.facts, globals=(replace(rule, section=".addr_space.1"),))
        with pytest.raises(UsageError) as caught:
            initial_images(self.elf, facts, None, {"rule": 1}, order="little", owner="edge")
        assert str(caught.value) == (
            'edge: globals: "rule" lies in an arena; set it once the object is loaded'
        )

    def test_a_name_that_several_variables_have(self):
        facts = replace(self.facts, globals=(*self.facts.globals, self.facts.globals[0]))
        name = facts.globals[0].name
        hint = "give each a name of its own, so that it can be told from the others"
        with pytest.raises(UsageError) as caught:
            initial_images(self.elf, facts, None, {name: 1}, order="little", owner="edge")
        assert str(caught.value) == f'edge: globals: "{name}" is the name of several static variables; {hint}'
        found = Globals(
            None, facts, None, lifetime=Lifetime("edge"), owner="edge", order="little", sections={".data": 0}
        )
        assert name not in list(found)
        with pytest.raises(UsageError) as caught:
            _ = found[name]
        assert (
            str(caught.value) == f'globals.{name}: "{name}" is the name of several static variables; {hint}'
        )

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            (
                {"globals": {"rulle": 1}},
                'edge: globals: has no global variable "rulle"; did you mean "rule"?',
            ),
            ({"autoload": {"x": True}}, 'edge: autoload: has no program "x"'),
            ({"max_entries": {"x": 1}}, 'edge: max_entries: has no map "x"'),
            ({"records": {"x": "event"}}, 'edge: records: has no map "x"'),
        ],
    )
    def test_options_that_name_nothing(self, options, text):
        with pytest.raises(UsageError) as caught:
            load(None, self.elf, self.facts, name="edge", options=LoadOptions(**options))
        assert str(caught.value) == text


class TestPackage:
    """What tests import from the package is imported when it is asked for."""

    def test_every_name_is_there(self):
        assert all(getattr(pytest_ebpf, name).__name__ == name for name in pytest_ebpf.__all__)
        assert set(pytest_ebpf.__all__) <= set(dir(pytest_ebpf))

    def test_a_name_that_is_not(self):
        with pytest.raises(AttributeError) as caught:
            _ = pytest_ebpf.XPD
        assert str(caught.value) == "module 'pytest_ebpf' has no attribute 'XPD'"

    @pytest.mark.parametrize("statement", ["import pytest_ebpf", "from pytest_ebpf import XDP, LoadError"])
    def test_verdicts_cost_nothing_else(self, statement):
        script = f"import sys; {statement}; print([m for m in sys.modules if m.startswith('pytest_ebpf.')])"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert set(eval(done.stdout)) <= {"pytest_ebpf.uapi", "pytest_ebpf.errors"}

    def test_the_handles_bring_no_scapy(self):
        script = "import sys, pytest_ebpf.bpf; print('scapy' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout == "False\n"
