"""The settings of attachments: every kind of hook has its row, every setting its type."""

from __future__ import annotations

import pytest

from pytest_ebpf import hooks


def attachment_of(section: str) -> hooks.Attachment:
    hook = hooks.parse(section)
    assert hook is not None
    return hooks.attachment(hook.kind)


@pytest.mark.parametrize("kind", hooks.KINDS, ids=lambda kind: kind.prefix)
def test_every_kind_is_attached_somehow_or_says_what_is_done_instead(kind: hooks.HookKind) -> None:
    found = hooks.attachment(kind)
    assert bool(found.how) != bool(found.instead)
    assert set(found.settings) <= set(hooks.SETTINGS)


def test_no_setting_is_for_nothing() -> None:
    taken = {name for kind in hooks.KINDS for name in hooks.attachment(kind).settings}
    assert set(hooks.SETTINGS) == taken


@pytest.mark.parametrize(
    ("section", "how"),
    [
        ("kprobe/tcp_connect", "kprobe"),
        ("uprobe.s//bin/true:main", "uprobe"),
        ("uprobe.multi.s", "uprobe_multi"),
        ("fentry.s/x", "trace"),
        ("raw_tp.w/x", "raw_tracepoint"),
        ("tc/egress", "tc"),
        ("tcx/egress", "tcx"),
        ("xdp.frags", "xdp"),
        ("xdp.frags/devmap", ""),
        ("cgroup/connect4", "cgroup"),
        ("lsm_cgroup/socket_bind", "cgroup"),
        ("sk_lookup", "netns"),
        ("struct_ops.s/x", ""),
    ],
)
def test_how_a_kind_is_attached(section: str, how: str) -> None:
    assert attachment_of(section).how == how


def test_settings_are_the_required_ones_first() -> None:
    found = attachment_of("perf_event")
    assert found.required == (("type",), ("config",), ("period", "frequency"))
    assert found.settings == ("type", "config", "period", "frequency", "pid", "cpu", "cookie")
