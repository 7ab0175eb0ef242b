"""What the verifier says of calls: helpers and functions of the kernel, and what they are given and hold."""

from __future__ import annotations

from typing import Final

from pytest_ebpf.verifier import sentences
from pytest_ebpf.verifier.model import Kind
from pytest_ebpf.verifier.sentences import Rule, rule

_KEPT = "what {callee} acquired is not released before the program ends"
_LOCKED = "the program ends with the lock held"
_CALLS_LOCKED = "{callee} is called with a lock held"
_SLEEPS = "{callee} may sleep, and this program may not"

CALLS: Final[tuple[Rule, ...]] = (
    # calls
    rule(Kind.SLEEP, r"unknown func (?P<name>bpf_copy_from_user)#148", _SLEEPS),
    rule(
        Kind.SLEEP,
        r"sleepable (?:helper \w+#\d+|global function \w+\(\) called) in (?P<region>[\w-]+) region"
        r"|kernel func(?:tion)? \w+ is sleepable within (?P<within>[\w-]+) region",
        sentences.region,
        advice="call it before the region begins, or behind its end",
    ),
    rule(
        Kind.SLEEP,
        r"helper call might sleep in a non-sleepable prog|sleepable helper \w+#\d+ in"
        r"|must be sleepable to call sleepable"
        r"|kernel func(?:tion)? \w+ is sleepable within|sleepable global function \w+\(\) called in",
        _SLEEPS,
    ),
    rule(
        Kind.HELPER,
        r"(?P<what>tracing|socket filter|[\w ]+?) prog(?:ram)?s cannot use (?P<field>bpf_\w+)",
        "{what} programs cannot use {field} on this kernel",
        advice="use atomic operations, or another type of program",
    ),
    rule(
        Kind.ARGUMENT,
        r"REG does not point to a readonly map|REG is not a constant address",
        "{callee} takes only text that is constant ({reg})",
        advice='declare it as static const char format[] = "...";',
    ),
    rule(
        Kind.ARGUMENT,
        r"REG must be a known constant",
        "{callee} takes only a constant there ({reg})",
        advice="write the number itself, or a const variable that is set before loading",
    ),
    rule(
        Kind.ARGUMENT,
        r"helper access to the packet is not allowed",
        "{callee} takes no pointer into the packet",
        advice="copy the bytes to a buffer first: bpf_skb_load_bytes(), bpf_xdp_load_bytes() (5.18)",
    ),
    rule(
        Kind.ARGUMENT,
        r"(?P<field>\w+) pointer in R\d+ map_uid=\d+ doesn't match map pointer",
        "{callee} is given a {field} that is not in the map which it is given",
        advice="give it the map that the value was looked up in",
    ),
    rule(
        Kind.ARGUMENT,
        r"REG must be (?:referenced or trusted|a rcu pointer|referenced$)",
        "{it} is given to {callee}, which takes only pointers that are sure to be valid",
        advice="acquire it first, or use it between bpf_rcu_read_lock() and bpf_rcu_read_unlock()",
    ),
    rule(
        Kind.HELPER,
        r"(?:unknown|invalid) func (?P<name>\w+)#(?P<number>\d+)"
        r"|cannot use helper (?P<other>\w+)#(?P<other_number>\d+)",
        lambda found: sentences.helper(sentences.named(found)),
    ),
    rule(Kind.HELPER, r"helper call is not allowed in probe", "{callee} cannot be called in this program"),
    rule(
        Kind.HELPER,
        r"calling kernel function (?P<name>\w+) is not allowed",
        "programs of this type cannot call {name}",
    ),
    rule(
        Kind.LICENCE,
        r"cannot call (?:a )?GPL[- ](?:restricted|only)|GPL-only helper|prog '.*' is not GPL"
        r"|cannot call kernel function from non-GPL",
        "{callee} is for programs under a licence that is compatible with the GPL",
    ),
    rule(Kind.ARGUMENT, r"REG type=(?P<type>\w+) expected=", "{it} is {words}, which {callee} does not take"),
    rule(
        Kind.ARGUMENT,
        r"kernel subsystem misconfigured verifier",  # 5.10 to 6.12, where a tail call has no prog array
        "{callee} does not take a map of this type",
        at_call=True,
    ),
    rule(
        Kind.ARGUMENT,
        r"cannot pass map_type (?P<number>\d+) into func (?P<name>\w+)#"
        r"|expected prog array map for (?P<tail>tail call)",
        "{callee} does not take a map of this type",
    ),
    rule(
        Kind.DYNPTR,
        r"[Ee]xpected an? (?:un)?initialized (?P<what>\w+) as (?:arg|R)",
        "{callee} is given no {what} that was made before",
    ),
    rule(
        Kind.ARGUMENT,
        r"REG is not a (?P<wanted>pointer|scalar)\b",
        "{it} is no {wanted}, as {callee} wants",
    ),
    rule(
        Kind.ARGUMENT,
        r"REG is of type (?P<type>\w+) but (?P<wanted>\w+) is expected",
        "{it} is {words}, which {callee} does not take",
    ),
    rule(
        Kind.ARGUMENT,
        r"Caller passes invalid args into func#\d+ \('(?P<called>\w+)'\)",
        "{called} is given arguments that it does not take",
    ),
    rule(
        Kind.ARGUMENT,
        r"release (?:helper|kfunc|kernel function) (?P<name>\w+) expects"
        r"|reference has not been acquired before|must be referenced when passed to release function",
        "{callee} is given something that was not acquired, or was released before",
        advice="release what a helper has acquired, once, and only that",
    ),
    rule(Kind.DYNPTR, r"[Ee]xpected a dynptr of type", "{callee} is given a dynptr of another kind"),
    rule(
        Kind.DYNPTR,
        r"expected pointer to (?:an iterator on stack|stack or const struct bpf_dynptr)",
        "{callee} takes only what is on the stack: a dynptr, or an iterator",
        advice="declare it as a variable of the function, and give its address",
    ),
    rule(
        Kind.DYNPTR,
        r"cannot overwrite referenced dynptr",
        "a dynptr that is held is overwritten",
        advice="release it first, or use another variable",
    ),
    # what is held
    rule(Kind.REFERENCE, r"Unreleased reference id=\d+ alloc_insn=(?P<insn>\d+)", _KEPT, "held"),
    rule(
        Kind.REFERENCE,
        r"would lead to reference leak|Leaking reference id=\d+ alloc_insn=(?P<insn>\d+)",
        "something that was acquired is not released before the program ends",
    ),
    rule(
        Kind.LOCK,
        r"bpf_\w+ without taking a lock|unmatched \w+ read unlock|unmatched attempt to",
        "{callee} is called, but nothing is locked",
        advice="lock first, on every way there",
    ),
    rule(
        Kind.LOCK,
        r"bpf_\w+ of different lock|bpf_\w*lock at off=\d+ must be held for (?P<name>\w+)",
        "{callee} is called with another lock held than it needs, or with none",
        advice="lock what stands beside it, in the same value",
    ),
    rule(Kind.LOCK, r"function calls are not allowed while holding a lock", _CALLS_LOCKED),
    rule(
        Kind.LOCK,
        r"(?P<call>bpf_\w+?)_?(?:un)?lock is missing|cannot be used inside (?P<inside>bpf_\w+)-ed region"
        r"|missing (?P<spin>unlock)",
        _LOCKED,
        "held",
    ),
)
