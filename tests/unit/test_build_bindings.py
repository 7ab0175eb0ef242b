"""The generated Python module: what it says, that it runs, and that the strictest tools accept it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pytest_ebpf.bpf import Record, bindings_of
from pytest_ebpf.build import bindings
from pytest_ebpf.manifest import Manifest

Read = Callable[[str], Manifest]

EVERYTHING = """
    [types.action]
    enum = ["PASS", "DROP"]
    [types.level]
    enum = { LOW = -1, HIGH = 7 }
    type = "s8"
    [types.flow_key]
    struct = { source = "ipv4", mac = "mac", name = "char[16]", raw = "u8[4]", port = "be16" }
    [types.rule]
    struct = { key = "flow_key", keys = "flow_key[2]", grid = "u32[2][3]", action = "action", lv = "level" }
    [types.either]
    union = { number = "u32", parts = "u8[4]" }
    [types.shadow]
    struct = { bytes = "u64", str = "char[4]", raw = "u8[2]", field = "u32[2]", list = "u32[2]" }
    [types.spoken]
    struct = { class = "u32" }
    [types.holder]
    struct = { spoken = "spoken", many = "spoken[2]" }
    [types.hash_map]
    struct = { x = "u32" }
    [types.record]
    struct = { x = "u32" }
    [maps.rules]
    type = "hash"
    key = "flow_key"
    value = "rule"
    max_entries = 1
    [maps.per_cpu]
    type = "lru_percpu_hash"
    key = "u32"
    value = "u64"
    max_entries = 1
    [maps.list]
    type = "array"
    value = "bool"
    max_entries = 1
    [maps.slots]
    type = "percpu_array"
    value = "either"
    max_entries = 1
    [maps.nets]
    type = "lpm_trie"
    key = "ipv4_prefix"
    value = "action"
    max_entries = 1
    flags = ["no_prealloc"]
    [maps.calls]
    type = "prog_array"
    max_entries = 1
    [maps.tables]
    type = "hash_of_maps"
    key = "u32"
    max_entries = 1
    inner = "list"
    [maps.events]
    type = "ringbuf"
    max_entries = 4096
    [maps.typed]
    type = "perf_event_array"
    records = "rule"
    [maps.sent]
    type = "user_ringbuf"
    max_entries = 4096
    records = "rule"
    [maps.memory]
    type = "arena"
    max_entries = 1
    flags = ["mmapable"]
    [maps.sockets]
    type = "sockhash"
    key = "flow_key"
    max_entries = 1
    [maps.of_tasks]
    type = "task_storage"
    value = "rule"
    flags = ["no_prealloc"]
    [maps.stacks]
    type = "stack_trace"
    value = "u64[127]"
    max_entries = 1
    [maps.work]
    type = "queue"
    value = "u32"
    max_entries = 1
    [maps.devices]
    type = "devmap"
    max_entries = 1
    [objects.edge]
    path = "edge.o"
    maps = ["rules", "per_cpu", "list", "slots", "nets", "calls", "tables", "events", "work", "devices",
      "typed", "sent", "memory", "sockets", "of_tasks", "stacks"]
    alternatives.either_of_them = ["ingress"]
    programs.ingress = { hook = "xdp" }
    programs.pass = { hook = "xdp" }
    [objects.rule]
    path = "rule.o"
    programs.main = { hook = "tc" }
    [objects.bare]
    path = "bare.o"
"""


@pytest.fixture
def text(manifest_of: Read, in_tmp: Path) -> str:
    for name in ("edge.o", "rule.o", "bare.o"):
        (in_tmp / name).touch()
    return bindings.module(manifest_of(EVERYTHING), {})


@pytest.fixture
def module(text: str) -> ModuleType:
    made = ModuleType("bindings")
    sys.modules["bindings"] = made  # dataclasses look their module up
    exec(compile(text, "bindings.py", "exec"), vars(made))
    return made


def test_a_small_module_to_the_letter(manifest_of: Read, in_tmp: Path) -> None:
    (in_tmp / "firewall.o").touch()
    manifest = manifest_of(
        """
        [types.action]
        enum = ["PASS", "DROP"]
        [types.rule]
        struct = { action = "action", hits = "u64" }
        [maps.blocked]
        type = "lpm_trie"
        key = "ipv4_prefix"
        value = "rule"
        max_entries = 8
        flags = ["no_prealloc"]
        [objects.firewall]
        path = "firewall.o"
        programs.ingress = { hook = "xdp" }
        """
    )
    assert (
        bindings.module(manifest, {"firewall": ["blocked"]})
        == '''\
"""Types and objects of ebpf.toml, for tests. Made by ebpf-build; do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pytest_ebpf.bpf import (
    LoadedObject,
    LpmTrie,
    Maps,
    Program,
    Programs,
    equal_fields,
    hash_fields,
)


class Action(IntEnum):
    """``enum action``."""

    __btf_name__ = "action"

    PASS = 0
    DROP = 1


@dataclass
class Rule:
    """``struct rule``."""

    __btf_name__: ClassVar[str] = "rule"
    __eq__ = equal_fields
    __hash__ = hash_fields

    action: Action = Action.PASS
    hits: int = 0


class FirewallMaps(Maps):
    """The maps of firewall."""

    blocked: LpmTrie[Rule]


class FirewallPrograms(Programs):
    """The programs of firewall."""

    ingress: Program


class Firewall(LoadedObject):
    """The object firewall, loaded."""

    ebpf_object: ClassVar[str] = "firewall"

    maps: FirewallMaps
    programs: FirewallPrograms
'''
    )


def test_the_defaults_are_what_zeros_mean(module: ModuleType) -> None:
    rule = module.Rule()
    assert rule.key == module.FlowKey("0.0.0.0", "00:00:00:00:00:00", "", b"\0\0\0\0", 0)
    assert rule.keys == [module.FlowKey(), module.FlowKey()]
    assert rule.grid == [[0, 0, 0], [0, 0, 0]]
    assert (rule.action, rule.lv) == (module.Action.PASS, module.Level.LOW)


def test_instances_share_nothing(module: ModuleType) -> None:
    one, other = module.Rule(), module.Rule()
    one.key.name = "eth0"
    one.grid[0][0] = 7
    assert other == module.Rule()


def test_what_is_read_equals_the_mapping_that_a_test_writes(module: ModuleType) -> None:
    rule = module.Rule(action=module.Action.DROP)
    fields = dict(vars(rule))
    assert rule == fields
    assert fields == rule
    assert [rule] == [fields]
    assert rule == Record("rule", fields)
    assert rule != fields | {"more": 1}
    assert rule != {}
    assert rule != 7
    assert rule == module.Rule(action=module.Action.DROP)
    assert rule != module.Rule()


def test_what_is_read_as_a_key_of_a_map_can_be_one_of_a_dict(module: ModuleType) -> None:
    """Structs of structs and arrays, too; a record with the same fields is the same key."""
    one = {module.Rule(): "rule", module.FlowKey(name="eth0"): "key"}
    assert (one[module.Rule()], one[module.FlowKey(name="eth0")]) == ("rule", "key")
    assert one[Record("flow_key", dataclasses.asdict(module.FlowKey(name="eth0")))] == "key"


def test_a_union_is_one_of_its_members(module: ModuleType) -> None:
    assert module.Either(number=3) == module.Either(3, None)


def test_fields_may_be_called_like_builtin_types(module: ModuleType) -> None:
    assert module.Shadow() == module.Shadow(bytes=0, str="", raw=b"\0\0", field=[0, 0], list=[0, 0])


def test_a_field_called_like_a_keyword_leaves_a_record(module: ModuleType, text: str) -> None:
    assert not hasattr(module, "Spoken")
    assert "    spoken: Record = field(" in text
    assert module.Holder().spoken == {}


def test_classes_are_found_by_the_name_of_their_type(module: ModuleType) -> None:
    assert {"action": module.Action, "flow_key": module.FlowKey}.items() <= bindings_of(vars(module)).items()


def test_no_name_is_used_twice(module: ModuleType) -> None:
    assert module.HashMap_.__btf_name__ == "hash_map"
    assert module.Record_.__btf_name__ == "record"
    assert module.Record is Record
    assert module.Rule.__btf_name__ == "rule"
    assert module.Rule_.ebpf_object == "rule"
    assert module.Bare.ebpf_object == "bare"


@pytest.mark.parametrize(
    "line",
    [
        "rules: HashMap[FlowKey, Rule]",
        "per_cpu: PerCpuHashMap[int, int]",
        "list: ArrayMap[bool]",
        "slots: PerCpuArrayMap[Either]",
        "nets: LpmTrie[Action]",
        "calls: ProgArray",
        "tables: MapOfMaps[int]",
        "events: RingBuffer[bytes]",
        "work: QueueMap[int]",
        "devices: DevMap",
        "typed: PerfEventArray[Rule]",
        "sent: UserRingBuffer[Rule]",
        "memory: Arena",
        "sockets: DescriptorMap[FlowKey]",
        "of_tasks: Storage[Rule]",
        "stacks: StackTraces",
        "ingress: Program",
        "either_of_them: Program",
    ],
)
def test_handles_tell_the_types_of_keys_and_values(text: str, line: str) -> None:
    assert f"    {line}\n" in text


def test_mypy_and_ruff_accept_it(text: str, in_tmp: Path) -> None:
    path = in_tmp / "edge_bindings.py"
    path.write_text(text)
    for argv in (["mypy", "--strict", path], ["ruff", "format", "--check", "--isolated", path]):
        command = [sys.executable, "-m", *map(str, argv)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
