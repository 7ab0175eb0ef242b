"""What the pages of docs/ print of Python runs, as printed."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path
from textwrap import dedent, indent

ROOT = Path(__file__).parents[2]
PAGES = Path(__file__).parent / "data" / "pages"

#: The pages for those who write tests.
NAMES = ("writing-tests", "triggers", "wire", "events", "api")

IMPORTS = """
import errno, os, signal
import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from pytest_ebpf import XDP
from pytest_ebpf.system.syscalls import room
"""

#: What stands before a block that is not a whole test, by how it begins.
BEFORE = {
    "link = tool.programs.ingress": """
        tool = ebpf.load("tool")
        group = ebpf.guest.cgroup("limited")
    """,
    "ebpf.wait(": """
        tool, key = ebpf.load("tool"), 7
        tool.maps.flows[key] = 1
    """,
    "ebpf.load(": "",
    "command = ": """
        ebpf.guest.files.write("/var/log/app", "listening", parents=True)
    """,
    "process = ebpf.guest.process(": "",
    "server = process.listen()": """
        process = ebpf.guest.process()
    """,
    "ebpf.guest.files.write(": "",
    "ebpf.guest.wait(": """
        tool = ebpf.load("tool")
        tool.programs.ingress.run_many([bytes(64)] * 3)
    """,
    "group = ": """
        tool = ebpf.load("tool")
    """,
    "assert wire.exchange(": """
        wire, blocked, frames = ebpf.wire, b"\\xff" * 60, [bytes(60 + each) for each in range(9)]
        ebpf.load("tool").programs.ingress.attach(interface="eth0")
    """,
    "with wire.capture()": """
        wire, card, mac = ebpf.wire, ebpf.guest.device("eth0"), "02:00:00:00:00:aa"
        card.add_address("10.0.0.1/24").add_neighbour("10.0.0.2", mac)
        ebpf.guest.process().listen(("10.0.0.1", 80))
        syn = Ether(dst=wire.mac, src=mac) / IP(src="10.0.0.2", dst="10.0.0.1") / TCP(dport=80)
    """,
    "fw.maps.ports[0] = ": """
        fw, frame = ebpf.load("tool"), bytes(60)
    """,
    "parser = ": "",
    "result = program.run(packet, redirect": """
        fw, packet = ebpf.load("tool"), bytes(64)
        fw.maps.devices[3] = "lo"
        program = fw.programs.elsewhere
    """,
    "result = program.run(packet, context": """
        program, packet = ebpf.load("tool").programs.ingress, bytes(64)
        packets = [packet, packet]
    """,
}


def blocks(page: str) -> list[str]:
    """The indented blocks of a page that are Python."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    found = [dedent(each).strip() for each in re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.MULTILINE)]
    return [each for each in found if each and is_python(each)]


def is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def module(page: str, *, firewall: bool) -> str:
    """A test module of the blocks of a page: those about the *firewall* of the sample, or the others."""
    parts = [IMPORTS]
    for number, block in enumerate(blocks(page)):
        if ("irewall" in block) != firewall:
            continue
        if "def test_" in block:
            parts.append(block)
            continue
        (before,) = [text for start, text in BEFORE.items() if block.startswith(start)]
        body = f"{dedent(before).strip()}\n{block}".strip()
        parts.append(f"def test_block_{number}(ebpf):\n{indent(body, '    ')}")
    return "\n\n".join(parts) + "\n"


def count(*, firewall: bool) -> int:
    return sum(module(page, firewall=firewall).count("def test_") for page in NAMES)


def test_what_they_say_of_any_project(pytester):
    shutil.copytree(PAGES, pytester.path, dirs_exist_ok=True)
    for page in NAMES:
        (pytester.path / f"test_{page}.py").write_text(module(page, firewall=False))
    result = pytester.runpytest_subprocess("-p", "ebpf", "--ebpf-kernel", "6.12")
    result.assert_outcomes(passed=count(firewall=False))


def test_what_they_say_of_the_sample(pytester):
    shutil.copy(ROOT / "sample_project" / "ebpf.toml", pytester.path)
    shutil.copytree(ROOT / "sample_project" / "src", pytester.path / "src")
    for page in NAMES:
        (pytester.path / f"test_{page}.py").write_text(module(page, firewall=True))
    result = pytester.runpytest_subprocess("-p", "ebpf", "--ebpf-kernel", "6.12")
    result.assert_outcomes(passed=count(firewall=True))


def test_the_manifest_of_the_first_test_is_that_of_the_project():
    text = (ROOT / "docs" / "writing-tests.md").read_text()
    (block,) = re.findall(r"with, in the manifest,\n\n((?:    .*\n|\n)+)", text)
    manifest = (PAGES / "ebpf.toml").read_text()
    for table in dedent(block).strip().split("\n\n"):
        assert table in manifest
