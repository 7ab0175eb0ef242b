"""Why a program could not be attached to a device, a network, a cgroup or a map: what is missing."""

from __future__ import annotations

import errno

from pytest_ebpf.bpf.attaching.rows import Failure
from pytest_ebpf.bpf.probe import probes_of
from pytest_ebpf.errors import EbpfError, GuestError
from pytest_ebpf.suggest import suggestion
from pytest_ebpf.uapi import AttachType, ProgType

#: What drivers answer to a mode they do not have, and the stack for them.
_NO_MODE = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ERANGE, errno.EMSGSIZE})

#: The most bytes of a frame that fit a page of 4096 beside what XDP and the stack put there, nearly.
_LONGEST = 3500

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})

_CARDS = ("eth0", "eth1", "eth2", "eth3")


def no_place(failed: Failure) -> EbpfError | None:
    """Why nothing on a device or in a network namespace: either is not there."""
    netns = failed.args.get("netns")
    if netns and failed.errno in _ABSENT and _is_absent(failed, netns):
        return failed.refused(f'no network namespace "{netns}"', "make it with ebpf.guest.namespace()")
    interface = failed.args.get("interface")
    if interface is None or failed.errno != errno.ENODEV:
        return None
    if not isinstance(interface, str):
        return failed.refused(f"no device with the number {interface}")
    hint = None if netns else _device_meant(interface, _devices(failed))
    return failed.refused(f'no device "{interface}"', hint or "give the netns that it is in, or make it")


def no_xdp(failed: Failure) -> EbpfError | None:
    """Why no xdp."""
    if found := no_place(failed):
        return found
    mode = failed.args.get("mode")
    if mode in {None, "native"} and _has_long_frames(failed):
        return failed.refused(
            "the device takes no native XDP with so large an MTU",
            'set_mtu(1500), at both ends of a pair; or hook it as xdp.frags, or attach(mode="generic")',
        )
    if mode != "generic" and failed.errno in _NO_MODE and failed.attaches({**failed.args, "mode": "generic"}):
        return failed.refused(f"the device takes no {mode or 'native'} XDP here", 'attach(mode="generic")')
    return None


def no_tcx(failed: Failure) -> EbpfError | None:
    """Why no tcx. Before Linux 6.6 the kernel has no such link: it is tried on ``lo``."""
    refused = _refusal(failed, "tcx", ProgType.SCHED_CLS, AttachType.TCX_INGRESS, interface=1)
    return failed.unsupported("this kernel has no tcx") if refused == errno.EINVAL else no_place(failed)


def no_netkit(failed: Failure) -> EbpfError | None:
    """Why no netkit. A kernel that knows it (Linux 6.7) says that ``lo`` is none (ENXIO)."""
    if _refusal(failed, "netkit", ProgType.SCHED_CLS, AttachType.NETKIT_PRIMARY, interface=1) == errno.EINVAL:
        return failed.unsupported("this kernel has no netkit")
    if failed.errno == errno.ENXIO:
        return failed.refused("the device is no netkit", "make one with ebpf.guest.netkit()")
    if failed.errno == errno.EACCES:
        return failed.refused("the device is the peer of its pair", "attach to the other end")
    return no_place(failed)


def no_cgroup(failed: Failure) -> EbpfError | None:
    """Why nothing on a cgroup."""
    path = failed.args["cgroup"]
    if failed.errno in _ABSENT:
        return failed.refused(f'no cgroup "{path}"', "make it with ebpf.guest.cgroup()")
    if failed.errno == errno.EBADF:
        return failed.refused(f'"{path}" is no cgroup of version 2', "make one with ebpf.guest.cgroup()")
    return None


def no_sockmap(failed: Failure) -> EbpfError | None:
    """Why nothing on a map of sockets. A kernel that takes stream_verdict alone is older than Linux 5.13."""
    verdict = failed.kind == "sk_skb/verdict" and failed.errno == errno.EINVAL
    if verdict and not _refusal(
        failed, "sockmap", ProgType.SK_SKB, AttachType.SK_SKB_STREAM_VERDICT, map=failed.args["map"]
    ):
        return failed.unsupported(f"this kernel has no {failed.kind}")
    if failed.errno in {errno.EINVAL, errno.EOPNOTSUPP}:
        return failed.refused("the map takes no such program", "give a sockmap or a sockhash")
    return None


def _is_absent(failed: Failure, path: str) -> bool:
    try:
        failed.guest.call("read_file", path=path)
    except GuestError as error:
        return error.errno in _ABSENT  # what is there is no file that can be read
    return False


def _device_meant(interface: str, there: list[str]) -> str | None:
    """What to do to have *interface*: the network cards of a machine are its wires, ``eth0`` to ``eth3``."""
    if interface in _CARDS:
        return f"set wires = {_CARDS.index(interface) + 1} under [test] for a network card"
    return suggestion(interface, there)


def _devices(failed: Failure) -> list[str]:
    """The devices of the agent's own network namespace: after two lines, a name before each colon."""
    text: bytes = failed.guest.call("read_file", path="/proc/net/dev")
    return [line.partition(b":")[0].strip().decode() for line in text.splitlines()[2:]]


def _has_long_frames(failed: Failure) -> bool:
    """Whether its frames do not fit a page, as native XDP wants: veth says so, virtio_net just refuses."""
    name = failed.args["interface"]
    if failed.errno != errno.EINVAL or not isinstance(name, str) or "netns" in failed.args:
        return failed.errno == errno.ERANGE
    return int(failed.guest.call("read_file", path=f"/sys/class/net/{name}/mtu")) > _LONGEST


def _refusal(failed: Failure, how: str, kind: ProgType, attach_type: AttachType, **place: int) -> int:
    """The errno of attaching a program that does nothing, 0 if it could be."""
    return probes_of(failed.guest).attaching(how, kind, attach_type, **place)
