"""The function that a program is loaded for: what a test says, and what is said of one that is not there."""

from __future__ import annotations

import pytest

from pytest_ebpf.errors import LoadError, UnsupportedError


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


@lines("5.10", "7.2")
@pytest.mark.parametrize(
    ("name", "target", "text"),
    [
        (
            "on_fentry",
            "__x64_sys_umaks",
            'no function "__x64_sys_umaks"; did you mean "__x64_sys_umask"?',
        ),
        ("on_tp_btf", "sys_entre", 'no tracepoint "sys_entre"; did you mean "sys_enter"?'),
        ("on_lsm", "file_oppen", 'no LSM hook "file_oppen"; did you mean "file_open"?'),
    ],
)
def test_a_target_that_is_not_there(load_object, name, target, text):
    with pytest.raises(LoadError) as caught:
        load_object("links", autoload={name: True}, targets={name: target})
    assert str(caught.value) == f"links: {name}: this kernel has {text}"
    assert caught.value.program == name


@lines("6.12")
def test_another_function_than_the_section_says(load_object, worker):
    tool = load_object(
        "links",
        autoload={"on_any_fentry": True},
        targets={"on_any_fentry": "__x64_sys_umask"},
        globals={"watched": worker.pid},
    )
    with tool.programs.on_any_fentry.attach():
        worker.umask()
    assert tool.globals.calls == 1


@lines("6.12")
def test_a_section_without_a_target(load_object):
    with pytest.raises(LoadError) as caught:
        load_object("links", autoload={"on_any_fentry": True})
    assert str(caught.value) == (
        "links: on_any_fentry: no target is set; "
        "load(..., targets={'on_any_fentry': ...}): a function of the kernel, or a program"
    )


@lines("6.12")
def test_a_function_without_btf(load_object, guest):
    """Assembly has none: the entry of system calls is there, but no program can be put on it."""
    with pytest.raises(UnsupportedError) as caught:
        load_object("links", autoload={"on_fentry": True}, targets={"on_fentry": "entry_SYSCALL_64"})
    assert str(caught.value) == (
        'links: on_fentry: this kernel has no BTF of the function "entry_SYSCALL_64", '
        "which fentry programs need; attach a kprobe instead"
    )
