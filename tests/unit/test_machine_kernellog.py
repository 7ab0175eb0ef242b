"""Which lines of a kernel's log are complaints, as five kernel lines word them."""

from __future__ import annotations

import re

import pytest

from pytest_ebpf.machine.kernellog import messages, splat

COMPLAINTS = [
    # Linux 5.10 to 6.12, 6.18 and 7.2, and one without a place
    "WARNING: CPU: 0 PID: 1 at kernel/bpf/verifier.c:18312 do_misc_fixups+0x1a7/0x1c20",
    "WARNING: kernel/bpf/verifier.c:21984 at do_misc_fixups+0x1a7/0x1c20, CPU#0: init/1",
    "WARNING: at 0x0, CPU#0: init/1",
    "BUG: kernel NULL pointer dereference, address: 0000000000000000",
    "BUG: sleeping function called from invalid context at mm/slab.h:494",
    "BUG: KASAN: slab-out-of-bounds in array_map_lookup_elem+0x24/0x40",
    "kernel BUG at mm/usercopy.c:102!",
    "Oops: 0002 [#1] PREEMPT SMP NOPTI",
    "general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP",
    "rcu: INFO: rcu_sched self-detected stall on CPU",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [init:1]",
    "NMI watchdog: Watchdog detected hard LOCKUP on cpu 0",
    "watchdog: CPU0: Watchdog detected hard LOCKUP on cpu 0",
    "INFO: task init:1 blocked for more than 120 seconds.",
    "Out of memory: Killed process 71 (worker) total-vm:2164kB, anon-rss:64kB, file-rss:0kB",
    "Memory cgroup out of memory: Killed process 71 (worker) total-vm:2164kB",
]

HARMLESS = [
    "sysrq: Show Memory",
    "Call Trace:",
    "clocksource: Switched to clocksource tsc",
    "tsc: Refined TSC clocksource calibration: 2596.098 MHz",
    "init[1] is installing a program with bpf_probe_write_user helper that may corrupt user memory!",
    "debug: counter at 5",
    "rcu: \tRCU restricting CPUs from NR_CPUS=8192 to nr_cpu_ids=2.",
    "NMI watchdog: Perf NMI watchdog permanently disabled",
    "NOTICE: trace_printk() being used. Allocating extra memory.",
]


def test_messages_are_the_text_of_the_records():
    log = "6,339,1583,-;sysrq: Show Memory\n4,340,1584,-,caller=T1;WARNING: CPU: 0 PID: 1 at 0x0; so it is\n"
    assert messages(log) == ["sysrq: Show Memory", "WARNING: CPU: 0 PID: 1 at 0x0; so it is"]


def test_what_belongs_to_a_device_is_no_message_of_its_own():
    log = "6,1,10,-;virtio-pci 0000:00:02.0: enabled\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:02.0;x\n"
    assert messages(log) == ["virtio-pci 0000:00:02.0: enabled"]


def test_what_a_program_wrote_to_the_log_is_not_the_kernels_word():
    log = "12,1,10,-;WARNING: CPU: 0 PID: 1 at my program\n4,2,20,-;the kernel's\n"
    assert messages(log) == ["the kernel's"]


@pytest.mark.parametrize(
    "log", ["", "\n", ";", "text", "6,1;x", "-6,1,2,-;x", "6,1,2,-", f"{'9' * 5000},1,1,-;x", "\0\n;\r"]
)
def test_what_is_no_record_is_passed_over(log):
    assert messages(log) == []


@pytest.mark.parametrize("line", COMPLAINTS)
def test_a_complaint_is_found_among_other_lines(line):
    assert splat(["before", line, "Call Trace:"]) == line


@pytest.mark.parametrize("line", HARMLESS)
def test_other_lines_are_no_complaint(line):
    assert splat([line]) is None


def test_the_first_complaint_is_the_one_that_is_told():
    assert splat(COMPLAINTS) == COMPLAINTS[0]


def test_a_complaint_that_is_allowed_does_not_hide_another():
    allowed = [re.compile(r"do_misc_fixups"), re.compile("soft lockup")]
    assert splat(COMPLAINTS[:2], allowed) is None
    assert splat(COMPLAINTS, allowed) == "WARNING: at 0x0, CPU#0: init/1"
