"""What `ebpf-build doctor` says of tools, on hosts that have them and hosts that have not; its screen."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_ebpf import paths
from pytest_ebpf.cli.doctor import to_json, to_text
from pytest_ebpf.errors import MachineError
from pytest_ebpf.kernels.sources import Roots
from pytest_ebpf.machine.accelerator import Choice
from pytest_ebpf.machine.shelf import Entry
from pytest_ebpf.session.health import Finding, examine, healthy, host, stock, tools
from pytest_ebpf.session.health.host import Room

QEMU = Path("/usr/bin/qemu-system-x86_64")
GET_QEMU = "sudo apt-get install qemu-system-x86"
GET_CLANG = "sudo apt-get install clang-19"


def program(path: Path, text: str) -> Path:
    """A program that prints *text*, whatever it is asked."""
    path.write_text(f"#!/bin/sh\necho '{text}'\n")
    path.chmod(0o755)
    return path


# QEMU


def test_qemu_with_its_version_and_place(bin_folder):
    path = program(bin_folder / "qemu-system-x86_64", "QEMU emulator version 7.2.22 (Debian 1:7.2)")
    assert tools.emulator() == Finding("qemu", "ok", f"7.2.22, {path}")


def test_no_qemu(bin_folder):
    expected = Finding("qemu", "fail", "qemu-system-x86_64: not found on PATH", GET_QEMU)
    assert tools.emulator() == expected


def test_qemu_that_does_not_say_what_it_is(bin_folder):
    path = program(bin_folder / "qemu-system-x86_64", "Segmentation fault")
    assert tools.emulator() == Finding("qemu", "fail", f"{path} does not say its version", GET_QEMU)


def test_qemu_older_than_any_that_is_tested():
    assert tools.judge_emulator("QEMU emulator version 5.2.0", QEMU) == Finding(
        "qemu", "note", f"5.2.0, {QEMU}; nothing older than 7.2 is tested"
    )


# the accelerator


def decided(reason: str) -> Finding:
    return tools.accelerator(lambda: Choice("tcg", reason), memory=Path("/cache/accelerator.json"))


def test_kvm_that_was_proven():
    found = tools.accelerator(lambda: Choice("kvm"), memory=Path("/cache/accelerator.json"))
    assert found == Finding("accelerator", "ok", "KVM, proven by a start on this host")


def test_emulation_says_why():
    assert decided("/dev/kvm is not there") == Finding(
        "accelerator", "note", "emulation (TCG): /dev/kvm is not there"
    )


def test_kvm_that_this_user_may_not_open(monkeypatch):
    monkeypatch.setenv("USER", "eve")
    assert decided("/dev/kvm may not be opened by this user").mend == (
        "sudo usermod -aG kvm eve, and log in again"
    )


def test_kvm_that_does_not_work_may_be_tried_again():
    found = decided("/dev/kvm is there but a guest does not come up with it (no hello)")
    assert found.mend == "to try again: rm /cache/accelerator.json"


def test_nothing_is_started_where_nothing_can_be():
    found = tools.accelerator(None, memory=Path("/cache/accelerator.json"))
    assert found == Finding("accelerator", "note", "not tried: QEMU, the agent or a kernel is missing")


def test_a_proof_that_fails_on_the_way_is_a_note():
    def fail() -> Choice:
        raise MachineError("the emulator cannot be started (Cannot allocate memory)")

    assert tools.accelerator(fail, memory=Path("/cache/accelerator.json")) == Finding(
        "accelerator", "note", "cannot be tried (the emulator cannot be started (Cannot allocate memory))"
    )


# clang


def clang(path: Path, version: str, targets: str) -> Path:
    path.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Debian clang version {version}" || echo "{targets}"\n'
    )
    path.chmod(0o755)
    return path


def test_the_clang_that_a_build_takes(bin_folder):
    clang(bin_folder / "clang", "17.0.6", "    bpf - BPF")
    path = clang(bin_folder / "clang-19", "19.1.7", "    bpf - BPF")
    assert tools.compiler() == Finding("clang", "ok", f"19.1.7, {path}")


def test_no_clang(bin_folder):
    assert tools.compiler() == Finding("clang", "fail", "clang: not found on PATH", GET_CLANG)


def test_a_clang_too_old(bin_folder):
    path = clang(bin_folder / "clang", "14.0.6", "    bpf - BPF")
    assert tools.compiler() == Finding(
        "clang",
        "fail",
        f"{path}: clang 14.0.6 is too old: 16 or newer is needed (older ones cut 64-bit enums in BTF)",
        GET_CLANG,
    )


def test_a_clang_without_bpf(bin_folder):
    path = clang(bin_folder / "clang", "19.1.7", "    x86-64 - 64-bit X86")
    assert tools.compiler() == Finding(
        "clang", "fail", f"{path}: this clang cannot compile for BPF", GET_CLANG
    )


def test_a_clang_asked_for_that_is_not_there(bin_folder, monkeypatch):
    monkeypatch.setenv("EBPF_CLANG", "/opt/clang")
    assert tools.compiler() == Finding(
        "clang", "fail", "$EBPF_CLANG=/opt/clang: no such program", "unset EBPF_CLANG"
    )


# the agent and the headers


def test_headers_of_libbpf(tmp_path):
    folder = tmp_path / "bpf"
    folder.mkdir()
    (folder / "bpf_helpers.h").touch()
    (folder / "libbpf_version.h").write_text(
        "#define LIBBPF_MAJOR_VERSION 1\n#define LIBBPF_MINOR_VERSION 7\n"
    )
    assert tools.headers(tmp_path, "make agent") == Finding("headers", "ok", "libbpf 1.7")


def test_no_headers(tmp_path):
    assert tools.headers(tmp_path, "make agent") == Finding(
        "headers", "fail", f"libbpf's are not in {tmp_path}", "make agent"
    )


def test_the_agent_says_what_it_is(tmp_path):
    path = program(tmp_path / "agent", "agent 0.1.0, protocol 1, libbpf v1.7")
    assert tools.agent(path, "make agent") == Finding("agent", "ok", "0.1.0, protocol 1, libbpf 1.7")


def test_no_agent(tmp_path):
    assert tools.agent(tmp_path / "agent", "make agent") == Finding(
        "agent", "fail", f"not in {tmp_path}", "make agent"
    )


def test_an_agent_that_does_not_run(tmp_path):
    path = tmp_path / "agent"
    path.write_bytes(b"\x7fELF, cut short")
    path.chmod(0o755)
    assert tools.agent(path, "make agent") == Finding(
        "agent", "fail", f"does not run ({path}: Exec format error)", "make agent"
    )


def test_an_agent_of_another_time():
    assert tools.judge_agent("agent 0.9.0, protocol 2, libbpf v2.0\n", "make agent") == Finding(
        "agent", "fail", "speaks protocol 2, not 1", "make agent"
    )
    assert tools.judge_agent("", "make agent") == Finding(
        "agent", "fail", "does not say its version", "make agent"
    )


def test_the_agent_is_made_in_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "data_root", lambda: tmp_path)
    assert paths.agent_recipe() == "run `make agent` in a checkout, and install from there again"
    (tmp_path / "Makefile").touch()
    assert paths.agent_recipe() == f"make -C {tmp_path} agent"


# all together

FOUND = (
    Finding("qemu", "ok", "7.2.22, /usr/bin/qemu-system-x86_64"),
    Finding("accelerator", "note", "emulation (TCG): /dev/kvm is there but a guest does not come up with it"),
    Finding("agent", "fail", "not in /src/vm/agent/build", "make -C /src agent"),
    Finding("headers", "fail", "libbpf's are not in /src/vm/agent/build/include", "make -C /src agent"),
)


def test_a_screen_of_findings():
    assert to_text(FOUND, width=72).splitlines() == [
        "ok    qemu        7.2.22, /usr/bin/qemu-system-x86_64",
        "--    accelerator emulation (TCG): /dev/kvm is there but a guest does",
        "                  not come up with it",
        "FAIL  agent       not in /src/vm/agent/build",
        "FAIL  headers     libbpf's are not in /src/vm/agent/build/include",
        "      mend: make -C /src agent",
        "2 of 4 FAIL: eBPF programs cannot be tested here yet",
    ]


@pytest.mark.parametrize(
    ("findings", "last"),
    [
        (FOUND[:1], "all that is needed is here"),
        (FOUND[:2], "all that is needed is here; lines marked -- could be better"),
        (FOUND, "2 of 4 FAIL: eBPF programs cannot be tested here yet"),
    ],
)
def test_the_last_line_says_what_follows(findings, last):
    assert to_text(findings, width=80).splitlines()[-1] == last
    assert healthy(findings) == last.startswith("all that")


def test_json_for_programs():
    document = json.loads(to_json(FOUND))
    assert (document["version"], document["ok"]) == (1, False)
    assert document["findings"][2] == {
        "name": "agent",
        "state": "fail",
        "what": "not in /src/vm/agent/build",
        "mend": "make -C /src agent",
    }


def test_a_host_that_has_nothing_still_fits_a_screen(bin_folder, tmp_path, monkeypatch):
    """No tool, no agent, an empty cache, a manifest that is wrong: 24 lines of 80 columns."""
    monkeypatch.setenv("PYTEST_EBPF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(paths, "data_root", lambda: Path("/opt/ebpf"))
    (tmp_path / "ebpf.toml").write_text("[project]\n")
    findings = examine(tmp_path / "ebpf.toml", tmp_path, say=pytest.fail)
    states = {finding.name: finding.state for finding in findings}
    assert {name for name, state in states.items() if state == "fail"} == {
        "qemu",
        "clang",
        "agent",
        "headers",
        "kernels",
        "apt",
    }
    assert (states["project"], states["accelerator"]) == ("note", "note")
    assert all(finding.mend for finding in findings if finding.state == "fail")
    lines = to_text(findings, width=80).splitlines()
    assert len(lines) <= 24
    assert [line for line in lines if len(line) > 80] == []
    assert not (tmp_path / "cache").exists()  # a doctor looks, and changes nothing


def test_the_screen_in_the_documentation():
    """docs/doctor.md shows what these findings print."""
    made = [Entry(f"{number}", "6.1.192", 119_250_000, 0.0) for number in range(4)]
    promised = ["5.10", "6.1", "6.12", "6.18", "7.2"]
    findings = (
        Finding("python", "ok", "3.11.7, pytest-ebpf 0.1.0"),
        Finding("project", "ok", "edge, 6 objects, for kernels 5.10, 6.1, 6.12, 6.18, 7.2"),
        tools.judge_emulator("QEMU emulator version 7.2.22", QEMU),
        decided("/dev/kvm is not there"),
        Finding("clang", "fail", "clang: not found on PATH", GET_CLANG),
        tools.judge_agent("agent 0.1.0, protocol 1, libbpf v1.7\n", ""),
        Finding("headers", "ok", "libbpf 1.7"),
        stock.kernels(["6.1.192"], promised, lambda spec: spec != "7.2", obtainable=True),
        stock.snapshots(made, 4 << 30),
        stock.judge_archive(Roots(("http://a.example/",), ("http://a.example/",)), (83, 7300.0)),
        host.disk(Room(Path("/c"), 80_100_000_000, True), Room(Path("/p"), 80_100_000_000, True)),
        host.memory(23_387, 256),
    )
    page = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()
    block = re.findall(r"(?:^    .*\n)+", page, re.MULTILINE)[0]
    assert to_text(findings, width=90) == dedent(block).rstrip("\n")
