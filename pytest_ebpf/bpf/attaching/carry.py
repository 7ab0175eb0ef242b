"""Carrying out a planned attachment."""

from __future__ import annotations

import errno
from typing import Final

from pytest_ebpf.bpf.attaching.causes import no_cookie
from pytest_ebpf.bpf.attaching.links import AgentLink
from pytest_ebpf.bpf.attaching.plan import Plan
from pytest_ebpf.bpf.attaching.rows import Failure, Held, Settings
from pytest_ebpf.errors import AttachError, EbpfError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.guest.client import errno_name

#: What kernels answer where there is a program already; E2BIG in a network namespace.
_TAKEN: Final = frozenset({errno.EBUSY, errno.EEXIST})


def carry_out(guest: Guest, prog: int, plan: Plan, *, again: bool = False, there: bool = False) -> Held:
    """Attach the program with the handle *prog* as *plan* says, maybe *again* after it was detached.

    *there*: it is attached to that place already, which some kinds of hook take once more, and most do not.

    :class:`~pytest_ebpf.errors.AttachError`, or :class:`~pytest_ebpf.errors.UnsupportedError` where the
    kernel lacks the kind of hook.
    """
    try:
        return _attach(guest, prog, plan, plan.args)
    except CallError as error:
        if there and (_is_taken(plan, error) or plan.how == "trace"):
            raise _already(plan, error) from error
        raise _explain(guest, prog, plan, error, again=again) from error


def _attach(guest: Guest, prog: int, plan: Plan, args: Settings) -> Held:
    if plan.row.perform:
        return plan.row.perform(guest, prog, args, plan.where)
    answer = guest.call("attach", prog=prog, how=plan.how, **args)
    return AgentLink(guest, answer["link"], answer.get("mode"))


def _is_taken(plan: Plan, error: CallError) -> bool:
    return error.errno in _TAKEN or (error.errno == errno.E2BIG and plan.how == "netns")


def _already(plan: Plan, error: CallError) -> AttachError:
    to = f" to {plan.target}" if plan.target else ""
    return AttachError(
        f"is attached{to} already", where=plan.where, hint="detach() that link first", errno=error.errno
    )


def _explain(guest: Guest, prog: int, plan: Plan, error: CallError, *, again: bool) -> EbpfError:
    """The error to raise: what is missing, if that can be found out, else what the kernel says."""

    def attaches(args: Settings) -> bool:
        try:
            _attach(guest, prog, plan, args).detach()
        except CallError:
            return False
        return True

    log = str(error.details.get("log", ""))
    kind = plan.hook.kind.prefix
    failed = Failure(guest, plan.where, kind, plan.target, plan.args, error.errno, log, again, attaches)
    if found := no_cookie(failed) or plan.row.cause(failed):
        return found
    if _is_taken(plan, error):
        return _taken(plan, error)
    place = f"cannot attach it to {plan.target}" if plan.target else "cannot attach it"
    return AttachError(f"{place} ({errno_name(error.errno)})", where=plan.where, errno=error.errno, log=log)


def _taken(plan: Plan, error: CallError) -> AttachError:
    place = plan.target or "what it is for"
    hint = "detach that first" + (", or give another priority" if "priority" in plan.args else "")
    return AttachError(f"{place} has another program", where=plan.where, hint=hint, errno=error.errno)
