"""Commands in real guests: copied from the host, run as chosen; what goes wrong with one harms no other."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_ebpf.errors import CommandError
from pytest_ebpf.system import System, until


@pytest.fixture(params=("5.10", "7.2"))
def line(request):
    return request.param


@pytest.fixture(scope="module")
def guests():
    return {}


@pytest.fixture
def system(machine, guest, guests):
    """The guest, with what other tests have copied into it."""
    system = System(guests.setdefault(machine, guest))
    yield system
    system.close()


@pytest.fixture(autouse=True)
def unharmed(system):
    """After every test another command runs as if nothing had been."""
    yield
    assert system.run(["echo", "unharmed"]).stdout == "unharmed\n"


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """``program(source, *flags) -> Path`` of a program made of C."""
    folder = tmp_path_factory.mktemp("programs")

    def compiled(source: str, *flags: str, name: str = "program") -> Path:
        target = folder / name
        argv = ["gcc", "-O2", "-o", target, "-x", "c", "-", *flags]
        subprocess.run(argv, input=source, text=True, check=True, timeout=60)
        return target

    return compiled


def test_a_command_of_the_host(system):
    completed = system.run(["cat", "/nope"], check=False)
    assert (completed.status, completed.signal, completed.stdout) == (1, 0, "")
    assert completed.stderr == "cat: /nope: No such file or directory\n"
    assert system.run(["cat", "/proc/self/comm"]).stdout == "cat\n"


def test_input_environment_and_directory(system):
    assert system.run(["cat"], input="words\n").stdout == "words\n"
    assert system.run(["cat"], input=b"\xff\n").stdout == "\\xff\n"
    said = system.run(["env"], env={"GREETING": "hello"}).stdout
    assert said.splitlines() == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/",
        "GREETING=hello",
    ]
    assert system.run(["pwd"], cwd="/proc").stdout == "/proc\n"


@pytest.mark.parametrize(
    ("argv", "arguments", "message"),
    [
        (["false"], {}, "false: exit status 1; give check=False if it may fail"),
        (
            ["cat", "/nope"],
            {},
            (
                "cat /nope: exit status 1 (cat: /nope: No such file or directory); "
                "give check=False if it may fail"
            ),
        ),
        (["sh", "-c", "kill -SEGV $$"], {}, "sh -c 'kill -SEGV $$': ended by SIGSEGV"),
        (
            ["sleep", "100"],
            {"timeout": 0.3},
            "sleep 100: did not end within 0.3 s, and was killed; give a longer timeout",
        ),
        (
            ["yes"],
            {},
            "yes: said more than 1048576 bytes, and was killed; give a larger output_limit, or say less",
        ),
        (
            ["nosuch", "a b"],
            {},
            (
                "nosuch 'a b': no such command on this host, and none was installed; "
                'install one: ebpf.guest.install(PATH, to="/usr/bin/nosuch")'
            ),
        ),
        (["/nowhere/tool"], {}, "/nowhere/tool: argv: /nowhere/tool (ENOENT: No such file or directory)"),
        (["./no such"], {}, "'./no such': no such file on this host; build it, or correct the path"),
        (
            ["sh", "-c", "true\nexit 3"],
            {},
            r"sh -c 'true\nexit 3': exit status 3; give check=False if it may fail",
        ),
        (["pwd"], {"cwd": "/nowhere"}, "pwd: cwd: /nowhere (ENOENT: No such file or directory)"),
        (["pwd"], {"netns": "/nowhere"}, "pwd: netns: /nowhere (ENOENT: No such file or directory)"),
    ],
)
def test_what_goes_wrong(system, argv, arguments, message):
    with pytest.raises(CommandError) as caught:
        system.run(argv, **arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        (
            0o644,
            (
                "/tmp/plain: argv: /tmp/plain (EACCES: Permission denied); "
                "make it executable: files.write(path, data, mode=0o755)"
            ),
        ),
        (
            0o755,
            (
                "/tmp/plain: argv: /tmp/plain (ENOEXEC: Exec format error); "
                "begin a script with the line #!/bin/sh"
            ),
        ),
    ],
)
def test_a_file_that_is_no_program(system, mode, message):
    system.files.write("/tmp/plain", "echo hello\n", mode=mode)
    with pytest.raises(CommandError) as caught:
        system.run(["/tmp/plain"])
    assert str(caught.value) == message


def test_what_it_said_before_it_hung_is_told(system):
    system.install("sleep")
    for timeout in (1, 10, 60):  # seconds in which the shell has come to its second word
        with pytest.raises(CommandError) as caught:
            system.run(["sh", "-c", "echo out; echo err >&2; sleep 100"], timeout=timeout)
        if caught.value.stderr:
            break
    assert (caught.value.stdout, caught.value.stderr) == ("out\n", "err\n")


def test_a_static_program(system, program):
    tool = program(
        "#include <stdio.h>\nint main(int n, char **a) { return puts(a[1]) < 0; }", "-static", name="static"
    )
    assert system.run([tool, "hello"]).stdout == "hello\n"


def test_a_program_with_a_library_of_its_own(system, program, tmp_path):
    program("int answer(void) { return 42; }", "-shared", "-fPIC", name="libanswer.so")
    tool = program(
        "int answer(void); int main(void) { return answer(); }",
        f"-L{program('int main(void) { return 0; }', name='other').parent}",
        "-lanswer",
        "-Wl,-rpath,$ORIGIN",
        name="asker",
    )
    assert system.run([tool], check=False).status == 42
    assert (
        system.run([system.install(tool, to="/opt/ask")], check=False).status == 127
    )  # $ORIGIN is /opt there


def test_a_program_installed_under_another_name(system, program):
    tool = program("int main(void) { return 5; }", name="five")
    assert system.install(tool, to="/usr/local/bin/fünf") == "/usr/local/bin/fünf"
    assert system.run(["fünf"], check=False).status == 5
    assert system.run(["/usr/local/bin/fünf"], check=False).status == 5


def test_a_program_that_changed_is_copied_again(system, program):
    for status in (6, 7):
        tool = program(f"int main(void) {{ return {status}; }}", name="changing")
        system.install(tool)
        assert system.run([tool], check=False).status == status


def test_a_script(system, tmp_path):
    script = tmp_path / "script"
    script.write_text('#!/usr/bin/env sh\necho "$0 $1"\n')
    script.chmod(0o755)
    assert system.run([script, "x"]).stdout == f"{script} x\n"


def test_a_file_that_the_test_wrote(system):
    system.files.write("/usr/bin/greet", "#!/bin/sh\necho hello\n", mode=0o755, parents=True)
    system.run(["sh", "-c", ":"])  # brings the interpreter
    assert system.run(["/usr/bin/greet"]).stdout == "hello\n"


def test_what_was_copied_is_not_copied_again(system, monkeypatch):
    system.run(["cat"])
    sent = []
    monkeypatch.setattr(system.guest, "batch", sent.extend)
    system.run(["cat"])
    assert sent == []


def test_a_program_larger_than_a_message(system, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(Path("/bin/true").read_bytes() + bytes(40 << 20))
    large.chmod(0o755)
    system.run([large])
    assert system.files.stat(str(large)).st_size == large.stat().st_size
    system.files.remove(str(large))


def test_a_user_without_rights(system):
    said = system.run(["id"], uid=1000).stdout
    assert said == "uid=1000 gid=1000 groups=1000\n"
    assert system.run(["id", "-G"], uid=1000, gid=7, groups=[8, 9]).stdout == "7 8 9\n"
    assert set(capabilities(system, uid=1000).values()) == {0}
    assert "Permission denied" in system.run(["cat", "/proc/kmsg"], uid=1000, check=False).stderr


def test_chosen_capabilities(system):
    mask = 1 << 12 | 1 << 13
    names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    assert capabilities(system, names, uid=1000, caps=["net_admin", "CAP_NET_RAW"]) == dict.fromkeys(
        names, mask
    )
    assert capabilities(system, names, caps=mask) == {**dict.fromkeys(names, mask), "CapAmb": 0}
    assert capabilities(system, ("CapEff", "CapBnd"), caps=[]) == {"CapEff": 0, "CapBnd": 0}
    everything = capabilities(system, ("CapEff", "CapBnd"))
    assert everything["CapEff"] == everything["CapBnd"] > 1 << 38


def capabilities(system, names=("CapInh", "CapPrm", "CapEff", "CapAmb"), **identity):
    said = system.run(["cat", "/proc/self/status"], **identity).stdout
    state = dict(line.split(":\t", 1) for line in said.splitlines())
    return {name: int(state[name], 16) for name in names}


def test_a_command_in_a_cgroup(system):
    process = system.process_self
    if "cgroup2" not in system.files.text("/proc/mounts"):
        process.mount("cgroup2", "/sys/fs/cgroup", "cgroup2")
    process.mkdir("/sys/fs/cgroup/commands")
    assert (
        system.run(["cat", "/proc/self/cgroup"], cgroup="/sys/fs/cgroup/commands").stdout == "0::/commands\n"
    )
    process.rmdir("/sys/fs/cgroup/commands")


def test_a_command_in_a_network_namespace(system):
    with system.process("netns") as other:
        other.unshare(0x40000000)  # CLONE_NEWNET
        path = f"/proc/{other.pid}/ns/net"
        inside = system.run(["readlink", "/proc/self/ns/net"], netns=path).stdout
        assert inside == other.readlink("/proc/self/ns/net") + "\n"
        assert inside != system.run(["readlink", "/proc/self/ns/net"]).stdout


def test_a_command_that_goes_on(system):
    system.install("sleep")
    command = system.start(["sh", "-c", "echo ready; while :; do sleep 1; done"])
    system.wait(lambda: command.stdout == "ready\n", timeout=60)
    assert command.running
    assert system.files.text(f"/proc/{command.pid}/comm") == "sh"
    command.kill()
    assert command.wait().signal == 9
    assert not command.running
    command.kill()  # it has ended: nothing to do


def test_commands_end_with_their_system(guest, system):
    command, process = system.start(["sleep", "100"]), system.process()
    system.close()
    for pid in (command.pid, process.pid):
        assert not system.files.exists(f"/proc/{pid}")


@pytest.mark.parametrize("script", ["setsid -f sleep 100", "sleep 100 &"])
def test_so_does_what_they_leave_behind(system, script):
    system.install("setsid")
    system.install("sleep")
    system.run(["sh", "-c", script])
    until(lambda: "Name:\tsleep" in states(system), timeout=60)
    system.close()
    until(lambda: "Name:\tsleep" not in states(system), timeout=60)


def test_orphans_are_buried(system):
    """As PID 1 the agent is the parent of all whose parent has ended."""
    system.install("sleep")
    assert system.run(["sh", "-c", "sh -c 'sleep 0.1; exit 4' & echo $!"]).stdout
    until(lambda: "Z (zombie)" not in states(system), timeout=60)
    assert system.run(["sh", "-c", "exit 5"], check=False).status == 5


def states(system):
    pids = [name for name in system.files.listdir("/proc") if name.isdigit()]
    files = system.guest.batch([("read_file", {"path": f"/proc/{pid}/status"}) for pid in pids])
    return "".join(each.decode() for each in files if isinstance(each, bytes))


def test_a_command_that_takes_all_memory(system):
    """The kernel ends it, and nobody else."""
    assert system.run(["tail", "/dev/zero"], check=False, timeout=60).signal == 9


def test_a_command_that_multiplies(system):
    """All it started is killed with it."""
    script = "f() { while :; do :; done; }; for i in 1 2 3 4 5 6 7 8; do f & done; wait"
    with pytest.raises(CommandError, match="did not end within 1 s"):
        system.run(["sh", "-c", script], timeout=1)
    until(lambda: "Name:\tsh" not in states(system), timeout=60)


def test_many_commands(system):
    commands = [system.start(["echo", str(index)]) for index in range(30)]
    assert [command.wait().stdout for command in commands] == [f"{index}\n" for index in range(30)]
