"""Programs on user space, on other programs, in struct_ops, and iterators: tests/vm/data/links_*.bpf.c."""

from __future__ import annotations

import pytest
from proof import prove

from pytest_ebpf.errors import AttachError, LoadError, UnsupportedError, UsageError, ValueConversionError
from pytest_ebpf.uapi import XDP, LinkType


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


class TestUserSpace:
    @lines("5.10", "7.2")
    @pytest.mark.parametrize(("name", "value"), [("on_uprobe", 21), ("on_uretprobe", 42), ("on_usdt", 21)])
    def test_a_function_and_a_probe_of_a_binary(self, load_object, run_tool, name, value):
        loaded = load_object("links_user", autoload={name: True})
        prove(loaded.programs[name].attach, run_tool, lambda: loaded.globals.calls)
        assert loaded.globals.value == value

    @lines("7.2")
    @pytest.mark.parametrize("name", ["on_uprobe_multi", "on_uretprobe_multi"])
    def test_many_functions_at_once(self, load_object, run_tool, name):
        loaded = load_object("links_user", autoload={name: True})
        prove(loaded.programs[name].attach, run_tool, lambda: loaded.globals.calls)

    @lines("6.12")
    def test_one_process_only(self, load_object, run_tool, worker):
        loaded = load_object("links_user", autoload={"on_uprobe": True})
        with loaded.programs.on_uprobe.attach(pid=worker):
            run_tool()
        assert loaded.globals.calls == 0

    @lines("6.12")
    def test_an_offset_into_a_function(self, load_object, run_tool):
        loaded = load_object("links_user", autoload={"on_uprobe": True})
        attach = loaded.programs.on_uprobe.attach
        prove(lambda: attach(function="main+0"), run_tool, lambda: loaded.globals.calls)


class TestPrograms:
    """Programs on functions of other programs."""

    @pytest.fixture
    def target(self, load_object):
        return load_object("links_target").programs.entrance

    @lines("5.10", "7.2")
    def test_a_function_is_replaced(self, load_object, target):
        loaded = load_object("links_replace", autoload={"replacement": True}, targets={"replacement": target})
        assert target.run(bytes(64)).verdict is XDP.PASS
        link = loaded.programs.replacement.attach()
        assert target.run(bytes(64)).verdict is XDP.DROP
        link.detach()
        assert target.run(bytes(64)).verdict is XDP.PASS
        with link:
            assert target.run(bytes(64)).verdict is XDP.DROP

    @lines("5.10", "7.2")
    def test_a_program_is_traced(self, load_object, target):
        loaded = load_object("links_replace", autoload={"on_entrance": True}, targets={"on_entrance": target})
        prove(
            loaded.programs.on_entrance.attach,
            lambda: target.run(bytes(64)),
            lambda: loaded.globals.calls,
            again=False,
        )
        with pytest.raises(UnsupportedError) as caught:
            loaded.programs.on_entrance.attach()
        assert caught.value.what == "this kernel attaches a fentry program to this place only once"

    @lines("6.12")
    def test_a_function_of_the_kernel_is_no_target(self, load_object):
        with pytest.raises(UsageError) as caught:
            load_object(
                "links_replace", autoload={"replacement": True}, targets={"replacement": "tcp_connect"}
            )
        assert str(caught.value) == (
            'targets: replacement: replaces a function of a program, not of the kernel ("tcp_connect"); '
            "give the program: targets={'replacement': other.programs.NAME}"
        )

    @lines("6.12")
    def test_two_replacements_of_one_function(self, load_object, target):
        options = {"autoload": {"replacement": True}, "targets": {"replacement": target}}
        one, other = (load_object("links_replace", **options).programs.replacement for _ in range(2))
        with one.attach(), pytest.raises(AttachError) as caught:
            other.attach()
        assert caught.value.what == f'program "{target.name}" has another program'

    @lines("6.12")
    def test_a_program_without_a_target(self, load_object):
        with pytest.raises(LoadError) as caught:
            load_object("links_replace", autoload={"replacement": True})
        assert str(caught.value) == (
            "links_replace: replacement: no target is set; "
            "load(..., targets={'replacement': ...}): a function of the kernel, or a program"
        )

    @lines("6.12")
    def test_a_target_that_has_no_such_function(self, load_object):
        other = load_object("types", autoload={"xdp_answer": True}).programs.xdp_answer
        with pytest.raises(LoadError) as caught:
            load_object("links_replace", autoload={"replacement": True}, targets={"replacement": other})
        assert str(caught.value) == 'links_replace: replacement: its target has no function "decide"'


class TestModules:
    """Functions of a module that is inserted; where each is, the kernel knows."""

    @lines("6.1", "6.12", "6.18", "7.2")
    @pytest.mark.parametrize("target", ["veth_xmit", "veth:veth_xmit"])
    def test_a_function_of_a_module(self, load_object, guest, target):
        guest.call("modules", names=["veth"])
        loaded = load_object("links", autoload={"on_module": True}, targets={"on_module": target})
        assert loaded.programs.on_module.attach().attached

    @lines("5.10")
    def test_modules_without_btf(self, load_object, guest):
        guest.call("modules", names=["veth"])
        with pytest.raises(UnsupportedError) as caught:
            load_object("links", autoload={"on_module": True})
        assert str(caught.value) == (
            'links: on_module: this kernel has no BTF of the function "veth_xmit", '
            "which fentry programs need; attach a kprobe instead"
        )


class TestStructOps:
    @lines("7.2")
    def test_again(self, load_object, worker):
        loaded = load_object("links_ops_link")
        (link,) = loaded.attach()
        assert link.info().type is LinkType.STRUCT_OPS
        link.detach()
        link.attach()
        assert worker.choose_congestion_control(b"counted") == 0

    @lines("7.2")
    def test_what_libbpf_does_not_create(self, load_object):
        loaded = load_object("links_ops_maybe")
        assert not loaded.maps.counted.created
        with pytest.raises(UsageError) as caught:
            loaded.maps.counted.attach()
        assert str(caught.value) == 'maps.counted: was not created; drop the "?" of its section'
        with pytest.raises(UsageError) as caught:
            loaded.attach()
        assert caught.value.what == "nothing of it can be attached as it is"

    @lines("5.10", "7.2")
    def test_once_and_for_all(self, load_object):
        loaded, other = load_object("links_ops"), load_object("links_ops")
        link = loaded.maps.counted.attach()
        assert link.info() is None
        with pytest.raises(AttachError) as caught:
            loaded.maps.counted.attach()
        assert str(caught.value) == "maps.counted: is attached already; detach() that link first"
        with pytest.raises(AttachError) as caught:
            other.maps.counted.attach()
        assert str(caught.value) == (
            "maps.counted: another of its name is there; detach that first, or give it another name"
        )
        link.detach()
        with pytest.raises(AttachError) as caught:
            link.attach()
        assert str(caught.value).startswith("maps.counted: cannot attach it: the kernel does not take it (")
        assert caught.value.hint == ('it was attached before: declare it in SEC(".struct_ops.link")')

    @lines("5.10", "6.1")
    def test_a_kernel_without_links(self, load_object):
        with pytest.raises(UnsupportedError) as caught:
            load_object("links_ops_link")
        assert str(caught.value) == (
            'links_ops_link: counted: this kernel has no links of struct_ops; use SEC(".struct_ops")'
        )

    @lines("6.12")
    def test_a_scheduler_where_there_is_none(self, load_object):
        with pytest.raises(UnsupportedError) as caught:
            load_object("links_sched")
        assert str(caught.value) == (
            "links_sched: this kernel has no struct_ops sched_ext_ops; "
            "run it on a newer kernel, or declare an alternative"
        )


class TestIterators:
    @lines("6.1", "7.2")
    def test_over_one_task(self, load_object, worker):
        loaded = load_object("links", autoload={"over_tasks": True})
        (task,) = loaded.programs.over_tasks.attach(pid=worker).records("struct task")
        assert (task.pid, task.tgid) == (worker.pid, worker.pid)
        (task,) = loaded.programs.over_tasks.attach(tid=worker.pid).records("struct task")
        assert task.pid == worker.pid

    @pytest.mark.parametrize("settings", [{"pid": 1}, {"tid": 1}])
    @lines("5.10")
    def test_a_kernel_that_goes_over_all(self, load_object, settings):
        loaded = load_object("links", autoload={"over_tasks": True})
        with pytest.raises(UnsupportedError) as caught:
            loaded.programs.over_tasks.attach(**settings)
        (asked,) = settings
        assert str(caught.value) == (
            f"programs.over_tasks: this kernel iterates over all there is, not by {asked}; "
            "run it on a newer kernel, or declare an alternative"
        )

    @lines("5.10")
    def test_cgroups_that_cannot_be_iterated(self, load_object):
        with pytest.raises(LoadError) as caught:
            load_object("links", autoload={"over_cgroups": True})
        assert caught.value.what == 'this kernel has no iterator "cgroup"'

    @lines("6.12")
    def test_what_is_no_record(self, load_object):
        loaded = load_object("links", autoload={"over_numbers_as_text": True})
        loaded.maps.numbers.update({1: 10})
        link = loaded.programs.over_numbers_as_text.attach(map="numbers")
        with pytest.raises(ValueConversionError) as caught:
            link.records("struct entry")
        assert str(caught.value) == (
            "programs.over_numbers_as_text: 5 bytes are no whole number of struct entry (16 bytes each); "
            "write one whole record at a time, with bpf_seq_write()"
        )
        with pytest.raises(ValueConversionError) as caught:
            link.records("struct nothing")
        assert caught.value.what == 'the object has no type "struct nothing"'


@lines("6.12")
def test_a_program_that_was_not_loaded(load_object):
    program = load_object("links").programs.on_kprobe
    with pytest.raises(UsageError) as caught:
        program.attach()
    assert str(caught.value) == (
        "programs.on_kprobe: was not loaded; load(..., autoload={'on_kprobe': True})"
    )
