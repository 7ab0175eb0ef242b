"""What `ebpf-build doctor` finds, one thing at a time, on hosts that have it and hosts that have not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_ebpf import paths
from pytest_ebpf.cli.doctor import to_json, to_text
from pytest_ebpf.errors import KernelError, MachineError
from pytest_ebpf.kernels.apt import Apt
from pytest_ebpf.kernels.sources import Roots
from pytest_ebpf.machine.accelerator import Choice
from pytest_ebpf.machine.shelf import Entry
from pytest_ebpf.session.health import Finding, examine, healthy, host, stock, tools
from pytest_ebpf.session.health.host import Room
from pytest_ebpf.session.workspace import Workspace

QEMU = Path("/usr/bin/qemu-system-x86_64")
GET_QEMU = "sudo apt-get install qemu-system-x86"
GET_CLANG = "sudo apt-get install clang-19"
OWN_IMAGE = 'test on an image of your own: kernels = ["./bzImage"] in ebpf.toml'


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; nothing is in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("EBPF_CLANG", raising=False)
    return folder


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


def test_the_agent_is_made_in_a_checkout(tmp_path):
    assert tools.mend_agent(tmp_path) == "run `make agent` in a checkout, and install from there again"
    (tmp_path / "Makefile").touch()
    assert tools.mend_agent(tmp_path) == f"make -C {tmp_path} agent"


# kernels, snapshots, apt


def test_every_kernel_promised_is_here():
    found = stock.kernels(["5.10.262", "6.1.192"], ["5.10", "6.1"], lambda _: True, obtainable=True)
    assert found == Finding("kernels", "ok", "2 of the 2 that ebpf.toml promises are here")


def test_kernels_that_are_still_to_be_fetched():
    found = stock.kernels(["6.1.192"], ["5.10", "6.1", "7.2"], lambda spec: spec == "6.1", obtainable=True)
    what = "1 of the 3 that ebpf.toml promises are here, not 5.10, 7.2"
    assert found == Finding("kernels", "note", what, "ebpf-build kernels fetch 5.10 7.2")


def test_without_a_manifest_kernels_are_named():
    def has(spec: str) -> bool:
        raise AssertionError(spec)

    found = stock.kernels(["5.10.262", "6.1.192"], [], has, obtainable=True)
    assert found == Finding("kernels", "ok", "5.10.262, 6.1.192")
    many = stock.kernels([f"6.{minor}.1" for minor in range(1, 9)], [], has, obtainable=True)
    assert many.what == "6.1.1, 6.2.1, 6.3.1, 6.4.1, 6.5.1, 6.6.1 and 2 more"


def test_an_empty_cache_is_no_problem_while_there_is_apt():
    found = stock.kernels([], [], lambda _: False, obtainable=True)
    assert found == Finding("kernels", "note", "none in the cache", "ebpf-build kernels fetch 6.12")


def test_no_kernel_and_no_way_to_get_one():
    found = stock.kernels([], ["6.1"], lambda _: False, obtainable=False)
    what = "0 of the 1 that ebpf.toml promises are here, not 6.1, and none can be fetched"
    assert found == Finding("kernels", "fail", what, "see apt, then: ebpf-build kernels fetch 6.1")


def test_some_kernels_and_no_way_to_get_others():
    found = stock.kernels(["6.1.192"], ["6.1", "7.2"], lambda spec: spec == "6.1", obtainable=False)
    what = "1 of the 2 that ebpf.toml promises are here, not 7.2"
    assert found == Finding("kernels", "note", what, "see apt, then: ebpf-build kernels fetch 7.2")


def test_a_lock_file_that_cannot_be_read():
    def has(_spec: str) -> bool:
        raise KernelError("not a lock file", where="ebpf-kernels.lock", hint="make it again")

    assert stock.kernels(["6.1.192"], ["6.1"], has, obtainable=True) == Finding(
        "kernels", "fail", "ebpf-kernels.lock: not a lock file; make it again"
    )


def test_snapshots_and_their_size():
    entries = [Entry("a", "6.1.192", 120_000_000, 0.0), Entry("b", "7.2.13", 130_000_000, 1.0)]
    assert stock.snapshots(entries, 4 << 30) == Finding("snapshots", "ok", "2 in 250 MB of at most 4.3 GB")
    assert stock.snapshots([], 4 << 30) == Finding(
        "snapshots", "ok", "none yet, each kernel makes one at its first boot"
    )


def test_no_apt(bin_folder, tmp_path):
    apt = Apt(tmp_path / "apt", say=pytest.fail)
    assert stock.archive(apt) == Finding("apt", "fail", "apt-get: not found on PATH", OWN_IMAGE)
    program(bin_folder / "apt-get", "")
    assert stock.archive(apt) == Finding("apt", "fail", "dpkg-deb: not found on PATH", OWN_IMAGE)


def test_no_keys_of_the_archive(bin_folder, tmp_path):
    for name in ("apt-get", "dpkg-deb"):
        program(bin_folder / name, "")
    assert stock.archive(Apt(tmp_path / "apt", say=pytest.fail), keyring=tmp_path / "none.gpg") == Finding(
        "apt",
        "fail",
        "the keys of Debian's archive are not there",
        "sudo apt-get install debian-archive-keyring",
    )


def test_no_debian_among_the_sources(bin_folder, tmp_path):
    for name in ("apt-get", "dpkg-deb"):
        program(bin_folder / name, "")
    assert stock.archive(Apt(tmp_path / "apt", say=pytest.fail), keyring=tmp_path) == Finding(
        "apt",
        "fail",
        "no Debian archive among the machine's apt sources",
        "add one to /etc/apt/sources.list.d, or give the path of a kernel image",
    )


@pytest.mark.parametrize(
    ("index", "seen"),
    [
        (None, "not asked for kernels yet"),
        ((83, 60.0), "83 kernels seen within the last hour"),
        ((83, 7300.0), "83 kernels seen 2 h ago"),
        ((83, 260_000.0), "83 kernels seen 3 days ago"),
    ],
)
def test_when_the_archive_was_asked(index, seen):
    roots = Roots(("http://a.example/debian",), ("http://a.example/debian-security",))
    assert stock.judge_archive(roots, index) == Finding(
        "apt", "ok", f"Debian's archive is among its sources, {seen}"
    )


def test_sources_without_security_updates():
    assert stock.judge_archive(Roots(("http://a.example/debian",), ()), None) == Finding(
        "apt",
        "note",
        "no security updates among its sources, so no 5.10; not asked for kernels yet",
        "add Debian's security archive to /etc/apt/sources.list.d",
    )


# the host


def test_room_on_both_disks():
    cache, here = Room(Path("/cache"), 80_000_000_000, True), Room(Path("/src"), 500_000_000, True)
    assert host.disk(cache, here) == Finding("disk", "ok", "80.0 GB free for the cache, 500 MB here")


def test_a_small_disk_for_the_cache():
    found = host.disk(Room(Path("/cache"), 300_000_000, True), Room(Path("/src"), 10**9, True))
    what = "300 MB free in /cache; 1.0 GB is better"
    assert found == Finding(
        "disk", "note", what, "ebpf-build kernels clear, or export PYTEST_EBPF_CACHE=FOLDER"
    )


def test_a_full_disk_under_the_project():
    found = host.disk(Room(Path("/cache"), 10**10, True), Room(Path("/src"), 1_000_000, True))
    assert found == Finding("disk", "fail", "1 MB free in /src", "make room: du -xh /src | sort -h | tail")


def test_folders_that_may_not_be_written():
    open_room, closed = Room(Path("/src"), 10**10, True), Room(Path("/src"), 10**10, False)
    assert host.disk(closed, open_room) == Finding(
        "disk", "note", "nothing may be written to /src", "export PYTEST_EBPF_CACHE=FOLDER"
    )
    assert host.disk(open_room, closed) == Finding(
        "disk", "fail", "nothing may be written to /src", "sudo chown $USER /src"
    )


def test_a_folder_that_will_be_made_is_on_the_disk_above_it(tmp_path):
    room = host.room_in(tmp_path / "not" / "yet")
    assert (room.folder, room.writable) == (tmp_path / "not" / "yet", True)
    assert room.free > 0


def test_memory_by_machines():
    assert host.memory(23_000, 256).what == "23000 MiB available, for 35 machines of 256 MiB at once"
    assert host.memory(400, 256).what == "400 MiB available, for one machine of 256 MiB at once"
    assert host.memory(200, 256) == Finding(
        "memory",
        "note",
        "200 MiB available, a machine takes 256",
        "end other programs, or lower test.memory in ebpf.toml",
    )


def workspace(folder: Path, text: str) -> Workspace:
    (folder / "ebpf.toml").write_text(text)
    return Workspace(folder / "ebpf.toml", folder, say=pytest.fail)


def test_the_project_that_was_asked_in(tmp_path):
    head = '[project]\nname = "edge"\nkernels = ["6.1", "7.2"]\n'
    found = host.project(workspace(tmp_path, head + '[objects.gate]\npath = "gate.bpf.o"\n'))
    assert found == Finding("project", "ok", "edge, 1 object, for kernels 6.1, 7.2")


def test_a_manifest_with_problems(tmp_path):
    assert host.project(workspace(tmp_path, "[project]\n")) == Finding(
        "project", "note", "2 problems in ebpf.toml", "ebpf-build"
    )


def test_no_project(tmp_path):
    assert host.project(Workspace(None, tmp_path, say=pytest.fail)) == Finding(
        "project", "ok", "no ebpf.toml here or above; only the host is looked at"
    )


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
    findings = examine(tmp_path, say=pytest.fail)
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
