"""The reference of the manifest: its example loads, and it tells of every key and every type."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_ebpf import hooks
from pytest_ebpf.manifest import loads, schema
from pytest_ebpf.manifest.maprules import TYPE_NAMES
from pytest_ebpf.manifest.typeexpr import BUILTINS

REFERENCE = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text()
EXAMPLE = re.findall(r"```toml\n(.*?)```", REFERENCE, re.DOTALL)[0]
IN_CODE = {word for span in re.findall(r"`([^`\n]+)`", REFERENCE) for word in span.split()}


def test_the_example_loads(in_tmp: Path) -> None:
    for folder in ("templates", "include", "src"):
        (in_tmp / folder).mkdir()
    for source in ("firewall", "watcher"):
        (in_tmp / f"src/{source}.bpf.c").touch()
    manifest = loads(EXAMPLE, path=in_tmp / "ebpf.toml")
    assert list(manifest.objects) == ["firewall", "watcher", "counter", "elsewhere"]


def test_the_example_has_every_key() -> None:
    keys = set(re.findall(r"(?:^|[{,] *|\.)(\w+)(?:\.\w+)? = ", EXAMPLE, re.MULTILINE))
    keys |= set(re.findall(r"^\[[\w.]+\.(\w+)\]$", EXAMPLE, re.MULTILINE))
    assert {key for table in schema()["$defs"].values() for key in table["properties"]} <= keys


def test_every_key_is_told_of() -> None:
    assert {key for table in schema()["$defs"].values() for key in table["properties"]} - {
        "programs"
    } <= IN_CODE


def test_every_setting_of_an_attachment_is_told_of() -> None:
    table = REFERENCE.partition("Keys of `attach`")[2]
    rows = {
        hook: set(re.findall(r"`(\w+)`", keys))
        for hooks_of, keys in re.findall(r"^\| (`.*`) \| (.*) \|$", table, re.MULTILINE)
        for hook in re.findall(r"`([^`]+?)(?:/\.\.\.)?`", hooks_of)
    }
    for kind in hooks.KINDS:
        takes = hooks.attachment(kind)
        writable = {name for name in takes.settings if hooks.SETTINGS[name].types}
        name = kind.prefix.removesuffix(".s").removesuffix(".w").replace("raw_tp", "raw_tracepoint")
        row = rows.get(name) or rows.get(name.partition("/")[0]) or rows.get(name.partition(".")[0])
        if writable and name not in {"tp", "classifier", "fsession"}:
            assert row == writable, kind.prefix


def test_every_type_is_told_of() -> None:
    assert set(TYPE_NAMES) <= IN_CODE
    assert set(BUILTINS) <= IN_CODE
