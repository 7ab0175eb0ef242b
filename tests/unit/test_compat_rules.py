"""What ``vm/kernels.json`` says, and how versions are compared with it."""

from __future__ import annotations

import json

import pytest

from pytest_ebpf import hooks, paths
from pytest_ebpf.compat import rules as module
from pytest_ebpf.compat.rules import HelperClass, KfuncClass, Rules, Since, parse, rules
from pytest_ebpf.errors import EbpfError
from pytest_ebpf.kernels import Version
from pytest_ebpf.objects.instructions import FEATURES
from pytest_ebpf.requirements.helpers import helper_name
from pytest_ebpf.uapi import AttachType, MapType, ProgType

#: From 6.1 on there is helper 7, from 6.10 on no longer helper 3; 9 goes and comes again.
CLASS = HelperClass(
    sections=("xdp",),
    lines=((5, 10), (6, 1), (6, 10)),
    allowed=(frozenset({3, 9}), frozenset({3, 7}), frozenset({7, 9})),
    by_target=frozenset({11}),
)


@pytest.mark.parametrize(
    ("number", "version", "allowed"),
    [
        (3, "5.10.262", True),
        (3, "6.1", True),
        (3, "6.10", False),
        (7, "5.10", False),
        (7, "6.1.192", True),
        (7, "6.9", True),
        (3, "6.9", None),
        (7, "5.15", None),
        (9, "6.1", False),
        (9, "6.2", None),
        (9, "7.3-rc7", True),
        (3, "5.4", None),
        (9, "5.4", None),
        (11, "6.1", None),
        (99, "6.1", False),
    ],
)
def test_between_two_lines_it_is_what_both_say(number, version, allowed):
    assert CLASS.allows(number, Version.parse(version)) is allowed


#: Only 6.18 and newer have "new"; nobody may call "inner"; xdp programs may never call "for_tc".
KFUNCS = Rules(
    newest=(6, 18),
    classes=(),
    sleepable_maps=HelperClass((), (), (), frozenset()),
    instructions={},
    map_flags={},
    program_flags={},
    sleepable={},
    kfunc_classes=(
        KfuncClass(
            ("tc", "tcx/ingress"),
            ("tc",),
            ((6, 12), (6, 18)),
            (frozenset({"for_tc", "gone"}), frozenset({"for_tc", "new"})),
        ),
        KfuncClass(
            ("xdp", "xdp.frags"), ("xdp",), ((6, 12), (6, 18)), (frozenset({"gone"}), frozenset({"new"}))
        ),
        KfuncClass(("kprobe", "kprobe.multi"), ("kprobe",), ((6, 12), (6, 18)), (frozenset(), frozenset())),
    ),
    compiled_in={},
    instead={},
)


@pytest.mark.parametrize(
    ("section", "name", "version", "allowed"),
    [
        ("tc", "for_tc", "6.12.117", True),
        ("tcx/ingress", "for_tc", "6.16", True),
        ("tc", "for_tc", "7.2", True),
        ("tc", "for_tc", "6.1.192", None),
        ("xdp", "for_tc", "6.12", False),
        ("xdp", "for_tc", "6.16", False),
        ("xdp", "for_tc", "6.18", False),
        ("xdp", "for_tc", "7.2", None),
        ("xdp", "new", "6.16", None),
        ("xdp", "gone", "6.12", True),
        ("xdp", "gone", "6.18", None),
        ("xdp", "inner", "6.12", None),
        ("xdp.frags", "for_tc", "6.12", False),
        ("kprobe", "for_tc", "6.12", False),
        ("kprobe.multi", "for_tc", "6.12", None),
        ("action", "for_tc", "6.12", None),
    ],
)
def test_functions_of_the_kernel_that_programs_may_call(section, name, version, allowed):
    assert KFUNCS.allows_kfunc(section, name, Version.parse(version)) is allowed


@pytest.mark.parametrize(
    ("version", "has"),
    [
        ("6.10", True),
        ("7.3-rc7", True),
        ("6.10-rc1", False),
        ("6.9", None),
        ("6.1.192", True),
        ("6.1.200", True),
        ("6.1.191", None),
        ("5.10.262", False),
    ],
)
def test_stable_kernels_are_given_what_newer_ones_have(version, has):
    """6.10 is newer than 6.9; of a line that was not measured nothing is sure before that."""
    since = Since(Version(6, 10), (Version(6, 1, 192),), frozenset({(5, 10), (6, 1), (6, 10)}))
    assert since.has(Version.parse(version)) is has


def test_the_first_line_that_allows_it():
    assert CLASS.allowed_from(7, Version(5, 10)) == "6.1"
    assert CLASS.allowed_from(9, Version(6, 1)) == "6.10"
    assert CLASS.allowed_from(3, Version(6, 1)) is None


def test_programs_that_were_not_measured_may_call_what_all_may():
    assert rules().allows("struct_ops", 1, Version(6, 12)) is True
    assert rules().allows(None, 181, Version(6, 12)) is True
    assert rules().allows("struct_ops", 51, Version(6, 12)) is None
    assert rules().allowed_from("struct_ops", 51, Version(6, 12)) is None


def test_the_file_says_what_is_known_of_the_kernel():
    known = rules()
    assert known.allows("xdp", 181, Version(5, 10)) is False
    assert known.allows("xdp", 181, Version(6, 1)) is True
    assert known.allows("lwt_seg6local", 39, Version(7, 2)) is False
    assert known.instructions["load_acquire"].first == Version(6, 15)


def test_every_name_in_the_file_is_one_that_is_asked_for():
    data = json.loads((paths.vm() / "kernels.json").read_text())
    prefixes = {kind.prefix for kind in hooks.KINDS}
    for each in data["helpers"]["classes"]:
        assert set(each["sections"]) <= prefixes
        assert set(each["since"]) | set(each.get("until", ())) <= set(each["measured"])
        assert sorted(each["measured"], key=Version.parse) == each["measured"]
    assert set(data["sleepable"]) <= prefixes
    assert set(data["instructions"]) <= set(FEATURES)
    instead = data["instead"]
    helpers = {helper_name(number) for number in range(1, 212)}
    assert set(instead["helpers"]) <= helpers
    assert {name.upper() for name in instead["map_types"]} <= set(MapType.__members__)
    assert {name.upper() for name in instead["attach_types"]} <= set(AttachType.__members__)
    assert {name.upper() for name in instead["program_types"]} <= set(ProgType.__members__)
    compiled_in = {name.upper() for name in data["compiled_in"]}
    assert compiled_in <= {*ProgType.__members__, *AttachType.__members__}


def test_every_entry_has_a_source():
    data = json.loads((paths.vm() / "kernels.json").read_text())
    assert data["helpers"]["source"]
    assert data["instead"]["source"]
    for table in ("instructions", "program_flags", "sleepable", "compiled_in"):
        assert all(entry["source"] for entry in data[table].values())


def test_a_file_of_another_format(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="format 2, not 1"):
        parse({"format": 2})
    (tmp_path / "kernels.json").write_text("{}")
    monkeypatch.setattr(paths, "vm", lambda: tmp_path)
    with pytest.raises(EbpfError) as caught:
        module.rules.__wrapped__()
    assert str(caught.value) == (
        f"{tmp_path}/kernels.json: cannot be read ('format'); install pytest-ebpf again"
    )
