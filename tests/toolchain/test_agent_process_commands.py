"""Commands that the agent runs: how they end, what they say, and what goes wrong with them.

The agent runs here as a process of the host, with sanitizers; what needs root or PID 1 is tested in machines.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path

import pytest

from pytest_ebpf.system import until

SHELL = "/bin/sh"


@pytest.fixture
def start(stdio_agent):
    """``start("/bin/cat", "file", stdin=...)`` gives the handle and the number of a process."""

    def one(*argv, **args):
        status, made = stdio_agent.call("exec", argv=list(argv), **args)
        assert status == 0, made
        return made["process"], made["pid"]

    return one


@pytest.fixture
def wait(stdio_agent):
    def one(handle, timeout_ms=60_000):
        status, end = stdio_agent.call("wait", process=handle, timeout_ms=timeout_ms)
        assert status == 0, end
        return end

    return one


@pytest.fixture
def run(start, wait):
    """Run a command to its end."""
    return lambda *argv, **args: wait(start(*argv, **args)[0])


def ended(status=0, ended_by=0, stdout=b"", stderr=b"", flooded=False):
    return {
        "running": False,
        "status": status,
        "signal": ended_by,
        "stdout": stdout,
        "stderr": stderr,
        "flooded": flooded,
    }


def test_streams_and_status(run):
    assert run(SHELL, "-c", "echo out; echo err >&2; exit 7") == ended(7, stdout=b"out\n", stderr=b"err\n")


def test_a_command_that_is_killed_by_a_signal(run):
    assert run(SHELL, "-c", "kill -TERM $$") == ended(ended_by=signal.SIGTERM)


def test_the_handle_goes_with_the_end(start, wait, stdio_agent):
    handle, _ = start("/bin/true")
    assert wait(handle) == ended()
    for op in ("wait", "kill"):
        assert stdio_agent.what(op, process=handle) == (errno.ENOENT, f"process: no such handle ({handle})")


def test_input_is_what_is_given(run):
    everything = bytes(range(256)) * 2000
    assert run("/bin/cat", stdin=everything) == ended(stdout=everything)
    assert run("/bin/cat", stdin=b"") == ended()
    assert run("/bin/cat") == ended()


def test_the_environment_is_what_is_given(run):
    assert run("/usr/bin/env", env={"A": "b=c", "EMPTY": ""}) == ended(stdout=b"A=b=c\nEMPTY=\n")
    assert run("/usr/bin/env") == ended()


def test_words_are_words(run):
    script = "import sys; print(sys.argv[1:])"
    words = ["", "two words", "$HOME", "a'b", "\n", "\u00e9"]
    assert run(sys.executable, "-I", "-c", script, *words, env={"PYTHONUTF8": "1"})["stdout"] == (
        f"{words}\n".encode()
    )


def test_the_directory_is_what_is_given(run, tmp_path):
    assert run("/bin/pwd", cwd=str(tmp_path)) == ended(stdout=f"{tmp_path}\n".encode())


def test_what_is_executed_may_be_called_otherwise(run):
    script = 'echo "$0"'
    assert run("otherwise", "-c", script, path=SHELL) == ended(stdout=b"otherwise\n")


def test_a_command_has_nothing_of_the_agent(run):
    """Neither its descriptors, nor its session, nor a signal that is ignored."""
    said = run("/bin/ls", "-l", "/proc/self/fd")["stdout"].decode()
    numbers = sorted(int(line.split()[-3]) for line in said.splitlines()[1:])
    assert numbers == [0, 1, 2, 3]  # the last is the directory that ls reads
    state = run("/bin/cat", "/proc/self/status")["stdout"].decode()
    masks = dict(line.split(":\t") for line in state.splitlines() if line.startswith("Sig"))
    assert (int(masks["SigIgn"], 16), int(masks["SigBlk"], 16)) == (0, 0)


def test_a_command_leads_a_group_of_its_own(start, wait, stdio_agent):
    handle, pid = start("/bin/sleep", "100")
    assert (os.getpgid(pid), os.getsid(pid)) == (pid, pid)
    assert stdio_agent.call("kill", process=handle, signal=signal.SIGTERM) == [0, None]
    assert wait(handle) == ended(ended_by=signal.SIGTERM)


def test_waiting_takes_what_came_since_the_last_time(start, wait, tmp_path):
    script = "echo first; while [ ! -e go ]; do sleep 0.01; done; echo last; exit 3"
    handle, _ = start(SHELL, "-c", script, cwd=str(tmp_path), env={"PATH": "/usr/bin:/bin"})
    said = b""
    while not said.endswith(b"\n"):
        said += wait(handle, 20)["stdout"]
    assert said == b"first\n"
    assert wait(handle, 20) == {**ended(), "running": True}
    (tmp_path / "go").touch()
    assert wait(handle) == ended(3, stdout=b"last\n")


def test_a_command_that_hangs(start, wait, stdio_agent):
    handle, pid = start(SHELL, "-c", "echo so far; exec sleep 100")
    until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", timeout=60)
    assert wait(handle, 50) == {**ended(stdout=b"so far\n"), "running": True}
    assert wait(handle, 0) == {**ended(), "running": True}
    assert stdio_agent.call("kill", process=handle) == [0, None]
    assert wait(handle) == ended(ended_by=signal.SIGKILL)


def test_killing_takes_the_whole_group(start, wait, stdio_agent):
    handle, _ = start(SHELL, "-c", "sleep 100 & echo $!; wait")
    said = b""
    while not said.endswith(b"\n"):
        said += wait(handle, 100)["stdout"]
    child = Path(f"/proc/{int(said)}/exe")
    assert child.exists()
    assert stdio_agent.call("kill", process=handle) == [0, None]
    assert wait(handle)["signal"] == signal.SIGKILL
    until(lambda: not child.exists(), timeout=60)


def test_a_child_that_holds_the_streams_open_is_not_waited_for(run):
    """As a daemon does: the command's end is its end."""
    end = run(SHELL, "-c", "sleep 3 & echo started")
    assert end == ended(stdout=b"started\n")


@pytest.mark.parametrize("limit", [0, 1, 4096, 100_000, 1 << 20])
def test_a_command_that_floods(run, limit):
    end = run("/usr/bin/yes", output_limit=limit)
    assert (end["flooded"], end["signal"], len(end["stdout"])) == (True, signal.SIGKILL, limit)


def test_both_streams_count(run):
    end = run(SHELL, "-c", "echo 12345; echo 67890 >&2; sleep 100", output_limit=11)
    assert end["flooded"]
    assert len(end["stdout"]) + len(end["stderr"]) == 11


def test_just_the_limit_is_no_flood(run):
    assert run("/bin/cat", stdin=bytes(5000), output_limit=5000) == ended(stdout=bytes(5000))


def test_a_command_that_nobody_waits_for_can_go_on(start, wait, stdio_agent):
    """What it says is taken with whatever is asked of the agent."""
    script = "import os, sys; [os.write(1, bytes(65536)) for _ in range(64)]"
    handle, pid = start(sys.executable, "-I", "-c", script, output_limit=16 << 20)
    until(lambda: stdio_agent.call("hello")[0] == 0 and is_zombie_or_gone(pid), timeout=60)
    assert len(wait(handle)["stdout"]) == 4 << 20


def is_zombie_or_gone(pid):
    return not Path(f"/proc/{pid}/exe").exists()


def test_a_hundred_commands_at_once(start, wait):
    handles = [start("/bin/echo", str(index))[0] for index in range(100)]
    assert [wait(each)["stdout"] for each in handles] == [f"{index}\n".encode() for index in range(100)]


def test_commands_end_with_the_agent(make_agent):
    agent = make_agent()
    _, made = agent.call("exec", argv=["/bin/sleep", "100"])
    assert agent.finish() == (0, "")
    until(lambda: is_zombie_or_gone(made["pid"]), timeout=60)


def test_a_file_that_is_no_program(stdio_agent, tmp_path):
    text = tmp_path / "text"
    text.write_text("neither ELF nor script")
    text.chmod(0o755)
    assert stdio_agent.what("exec", argv=[str(text)]) == (errno.ENOEXEC, f"argv: {text}")


def test_a_file_that_may_not_be_executed(stdio_agent, tmp_path):
    plain = tmp_path / "plain"
    plain.write_bytes(Path("/bin/true").read_bytes())
    assert stdio_agent.what("exec", argv=[str(plain)]) == (errno.EACCES, f"argv: {plain}")


@pytest.mark.parametrize(
    ("args", "status", "what"),
    [
        ({"argv": ["/nowhere"]}, errno.ENOENT, "argv: /nowhere"),
        ({"argv": ["true"]}, errno.ENOENT, "argv: true"),
        ({"argv": ["true"], "path": "/nowhere"}, errno.ENOENT, "argv: /nowhere"),
        ({"argv": [""]}, errno.ENOENT, "argv: "),
        ({"argv": ["/bin/true"], "cwd": "/nowhere"}, errno.ENOENT, "cwd: /nowhere"),
        ({"argv": ["/bin/true"], "cgroup": "/nowhere"}, errno.ENOENT, "cgroup: /nowhere"),
        ({}, errno.EINVAL, "argv: missing"),
        ({"argv": "true"}, errno.EINVAL, "argv: not a list"),
        ({"argv": []}, errno.EINVAL, "argv: empty"),
        ({"argv": [5]}, errno.EINVAL, "argv: not made of str alone"),
        ({"argv": ["a\0b"]}, errno.EINVAL, "argv: has a NUL byte"),
        ({"argv": ["x"] * 4097}, errno.E2BIG, "argv: more than 4096 (4097)"),
        ({"argv": ["x" * 5_000_000]}, errno.E2BIG, "argv: too long"),
        ({"argv": ["x" * 5000]}, errno.ENAMETOOLONG, f"argv: {'x' * 64}..."),
        ({"argv": ["/bin/true"], "env": []}, errno.EINVAL, "env: not a map"),
        ({"argv": ["/bin/true"], "env": {"A": 5}}, errno.EINVAL, "env: not made of str alone"),
        ({"argv": ["/bin/true"], "stdin": "text"}, errno.EINVAL, "stdin: not bin"),
        (
            {"argv": ["/bin/true"], "output_limit": 1 << 25},
            errno.EINVAL,
            "output_limit: more than 16777216 (33554432)",
        ),
        ({"argv": ["/bin/true"], "uid": "x"}, errno.EINVAL, "uid: not an unsigned integer"),
    ],
)
def test_what_cannot_be_run(stdio_agent, run, args, status, what):
    assert stdio_agent.what("exec", **args) == (status, what)
    assert run("/bin/true") == ended()


def test_waiting_has_a_bound(stdio_agent, start):
    handle, _ = start("/bin/true")
    assert stdio_agent.what("wait", process=handle, timeout_ms=1 << 31) == (
        errno.EINVAL,
        "timeout_ms: more than 2147483647 (2147483648)",
    )


def test_a_command_takes_no_calls(stdio_agent, start):
    handle, _ = start("/bin/sleep", "100")
    what = "process: a command, which takes no calls"
    assert stdio_agent.what("sys", process=handle, calls=[]) == (errno.EINVAL, what)
    assert stdio_agent.what("give", process=handle, of={"path": "/"}) == (errno.EINVAL, what)


class TestWriteFile:
    """How files are written."""

    def test_with_permissions(self, stdio_agent, tmp_path):
        path = tmp_path / "tool"
        assert stdio_agent.call("write_file", path=str(path), data=b"x", mode=0o4755) == [0, None]
        assert path.stat().st_mode & 0o7777 == 0o4755

    def test_with_the_directories_above(self, stdio_agent, tmp_path):
        path = tmp_path / "some" / "where" / "file"
        for _ in range(2):
            assert stdio_agent.call("write_file", path=str(path), data=b"x", parents=True) == [0, None]
        assert path.read_bytes() == b"x"

    def test_piece_by_piece(self, stdio_agent, tmp_path):
        path = tmp_path / "file"
        for append in (False, True, True):
            stdio_agent.call("write_file", path=str(path), data=b"x", append=append)
        assert path.read_bytes() == b"xxx"

    def test_as_a_link(self, stdio_agent, tmp_path):
        path = tmp_path / "link"
        for target in ("/first", "second"):
            assert stdio_agent.call("write_file", path=str(path), data=target.encode(), link=True) == [
                0,
                None,
            ]
            assert str(path.readlink()) == target

    @pytest.mark.parametrize(
        ("args", "status", "what"),
        [
            ({"mode": 0o10000}, errno.EINVAL, "mode: more than 07777 (010000)"),
            ({"path": "", "parents": True}, errno.ENOENT, ""),
            ({"path": "/proc/self/status/x", "parents": True}, errno.ENOTDIR, "/proc/self/status/x"),
            ({"link": True, "data": b"a\0b"}, errno.EINVAL, "/nowhere/file"),
            ({"link": True, "data": b"x" * 4096}, errno.EINVAL, "/nowhere/file"),
            ({}, errno.ENOENT, "/nowhere/file"),
        ],
    )
    def test_not_at_all(self, stdio_agent, args, status, what):
        assert stdio_agent.what("write_file", **{"path": "/nowhere/file", "data": b"x", **args}) == (
            status,
            what,
        )
