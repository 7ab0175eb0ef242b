"""The agent, and calls that are right but for a few places: each is answered, and nothing is left of it.

Some hundred in the suite; ``make fuzz`` goes on from other seeds (FUZZ_SEED) with more (FUZZ_EXAMPLES).
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import struct

import hostile
import pytest
import sanitized

from pytest_ebpf import paths
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.guest.client import ENOTSUPP
from pytest_ebpf.guest.wire import decode_response, encode_request
from pytest_ebpf.machine import MachineConfig, Recipe, boot
from pytest_ebpf.system import System

COUNT = int(os.environ.get("FUZZ_EXAMPLES", "150"))
SEED = int(os.environ.get("FUZZ_SEED", "20261120"))

pytestmark = pytest.mark.parametrize("line", ["5.10", "7.2"], indirect=True)


@pytest.fixture
def elfs(vm_objects, line):
    return {name: vm_objects(name).read_bytes() for name in hostile.wanted(line)}


@pytest.fixture
def fresh(kernel):
    """A guest of its own, with room for sanitizers."""
    recipe = Recipe(kernel, paths.agent(), MachineConfig(memory=768))
    with boot(recipe, timeout=300) as machine:
        yield Guest(machine, timeout=60)


def batches(made, elfs, seed):
    calls = hostile.calls(random.Random(seed), made, elfs, COUNT)
    while part := list(itertools.islice(calls, 4)):
        yield part


def test_sanitizers_find_nothing(fresh, elfs):
    """The agent as a process of the guest: its handles are those that the same calls give init."""
    path = System(fresh).install(sanitized.build())
    first = []

    def recorded(op, **args):
        first.append((op, args))
        return fresh.call(op, **args)

    made = hostile.prepare(recorded, elfs)
    fresh.batch(hostile.dismissal(made))
    asked = [first, *batches(made, elfs, SEED)]
    requests = b"".join(itertools.starmap(encode_request, enumerate(asked)))
    status, answers, complaints = run(fresh, [path, "--stdio"], requests)
    assert (status, complaints) == (0, "")
    for number, calls in enumerate(asked):
        (length,) = struct.unpack_from("<I", answers)
        decode_response(answers[4 : 4 + length], number, len(calls))
        answers = answers[4 + length :]
    assert answers == b""


def run(guest, argv, data):
    """Run a command: its status, what it wrote, and what it wrote to its standard error."""
    args = {"stdin": data, "env": sanitized.ENVIRONMENT, "output_limit": 16 << 20}
    process = guest.call("exec", argv=argv, **args)["process"]
    said = complained = b""
    end = {"running": True}
    while end["running"]:
        end = guest.call("wait", process=process, timeout_ms=10_000)
        said += end["stdout"]
        complained += end["stderr"]
    assert not end["flooded"]
    return end["status"] or -end["signal"], said, complained.decode()


def test_init_is_as_it_was(fresh, elfs):
    system = System(fresh)
    hostile_round(fresh, elfs, 0)  # some descriptors are opened when they are first needed, and kept
    before = system.files.listdir("/proc/1/fd")
    done, refused = hostile_round(fresh, elfs, SEED)
    assert system.files.listdir("/proc/1/fd") == before
    assert min(done, refused) > COUNT / 10
    assert system.run(["echo", "unharmed"]).stdout == "unharmed\n"


def hostile_round(guest, elfs, seed):
    """Make all of them, and tidy up: how many were carried out, and how many refused."""
    made = hostile.prepare(guest.call, elfs)
    asked = list(batches(made, elfs, seed))
    answers = [guest.batch(calls) for calls in asked]
    failures = [each for each in itertools.chain(*answers) if isinstance(each, CallError)]
    for failure in failures:
        assert failure.errno in errno.errorcode or failure.errno == ENOTSUPP, failure
        assert failure.details["what"].isprintable(), failure
    guest.batch(hostile.dismissal(made, list(itertools.chain(*answers))))
    return COUNT - len(failures), len(failures)
