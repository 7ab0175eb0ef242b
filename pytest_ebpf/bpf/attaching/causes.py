"""Why a program could not be attached: what is missing, by the way of attaching."""

from __future__ import annotations

import errno

from pytest_ebpf.bpf.attaching import places
from pytest_ebpf.bpf.attaching.notes import probes_in
from pytest_ebpf.bpf.attaching.perf_events import NEED_HARDWARE, TRACEPOINT
from pytest_ebpf.bpf.attaching.rows import Failure
from pytest_ebpf.bpf.probe import probes_of
from pytest_ebpf.errors import EbpfError
from pytest_ebpf.suggest import suggestion
from pytest_ebpf.uapi import AttachType


def no_function(failed: Failure) -> EbpfError | None:
    """Why no kprobe or kretprobe."""
    name = failed.args["function"]
    if missing := _missing_function(failed, name):
        return missing
    if failed.errno == errno.EILSEQ:
        offset = failed.args.get("offset", 0)
        return failed.refused(f'{offset:#x} bytes into "{name}" no instruction begins')
    if failed.errno == errno.EINVAL:
        return failed.refused(f'the kernel lets no program onto the function "{name}"')
    return None


def no_system_call(failed: Failure) -> EbpfError | None:
    """Why no ksyscall or kretsyscall."""
    prefix, name = places.SYSCALL_PREFIX, failed.args["name"]
    known = {each.removeprefix(prefix) for each in places.functions(failed.guest) if each.startswith(prefix)}
    if name in known:
        return None
    hint = suggestion(name, known)
    return failed.not_there(f'system call "{name}"', prefix + name, hint=hint)


def no_functions(failed: Failure) -> EbpfError | None:
    """Why no kprobe.multi, kretprobe.multi or kprobe.session."""
    kind = AttachType.TRACE_KPROBE_SESSION if failed.args["session"] else AttachType.TRACE_KPROBE_MULTI
    if lacks := _lacks_links(failed, kind):
        return lacks
    if "pattern" in failed.args:
        pattern = failed.args["pattern"]
        if set(pattern) & set("*?"):
            if places.matches(pattern, places.functions(failed.guest)):
                return None
            return failed.refused(f'this kernel has no function that matches "{pattern}"')
        return _missing_function(failed, pattern)
    found = (_missing_function(failed, name) for name in failed.args["functions"])
    return next((missing for missing in found if missing), None)


def no_tracepoint(failed: Failure) -> EbpfError | None:
    """Why no tracepoint."""
    category, name = failed.args["category"], failed.args["name"]
    known = places.tracepoints(failed.guest)
    if category not in known:
        what, hint = f'category "{category}" of tracepoints', suggestion(category, known, limit=0)
    elif name not in known[category]:
        what, hint = f"tracepoint {category}/{name}", suggestion(name, known[category])
    else:
        return None
    return failed.not_there(what, f"btf_trace_{name}", hint=hint)


def no_raw_tracepoint(failed: Failure) -> EbpfError | None:
    """Why no raw tracepoint."""
    name = failed.args["name"]
    known = {each for names in places.tracepoints(failed.guest).values() for each in names}
    if failed.errno != errno.ENOENT:
        return None
    what, hint = f'raw tracepoint "{name}"', suggestion(name, known, limit=0)
    return failed.not_there(what, f"btf_trace_{name}", hint=hint)


def no_user_function(failed: Failure) -> EbpfError | None:
    """Why no uprobe or uretprobe."""
    elf = places.readable(failed.guest, failed.args["binary"], failed.where)
    if isinstance(elf, EbpfError):
        return elf
    names = [failed.args["function"]] if "function" in failed.args else []
    return _missing_symbol(failed, names, places.symbols(elf)) or _no_process(failed)


def no_user_functions(failed: Failure) -> EbpfError | None:
    """Why no uprobe.multi, uretprobe.multi or uprobe.session."""
    kind = AttachType.TRACE_UPROBE_SESSION if failed.args["session"] else AttachType.TRACE_UPROBE_MULTI
    if lacks := _lacks_links(failed, kind):
        return lacks
    elf = places.readable(failed.guest, failed.args["binary"], failed.where)
    if isinstance(elf, EbpfError):
        return elf
    known = places.symbols(elf)
    pattern = failed.args.get("pattern")
    if pattern and not places.matches(pattern, known):
        return failed.refused(f'"{failed.args["binary"]}" has no function that matches "{pattern}"')
    return _missing_symbol(failed, failed.args.get("functions", []), known) or _no_process(failed)


def no_user_probe(failed: Failure) -> EbpfError | None:
    """Why no probe of a binary."""
    elf = places.readable(failed.guest, failed.args["binary"], failed.where)
    if isinstance(elf, EbpfError):
        return elf
    name, known = f"{failed.args['provider']}:{failed.args['name']}", probes_in(elf)
    if name not in known:
        return failed.refused(f'"{failed.args["binary"]}" has no probe {name}', hint=suggestion(name, known))
    if "without specific PID is not supported" in failed.log:  # it knows the place by its address alone
        return failed.unsupported(
            "this kernel attaches to a probe of a position-independent binary in one process only",
            "give pid=, or link the binary with -no-pie",
        )
    return _no_process(failed)


def no_trampoline(failed: Failure) -> EbpfError | None:
    """Why no fentry, fexit, fmod_ret, tp_btf or lsm.

    A function that is not traced does not begin with what is replaced (``bpf_arch_text_poke``). Before
    Linux 5.13 (commit f3a95075549e) a program goes to a function once, and to one of another program once
    on all kernels.
    """
    name = failed.target.strip('"')
    if failed.errno == errno.EBUSY and name in places.functions(failed.guest) - places.traced(failed.guest):
        what = f'the kernel was built without a place for programs in the function "{name}"'
        return failed.refused(what, hint="hook it as a kprobe, or another function")
    if not failed.again or failed.errno not in {errno.ENOENT, errno.EINVAL}:
        return None
    return failed.unsupported(
        f"this kernel attaches a {failed.kind} program to this place only once", "load the object again"
    )


def no_perf_event(failed: Failure) -> EbpfError | None:
    """Why no perf event."""
    kind, config = failed.args["type"], failed.args["config"]
    if kind == TRACEPOINT and failed.errno == errno.EINVAL:
        return failed.refused("a perf_event program goes to no tracepoint", hint="hook it as a tracepoint")
    if failed.errno in {errno.EINVAL, errno.ENODEV} and (lacks := _no_cpu(failed)):
        return lacks
    if failed.errno != errno.ENOENT:
        return _no_process(failed)
    if kind in NEED_HARDWARE:
        return failed.unsupported(
            f"this machine counts no hardware events (type {kind}, config {config})",
            'take an event of the kernel: type="software", config="cpu_clock"',
        )
    return failed.refused(f"this kernel has no perf events of type {kind}, config {config}")


def no_iteration(failed: Failure) -> EbpfError | None:
    """Why no iterator."""
    if failed.errno == errno.EINVAL and "map" in failed.args:
        return failed.refused("this iterator does not go over maps of this type", hint="give another map")
    asked = [name for name in ("tid", "pid", "cgroup") if name in failed.args]
    if failed.errno == errno.EOPNOTSUPP and asked:
        return failed.unsupported(f"this kernel iterates over all there is, not by {asked[0]}")
    if failed.errno == errno.EBADF and "map" not in failed.args:
        return failed.refused("this iterator goes over a map", hint="attach(map=...)")
    return None


def no_cookie(failed: Failure) -> EbpfError | None:
    """Whether it is the cookie: it is attached without, to see whether that works."""
    if "cookie" not in failed.args:
        return None
    plain = {name: value for name, value in failed.args.items() if name != "cookie"}
    if not failed.attaches(plain):
        return None
    return failed.unsupported(f"this kernel takes no cookie for {failed.kind} programs")


def _lacks_links(failed: Failure, kind: AttachType) -> EbpfError | None:
    if probes_of(failed.guest).has(link=kind) is not False:
        return None
    return failed.unsupported(f"this kernel has no {failed.kind} hooks")


def _missing_function(failed: Failure, name: str) -> EbpfError | None:
    known = places.functions(failed.guest)
    if name in known:
        return None
    hint = places.function_meant(name, known)
    return failed.not_there(f'function "{name}"', name, hint=hint)


def _missing_symbol(failed: Failure, names: list[str], known: set[str]) -> EbpfError | None:
    for name in names:
        if name not in known:
            what = f'"{failed.args["binary"]}" has no function "{name}"'
            hint = places.function_meant(name, known) if known else "it is stripped: give an offset"
            return failed.refused(what, hint=hint)
    return None


def _no_cpu(failed: Failure) -> EbpfError | None:
    """The guest's processors are numbered from 0 on, and none is ever taken off."""
    cpu = failed.args.get("cpu")
    found: bytes = failed.guest.call("read_file", path="/sys/devices/system/cpu/online")
    last = int(found.decode().strip().rpartition("-")[2])
    if cpu is None or cpu <= last:
        return None
    return failed.refused(f"the machine has no CPU {cpu}", hint=f"set cpus = {cpu + 1} under [test]")


def _no_process(failed: Failure) -> EbpfError | None:
    if failed.errno == errno.ESRCH and "pid" in failed.args:
        return failed.refused(f"no process {failed.args['pid']}")
    return None
