"""Carrying out a planned attachment."""

from __future__ import annotations

from pytest_ebpf.bpf.attach import Plan
from pytest_ebpf.bpf.attach_rows import Held
from pytest_ebpf.bpf.links import AgentLink
from pytest_ebpf.bpf.refusal import explain_attach
from pytest_ebpf.guest import CallError, Guest


def carry_out(guest: Guest, prog: int, plan: Plan) -> Held:
    """Attach the program with the handle *prog* as *plan* says.

    :class:`~pytest_ebpf.errors.AttachError`, or :class:`~pytest_ebpf.errors.UnsupportedError` where the
    kernel lacks the kind of hook.
    """
    try:
        if plan.row.perform:
            return plan.row.perform(guest, prog, plan.args)
        answer = guest.call("attach", prog=prog, how=plan.how, **plan.args)
    except CallError as error:
        raise explain_attach(guest, plan, error) from error
    return AgentLink(guest, answer["link"], answer.get("mode"))
