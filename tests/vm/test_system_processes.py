"""Processes of real guests that make system calls for a test: files, identities, descriptors, sockets."""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import struct

import pytest

from pytest_ebpf.errors import ConditionError, ProcessError, UsageError
from pytest_ebpf.system import System, until

LOCALHOST = "127.0.0.1"
NANOSLEEP, EXECVE = 35, 59

#: ``CLONE_NEWNET`` of ``include/uapi/linux/sched.h``.
NEWNET = 0x40000000


@pytest.fixture(params=("5.10", "7.2"))
def line(request):
    return request.param


@pytest.fixture
def system(guest):
    system = System(guest)
    yield system
    system.close()


@pytest.fixture
def process(system):
    return system.process()


@pytest.fixture(autouse=True)
def unharmed(system):
    """After every test another process works as if nothing had been."""
    yield
    with system.process() as other:
        assert other.getpid() == other.pid


class TestFiles:
    def test_reading_and_writing(self, process):
        fd = process.open("/tmp/words", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
        assert process.write(fd, b"some words") == 10
        assert process.lseek(fd, 5) == 5
        assert process.read(fd) == b"words"
        assert process.read(fd) == b""
        process.ftruncate(fd, 4)
        process.close(fd)
        found = process.stat("/tmp/words")
        assert (stat.S_IMODE(found.st_mode), found.st_size, found.st_nlink, found.st_uid) == (0o640, 4, 1, 0)
        process.unlink("/tmp/words")

    def test_names(self, process):
        process.mkdir("/tmp/folder", 0o700)
        process.close(process.open("/tmp/folder/one", os.O_CREAT | os.O_WRONLY))
        process.link("/tmp/folder/one", "/tmp/folder/two")
        process.rename("/tmp/folder/one", "/tmp/folder/three")
        process.symlink("three", "/tmp/folder/link")
        assert process.listdir("/tmp/folder") == ["link", "three", "two"]
        assert process.readlink("/tmp/folder/link") == "three"
        process.chmod("/tmp/folder/two", 0o444)
        process.chown("/tmp/folder/two", 5, 6)
        found = process.stat("/tmp/folder/three")
        assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o444, 5, 6)
        assert process.access("/tmp/folder/link")
        for name in ("link", "two", "three"):
            process.unlink(f"/tmp/folder/{name}")
        process.rmdir("/tmp/folder")
        assert not process.access("/tmp/folder")

    def test_a_large_directory(self, process):
        assert {"1", "self", str(process.pid)} < set(process.listdir("/proc"))

    def test_pipes_and_numbers(self, process):
        reader, writer = process.pipe()
        assert process.dup2(writer, 77) == 77
        process.write(77, b"through the pipe")
        assert process.read(reader) == b"through the pipe"
        available = process.ioctl(reader, 0x541B, [bytes(4)])  # FIONREAD
        assert available == (0, bytes(4))

    @pytest.mark.parametrize(
        ("name", "args", "error", "text"),
        [
            ("open", ["/nope"], FileNotFoundError, "[Errno 2] No such file or directory: '/nope'"),
            ("mkdir", ["/proc/x/y"], FileNotFoundError, "[Errno 2] No such file or directory: '/proc/x/y'"),
            ("read", [99], OSError, "[Errno 9] Bad file descriptor: 'read'"),
            ("rmdir", ["/proc"], OSError, "[Errno 16] Device or resource busy: '/proc'"),
            ("kill", [1 << 22, 9], ProcessLookupError, "[Errno 3] No such process: 4194304"),
            ("listdir", ["/init"], NotADirectoryError, "[Errno 20] Not a directory: '/init'"),
            ("open", ["a\0b"], ValueError, "embedded null byte"),
        ],
    )
    def test_failures_are_those_of_os(self, process, name, args, error, text):
        with pytest.raises(error) as caught:
            getattr(process, name)(*args)
        assert str(caught.value) == text

    def test_whole_files(self, system):
        system.files.write("/tmp/a/b/text", "words\n", mode=0o600, parents=True)
        assert system.files.text("/tmp/a/b/text") == "words"
        assert stat.S_IMODE(system.files.stat("/tmp/a/b/text").st_mode) == 0o600
        system.files.symlink("b/text", "/tmp/a/link")
        assert system.files.readlink("/tmp/a/link") == "b/text"
        assert system.files.read("/tmp/a/link", limit=3) == b"wor"
        for path in ("/tmp/a/link", "/tmp/a/b/text", "/tmp/a/b", "/tmp/a"):
            system.files.remove(path)
        assert not system.files.exists("/tmp/a")
        with pytest.raises(FileNotFoundError, match="'/tmp/a/b/text'"):
            system.files.read("/tmp/a/b/text")

    def test_sysctls(self, system):
        path = "/proc/sys/net/ipv4/ip_default_ttl"
        system.files.write(path, "77")
        assert system.files.text(path) == "77"
        system.files.write(path, "64")


class TestIdentity:
    def status(self, system, process, key):
        text = system.files.text(f"/proc/{process.pid}/status")
        return next(line.split(":", 1)[1].split() for line in text.splitlines() if line.startswith(f"{key}:"))

    def test_root_by_default(self, system, process):
        assert self.status(system, process, "Name") == ["test"]
        assert self.status(system, process, "Uid") == ["0"] * 4
        assert int(*self.status(system, process, "CapEff"), base=16) > 1 << 38

    def test_another_user(self, system):
        process = system.process("curl", uid=1000, groups=[5, 7])
        assert process.getuid() == 1000
        assert self.status(system, process, "Name") == ["curl"]
        assert self.status(system, process, "Gid") == ["1000"] * 4
        assert self.status(system, process, "Groups") == ["5", "7"]
        assert self.status(system, process, "CapEff") == ["0" * 16]
        with pytest.raises(PermissionError):
            process.open("/proc/sys/kernel/modprobe", os.O_WRONLY)
        with pytest.raises(PermissionError):
            process.socket(socket.AF_INET, socket.SOCK_RAW, 1)

    def test_another_user_with_one_capability(self, system):
        process = system.process(uid=1000, caps=["net_raw"])
        assert self.status(system, process, "CapEff") == ["0000000000002000"]
        process.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()

    def test_root_without_capabilities(self, system):
        process = system.process(caps=[])
        with pytest.raises(PermissionError):
            process.sethostname("other")

    def test_a_cgroup(self, system, process):
        if "cgroup2" not in system.files.text("/proc/mounts"):
            process.mount("cgroup2", "/sys/fs/cgroup", "cgroup2")
        process.mkdir("/sys/fs/cgroup/processes")
        inside = system.process(cgroup="/sys/fs/cgroup/processes")
        assert system.files.text(f"/proc/{inside.pid}/cgroup") == "0::/processes"
        inside.end()
        process.rmdir("/sys/fs/cgroup/processes")

    def test_a_network_namespace(self, system, process):
        process.unshare(NEWNET)
        inside = system.process(netns=f"/proc/{process.pid}/ns/net")
        assert inside.readlink("/proc/self/ns/net") == process.readlink("/proc/self/ns/net")
        assert inside.readlink("/proc/self/ns/net") != system.process_self.readlink("/proc/self/ns/net")

    @pytest.mark.parametrize(
        ("identity", "error", "message"),
        [
            (
                {"netns": "/nowhere"},
                ProcessError,
                'process "test": netns: /nowhere (ENOENT: No such file or directory)',
            ),
            (
                {"cgroup": "/tmp"},
                ProcessError,
                'process "test": cgroup: /tmp (ENOENT: No such file or directory)',
            ),
            (
                {"netns": "/init"},
                ProcessError,
                'process "test": netns: /init (EINVAL: Invalid argument)',
            ),
            ({"caps": ["net_adm"]}, UsageError, 'caps: no capability "net_adm"; did you mean "net_admin"?'),
        ],
    )
    def test_what_cannot_be(self, system, identity, error, message):
        with pytest.raises(error) as caught:
            system.process(**identity)
        assert str(caught.value) == message


class TestEndings:
    def test_a_call_that_hangs(self, process):
        with pytest.raises(ProcessError) as caught:
            process.syscall(NANOSLEEP, struct.pack("=qq", 10, 0), None, timeout=0.2)
        assert str(caught.value) == (
            f'process "test" ({process.pid}): system call 35: not over within 0.2 s, '
            "and the process was killed; give a longer timeout, or a call that does not wait"
        )
        with pytest.raises(ProcessError) as caught:
            process.getpid()
        assert str(caught.value) == (
            f'process "test" ({process.pid}): has ended; start another: ebpf.guest.process()'
        )

    def test_an_exit(self, system, process):
        process.exit(3)
        assert not process.alive
        assert not system.files.exists(f"/proc/{process.pid}/exe")

    def test_being_killed(self, system, process):
        system.process_self.kill(process.pid, signal.SIGSEGV)
        with pytest.raises(ProcessError) as caught:
            process.getpid()
        assert str(caught.value) == f'process "test" ({process.pid}): was ended by SIGSEGV'

    def test_executing_another_program(self, system, process):
        system.install("cat")
        with pytest.raises(ProcessError) as caught:
            process.syscall(EXECVE, b"/usr/bin/cat\0", None, None)
        # Without a word of argv cat does not know its own name, and gives up, sooner or later.
        assert str(caught.value).startswith(f'process "test" ({process.pid}): ')

    def test_the_default_process_comes_back(self, system):
        first = system.process_self
        assert system.process_self is first
        first.exit()
        assert system.process_self.getpid() != first.pid

    def test_children_end_at_once(self, process):
        assert process.fork() > process.pid
        assert process.getpid() == process.pid


class TestGive:
    def test_a_socket_of_another(self, system, process):
        first, second = process.socketpair()
        other = system.process()
        number = other.give(second)
        other.write(number, b"from the other")
        assert first.recv() == b"from the other"

    def test_a_pidfd(self, system, process):
        fd = process.give(system.process())
        assert process.readlink(f"/proc/self/fd/{fd}") in {"anon_inode:[pidfd]", "pidfd:[pidfd]"}


class TestSockets:
    def test_tcp(self, process):
        client, server = process.tcp_pair()
        assert client.getpeername() == server.getsockname()
        assert client.send(b"question") == 8
        assert server.recv() == b"question"
        server.sendall(b"answer")
        assert client.recv(3) + client.recv() == b"answer"
        server.shutdown(socket.SHUT_WR)
        assert client.recv() == b""

    def test_tcp_between_processes(self, system, process):
        other = system.process()
        with process.listen() as listener:
            client = other.socket()
            client.connect(listener.getsockname())
            server, address = listener.accept()
            assert address == client.getsockname()
            client.send(b"x")
            assert server.recv() == b"x"

    def test_tcp_over_ipv6(self, process):
        client, server = process.tcp_pair("::1")
        client.send(b"six")
        assert server.recv() == b"six"
        assert client.getpeername()[0] == "::1"

    def test_udp(self, process):
        receiver = process.udp((LOCALHOST, 0))
        sender = process.udp((LOCALHOST, 0))
        assert sender.sendto(b"datagram", receiver.getsockname()) == 8
        assert receiver.recvfrom() == (b"datagram", sender.getsockname())
        sender.connect(receiver.getsockname())
        sender.send(b"")
        assert receiver.recv() == b""

    def test_unix(self, process):
        for address in ("/tmp/socket", b"\0abstract"):
            listener = process.socket(socket.AF_UNIX)
            listener.bind(address)
            listener.listen()
            client = process.socket(socket.AF_UNIX)
            client.connect(address)
            server, _ = listener.accept()
            client.send(b"unix")
            assert server.recv() == b"unix"
            assert listener.getsockname() == address
        process.unlink("/tmp/socket")

    def test_packets(self, process):
        watcher = process.socket(17, socket.SOCK_RAW, socket.htons(0x0800))  # AF_PACKET, ETH_P_IP
        watcher.bind(("lo", 0x0800))
        assert watcher.getsockname()[:2] == (1, 0x0800)
        process.udp().sendto(b"seen by the watcher", (LOCALHOST, 9))
        frame, (index, protocol, _) = watcher.recvfrom()
        assert (index, protocol) == (1, 0x0800)
        assert frame.endswith(b"seen by the watcher")

    def test_options(self, process):
        with process.udp() as made:
            made.setsockopt(socket.SOL_SOCKET, 36, 42)  # SO_MARK
            assert made.getsockopt(socket.SOL_SOCKET, 36) == 42
            assert made.getsockopt(socket.SOL_SOCKET, 36, 4) == struct.pack("=i", 42)
            assert made.cookie > 0

    def test_a_connection_that_is_refused(self, process):
        client = process.socket()
        with pytest.raises(ConnectionRefusedError) as caught:
            client.connect((LOCALHOST, 1))
        assert str(caught.value) == "[Errno 111] Connection refused: ('127.0.0.1', 1)"

    def test_a_connection_that_nobody_answers(self, process):
        """A listener whose queue is full takes no connection, and says nothing."""
        with process.socket() as listener:
            listener.bind((LOCALHOST, 0))
            listener.listen(0)
            process.socket().connect(listener.getsockname())
            client = process.socket(timeout=0.3)
            with pytest.raises(TimeoutError) as caught:
                client.connect(listener.getsockname())
        assert caught.value.errno == errno.ETIMEDOUT
        assert caught.value.strerror == "not within 0.3 s"

    def test_nothing_to_take(self, process):
        silent = process.socket(socket.AF_INET, socket.SOCK_DGRAM, timeout=0.1)
        silent.bind((LOCALHOST, 0))
        with pytest.raises(TimeoutError) as caught:
            silent.recv()
        assert str(caught.value) == "[Errno 110] not within 0.1 s: 'recv'"
        listener = process.listen()
        listener.timeout = 0.1
        with pytest.raises(TimeoutError) as caught:
            listener.accept()
        assert str(caught.value) == "[Errno 110] not within 0.1 s: 'nothing came'"

    def test_a_pipe_that_is_full(self, process):
        first, _ = process.socketpair()
        first.timeout = 0.2
        with pytest.raises(TimeoutError, match=r"not within 0\.2 s"):
            first.sendall(bytes(4 << 20))

    def test_just_one_connect(self, system, process):
        """Programs count system calls: a connection is one."""
        with process.listen() as listener:
            address = listener.getsockname()
            before = opened(system)
            process.socket().connect(address)
            assert opened(system) == before + 1


def opened(system):
    """TCP connections that the guest has begun."""
    names, numbers = (
        row.split() for row in system.files.text("/proc/net/snmp").splitlines() if row.startswith("Tcp:")
    )
    return int(numbers[names.index("ActiveOpens")])


def test_waiting_for_what_comes_about(system, process):
    process.close(process.open("/tmp/count", os.O_CREAT | os.O_WRONLY))
    seen = iter(range(100))
    assert until(lambda: next(seen) > 3 and system.files.stat("/tmp/count"), what="a file").st_size == 0
    process.unlink("/tmp/count")


def test_waiting_for_what_does_not(system):
    with pytest.raises(ConditionError) as caught:
        system.wait(lambda: system.files.exists("/nowhere"), timeout=0.1, what="/nowhere")
    assert str(caught.value) == (
        "/nowhere: did not come about within 0.1 s (last seen: False); "
        "give a longer timeout, or look at what should bring it about"
    )
