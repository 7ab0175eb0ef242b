"""The console: bounded, plain text, and searched for the kernel's last words."""

from __future__ import annotations

import pytest

from pytest_ebpf.machine.console import KEPT, Console, splat


def test_control_sequences_of_the_firmware_are_taken_out():
    console = Console()
    console.append(b"\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS\r\nBooting\r\n[    0.1] Linux\r\n")
    assert console.text == "SeaBIOS\nBooting\n[    0.1] Linux\n"


def test_only_the_newest_is_kept():
    console = Console()
    for number in range(KEPT):
        console.append(b"line %08d\n" % number)
    assert len(console.text) == KEPT
    assert console.text.endswith(f"line {KEPT - 1:08d}\n")


def test_bytes_that_are_no_text_do_not_matter():
    console = Console()
    console.append(b"\xff\xfe ok\n")
    assert console.text == "�� ok\n"


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("[    1.5] Kernel panic - not syncing: sysrq", "Kernel panic - not syncing: sysrq"),
        (
            "[   12.000001][  T123] BUG: kernel NULL pointer dereference, address: 0000000000000010",
            "BUG: kernel NULL pointer dereference, address: 0000000000000010",
        ),
        (
            "[    3.1] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
            "watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
        ),
        (
            "[   30.2] rcu: INFO: rcu_sched self-detected stall on CPU",
            "rcu: INFO: rcu_sched self-detected stall on CPU",
        ),
        ("[    3.1] kernel BUG at mm/slub.c:379!", "kernel BUG at mm/slub.c:379!"),
        ("[    3.1] general protection fault, 0000 [#1]", "general protection fault, 0000 [#1]"),
        ("[    0.0] BIOS-e820: usable\n[    0.1] Linux version 6.1", None),
        ("", None),
    ],
)
def test_the_first_line_of_a_splat_is_found(printed, found):
    assert splat(f"before\n{printed}\nafter\n") == found
