"""What tests say of processes and commands, and what they are told."""

import pytest

from pytest_ebpf.errors import CommandError, ConditionError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.system import Capability, Completed, Process, System, until
from pytest_ebpf.system.commands import shown
from pytest_ebpf.system.identity import caps_mask, identity_arguments
from pytest_ebpf.system.install import read_linker_cache
from pytest_ebpf.system.syscalls import (
    Returned,
    Sys,
    copy,
    decode,
    encode,
    name_of,
    result_of,
    room,
    text,
)


class Cgroup:
    path = "/sys/fs/cgroup/x"


def completed(**fields):
    return Completed(**{"argv": ("a",), "status": 0, "signal": 0, "stdout": "", "stderr": "", **fields})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"status": 1}, "a: exit status 1; give check=False if it may fail"),
        (
            {"status": 2, "stderr": "usage:\nlast\n\n"},
            "a: exit status 2 (last); give check=False if it may fail",
        ),
        (
            {"status": 2, "stderr": "x" * 200},
            f"a: exit status 2 ({'x' * 100}...); give check=False if it may fail",
        ),
        ({"signal": 9}, "a: ended by SIGKILL"),
        ({"signal": 45}, "a: ended by signal 45"),
        ({"signal": 11, "argv": ("a b", "$c")}, "'a b' '$c': ended by SIGSEGV"),
    ],
)
def test_a_command_that_failed(fields, message):
    with pytest.raises(CommandError) as caught:
        completed(**fields).check()
    assert str(caught.value) == message
    assert (caught.value.status, caught.value.signal) == (fields.get("status"), fields.get("signal"))


def test_a_command_that_did_not():
    done = completed(stdout="x")
    assert done.check() is done


def test_a_long_command_is_cut():
    assert shown(["a" * 200]) == "a" * 100 + "..."


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda system: system.process(user=33),
            'process: takes no "user"; known: caps, cgroup, gid, groups, netns, uid',
        ),
        (lambda system: system.run(["id"], grp=1), 'run: takes no "grp"; did you mean "groups"?'),
        (
            lambda system: system.run(["head", "-c", 4]),
            "run: the words of a command are str (seen 4); write str(...)",
        ),
        (lambda system: system.run([]), 'run: no command is named (seen []); give its words: ["ls", "/"]'),
        (
            lambda system: system.run(["", "x"]),
            """run: no command is named (seen ['', 'x']); give its words: ["ls", "/"]""",
        ),
        (
            lambda system: system.run("cat /x"),
            "run: a command is a list of words (seen 'cat /x'); give its words: ['cat', '/x']",
        ),
    ],
)
def test_what_no_command_takes(ask, message):
    with pytest.raises(UsageError) as caught:
        ask(System(Guest(None, timeout=1)))
    assert str(caught.value) == message


def test_capabilities():
    assert caps_mask(["net_admin", "CAP_NET_RAW", Capability.BPF, 0]) == 1 << 12 | 1 << 13 | 1 << 39 | 1
    assert caps_mask("SYS_ADMIN") == 1 << 21
    assert caps_mask(0x3000) == 0x3000
    assert caps_mask([]) == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("net_adm", 'caps: no capability "net_adm"; did you mean "net_admin"?'),
        ("flying", 'caps: no capability "flying"; see capabilities(7)'),
    ],
)
def test_a_capability_that_is_none(name, message):
    with pytest.raises(UsageError) as caught:
        caps_mask([name])
    assert str(caught.value) == message


def test_an_identity_as_the_agent_takes_it():
    assert identity_arguments({}) == {}
    assert identity_arguments({"uid": None, "caps": None, "netns": None, "groups": None}) == {}
    everything = {
        "uid": 0,
        "gid": 5,
        "groups": (1, 2),
        "caps": [],
        "cgroup": Cgroup(),
        "netns": "/run/netns/a",
    }
    assert identity_arguments(everything) == {
        "uid": 0,
        "gid": 5,
        "groups": [1, 2],
        "caps": 0,
        "cgroup": "/sys/fs/cgroup/x",
        "netns": "/run/netns/a",
    }


def test_system_calls_as_the_agent_takes_them():
    calls = [(Sys.OPENAT, (-100, text("/x"), 0)), (Sys.READ, (result_of(0), room(8, cut=True), copy(b"y")))]
    assert encode(calls) == [[257, [-100, b"/x\0", 0]], [0, [{"ret": 0}, [8, True], [b"y"]]]]
    (returned,) = decode([[-2, [b"z"]]])
    assert (returned.value, returned.out) == (-2, (b"z",))


class Recorded(Process):
    """Keeps the calls that it would have a guest make."""

    def __init__(self):
        self.calls = []

    def syscalls(self, calls, *, timeout=0.0):
        self.calls += [(name_of(number), *args) for number, args in calls]
        return [Returned(0, (bytes(144),))]


#: What strace(1) shows of these functions of the C library (glibc 2.36, x86-64), -100 being AT_FDCWD.
@pytest.mark.parametrize(
    ("method", "args", "call"),
    [
        ("open", ["/a", 0], ("openat", -100, b"/a\0", 0, 0o666)),
        ("stat", ["/a"], ("newfstatat", -100, b"/a\0", room(144), 0)),
        ("access", ["/a", 4], ("access", b"/a\0", 4)),
        ("unlink", ["/a"], ("unlink", b"/a\0")),
        ("mkdir", ["/a"], ("mkdir", b"/a\0", 0o777)),
        ("rename", ["/a", "/b"], ("rename", b"/a\0", b"/b\0")),
        ("chmod", ["/a", 0o600], ("chmod", b"/a\0", 0o600)),
        ("fork", [], ("clone", 17, 0, 0, 0, 0)),
    ],
)
def test_a_process_makes_the_system_calls_that_libc_makes(method, args, call):
    process = Recorded()
    getattr(process, method)(*args)
    assert process.calls == [call]


def test_names_of_system_calls():
    assert (name_of(257), name_of(4000)) == ("openat", "system call 4000")


def test_a_string_of_c():
    assert text("\udcff") == b"\xff\0"
    with pytest.raises(ValueError, match="embedded null byte"):
        text("a\0b")


class TestUntil:
    def test_what_is_true_at_once(self):
        assert until(lambda: "value", timeout=0) == "value"

    def test_what_comes_true(self):
        seen = iter([0, "", None, 7])
        assert until(lambda: next(seen)) == 7

    def test_what_does_not(self):
        def ready():
            return []

        with pytest.raises(ConditionError) as caught:
            until(ready, timeout=0.01)
        assert str(caught.value) == (
            "ready: did not come about within 0.01 s (last seen: []); "
            "give a longer timeout, or look at what should bring it about"
        )

    @pytest.mark.parametrize(("what", "where"), [(None, "the condition"), ("three events", "three events")])
    def test_what_was_waited_for_is_told(self, what, where):
        with pytest.raises(ConditionError) as caught:
            until(lambda: 0, timeout=0, what=what)
        assert caught.value.where == where

    def test_what_goes_wrong_in_it_is_told(self):
        with pytest.raises(ZeroDivisionError):
            until(lambda: 1 // 0)


class TestLinkerCache:
    """``/etc/ld.so.cache``: a header of 48 bytes, entries of 24, strings."""

    def cache(self, *entries, count=None):
        strings, table = b"", b""
        start = 48 + 24 * len(entries)
        for flags, name, path in entries:
            for part in (name, path):
                strings += part.encode() + b"\0"
            at = start + len(strings) - len(name) - len(path) - 2
            table += b"".join(
                number.to_bytes(size, "little")
                for number, size in ((flags, 4), (at, 4), (at + len(name) + 1, 4), (0, 4), (0, 8))
            )
        amount = len(entries) if count is None else count
        return b"glibc-ld.so.cache1.1" + amount.to_bytes(4, "little") + bytes(24) + table + strings

    def test_libraries_of_this_machine(self):
        entries = [
            (0x0003, "libc.so.6", "/lib/i386-linux-gnu/libc.so.6"),
            (0x0303, "libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6"),
            (0x0303, "libc.so.6", "/opt/libc.so.6"),
            (0x0303, "libm.so.6", "/lib/x86_64-linux-gnu/libm.so.6"),
        ]
        found = {"libc.so.6": entries[1][2], "libm.so.6": entries[3][2]}
        assert read_linker_cache(self.cache(*entries)) == found
        old = b"ld.so-1.7.0\0" + bytes(20)
        assert read_linker_cache(old + self.cache(*entries)) == found

    def test_what_is_damaged(self):
        whole = self.cache((0x0303, "libc.so.6", "/lib/libc.so.6"))
        assert read_linker_cache(b"") == {}
        assert read_linker_cache(b"something else") == {}
        assert read_linker_cache(whole[:40]) == {}
        assert read_linker_cache(whole[:60]) == {}
        assert read_linker_cache(self.cache(count=1 << 30)) == {}
