"""What is said of a place that is not there, and of a kind of hook that a kernel lacks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_ebpf.bpf.probe import probes_of
from pytest_ebpf.errors import AttachError, LoadError, UnsupportedError, UsageError
from pytest_ebpf.system import System
from pytest_ebpf.uapi import AttachType

TOOL = Path(__file__).parent / "data" / "tool.c"
NOT_SLEEPABLE = "Only fentry/fexit/fmod_ret and lsm programs can be sleepable"
NEWER = "; run it on a newer kernel, or declare an alternative"


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


@pytest.fixture
def refusal(load_object):
    """``refusal(error, program, object, **settings)``: what attaching it says."""

    def text(error, name, of="links", /, **settings):
        program = load_object(of, autoload={name: True}).programs[name]
        with pytest.raises(error) as caught:
            program.attach(**settings)
        return str(caught.value).removeprefix(f"programs.{name}: ")

    return text


@lines("6.12", "7.2")
def test_a_function_that_is_not_traced(refusal, guest):
    assert refusal(AttachError, "on_untraced") == (
        'the kernel was built without a place for programs in the function "ktime_get_mono_fast_ns"; '
        "hook it as a kprobe, or another function"
    )


@lines("5.10", "7.2")
class TestPlacesOfTheKernel:
    @pytest.mark.parametrize(
        ("name", "settings", "text"),
        [
            (
                "on_kprobe",
                {"function": "__x64_sys_umaks"},
                'this kernel has no function "__x64_sys_umaks"; did you mean "__x64_sys_umask"?',
            ),
            (
                "on_kprobe",
                {"function": "sys_umask"},
                'this kernel has no function "sys_umask"; did you mean "__x64_sys_umask"?',
            ),
            (
                "on_kprobe",
                {"function": "zzz"},
                'this kernel has no function "zzz"; the compiler may have inlined it',
            ),
            (
                "on_kprobe",
                {"function": "__x64_sys_umask+0x3"},
                '0x3 bytes into "__x64_sys_umask" no instruction begins',
            ),
            (
                "on_kprobe",
                {"function": "do_int3"},
                'the kernel lets no program onto the function "do_int3"',
            ),
            (
                "on_ksyscall",
                {"name": "umaks"},
                'this kernel has no system call "umaks"; did you mean "umask"?',
            ),
            (
                "on_tracepoint",
                {"name": "sys_enter_umaks"},
                'this kernel has no tracepoint syscalls/sys_enter_umaks; did you mean "sys_enter_umask"?',
            ),
            (
                "on_tracepoint",
                {"category": "syscals"},
                'this kernel has no category "syscals" of tracepoints; did you mean "syscalls"?',
            ),
            (
                "on_raw_tracepoint",
                {"name": "sys_entre"},
                'this kernel has no raw tracepoint "sys_entre"; did you mean "sys_enter"?',
            ),
            (
                "on_perf_event",
                {"type": 77, "config": 0, "period": 1},
                "this kernel has no perf events of type 77, config 0",
            ),
            (
                "on_perf_event",
                {"type": "software", "config": "cpu_clock", "period": 1, "pid": 99999},
                "no process 99999",
            ),
            (
                "on_perf_event",
                {"type": "software", "config": "cpu_clock", "period": 1, "cpu": 99},
                "the machine has no CPU 99; set cpus = 100 under [test]",
            ),
            (  # which the kernel keeps a place for
                "on_perf_event",
                {"type": "software", "config": "cpu_clock", "period": 1, "cpu": 1},
                "the machine has no CPU 1; set cpus = 2 under [test]",
            ),
            (
                "on_perf_event",
                {"type": "tracepoint", "config": 1, "period": 1},
                "a perf_event program goes to no tracepoint; hook it as a tracepoint",
            ),
        ],
    )
    def test_a_place_that_is_not_there(self, refusal, name, settings, text):
        assert refusal(AttachError, name, **settings) == text

    def test_an_iterator_without_its_map(self, refusal):
        text = "this iterator goes over a map; attach(map=...)"
        assert refusal(AttachError, "over_numbers") == text

    def test_events_that_the_machine_does_not_count(self, refusal):
        assert refusal(UnsupportedError, "on_perf_event", type="hardware", config="cpu-cycles", period=1) == (
            "this machine counts no hardware events (type 0, config 0); "
            'take an event of the kernel: type="software", config="cpu_clock"'
        )

    def test_it_is_unsupported_where_another_kernel_has_it(self, refusal, guest, monkeypatch):
        monkeypatch.setattr(probes_of(guest), "elsewhere", {"do_new_thing": "6.99"}.get)
        assert refusal(UnsupportedError, "on_kprobe", function="do_new_thing") == (
            'this kernel has no function "do_new_thing", as 6.99 has; '
            "run it on such a kernel, or declare an alternative"
        )
        assert refusal(AttachError, "on_kprobe", function="zz_old_thing") == (
            'this kernel has no function "zz_old_thing"; the compiler may have inlined it'
        )


@lines("7.2")
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {"functions": ["__x64_sys_umask", "__x64_sys_umaks"]},
            'this kernel has no function "__x64_sys_umaks"; did you mean "__x64_sys_umask"?',
        ),
        (
            {"pattern": "__x64_sys_umaks"},
            'this kernel has no function "__x64_sys_umaks"; did you mean "__x64_sys_umask"?',
        ),
        ({"pattern": "no_such_func*"}, 'this kernel has no function that matches "no_such_func*"'),
    ],
)
def test_functions_that_are_not_there(refusal, settings, text):
    assert refusal(AttachError, "on_kprobe_multi", **settings) == text


@lines("5.10", "7.2")
class TestPlacesOfUserSpace:
    @pytest.mark.parametrize(
        ("name", "settings", "text"),
        [
            ("on_uprobe", {"function": "twicee"}, '"/tool" has no function "twicee"; did you mean "twice"?'),
            (
                "on_uprobe",
                {"binary": "/toool"},
                "the guest has no file \"/toool\"; copy it: ebpf.guest.install('/toool')",
            ),
            (
                "on_uprobe",
                {"binary": "/proc/version"},
                '"/proc/version" is no binary: not an ELF file (begins with 4c 69 6e 75)',
            ),
            ("on_uprobe", {"pid": 99999}, "no process 99999"),
            (
                "on_usdt",
                {"name": "dubbled"},
                '"/tool" has no probe toolbox:dubbled; did you mean "toolbox:doubled"?',
            ),
            (
                "on_usdt",
                {"binary": "/toool"},
                "the guest has no file \"/toool\"; copy it: ebpf.guest.install('/toool')",
            ),
            ("on_usdt", {"pid": 99999}, "no process 99999"),
        ],
    )
    def test_a_place_that_is_not_there(self, refusal, run_tool, name, settings, text):
        assert refusal(AttachError, name, "links_user", **settings) == text


@lines("6.12")
@pytest.mark.parametrize("name", ["/lib/x86_64-linux-gnu/libc.so.6", "libc.so.6"])
def test_functions_of_a_library_that_is_stripped(refusal, guest, name):
    """Those that it has for others are there still; libbpf finds a library by its bare name, too."""
    System(guest).install("true")
    assert refusal(AttachError, "on_uprobe", "links_user", binary=name, function="mallocc") == (
        f'"{name}" has no function "mallocc"; did you mean "malloc"?'
    )
    text = refusal(AttachError, "on_uprobe", "links_user", binary=name, function="malloc", pid=99999)
    assert text == "no process 99999"


@lines("7.2")
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"functions": ["twicee"]}, '"/tool" has no function "twicee"; did you mean "twice"?'),
        ({"pattern": "zzz*"}, '"/tool" has no function that matches "zzz*"'),
        ({"binary": "/toool"}, "the guest has no file \"/toool\"; copy it: ebpf.guest.install('/toool')"),
    ],
)
def test_functions_of_a_binary_that_are_not_there(refusal, run_tool, settings, text):
    assert refusal(AttachError, "on_uprobe_multi", "links_user", **settings) == text


class TestWhatAKernelLacks:
    @lines("5.10")
    @pytest.mark.parametrize(
        ("of", "name", "lack"),
        [
            (
                "links",
                "on_fentry_with_callback",
                "callbacks in programs (number of funcs in func_info doesn't match number of subprogs)",
            ),
            (
                "links",
                "on_sleepable_fentry",
                "sleepable programs at system calls (__x64_sys_umask is not sleepable)",
            ),
            (
                "links_user",
                "on_sleepable_uprobe",
                f"sleepable programs of this type ({NOT_SLEEPABLE})",
            ),
        ],
    )
    def test_what_the_verifier_does_not_know_yet(self, load_object, of, name, lack):
        with pytest.raises(UnsupportedError) as caught:
            load_object(of, autoload={name: True})
        text = f"{of}: {name}: this kernel has no {lack}; run it on a newer kernel, or guard it"
        assert str(caught.value) == text

    @lines("7.2")
    def test_a_kfunc(self, load_object, guest, monkeypatch):
        with pytest.raises(LoadError) as refused:
            load_object("links_kfunc")
        assert str(refused.value) == 'links_kfunc: this kernel has no kfunc "zz_no_such_function"'
        monkeypatch.setattr(probes_of(guest), "elsewhere", {"zz_no_such_function": "6.99"}.get)
        with pytest.raises(UnsupportedError) as lacking:
            load_object("links_kfunc")
        assert str(lacking.value) == (
            'links_kfunc: this kernel has no kfunc "zz_no_such_function", as 6.99 has; '
            "run it on such a kernel, or declare an alternative"
        )

    @lines("5.10")
    def test_probes_of_a_binary_that_is_loaded_anywhere(self, refusal, guest, tmp_path):
        made = tmp_path / "tool"
        subprocess.run(["gcc", "-O1", "-pie", "-fPIE", "-o", made, TOOL], check=True, timeout=60)
        guest.call("write_file", path="/tool", data=made.read_bytes(), mode=0o755)
        assert refusal(UnsupportedError, "on_usdt", "links_user") == (
            "this kernel attaches to a probe of a position-independent binary in one process only; "
            "give pid=, or link the binary with -no-pie"
        )

    @lines("5.10", "6.1")
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("on_kprobe_multi", "kprobe.multi"),
            ("on_kretprobe_multi", "kretprobe.multi"),
            ("on_kprobe_session", "kprobe.session"),
        ],
    )
    def test_many_functions(self, refusal, name, kind):
        assert refusal(UnsupportedError, name) == f"this kernel has no {kind} hooks{NEWER}"

    @lines("5.10", "6.1")
    def test_many_functions_of_a_binary(self, refusal, run_tool):
        text = f"this kernel has no uprobe.multi hooks{NEWER}"
        assert refusal(UnsupportedError, "on_uprobe_multi", "links_user") == text

    @lines("5.10", "6.1", "6.12")
    def test_entry_and_return_in_one(self, refusal, run_tool):
        text = f"this kernel has no uprobe.session hooks{NEWER}"
        assert refusal(UnsupportedError, "on_uprobe_session", "links_user") == text

    @lines("5.10")
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("on_kprobe", "kprobe"),
            ("on_ksyscall", "ksyscall"),
            ("on_tracepoint", "tracepoint"),
            ("on_raw_tracepoint", "raw_tp"),
            ("on_fentry", "fentry"),
        ],
    )
    def test_cookies(self, refusal, name, kind):
        text = f"this kernel takes no cookie for {kind} programs{NEWER}"
        assert refusal(UnsupportedError, name, cookie=5) == text

    @lines("6.1", "6.12", "6.18", "7.2")
    def test_a_cookie_reaches_the_program(self, load_object, worker):
        tool = load_object("links", autoload={"on_kprobe_with_cookie": True}, globals={"watched": worker.pid})
        with tool.programs.on_kprobe_with_cookie.attach(cookie=1 << 40):
            worker.umask()
        assert tool.globals.cookie == 1 << 40

    def test_links_to_many_functions_are_probed(self, guest, line):
        answers = {
            kind: probes_of(guest).has(link=kind)
            for kind in (
                AttachType.TRACE_KPROBE_MULTI,
                AttachType.TRACE_KPROBE_SESSION,
                AttachType.TRACE_UPROBE_MULTI,
                AttachType.TRACE_UPROBE_SESSION,
            )
        }
        assert (
            list(answers.values())
            == {
                "5.10": [False] * 4,
                "6.1": [False] * 4,
                "6.12": [True, True, True, False],
                "6.18": [True] * 4,
                "7.2": [True] * 4,
            }[line]
        )
        assert probes_of(guest).has(link=AttachType.XDP) is None


@lines("5.10", "7.2")
@pytest.mark.parametrize("name", ["on_fentry", "on_lsm"])
def test_a_program_that_is_attached_already(load_object, name):
    """On 5.10 the kernel answers as if it could not attach it again at all, which is no fault of its."""
    program = load_object("links", autoload={name: True}).programs[name]
    with program.attach(), pytest.raises(AttachError) as caught:
        program.attach()
    assert caught.value.what.startswith("is attached ")
    assert caught.value.what.endswith(" already")


@lines("6.12")
def test_the_next_test_is_unharmed(load_object, guest, worker):
    tool = load_object("links", autoload={"on_kprobe": True}, globals={"watched": worker.pid})
    with pytest.raises(AttachError):
        tool.programs.on_kprobe.attach(function="no_such_function")
    assert tool.programs.on_kprobe.links == []
    (link,) = tool.attach()
    worker.umask()
    assert tool.globals.calls == 1
    tool.detach()
    assert not link.attached
    assert tool.attach() != [link]


@lines("6.12")
def test_an_object_of_which_nothing_can_be_attached(load_object):
    tool = load_object("links")
    with pytest.raises(UsageError) as caught:
        tool.attach()
    assert str(caught.value) == (
        "links: attach: nothing of it can be attached as it is; "
        "attach its programs one by one, each with the settings that it needs"
    )
