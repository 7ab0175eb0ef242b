"""Workers of the agent: what goes wrong in one is told, and harms neither the agent nor the next one.

The agent runs here as a process of the host, with sanitizers; what needs root or PID 1 is tested in machines.
"""

from __future__ import annotations

import errno
import os
import random
import signal
import struct
from pathlib import Path

import pytest

from pytest_ebpf.system import until
from pytest_ebpf.system.syscalls import Sys

AT_FDCWD = -100
NANOSLEEP, EXECVE, FORK, VFORK, WAIT4, UNAME = 35, 59, 57, 58, 61, 63

#: ``struct timespec`` of ten seconds.
TEN_SECONDS = struct.pack("=qq", 10, 0)


class Worker:
    """A worker of *agent*, by its raw operations."""

    def __init__(self, agent, **args):
        self.agent = agent
        _, made = agent.call("spawn", **args)
        self.handle, self.pid = made["process"], made["pid"]

    def sys(self, *calls, **args):
        status, value = self.agent.call("sys", process=self.handle, calls=list(calls), **args)
        assert status == 0, value
        return value

    def what(self, *calls, **args):
        return self.agent.what("sys", process=self.handle, calls=list(calls), **args)

    def status(self, key):
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(line.split("\t", 1)[1] for line in lines if line.startswith(f"{key}:"))

    def end(self):
        status, value = self.agent.call("wait", process=self.handle, timeout_ms=60_000)
        assert status == 0
        return value["running"], value["status"], value["signal"]


@pytest.fixture
def worker(stdio_agent):
    return Worker(stdio_agent)


def path(text):
    return os.fsencode(text) + b"\0"


def test_a_worker_is_called_test_unless_named(stdio_agent, worker):
    assert worker.status("Name") == "test"
    assert Worker(stdio_agent, name="curl").status("Name") == "curl"


def test_a_worker_has_nothing_of_the_agent_open(worker):
    fds = Path(f"/proc/{worker.pid}/fd")
    open_there = {int(each.name): str(each.readlink()) for each in fds.iterdir()}
    assert [open_there.pop(number) for number in range(3)] == ["/dev/null"] * 3
    ((number, target),) = open_there.items()
    assert number >= 900
    assert target.startswith("socket:")


def test_calls_are_made_by_the_worker_in_order(worker, tmp_path):
    (tmp_path / "text").write_text("some words")
    opened, read, closed, again = worker.sys(
        [Sys.OPENAT, [AT_FDCWD, path(tmp_path / "text"), os.O_RDONLY]],
        [Sys.READ, [{"ret": 0}, [64], 64]],
        [Sys.CLOSE, [{"ret": 0}]],
        [Sys.CLOSE, [{"ret": 0}]],
    )
    assert opened == [3, []]
    assert read == [10, [b"some words" + bytes(54)]]
    assert (closed[0], again[0]) == (0, -errno.EBADF)
    assert worker.sys([Sys.GETPID, []]) == [[worker.pid, []]]


def test_what_comes_back_may_be_cut_to_what_was_written(worker, tmp_path):
    (tmp_path / "text").write_text("some words")
    _, read, wrong = worker.sys(
        [Sys.OPENAT, [AT_FDCWD, path(tmp_path / "text"), os.O_RDONLY]],
        [Sys.READ, [{"ret": 0}, [64, True], 64]],
        [Sys.READ, [99, [64, True], 64]],
    )
    assert read == [10, [b"some words"]]
    assert wrong == [-errno.EBADF, [b""]]


def test_bytes_go_in_and_come_back(worker):
    pair, polled = worker.sys(
        [Sys.PIPE2, [[8], 0]],
        [Sys.PPOLL, [[struct.pack("=ihh", 1, 4, 0)], 1, bytes(16), None, 0]],
    )
    assert struct.unpack("=ii", pair[1][0]) == (3, 4)
    assert struct.unpack("=ihh", polled[1][0]) == (1, 4, 4)


def test_a_wild_pointer_is_the_kernels_efault(worker):
    assert worker.sys([Sys.READ, [0, 12345, 8]], [UNAME, [-1]]) == [[0, []], [-errno.EFAULT, []]]


def test_a_number_that_is_no_system_call(worker):
    assert worker.sys([4095, []]) == [[-errno.ENOSYS, []]]


def test_many_calls_in_one_list(worker):
    assert worker.sys(*[[Sys.GETPID, []]] * 20_000) == [[worker.pid, []]] * 20_000
    assert worker.sys() == []


def test_calls_and_bytes_have_a_bound(worker):
    what = "calls[0][1][0]: the calls need more than 16777216 bytes"
    assert worker.what([Sys.READ, [[1 << 24]]]) == (errno.E2BIG, what)
    assert worker.what(*[[Sys.GETPID, []]] * 300_000) == (
        errno.E2BIG,
        "calls: the calls need more than 16777216 bytes",
    )
    assert worker.sys([Sys.READ, [0, [(1 << 24) - 4096, True], 8]]) == [[0, [b""]]]


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (39, "calls[0]: not a list of number and arguments"),
        ([39], "calls[0]: not a list of number and arguments"),
        (["getpid", []], "calls[0]: not an unsigned integer"),
        ([39, 1], "calls[0]: not a list"),
        ([39, [0] * 7], "calls[0]: more than 6 arguments (7)"),
        ([39, [0, "text"]], "calls[0][1][1]: not an integer, bin, list, nil or map"),
        ([39, [True]], "calls[0][1][0]: not an integer, bin, list, nil or map"),
        ([39, [[]]], "calls[0][1][0]: not a list of one or two"),
        ([39, [[1, 2, 3]]], "calls[0][1][0]: not a list of one or two"),
        ([39, [[1, 2]]], "calls[0][1][0]: not a bool"),
        ([39, [["text"]]], "calls[0][1][0]: not an unsigned integer"),
        ([39, [{}]], "calls[0][1][0].ret: missing"),
        ([39, [{"ret": 0}]], "calls[0][1][0].ret: not a call before this one (0)"),
    ],
)
def test_calls_that_are_none(worker, call, what):
    assert worker.what(call) == (errno.EINVAL, what)
    assert worker.sys([Sys.GETPID, []]) == [[worker.pid, []]]


def test_random_arguments(worker):
    chance = random.Random(20261121)

    def value(depth=0):
        kinds = [
            lambda: chance.choice([None, True, 0, -1, 1 << 63, 0.5, "x"]),
            lambda: chance.randbytes(chance.randrange(40)),
            lambda: [value(depth + 1) for _ in range(chance.randrange(3))] if depth < 3 else 0,
            lambda: {"ret": chance.randrange(5)},
            lambda: [chance.randrange(1 << 12)],
        ]
        return chance.choice(kinds)()

    for _ in range(2000):
        calls = [[Sys.GETPID, [value() for _ in range(chance.randrange(7))]] for _ in range(3)]
        status, _ = worker.agent.call("sys", process=worker.handle, calls=calls)
        assert status in {0, errno.EINVAL, errno.E2BIG}
    assert worker.sys([Sys.GETPID, []]) == [[worker.pid, []]]


def test_a_call_that_hangs_ends_the_worker(stdio_agent, worker):
    status, value = stdio_agent.call(
        "sys",
        process=worker.handle,
        calls=[[Sys.GETPID, []], [NANOSLEEP, [TEN_SECONDS, None]]],
        timeout_ms=2000,  # time enough to come to the second call, on a host that does much else
    )
    assert (status, value) == (
        errno.ETIMEDOUT,
        {"what": "calls[1]: not over within 2000 ms; the process was killed", "index": 1},
    )
    assert worker.what() == (errno.ESRCH, f"process: {worker.pid} was ended by signal 9")
    assert worker.end() == (False, 0, signal.SIGKILL)
    assert stdio_agent.what("wait", process=worker.handle) == (
        errno.ENOENT,
        f"process: no such handle ({worker.handle})",
    )
    assert Worker(stdio_agent).sys([Sys.GETUID, []]) == [[os.getuid(), []]]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_worker_that_is_killed(stdio_agent, worker, sent):
    os.kill(worker.pid, sent)
    what = f"process: {worker.pid} was ended by signal {int(sent)}"
    assert worker.what([Sys.GETPID, []]) == (errno.ESRCH, what)
    assert worker.end() == (False, 0, sent)


def test_a_worker_that_is_stopped_takes_its_time(worker):
    os.kill(worker.pid, signal.SIGSTOP)
    status, what = worker.what([Sys.GETPID, []], timeout_ms=100)
    assert (status, what) == (errno.ETIMEDOUT, "calls[0]: not over within 100 ms; the process was killed")


def test_a_worker_that_exits(worker):
    what = f"process: {worker.pid} has ended with status 3"
    assert worker.what([Sys.EXIT_GROUP, [3]]) == (errno.ESRCH, what)
    assert worker.end() == (False, 3, 0)


def test_a_worker_that_executes_a_program(worker):
    what = f"process: {worker.pid} no longer takes calls"
    # sleep(1) without a word to say how long would end at once; cat waits for /dev/zero for ever.
    calls = [
        [Sys.OPENAT, [AT_FDCWD, b"/dev/zero\0", os.O_RDONLY]],
        [Sys.DUP2, [{"ret": 0}, 0]],
        [EXECVE, [b"/bin/cat\0", None, None]],
    ]
    assert worker.what(*calls) == (errno.ESRCH, what)
    assert worker.what([Sys.GETPID, []]) == (errno.ESRCH, what)
    # Its end of the socket is closed before it has its new name (begin_new_exec of fs/exec.c).
    until(lambda: worker.status("Name") == "cat", timeout=60)
    assert worker.agent.call("wait", process=worker.handle)[1]["running"] is True
    assert worker.agent.call("kill", process=worker.handle) == [0, None]
    assert not Path(f"/proc/{worker.pid}").exists()


def test_a_worker_that_unmaps_everything_dies_alone(stdio_agent, worker):
    status, what = worker.what([11, [0, (1 << 47) - 4096]])
    assert (status, what) == (errno.ESRCH, f"process: {worker.pid} was ended by signal 11")
    assert Worker(stdio_agent).sys([Sys.GETUID, []]) == [[os.getuid(), []]]


def test_a_worker_that_writes_over_what_it_shares(stdio_agent, worker):
    """The agent believes nothing that stands there: it may at most lose the worker."""
    for value in (0, 0xFFFFFFFF):
        noise = struct.pack("=4I", value, value, value, value) * 64
        other = Worker(stdio_agent)
        maps = Path(f"/proc/{other.pid}/maps").read_text().splitlines()
        (start,) = [int(line.split("-")[0], 16) for line in maps if "/dev/zero" in line]
        calls = [
            [Sys.PIPE2, [[8], 0]],
            [Sys.WRITE, [4, noise, len(noise)]],
            [Sys.READ, [3, start, len(noise)]],
        ]
        status, _ = stdio_agent.call("sys", process=other.handle, calls=calls, timeout_ms=300)
        assert status in {0, errno.ESRCH, errno.ETIMEDOUT}
    assert worker.sys([Sys.GETPID, []]) == [[worker.pid, []]]


@pytest.mark.parametrize(("number", "args"), [(FORK, []), (VFORK, []), (Sys.CLONE, [signal.SIGCHLD])])
def test_a_child_of_a_worker_ends_at_once(worker, number, args):
    made, waited, pid = worker.sys([number, args], [WAIT4, [{"ret": 0}, [4], 0, None]], [Sys.GETPID, []])
    assert made[0] == waited[0] > 0
    assert waited[1] == [bytes(4)]
    assert pid == [worker.pid, []]


def test_a_write_to_nobody_is_epipe(worker):
    assert worker.sys([Sys.PIPE2, [[8], 0]], [Sys.CLOSE, [3]], [Sys.WRITE, [4, b"x", 1]], [Sys.GETPID, []])[
        2:
    ] == [[-errno.EPIPE, []], [worker.pid, []]]


def test_killing_a_worker_forgets_it(stdio_agent, worker):
    assert stdio_agent.call("kill", process=worker.handle) == [0, None]
    assert not Path(f"/proc/{worker.pid}").exists()
    assert worker.what()[0] == errno.ENOENT


def test_other_signals_leave_a_worker_its_handle(stdio_agent, worker):
    assert stdio_agent.call("kill", process=worker.handle, signal=0) == [0, None]
    assert stdio_agent.call("kill", process=worker.handle, signal=signal.SIGTERM) == [0, None]
    assert worker.end() == (False, 0, signal.SIGTERM)
    assert stdio_agent.what("kill", process=Worker(stdio_agent).handle, signal=65) == (
        errno.EINVAL,
        "signal: more than 64 (65)",
    )


def test_workers_end_with_the_agent(make_agent):
    agent = make_agent()
    workers = [Worker(agent) for _ in range(3)]
    assert agent.finish() == (0, "")
    until(lambda: not any(Path(f"/proc/{each.pid}/exe").exists() for each in workers), timeout=60)


@pytest.mark.parametrize(
    ("args", "what"),
    [
        ({"name": "sixteen letters!"}, "name: longer than 15 bytes (16)"),
        ({"uid": "root"}, "uid: not an unsigned integer"),
        ({"uid": 1 << 32}, "uid: more than 32 bits (4294967296)"),
        ({"groups": 5}, "groups: not a list"),
        ({"groups": [1] * 65}, "groups: more than 64 (65)"),
        ({"groups": [1, "x"]}, "groups[1]: not an unsigned integer"),
        ({"caps": []}, "caps: not an unsigned integer"),
        ({"cgroup": 5}, "cgroup: not a str"),
        ({"netns": "/" * 4096}, "netns: longer than 4095 bytes (4096)"),
    ],
)
def test_an_identity_that_is_none(stdio_agent, args, what):
    assert stdio_agent.what("spawn", **args) == (errno.EINVAL, what)


@pytest.mark.parametrize("key", ["cgroup", "netns"])
def test_a_place_that_is_not_there(stdio_agent, key):
    assert stdio_agent.what("spawn", **{key: "/nowhere"}) == (errno.ENOENT, f"{key}: /nowhere")


class TestGive:
    """Descriptors handed to a worker, from wherever the agent can have them."""

    def target(self, worker, of):
        status, value = worker.agent.call("give", process=worker.handle, of=of)
        assert status == 0, value
        return str(Path(f"/proc/{worker.pid}/fd/{value['fd']}").readlink())

    def test_of_a_path(self, worker, tmp_path):
        assert self.target(worker, {"path": str(tmp_path)}) == str(tmp_path)

    def test_of_another_worker(self, stdio_agent, worker):
        other = Worker(stdio_agent)
        other.sys([Sys.OPENAT, [AT_FDCWD, b"/dev/zero\0", 0]])
        assert self.target(worker, {"process": other.handle, "fd": 3}) == "/dev/zero"

    def test_of_a_process(self, worker):
        assert self.target(worker, {"pid": os.getpid()}) in {"anon_inode:[pidfd]", "pidfd:[pidfd]"}

    @pytest.mark.parametrize(
        ("of", "status", "what"),
        [
            (None, errno.EINVAL, "of: missing"),
            (5, errno.EINVAL, "of: not a map"),
            ({}, errno.EINVAL, "of: none of prog, map, link, process, pid, path"),
            ({"path": "/nowhere"}, errno.ENOENT, "of.path: /nowhere"),
            ({"path": 5}, errno.EINVAL, "of.path: not a str"),
            ({"pid": 1 << 22}, errno.ESRCH, "of.pid: 4194304"),
            ({"pid": "x"}, errno.EINVAL, "of.pid: not an unsigned integer"),
            ({"map": 99}, errno.ENOENT, "of.map: no such handle (99)"),
            ({"prog": 0}, errno.EINVAL, "of.prog: not a program (0 is a process)"),
            ({"link": 0}, errno.EINVAL, "of.link: not a link (0 is a process)"),
            ({"process": 0}, errno.EINVAL, "of.fd: missing"),
            ({"process": 0, "fd": 77}, errno.EBADF, "of.process: descriptor 77 of it cannot be had"),
        ],
    )
    def test_of_what_is_not_there(self, stdio_agent, worker, of, status, what):
        assert worker.handle == 0
        assert stdio_agent.what("give", process=0, of=of) == (status, what)

    def test_to_a_worker_without_room(self, worker):
        worker.sys([160, [7, struct.pack("=QQ", 3, 3)]])  # setrlimit(RLIMIT_NOFILE)
        assert worker.agent.what("give", process=worker.handle, of={"path": "/"}) == (
            errno.EBADF,
            f"process: {worker.pid} took no descriptor",
        )

    def test_to_a_worker_that_has_ended(self, worker):
        os.kill(worker.pid, signal.SIGKILL)
        status, what = worker.agent.what("give", process=worker.handle, of={"path": "/"})
        assert (status, what) in {
            (errno.EPIPE, f"process: {worker.pid} takes no descriptor"),
            (errno.ECONNRESET, f"process: {worker.pid} takes no descriptor"),
            (errno.ESRCH, f"process: {worker.pid} was ended by signal 9"),
        }
