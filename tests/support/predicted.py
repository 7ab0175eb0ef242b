"""Objects about which predictions are made: valid ones, and ones that fail in each known way.

A file of ``tests/vm/data/predicted`` holds several. Each is what stands below a line of its own,
``//// NAME: FLAGS``, to the next such line; FLAGS are what it is compiled with besides the usual. Objects
with no more than a hook are made here.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pytest_ebpf import paths

_FOLDER = Path(__file__).parents[1] / "vm" / "data" / "predicted"
_OBJECT = re.compile(r"^//// (\w+):(.*)$", re.MULTILINE)

#: A hook for every kind of program: such as every kernel has, such as came with one, such as none has.
HOOKS = {
    "xdp": "xdp",
    "xdp_frags": "xdp.frags",
    "xdp_devmap": "xdp/devmap",
    "tc": "tc",
    "tcx": "tcx/ingress",
    "tc_ingress": "tc/ingress",
    "netkit": "netkit/primary",
    "action": "action",
    "socket": "socket",
    "cgroup_skb": "cgroup_skb/egress",
    "sock_create": "cgroup/sock_create",
    "connect4": "cgroup/connect4",
    "connect_unix": "cgroup/connect_unix",
    "getpeername4": "cgroup/getpeername4",
    "sysctl": "cgroup/sysctl",
    "getsockopt": "cgroup/getsockopt",
    "device": "cgroup/dev",
    "sockops": "sockops",
    "sk_msg": "sk_msg",
    "sk_skb": "sk_skb/stream_verdict",
    "sk_lookup": "sk_lookup",
    "sk_reuseport": "sk_reuseport",
    "lwt_xmit": "lwt_xmit",
    "flow_dissector": "flow_dissector",
    "syscall": "syscall",
    "netfilter": "netfilter",
    "kprobe": "kprobe/do_nanosleep",
    "kprobe_multi": "kprobe.multi/do_nanosleep",
    "kprobe_session": "kprobe.session/do_nanosleep",
    "uprobe_sleeps": "uprobe.s//bin/true:main",
    "tracepoint": "tp/sched/sched_switch",
    "perf_event": "perf_event",
    "raw_tracepoint": "raw_tp/sched_switch",
    "tp_btf": "tp_btf/sched_switch",
    "tp_btf_missing": "tp_btf/no_such_tracepoint",
    "fentry": "fentry/tcp_connect",
    "fentry_missing": "fentry/no_such_function",
    "fentry_gone": "fentry/account_page_dirtied",
    "fentry_sleeps": "fentry.s/__x64_sys_nanosleep",
    "fexit": "fexit/tcp_connect",
    "fmod_ret": "fmod_ret/security_file_open",
    "iterator": "iter/task",
    "iterator_new": "iter/cgroup",
    "iterator_missing": "iter/no_such_thing",
    "iterator_sleeps": "iter.s/task",
    "lsm": "lsm/file_open",
    "lsm_new": "lsm/uring_cmd",
    "lsm_missing": "lsm/no_such_hook",
    "lsm_sleeps": "lsm.s/file_open",
    "lsm_cgroup": "lsm_cgroup/socket_post_create",
    "lirc": "lirc_mode2",
    "fentry_anywhere": "fentry",
    "freplace": "freplace/something",
    "loaders_own": "custom/something",
}

#: Hooks whose programs may not return 0.
_ONES = ("cgroup/", "cgroup_skb", "sk_lookup", "lsm_cgroup")


@dataclass(frozen=True)
class Source:
    """One object: the text below ``predicted.h``, and what else it is compiled with."""

    text: str
    flags: tuple[str, ...] = ()

    def compile(self, target: Path) -> None:
        """Make the object *target*, the source beside it."""
        written = target.with_suffix(".c")
        written.write_text('#include "predicted.h"\n' + self.text)
        headers = [
            f"-I{_FOLDER}",
            f"-I{paths.libbpf_include()}",
            "-idirafter",
            "/usr/include/x86_64-linux-gnu",
        ]
        argv = ["clang-19", "-target", "bpf", "-O2", "-g", "-mcpu=v3", *headers, *self.flags]
        subprocess.run([*argv, "-c", written.name, "-o", target], check=True, cwd=target.parent, timeout=60)


def sources() -> dict[str, Source]:
    """All of them by name."""
    found = {f"hook_{name}": Source(_hooked(section)) for name, section in HOOKS.items()}
    for file in sorted(_FOLDER.glob("*.bpf.c")):
        _, *parts = _OBJECT.split(file.read_text())
        for name, flags, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            found[f"{file.name.partition('.')[0]}_{name}"] = Source(text, tuple(flags.split()))
    return found


def _hooked(section: str) -> str:
    value = int(section.startswith(_ONES))
    return f'SEC("{section}")\nint prog(void *ctx)\n{{\n\treturn {value};\n}}\n'
