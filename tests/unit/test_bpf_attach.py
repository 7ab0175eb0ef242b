"""From a section and settings to what the agent is asked, and what is said of settings that are wrong."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pytest_ebpf.bpf.attaching.links import Link
from pytest_ebpf.bpf.attaching.plan import is_complete, plan
from pytest_ebpf.errors import UsageError, ValueConversionError
from pytest_ebpf.hooks import KINDS, attachment


@dataclass
class Group:
    """Stands for a cgroup or a network namespace."""

    path: str


@dataclass
class Handle:
    """Stands for a map or a program."""

    handle: int
    name: str = "ingress"


@dataclass
class Running:
    """Stands for a process."""

    pid: int


def planned(section, defaults=None, maps=None, **given):
    made = plan(section, "programs.p", defaults=defaults, given=given, maps=maps)
    return made.how, made.args, made.target


def refused(section, defaults=None, **given):
    with pytest.raises(UsageError) as caught:
        planned(section, defaults, **given)
    return str(caught.value)


class TestSections:
    """A section alone says where a program goes, as it does to libbpf."""

    @pytest.mark.parametrize(
        ("section", "how", "args", "target"),
        [
            (
                "kprobe/do_unlinkat",
                "kprobe",
                {"function": "do_unlinkat", "retprobe": False},
                'function "do_unlinkat"',
            ),
            (
                "kprobe/do_unlinkat+0x10",
                "kprobe",
                {"function": "do_unlinkat", "offset": 16, "retprobe": False},
                'function "do_unlinkat+0x10"',
            ),
            (
                "?kretprobe/do_unlinkat",
                "kprobe",
                {"function": "do_unlinkat", "retprobe": True},
                'function "do_unlinkat"',
            ),
            (
                "kprobe.multi/tcp_*",
                "kprobe_multi",
                {"pattern": "tcp_*", "retprobe": False, "session": False},
                'functions "tcp_*"',
            ),
            (
                "kretprobe.multi/tcp_*",
                "kprobe_multi",
                {"pattern": "tcp_*", "retprobe": True, "session": False},
                'functions "tcp_*"',
            ),
            (
                "kprobe.session/tcp_*",
                "kprobe_multi",
                {"pattern": "tcp_*", "retprobe": False, "session": True},
                'functions "tcp_*"',
            ),
            ("ksyscall/close", "ksyscall", {"name": "close", "retprobe": False}, 'system call "close"'),
            ("kretsyscall/close", "ksyscall", {"name": "close", "retprobe": True}, 'system call "close"'),
            (
                "uprobe//bin/bash:readline",
                "uprobe",
                {"binary": "/bin/bash", "function": "readline", "retprobe": False},
                "/bin/bash:readline",
            ),
            (
                "uprobe.s//bin/bash:readline+4",
                "uprobe",
                {"binary": "/bin/bash", "function": "readline", "offset": 4, "retprobe": False},
                "/bin/bash:readline+4",
            ),
            (
                "uretprobe//bin/bash:readline",
                "uprobe",
                {"binary": "/bin/bash", "function": "readline", "retprobe": True},
                "/bin/bash:readline",
            ),
            (
                "uprobe.multi//bin/bash:read*",
                "uprobe_multi",
                {"binary": "/bin/bash", "pattern": "read*", "retprobe": False, "session": False},
                'functions "read*" of /bin/bash',
            ),
            (
                "usdt//bin/a:b:provider:name",
                "usdt",
                {"binary": "/bin/a:b", "provider": "provider", "name": "name"},
                "/bin/a:b:provider:name",
            ),
            (
                "tracepoint/sched/sched_switch",
                "tracepoint",
                {"category": "sched", "name": "sched_switch"},
                "tracepoint sched/sched_switch",
            ),
            ("tp/a/b", "tracepoint", {"category": "a", "name": "b"}, "tracepoint a/b"),
            ("raw_tp/sys_enter", "raw_tracepoint", {"name": "sys_enter"}, 'raw tracepoint "sys_enter"'),
            ("raw_tp.w/x", "raw_tracepoint", {"name": "x"}, 'raw tracepoint "x"'),
            ("tp_btf/sys_enter", "trace", {}, '"sys_enter"'),
            ("fentry.s/do_unlinkat", "trace", {}, '"do_unlinkat"'),
            ("lsm/file_open", "trace", {}, '"file_open"'),
            ("fexit", "trace", {}, ""),
            ("iter/task", "iter", {}, 'iterator "task"'),
            ("freplace/decide", "freplace", {}, '"decide"'),
        ],
    )
    def test_the_plan(self, section, how, args, target):
        assert planned(section) == (how, args, target)
        assert is_complete(section)

    @pytest.mark.parametrize(
        ("section", "missing"),
        [
            ("kprobe", "function"),
            ("kprobe.multi", "functions or pattern"),
            ("ksyscall", "name"),
            ("uprobe", "binary"),
            ("uprobe//bin/bash", "binary"),
            ("usdt/provider:name", "binary"),
            ("tp/sched", "category"),
            ("perf_event", "type"),
        ],
    )
    def test_sections_that_say_too_little(self, section, missing):
        assert not is_complete(section)
        kind = section.partition("/")[0]
        setting = missing.partition(" ")[0]
        assert refused(section) == (
            f"programs.p: attach: a {kind} program needs {missing}; "
            f"attach({setting}=...), or name it in the section or the manifest"
        )

    def test_a_section_that_is_no_hook(self):
        assert not is_complete("my_section")
        assert refused("my_section") == (
            'programs.p: attach: nothing is known of the section "my_section"; say in the manifest where it '
            'goes: programs.p = { hook = "xdp", section = "my_section" }'
        )

    def test_kinds_that_are_not_attached_by_themselves(self):
        assert not is_complete("syscall")
        assert refused("syscall") == (
            "programs.p: attach: a syscall program is not attached by itself; "
            "run it: programs.NAME.run(context=...)"
        )


class TestSettings:
    def test_the_call_counts_more_than_the_manifest_and_the_section_least(self):
        section = "kprobe/do_unlinkat"
        assert planned(section, {"function": "vfs_read"})[1]["function"] == "vfs_read"
        assert planned(section, {"function": "vfs_read"}, function="vfs_write")[1]["function"] == "vfs_write"

    def test_of_two_that_exclude_each_other_the_upper_one_counts(self):
        _, args, target = planned("kprobe.multi/tcp_*", functions=["vfs_read", "vfs_write"])
        assert args == {"functions": ["vfs_read", "vfs_write"], "retprobe": False, "session": False}
        assert target == "functions vfs_read, vfs_write"

    def test_what_the_manifest_gives_completes_a_section(self):
        assert is_complete("perf_event", {"type": "software", "config": "cpu_clock", "period": 1})
        assert not is_complete("perf_event", {"type": "software", "config": "cpu_clock"})

    def test_an_offset_in_a_binary_without_symbols(self):
        how, args, target = planned("uprobe", binary="/bin/x", offset=0x1234)
        assert (how, args) == ("uprobe", {"binary": "/bin/x", "offset": 0x1234, "retprobe": False})
        assert target == "/bin/x:offset 0x1234"

    @pytest.mark.parametrize(
        ("section", "settings", "text"),
        [
            (
                "kprobe/x",
                {"functoin": "y"},
                'a kprobe program takes no "functoin"; did you mean "function"?',
            ),
            (
                "kprobe/x",
                {"interface": "eth0"},
                'a kprobe program takes no "interface"; it takes function, offset, cookie',
            ),
            (
                "kprobe.multi",
                {"functions": ["a"], "pattern": "b"},
                "functions and pattern exclude each other; give one of them",
            ),
            ("kprobe/x", {"offset": "16"}, "offset: not int ('16')"),
            ("kprobe/x", {"offset": True}, "offset: not int (True)"),
            ("kprobe/x", {"function": None}, "function: not str (None)"),
            ("kprobe.multi", {"functions": "a"}, "functions: not list ('a')"),
            ("kprobe.multi", {"functions": []}, "functions: not list ([])"),
            ("kprobe.multi", {"functions": [1]}, "functions: not list ([1])"),
            ("freplace/x", {"target": 3}, "target: not an object of the guest (3)"),
            ("freplace/x", {"function": "f"}, "function: of no target; give target=, a loaded program"),
            ("iter/task", {"pid": 1, "tid": 1}, "pid and tid exclude each other; give one of them"),
            (
                "perf_event",
                {"type": "softwear", "config": 0, "period": 1},
                'type: no perf event is called "softwear"; did you mean "software"?',
            ),
            (
                "perf_event",
                {"type": "software", "config": "cpu-klock", "period": 1},
                'config: no perf event is called "cpu-klock"; did you mean "cpu_clock"?',
            ),
            (
                "perf_event",
                {"type": 17, "config": "x", "period": 1},
                'config: no perf event is called "x"; give the number',
            ),
            (
                "perf_event",
                {"type": 1, "config": 0, "period": 1, "frequency": 1},
                "period and frequency exclude each other; give one of them",
            ),
            ("iter/bpf_map_elem", {"map": "counts"}, 'map: no object to look "counts" up in'),
        ],
    )
    def test_settings_that_are_wrong(self, section, settings, text):
        assert refused(section, **settings) == f"programs.p: attach: {text}"
        if section != "iter/bpf_map_elem":
            assert refused(section, settings) == f"programs.p: attach: {text}"

    def test_events_by_name_and_by_number(self):
        args = {"type": 1, "config": 3, "frequency": 99}
        for event in ({"type": "software", "config": "context-switches"}, {"type": 1, "config": 3}):
            assert planned("perf_event", **event, frequency=99)[1] == args


class TestObjects:
    """What stands for something of the guest may be given in its place."""

    def test_processes(self):
        assert planned("uprobe//bin/x:f", pid=Running(7))[1]["pid"] == 7
        assert planned("iter/task", tid=Running(7))[1] == {"tid": 7}

    def test_paths(self):
        assert planned("iter/cgroup", cgroup=Group("/sys/fs/cgroup/a"))[1] == {"cgroup": "/sys/fs/cgroup/a"}

    def test_maps_by_name_and_by_themselves(self):
        maps = {"counts": Handle(5)}
        assert planned("iter/bpf_map_elem", maps=maps.__getitem__, map="counts")[1] == {"map": 5}
        assert planned("iter/bpf_map_elem", map=Handle(6))[1] == {"map": 6}

    def test_the_function_of_a_target(self):
        """As given, else the one that the section names, else the program's own."""
        target = Handle(8)
        assert planned("freplace/decide", target=target)[1] == {"target": 8, "function": "decide"}
        assert planned("freplace", target=target)[1] == {"target": 8, "function": "ingress"}
        assert planned("freplace", target=target, function="f")[1] == {"target": 8, "function": "f"}


def test_every_kind_of_hook_is_attached_or_says_what_is_done_instead():
    for kind in KINDS:
        takes = attachment(kind)
        assert bool(takes.how) != bool(takes.instead), kind.prefix


class TestLinks:
    def test_a_link_that_is_detached(self):
        link = Link(None, "programs.p", lambda: None)
        assert (link.attached, link.mode, repr(link)) == (False, None, "<Link of programs.p: detached>")
        link.detach()
        with pytest.raises(UsageError) as caught:
            _ = link.handle
        assert str(caught.value) == "programs.p: is not attached; attach() it again"

    def test_an_attachment_without_a_link_of_the_kernel(self):
        @dataclass
        class Held:
            handle: int | None = None
            mode: str | None = "generic"

            def detach(self):
                self.mode = "gone"

        held = Held()
        link = Link(None, "programs.p", lambda: held).attach()
        assert (link.attached, link.mode, repr(link)) == (
            True,
            "generic",
            "<Link of programs.p: attached, generic>",
        )
        with pytest.raises(UsageError) as caught:
            _ = link.handle
        assert str(caught.value) == "programs.p: the kernel has no link for this attachment"
        link.attach()
        link.detach()
        assert (held.mode, link.mode, link.last_mode) == ("gone", None, "generic")

    def test_records_of_no_type(self):
        with pytest.raises(UsageError) as caught:
            Link(None, "programs.p", lambda: None).records()
        assert str(caught.value) == (
            "programs.p: nothing tells the type of its records; "
            'name it: records("struct task"), or declare it in the manifest'
        )

    def test_records_of_an_object_without_btf(self):
        with pytest.raises(ValueConversionError) as caught:
            Link(None, "programs.p", lambda: None).records("struct task")
        assert str(caught.value) == (
            'programs.p: no type "struct task": the object has no BTF; compile with -g'
        )
