"""A debugger within a test: the machine waits for as long as somebody looks."""

from __future__ import annotations

import subprocess
import sys

MODULE = """
import time

def an_hour_passes():
    really = time.monotonic
    time.monotonic = lambda: really() + 3600

def ctrl_c():
    os.killpg(0, signal.SIGINT)

def test_stops(ebpf):
    counter = ebpf.load(Counter)
    breakpoint()
    assert counter.programs.count.run(bytes(64)).verdict == XDP.DROP
"""

#: What is typed at the two prompts.
TYPED = """\
an_hour_passes()
ctrl_c()
counter.programs.count.run(bytes(64)).verdict
continue
an_hour_passes()
counter.programs.count.run(bytes(64)).retval
continue
"""


def test_no_deadline_and_no_ctrl_c_ends_the_machine_at_the_prompt(edge, make_module, no_machine_left):
    make_module(MODULE)
    argv = [sys.executable, "-m", "pytest", "-p", "ebpf", "--pdb", "--ebpf-kernel", "6.12"]
    done = subprocess.run(
        argv,
        check=False,
        cwd=edge,
        input=TYPED,
        capture_output=True,
        text=True,
        timeout=600,
        start_new_session=True,
    )
    assert "(Pdb) *** KeyboardInterrupt\n(Pdb) <XDP.PASS: 2>\n" in done.stdout, done.stdout
    assert "E       assert XDP.PASS == XDP.DROP" in done.stdout
    assert "(Pdb) (Pdb) 2\n" in done.stdout.partition("entering PDB")[2]
    assert "1 failed on 1 kernel" in done.stdout
